"""A clerk's side of the ledger: charges, draws of the dead, expiry.

A charge is in the ledger once, by the id of its call, however often and in whatever cuts it
comes: what a batch changes and its transfers are one transaction.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from faregate.calllog.frames import CallRecord
from faregate.core.clock import Clock
from faregate.ledger import reckoning
from faregate.ledger.batch import TRANSFER_COLUMNS, Batch, Touched
from faregate.ledger.events import (
    LedgerEvent,
    empty_event,
    shortfall_event,
    threshold_event,
    vanished_event,
)
from faregate.ledger.purses import wallet_purse_id, wallet_spec
from faregate.ledger.spending import Spent
from faregate.storage.ledger_connection import Bulk, LedgerConnection, Session
from faregate.storage.ledger_purses import PurseRow, lock_purses, open_purses
from faregate.storage.ledger_spending import add_spending, drop_spending, read_spent
from faregate.storage.ledger_wallets import Happening, Wallets, keep_events, move

_DAY_NS: Final = 86_400_000_000_000
VANISHED_KEPT_NS: Final = 30 * _DAY_NS  # a worker that comes back is told for so long
EVENTS_KEPT_NS: Final = 400 * _DAY_NS
DROPPED_PURSES_MAX: Final = 1_000  # at once, so that draws don't wait long

_TRANSFERS: Final = Bulk("transfers", TRANSFER_COLUMNS)

_KNOWN: Final = "SELECT transfer_id FROM transfers WHERE transfer_id IN ?*"
_OWN: Final = "SELECT purse_id, amount FROM draws WHERE worker = ? AND purse_id IN ?*"
_LEFT: Final = """
SELECT purse_id, starts_ns, spent FROM purse_buckets WHERE purse_id IN ?* AND starts_ns <= ?
"""
_DROP_BUCKET: Final = "DELETE FROM purse_buckets WHERE purse_id = ? AND starts_ns = ?"
_ADD_TO_BUCKET: Final = """
INSERT INTO purse_buckets (purse_id, starts_ns, spent) VALUES (?, ?, ?)
ON CONFLICT (purse_id, starts_ns) DO UPDATE SET spent = purse_buckets.spent + excluded.spent
"""
_KEEP_PURSE: Final = "UPDATE purses SET spent = ?, drawn = ? WHERE purse_id = ?"
_KEEP_DRAW: Final = """
UPDATE draws SET amount = ?, posted = posted + ? WHERE worker = ? AND purse_id = ?
"""
_DRAWS: Final = "SELECT purse_id, amount FROM draws WHERE worker = ? AND amount > 0"
_LOWER_DRAWN: Final = "UPDATE purses SET drawn = drawn - ? WHERE purse_id = ?"
_VOID: Final = "UPDATE draws SET amount = 0 WHERE worker = ?"
_DRAWING: Final = """
SELECT worker FROM workers WHERE node = ? AND EXISTS
    (SELECT 1 FROM draws WHERE draws.worker = workers.worker AND draws.amount > 0)
