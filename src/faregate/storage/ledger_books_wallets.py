"""Wallets and their grants, as the books show them."""

from collections import defaultdict
from typing import Final

from faregate.ledger import credit, reckoning
from faregate.ledger.bookkeeping import GrantState, WalletState
from faregate.ledger.purses import wallet_purse_id
from faregate.storage.ledger_books_teams import Teams, named_by, wallets_of
from faregate.storage.ledger_connection import Session

ADJUSTMENT: Final = "adjustment:"
REFUND: Final = "refund:"
REFUND_SUFFIX: Final = "+refund"

_WALLET: Final = wallet_purse_id("")


def read_wallets(
    session: Session, now_ns: int, only: str | None = None, teams: Teams = None
) -> list[WalletState]:
    """All wallets by name, or `only` one.

    Of `teams` alone, None is of everybody.
    """
    chosen: tuple[str, ...] = () if only is None else (only,)
    accounts = tuple(_WALLET + name for name in chosen)
    # By their beginning rather than between two texts: collations order signs as they like.
    of_account = "account = ?" if chosen else f"SUBSTR(account, 1, {len(_WALLET)}) = '{_WALLET}'"
    owned, names = wallets_of("account", teams)
    balances: dict[str, int] = dict(
        session.rows(
            "SELECT account, balance_nano FROM accounts "  # noqa: S608
            f"WHERE {of_account} AND {owned}",
            *accounts,
            *names,
        )
    )
    of_purse = "AND purse_id = ?" if chosen else ""
    owned, names = wallets_of("purse_id", teams)
    drawn: dict[str, int] = dict(
        session.rows(
            "SELECT purse_id, drawn FROM purses "  # noqa: S608
            f"WHERE kind = 'wallet' {of_purse} AND {owned}",
            *accounts,
            *names,
        )
    )
    of_grant = "AND wallet = ?" if chosen else ""
    owned, names = named_by("wallet", teams)
    lots: defaultdict[str, list[credit.Lot]] = defaultdict(list)
    for wallet, number, kind, remaining, expires_ns in session.rows(
        "SELECT wallet, number, kind, remaining_nano, expires_ns FROM grants "  # noqa: S608
        f"WHERE remaining_nano > 0 {of_grant} AND {owned} ORDER BY number",
        *chosen,
        *names,
    ):
        lots[_WALLET + wallet].append(
            credit.Lot(number, kind == "promotional", remaining, expires_ns)
        )
    return [
        _state(account, balances.get(account, 0), drawn.get(account, 0), lots[account], now_ns)
        for account in sorted({*balances, *drawn})
    ]


def _state(
    account: str, balance: int, drawn: int, lots: list[credit.Lot], now_ns: int
) -> WalletState:
    gone = credit.expired_nano(lots, balance - drawn, now_ns)
    presents = [lot for lot in lots if lot.promotional and not lot.expired(now_ns)]
    ending = [
        (lot.expires_ns, lot.remaining_nano)
        for lot in lots
        if lot.expires_ns is not None and not lot.expired(now_ns)
    ]
    next_ns = min((at_ns for at_ns, _ in ending), default=None)
    return WalletState(
        name=account.removeprefix(_WALLET),
        balance_nano=balance,
        drawn_nano=drawn,
        available_nano=reckoning.available(balance - gone, 0, drawn),
        expired_nano=gone,
        promotional_nano=sum(lot.remaining_nano for lot in presents),
        promotional_expires_ns=min(
            (lot.expires_ns for lot in presents if lot.expires_ns is not None), default=None
        ),
        expires_next_nano=sum(amount for at_ns, amount in ending if at_ns == next_ns),
        expires_next_ns=next_ns,
    )


def read_grants(session: Session, wallet: str, count_max: int) -> list[GrantState]:
    """What a wallet was given, the newest first."""
    rows = session.rows(
        "SELECT reference, kind, amount_nano, remaining_nano, expires_ns, created_ns "
        "FROM grants WHERE wallet = ? ORDER BY number DESC LIMIT ?",
        wallet, count_max,
    )  # fmt: skip
    names = {row[0]: transfer_name(wallet, row[0]) for row in rows}
    told: dict[str, tuple[str | None, str | None]] = {
        name: (author, reason)
        for name, author, reason in session.rows(
            "SELECT transfer_id, author, reason FROM transfers WHERE transfer_id IN ?*",
            list(names.values()),
        )
    }
    return [
        GrantState(wallet, *row, *(text or "" for text in told.get(names[row[0]], ("", ""))))
        for row in rows
    ]


def find_grant(session: Session, wallet: str, reference: str) -> GrantState | None:
    """The grant of a reference, without who gave it."""
    rows = session.rows(
        "SELECT reference, kind, amount_nano, remaining_nano, expires_ns, created_ns "
        "FROM grants WHERE wallet = ? AND reference = ?",
        wallet, reference,
    )  # fmt: skip
    return GrantState(wallet, *rows[0]) if rows else None


def transfer_name(wallet: str, reference: str) -> str:
    """The transfer that brought the grant of this reference."""
    if reference.endswith(REFUND_SUFFIX):
        return reference
    for kind in (ADJUSTMENT, REFUND):
        if reference.startswith(kind):
            return f"{kind}{wallet}:{reference.removeprefix(kind)}"
    return f"grant:{wallet}:{reference}"
