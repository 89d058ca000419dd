"""Wallets in a transaction: balances, lots, and events of them."""

import secrets
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from faregate.ledger import credit
from faregate.ledger.events import LedgerEvent, expired_event
from faregate.ledger.purses import wallet_purse_id
from faregate.storage.ledger_connection import Bulk, Session
from faregate.storage.ledger_purses import PurseRow

_BALANCES: Final = """
SELECT account, balance_nano FROM accounts WHERE account IN ?* ORDER BY account FOR UPDATE
"""
_LOTS: Final = """
SELECT number, wallet, kind, remaining_nano, expires_ns FROM grants
WHERE remaining_nano > 0 AND wallet IN ?*
"""
_LAST_GRANT: Final = "SELECT coalesce(max(number), 0) FROM grants WHERE wallet = ?"
_TAKE: Final = "UPDATE grants SET remaining_nano = remaining_nano - ? WHERE number = ?"
_MOVE: Final = """
INSERT INTO accounts (account, balance_nano) VALUES (?, ?)
ON CONFLICT (account) DO UPDATE SET balance_nano = accounts.balance_nano + excluded.balance_nano
"""
_TRANSFER: Final = """
INSERT INTO transfers (transfer_id, kind, debit, credit, amount_nano, balance_nano, created_ns,
                       author, reason)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_TOLD: Final = "SELECT once FROM events WHERE once IN ?*"
_EVENTS: Final = Bulk(
    "events",
    ("kind", "at_ns", "purse_id", "subject", "detail", "percent", "amount", "once"),
)


class Happening(NamedTuple):
    """An event, and what tells it from others where it is told once."""

    event: LedgerEvent
    once: str | None


def move(session: Session, amounts: Mapping[str, int]) -> None:
    """Change balances; all amounts together are zero."""
    rows = [(account, amount) for account, amount in sorted(amounts.items()) if amount]
    session.run_many(_MOVE, rows)


def keep_events(session: Session, happenings: Iterable[Happening]) -> list[LedgerEvent]:
    """Keep events; gives those that weren't told before."""
    happenings = list(happenings)
    candidates = [happening.once for happening in happenings if happening.once is not None]
    told = {once for (once,) in session.rows(_TOLD, candidates)} if candidates else set()
    new = [happening for happening in happenings if happening.once not in told]
    if new:
        session.insert_many(_EVENTS, [_event_row(*happening) for happening in new])
    return [happening.event for happening in new]


def _event_row(event: LedgerEvent, once: str | None) -> tuple[object, ...]:
    return (
        event.kind,
        event.at_ns,
        event.purse_id,
        event.subject,
        event.detail,
        event.percent,
        event.amount,
        once,
    )


class Wallets:
    """Balances and lots of some wallets, whose purses are locked.

    Kept up with what happens to them in this transaction.
    """

    def __init__(
        self,
        session: Session,
        names: Iterable[str],
        purses: Mapping[str, PurseRow],
        now_ns: int,
    ) -> None:
        self._session = session
        self._purses = purses
        self._now_ns = now_ns
        self._lots: dict[str, list[credit.Lot]] = {name: [] for name in sorted(names)}
        self.balances: dict[str, int] = dict.fromkeys(self._lots, 0)
        if not self._lots:
            return
        accounts = {wallet_purse_id(name): name for name in self._lots}
        for account, balance in session.rows(_BALANCES, sorted(accounts)):
            self.balances[accounts[account]] = balance
        for number, name, kind, remaining_nano, expires_ns in session.rows(_LOTS, list(self._lots)):
            lot = credit.Lot(number, kind == "promotional", remaining_nano, expires_ns)
            self._lots[name].append(lot)

    def undrawn(self, name: str) -> int:
        """What of a wallet is not drawn."""
        purse = self._purses.get(wallet_purse_id(name))
        return self.balances[name] - (purse.drawn if purse else 0)

    def expire(self) -> list[Happening]:
        """Take back what has expired and isn't drawn."""
        happenings = []
        for name, lots in self._lots.items():
            taken = credit.expire(lots, self.undrawn(name), self._now_ns)
            amount = sum(part.amount_nano for part in taken)
            if not amount:
                continue
            account = wallet_purse_id(name)
            self._take(name, taken)
            self.balances[name] -= amount
            move(self._session, {account: -amount, "expired": amount})
            transfer_id = f"expiry:{name}:{secrets.token_hex(8)}"
            self._session.run(
                _TRANSFER,
                transfer_id,
                "expiry",
                account,
                "expired",
                amount,
                self.balances[name],
                self._now_ns,
                None,
                None,
            )
            event = expired_event(account, name, amount, self._now_ns)
            happenings.append(Happening(event, None))
        return happenings

    def consume(self, amounts: Mapping[str, int]) -> None:
        """Lower lots by what charges took; balances are moved elsewhere."""
        for name, amount in amounts.items():
            if amount:
                self._take(name, credit.consume(self._lots[name], amount, self._now_ns))

    def last_grant(self, name: str) -> int:
        """The number of a wallet's newest grant."""
        return int(self._session.rows(_LAST_GRANT, name)[0][0])

    def _take(self, name: str, taken: list[credit.Taken]) -> None:
        lots = {lot.number: lot for lot in self._lots[name]}
        for part in taken:
            lots[part.number].remaining_nano -= part.amount_nano
        self._session.run_many(_TAKE, [(part.amount_nano, part.number) for part in taken])