ORDER BY worker
"""
_SILENT: Final = """
SELECT worker, node, seen_ns FROM workers WHERE vanished_ns IS NULL AND seen_ns < ?
ORDER BY worker FOR UPDATE
"""
_GIVE_UP: Final = "UPDATE workers SET vanished_ns = ? WHERE worker = ?"
_EXPIRING: Final = """
SELECT DISTINCT wallet FROM grants WHERE remaining_nano > 0 AND expires_ns <= ? ORDER BY wallet
"""
# The period after it is over too, which may have carried something over.
_LEFT_BEHIND: Final = """
SELECT purse_id FROM purses
WHERE ends_ns <= ? AND ends_ns + (ends_ns - starts_ns) <= ? AND drawn = 0
ORDER BY purse_id LIMIT ?
"""
_LONG_GONE: Final = "SELECT worker FROM workers WHERE vanished_ns IS NOT NULL AND seen_ns < ?"
_OLD_EVENTS: Final = """
DELETE FROM events WHERE at_ns < ?
AND (once IS NULL OR purse_id NOT IN (SELECT purse_id FROM purses))
"""


class LedgerPosting:
    """`clerk.ports.Ledger` of one node's clerk."""

    def __init__(self, connection: LedgerConnection, node: str, clock: Clock) -> None:
        self._connection = connection
        self._node = node
        self._clock = clock

    def post(self, worker: str, records: Sequence[CallRecord]) -> list[LedgerEvent]:
        """Post the charges of closed calls of `worker`, each once."""
        charged = {record.call_id: record for record in records if record.charge is not None}
        if not charged:
            return []
        return self._connection.write(
            lambda session: self._post(session, worker, charged), repeatable=True
        )

    def spent(self) -> Spent:
        """What was spent at accounts in the windows of now."""
        now_ns = self._clock.wall_ns()
        return self._connection.read(lambda session: read_spent(session, now_ns))

    def note(self, events: Sequence[tuple[str, LedgerEvent]]) -> list[LedgerEvent]:
        """Keep events that happened elsewhere, each once by the name beside it."""
        unique = {once: Happening(event, once) for once, event in events}
        if not unique:
            return []
        return self._connection.write(
            lambda session: keep_events(session, unique.values()), repeatable=True
        )

    def close_draws(self, worker: str) -> None:
        """The worker is gone and all its calls are posted: its slices go back."""
        self._connection.write(lambda session: _forget(session, worker), repeatable=True)

    def drawing_workers(self) -> list[str]:
        """Workers of this node that have slices."""
        rows = self._connection.read(lambda session: session.rows(_DRAWING, self._node))
        return [worker for (worker,) in rows]

    def close_vanished(self, before_ns: int) -> list[LedgerEvent]:
        """Close the draws of workers that were last seen before then."""
        return self._connection.write(
            lambda session: self._close_vanished(session, before_ns), repeatable=True
        )

    def expire(self, now_ns: int) -> list[LedgerEvent]:
        """Take back what has expired, and drop purses of the past."""
        events = self._connection.write(
            lambda session: _expire_all(session, now_ns), repeatable=True
        )
        self._connection.write(lambda session: _tidy(session, now_ns), repeatable=True)
        return events

    def close(self) -> None:
        """Let go of the ledger."""
        self._connection.close()

    # -- transactions ----------------------------------------------------------------------------

    def _post(
        self, session: Session, worker: str, charged: dict[str, CallRecord]
    ) -> list[LedgerEvent]:
        known = {call_id for (call_id,) in session.rows(_KNOWN, list(charged))}
        new = [record for call_id, record in charged.items() if call_id not in known]
        if not new:
            return []
        now_ns = self._clock.wall_ns()
        purse_ids: set[str] = set()
        names: set[str] = set()
        for record in new:
            charge = record.charge
            if charge is not None:
                purse_ids.update(charge.purses)
                if charge.wallet:
                    names.add(charge.wallet)
        purse_ids.update(map(wallet_purse_id, names))
        purses = _lock(session, purse_ids, names)
        wallets = Wallets(session, names, purses, now_ns)
        happenings = wallets.expire()
        touched = _touch(session, purses, wallets, now_ns)
        for purse_id, amount in session.rows(_OWN, worker, sorted(purse_ids)):
            if purse_id in touched:
                touched[purse_id].amount = amount
        batch = Batch(touched.values(), now_ns)
        for record in new:
            batch.post(record)
        _keep(session, worker, batch)
        add_spending(session, new, now_ns)
        wallets.consume({name: -batch.moved.get(wallet_purse_id(name), 0) for name in names})
        happenings += _short(batch, purses, now_ns)
        happenings += _told(batch, purses, wallets, now_ns)
        return keep_events(session, happenings)

    def _close_vanished(self, session: Session, before_ns: int) -> list[LedgerEvent]:
        now_ns = self._clock.wall_ns()
        happenings = []
        for worker, node, seen_ns in session.rows(_SILENT, before_ns):
            session.run(_GIVE_UP, now_ns, worker)
            if _void(session, worker):
                event = vanished_event(worker, node, seen_ns, now_ns)
                happenings.append(Happening(event, None))
        return keep_events(session, happenings)


def _lock(session: Session, purse_ids: set[str], names: set[str]) -> dict[str, PurseRow]:
    """The purses that there are; of wallets all, for a balance goes down under their lock."""
    purses = lock_purses(session, purse_ids)
    missing = [name for name in names if wallet_purse_id(name) not in purses]
    if missing:
        purses.update(open_purses(session, [wallet_spec(name) for name in missing]))
    return purses


def _touch(
    session: Session, purses: dict[str, PurseRow], wallets: Wallets, now_ns: int
) -> dict[str, Touched]:
    """The state that charges change; what has left rolling windows is dropped."""
    rolling: dict[int, list[str]] = {}
    for purse in purses.values():
        if purse.rolling_ns is not None:
            rolling.setdefault(purse.rolling_ns, []).append(purse.purse_id)
    for rolling_ns, purse_ids in rolling.items():
        oldest_ns = reckoning.oldest_bucket_ns(now_ns, rolling_ns)
        left = session.rows(_LEFT, purse_ids, oldest_ns)
        for purse_id, _, spent in left:
            purses[purse_id].spent -= spent
        if left:
            session.run_many(_DROP_BUCKET, [row[:2] for row in left])
    touched = {
        purse.purse_id: Touched(
            purse.purse_id,
            is_wallet=purse.kind == "wallet",
            capacity=purse.capacity,
            spent=purse.spent,
            drawn=purse.drawn,
            rolling_ns=purse.rolling_ns,
        )
        for purse in purses.values()
    }
    for name, balance in wallets.balances.items():
        touched[wallet_purse_id(name)].balance = balance
    return touched


