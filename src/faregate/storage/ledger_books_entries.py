"""Movements of a wallet's money by hand, as they are written.

Rows are locked in the order purse, accounts by name: as draws and postings do it.
"""

from typing import Final, NamedTuple

from faregate.core.errors import FaregateError
from faregate.core.money import AMOUNT_NANO_MAX, format_amount
from faregate.ledger.bookkeeping import Entry, GrantKind
from faregate.ledger.purses import PurseSpec, Unit, wallet_purse_id
from faregate.storage.ledger_connection import Row, Session
from faregate.storage.ledger_purses import PurseRow, open_purses

# A counter account holds eight times what a wallet may: then sums still fit 64 bits.
COUNTER_NANO_MAX: Final = 8 * AMOUNT_NANO_MAX

_WALLET: Final = wallet_purse_id("")
_CALLED: Final = (
    "called_ns, key_id, key_name, application, team, customer, run, model, provider"
)  # fmt: skip


class Move(NamedTuple):
    """A movement that is to be made; `of_call` is the call that it is for."""

    name: str
    kind: str
    debit: str
    credit: str
    amount_nano: int
    author: str
    reason: str
    of_call: str | None = None


class Found(NamedTuple):
    """An entry that is there, and its account on the other side."""

    entry: Entry
    counter: str


def lock_wallet(session: Session, wallet: str) -> dict[str, PurseRow]:
    """Keep all others from the wallet until the end.

    Gives its purse by its id.
    """
    # It is there from now on, so that nobody opens it and draws while this goes on.
    spec = PurseSpec(wallet_purse_id(wallet), "wallet", wallet, wallet, Unit.NANO, cap=None)
    return open_purses(session, [spec])


def find_entry(session: Session, name: str) -> Found | None:
    """The transfer of this name, as its wallet sees it."""
    rows = session.rows(
        "SELECT kind, debit, credit, amount_nano, balance_nano, created_ns, author, reason "
        "FROM transfers WHERE transfer_id = ?",
        name,
    )
    return _found(name, rows[0]) if rows else None


def _found(name: str, row: Row) -> Found:
    kind, debit, to, amount, balance, created_ns, author, reason = row
    account, counter = (to, debit) if to.startswith(_WALLET) else (debit, to)
    entry = Entry(
        entry_id=name,
        wallet=account.removeprefix(_WALLET) if account.startswith(_WALLET) else "",
        movement=kind,
        amount_nano=amount if account == to else -amount,
        balance_nano=balance or 0,
        at_ns=created_ns,
        author=author or "",
        reason=reason or "",
        call_id=name if kind == "charge" else "",
    )
    return Found(entry, counter)


def move(session: Session, made: Move, now_ns: int) -> Entry:
    """Write a transfer and both balances; gives its entry in the wallet.

    Refuses, before it writes, what a wallet or an account can't hold.
    """
    balances = _locked_accounts(session, made)
    after = {
        made.debit: balances[made.debit] - made.amount_nano,
        made.credit: balances[made.credit] + made.amount_nano,
    }
    _refuse_overfull(after)
    for account in sorted(after):
        session.run(
            "UPDATE accounts SET balance_nano = ? WHERE account = ?", after[account], account
        )
    wallet = made.credit if made.credit.startswith(_WALLET) else made.debit
    _insert_transfer(session, made, after[wallet], now_ns)
    return Entry(
        entry_id=made.name,
        wallet=wallet.removeprefix(_WALLET),
        movement=made.kind,
        amount_nano=made.amount_nano if wallet == made.credit else -made.amount_nano,
        balance_nano=after[wallet],
        at_ns=now_ns,
        author=made.author,
        reason=made.reason,
        call_id=made.of_call or "",
    )


def _locked_accounts(session: Session, made: Move) -> dict[str, int]:
    for account in sorted((made.debit, made.credit)):
        session.run(
            "INSERT INTO accounts (account, balance_nano) VALUES (?, 0) "
            "ON CONFLICT (account) DO NOTHING",
            account,
        )
    rows = session.rows(
        "SELECT account, balance_nano FROM accounts WHERE account IN (?, ?) "
        "ORDER BY account FOR UPDATE",
        made.debit, made.credit,
    )  # fmt: skip
    return {account: int(balance) for account, balance in rows}


def _refuse_overfull(after: dict[str, int]) -> None:
    for account, balance in after.items():
        is_wallet = account.startswith(_WALLET)
        most = AMOUNT_NANO_MAX if is_wallet else COUNTER_NANO_MAX
        if abs(balance) > most or (is_wallet and balance < 0):
            name = f"the wallet {account.removeprefix(_WALLET)}" if is_wallet else account
            raise FaregateError(
                f"{name} would then hold {format_amount(balance)}; "
                f"it may hold at most {format_amount(most)}",
                fix="move a smaller amount",
            )


def _insert_transfer(session: Session, made: Move, balance_nano: int, now_ns: int) -> None:
    values = (
        made.name, made.kind, made.debit, made.credit, made.amount_nano, balance_nano, now_ns,
        made.author, made.reason,
    )  # fmt: skip
    columns = (
        "transfer_id, kind, debit, credit, amount_nano, balance_nano, created_ns, author, reason"
    )
    if made.of_call is None:
        marks = ", ".join("?" * len(values))
        session.run(f"INSERT INTO transfers ({columns}) VALUES ({marks})", *values)  # noqa: S608
        return
    # What is given back of a call counts for the same key, model and customer.
    called = session.rows(
        f"SELECT {_CALLED} FROM transfers WHERE transfer_id = ?",  # noqa: S608
        made.of_call,
    )[0]
    marks = ", ".join("?" * (len(values) + len(called)))
    session.run(
        f"INSERT INTO transfers ({columns}, {_CALLED}) VALUES ({marks})",  # noqa: S608
        *values, *called,
    )  # fmt: skip


def insert_lot(
    session: Session,
    wallet: str,
    reference: str,
    kind: GrantKind,
    amount_nano: int,
    expires_ns: int | None,
    now_ns: int,
) -> None:
    """Credit that calls can spend."""
    session.run(
        "INSERT INTO grants (wallet, reference, kind, amount_nano, remaining_nano, expires_ns, "
        "created_ns) VALUES (?, ?, ?, ?, ?, ?, ?)",
        wallet, reference, kind, amount_nano, amount_nano, expires_ns, now_ns,
    )  # fmt: skip