def _keep(session: Session, worker: str, batch: Batch) -> None:
    session.insert_many(_TRANSFERS, batch.transfers)
    changed = [purse for purse in batch.touched.values() if purse.posted or purse.bucket_ns]
    session.run_many(_KEEP_PURSE, [(one.spent, one.drawn, one.purse_id) for one in changed])
    session.run_many(
        _KEEP_DRAW, [(one.amount, one.posted, worker, one.purse_id) for one in changed]
    )
    session.run_many(
        _ADD_TO_BUCKET,
        [
            (purse.purse_id, start, amount)
            for purse in changed
            for start, amount in purse.added.items()
        ],
    )
    move(session, batch.moved)


def _short(batch: Batch, purses: dict[str, PurseRow], now_ns: int) -> list[Happening]:
    short = {purse.purse_id: purse.short for purse in batch.touched.values() if purse.short}
    if batch.unbilled_short:
        short[""] = batch.unbilled_short
    return [
        Happening(shortfall_event(purse_id, _subject(purses, purse_id), amount, now_ns), None)
        for purse_id, amount in short.items()
    ]


def _subject(purses: dict[str, PurseRow], purse_id: str) -> str:
    purse = purses.get(purse_id)
    return purse_id.removeprefix("wallet:") if purse is None else purse.subject


def _told(
    batch: Batch, purses: dict[str, PurseRow], wallets: Wallets, now_ns: int
) -> Iterable[Happening]:
    """What purses that were charged have to tell, each once a period."""
    for name in sorted(wallets.balances):
        wallet = batch.touched[wallet_purse_id(name)]
        # What is drawn and not used comes back, so only a balance of zero is the end.
        if wallet.balance <= 0:
            event = empty_event(wallet.purse_id, name, now_ns)
            yield Happening(event, f"empty:{name}:{wallets.last_grant(name)}")
    for purse_id, purse in purses.items():
        after = batch.touched[purse_id]
        if after.is_wallet:
            continue
        period = now_ns // purse.rolling_ns if purse.rolling_ns else 0
        for percent in reckoning.reached(purse.alert_at, after.spent, after.capacity):
            event = threshold_event(
                purse_id, purse.subject, percent, after.spent, after.capacity, now_ns
            )
            yield Happening(event, f"threshold:{purse_id}:{percent}:{period}")


def _void(session: Session, worker: str) -> bool:
    """All that a worker has goes back; whether there was anything."""
    purses = lock_purses(session, [row[0] for row in session.rows(_DRAWS, worker)])
    if not purses:
        return False
    amounts = session.rows(_DRAWS, worker)
    session.run_many(_LOWER_DRAWN, [(amount, purse_id) for purse_id, amount in amounts])
    session.run(_VOID, worker)
    return bool(amounts)


def _forget(session: Session, worker: str) -> None:
    session.rows("SELECT 1 FROM workers WHERE worker = ? FOR UPDATE", worker)
    _void(session, worker)
    session.run("DELETE FROM draws WHERE worker = ?", worker)
    session.run("DELETE FROM workers WHERE worker = ?", worker)


def _expire_all(session: Session, now_ns: int) -> list[LedgerEvent]:
    names = {name for (name,) in session.rows(_EXPIRING, now_ns)}
    if not names:
        return []
    purses = lock_purses(session, map(wallet_purse_id, names))
    return keep_events(session, Wallets(session, names, purses, now_ns).expire())


def _tidy(session: Session, now_ns: int) -> None:
    for (worker,) in session.rows(_LONG_GONE, now_ns - VANISHED_KEPT_NS):
        _forget(session, worker)
    session.run(_OLD_EVENTS, now_ns - EVENTS_KEPT_NS)
    drop_spending(session, now_ns)
    found = session.rows(_LEFT_BEHIND, now_ns, now_ns, DROPPED_PURSES_MAX)
    purses = lock_purses(session, [purse_id for (purse_id,) in found])
    dropped = sorted(purse.purse_id for purse in purses.values() if purse.drawn == 0)
    if dropped:
        for table in ("draws", "purse_buckets", "asked_back", "purses"):
            session.run(f"DELETE FROM {table} WHERE purse_id IN ?*", dropped)  # noqa: S608
