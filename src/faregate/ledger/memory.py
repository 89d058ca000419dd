"""A ledger in memory: plain, slow, and easy to see to be right.

It is the double of the ledger in tests of the gate and the clerk, and the oracle of the one in
SQL. One call, one purse at a time; no batches, no I/O. `source` gives a worker's side
(`gate.ports.LedgerSource`), `posting` a clerk's (`clerk.ports.Ledger`).
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from faregate.core.clock import Clock
from faregate.core.errors import StorageError
from faregate.ledger import reckoning
from faregate.ledger.events import LedgerEvent, expired_event, shortfall_event, vanished_event
from faregate.ledger.memory_books import Books, Draw, Purse, Worker
from faregate.ledger.purses import (
    Drawn,
    DrawRequest,
    PurseSpec,
    Return,
    Standing,
    wallet_purse_id,
)
from faregate.ledger.spending import Spent, by_account, current

_DAY_NS = 86_400_000_000_000
VANISHED_KEPT_NS = 30 * _DAY_NS  # a worker that comes back is told for so long


class MemoryLedger:
    """All of a ledger in dictionaries.

    `away` acts as a database that can't be reached. `books` is its state. Where several
    threads use it, `lock` is theirs.
    """

    def __init__(self, clock: Clock, lock: AbstractContextManager[Any] | None = None) -> None:
        self.clock = clock
        self.books = Books()
        self.away = False
        self._lock = nullcontext() if lock is None else lock

    def source(self, worker: str, node: str = "node-1") -> "MemorySource":
        """The side of one worker."""
        return MemorySource(self, worker, node)

    def posting(self, node: str = "node-1") -> "MemoryPosting":
        """The side of a node's clerk."""
        return MemoryPosting(self, node)

    def grant(
        self,
        wallet: str,
        amount_nano: int,
        *,
        reference: str | None = None,
        promotional: bool = False,
        expires_ns: int | None = None,
    ) -> bool:
        """Give credit; False where a grant of this reference was given before."""
        with self.entered() as now_ns:
            return self.books.grant(wallet, amount_nano, reference, promotional, expires_ns, now_ns)

    def adjust(self, wallet: str, amount_nano: int) -> None:
        """Correct a balance; `ValueError` where that is drawn or isn't there."""
        with self.entered() as now_ns:
            self.books.adjust(wallet, amount_nano, now_ns)

    def balance(self, wallet: str) -> int:
        """What is in a wallet."""
        return self.books.balance(wallet)

    def entered(self) -> "_Entered":
        """One transaction: gives the time; `StorageError` while it is away."""
        return _Entered(self, self._lock)


class _Entered:
    def __init__(self, ledger: MemoryLedger, lock: AbstractContextManager[Any]) -> None:
        self._ledger = ledger
        self._lock = lock

    def __enter__(self) -> int:
        self._lock.__enter__()
        if self._ledger.away:
            self._lock.__exit__(None, None, None)
            raise StorageError("the ledger is away", fix="bring it back")
        return self._ledger.clock.wall_ns()

    def __exit__(self, *error: object) -> None:
        self._lock.__exit__(None, None, None)


class MemorySource:
    """`gate.ports.LedgerSource` on a ledger in memory."""

    def __init__(self, ledger: MemoryLedger, worker: str, node: str) -> None:
        self._ledger = ledger
        self._books = ledger.books
        self._worker = worker
        self._node = node

    def draw(self, requests: Sequence[DrawRequest]) -> list[Drawn]:
        """Take slices: of each purse what there is, at most what is wanted."""
        with self._ledger.entered() as now_ns:
            worker = self._join(now_ns)
            return [self._draw(request, worker, now_ns) for request in requests]

    def give_back(self, returns: Sequence[Return]) -> None:
        """Put unused parts of slices back; never what was told to be settled."""
        with self._ledger.entered() as now_ns:
            self._join(now_ns)
            for returned in returns:
                draw = self._books.draws.get((self._worker, returned.purse_id))
                if draw is None:
                    continue
                draw.settled = max(draw.settled, returned.settled)
                unused = reckoning.coming_back(draw.amount, draw.settled, draw.posted)
                amount = min(max(0, returned.amount), unused)
                draw.amount -= amount
                self._books.purses[returned.purse_id].drawn -= amount

    def ask_back(self, purse_ids: Sequence[str]) -> None:
        """Ask all other workers to give back what they don't use of these purses."""
        with self._ledger.entered():
            self._books.asked.extend((purse_id, self._worker) for purse_id in purse_ids)

    def asked_back(self, cursor: int) -> tuple[int, list[str]]:
        """Purses that others asked for after `cursor`, and where to go on from."""
        with self._ledger.entered():
            asked = self._books.asked
            wanted = {purse_id for purse_id, by in asked[cursor:] if by != self._worker}
            return len(asked), sorted(wanted)

    def standings(self, specs: Sequence[PurseSpec]) -> list[Standing]:
        """How purses stand; changes nothing."""
        with self._ledger.entered() as now_ns:
            return [self._books.standing(self._books.looked_at(spec), now_ns) for spec in specs]

    def beat(self) -> bool:
        """Say that this worker lives; False: it counted as vanished."""
        with self._ledger.entered() as now_ns:
            worker = self._join(now_ns)
            worker.seen_ns = now_ns
            was_there = not worker.vanished
            worker.vanished = False
            return was_there

    def close(self) -> None:
        """Nothing to let go of."""

    def _join(self, now_ns: int) -> Worker:
        worker = Worker(self._node, now_ns, vanished=False)
        return self._books.workers.setdefault(self._worker, worker)

    def _draw(self, request: DrawRequest, worker: Worker, now_ns: int) -> Drawn:
        purse = self._books.opened(request.spec)
        standing = self._books.standing(purse, now_ns)
        # A worker that is given up holds nothing until it has heard of that.
        granted = 0 if worker.vanished else min(max(0, request.want), standing.available)
        key = (self._worker, purse.purse_id)
        if granted or key in self._books.draws:
            draw = self._books.draws.setdefault(key, Draw())
            draw.settled = max(draw.settled, request.settled)
            draw.amount += granted
            purse.drawn += granted
        return Drawn(granted, self._books.standing(purse, now_ns))


class MemoryPosting:
    """`clerk.ports.Ledger` on a ledger in memory."""

    def __init__(self, ledger: MemoryLedger, node: str) -> None:
        self._ledger = ledger
        self._books = ledger.books
        self._node = node

    def spent(self) -> Spent:
        """What was spent at accounts in the windows of now."""
        with self._ledger.entered() as now_ns:
            periods = current(now_ns)
            return by_account(
                (account, window, starts_ns, nano)
                for (account, window, starts_ns), nano in self._books.spending.items()
                if periods[window].starts_ns == starts_ns
            )

    def post(self, worker: str, records: Sequence[Any]) -> list[LedgerEvent]:
        """Post the charges of closed calls (`CallRecord`), each once."""
        with self._ledger.entered() as now_ns:
            short: dict[str, int] = {}
            touched: set[str] = set()
            new = [
                record
                for record in records
                if record.charge is not None and record.call_id not in self._books.charges
            ]
            events = self._expire({record.charge.wallet for record in new}, now_ns)
            for record in new:
                if record.call_id not in self._books.charges:
                    self._books.charge(worker, record, now_ns, short, touched)
            events += [self._short(purse_id, amount, now_ns) for purse_id, amount in short.items()]
            for purse_id in sorted(touched):
                events.extend(self._books.told(purse_id, now_ns))
            self._books.events.extend(events)
            return events

    def note(self, events: Sequence[tuple[str, LedgerEvent]]) -> list[LedgerEvent]:
        """Keep events that happened elsewhere, each once by the name beside it."""
        with self._ledger.entered():
            new = {once: event for once, event in events if once not in self._books.noted}
            self._books.noted.update(new)
            self._books.events.extend(new.values())
            return list(new.values())

    def close_draws(self, worker: str) -> None:
        """The worker is gone and all its calls are posted: its slices go back."""
        with self._ledger.entered():
            self._books.forget_worker(worker)

    def drawing_workers(self) -> list[str]:
        """Workers of this node that have slices."""
        with self._ledger.entered():
            drawing = {worker for (worker, _), draw in self._books.draws.items() if draw.amount}
            return sorted(
                name
                for name, worker in self._books.workers.items()
                if worker.node == self._node and name in drawing
            )

    def close_vanished(self, before_ns: int) -> list[LedgerEvent]:
        """Close the draws of workers that were last seen before then."""
        with self._ledger.entered() as now_ns:
            events = []
            for name, worker in sorted(self._books.workers.items()):
                if worker.vanished or worker.seen_ns >= before_ns:
                    continue
                worker.vanished = True
                if self._books.void_draws(name):
                    events.append(vanished_event(name, worker.node, worker.seen_ns, now_ns))
            self._books.events.extend(events)
            return events

    def expire(self, now_ns: int) -> list[LedgerEvent]:
        """Take back what has expired, and drop purses of the past."""
        with self._ledger.entered():
            events = self._expire(set(self._books.lots), now_ns)
            self._drop_purses(now_ns)
            for name, worker in list(self._books.workers.items()):
                if worker.vanished and worker.seen_ns < now_ns - VANISHED_KEPT_NS:
                    self._books.forget_worker(name)
            self._books.events.extend(events)
            return events

    def _expire(self, wallets: set[str], now_ns: int) -> list[LedgerEvent]:
        events = []
        for wallet in sorted(wallets):
            amount = self._books.expire(wallet, now_ns)
            if amount:
                events.append(expired_event(wallet_purse_id(wallet), wallet, amount, now_ns))
        return events

    def _drop_purses(self, now_ns: int) -> None:
        for purse in list(self._books.purses.values()):
            if purse.drawn == 0 and _left_behind(purse, now_ns):
                del self._books.purses[purse.purse_id]
                for key in [key for key in self._books.draws if key[1] == purse.purse_id]:
                    del self._books.draws[key]

    def _short(self, purse_id: str, amount: int, now_ns: int) -> LedgerEvent:
        purse = self._books.known(purse_id)
        return shortfall_event(purse_id, purse.subject if purse else "", amount, now_ns)


def _left_behind(purse: Purse, now_ns: int) -> bool:
    """Whether the period after it is over too, which may have carried something over."""
    return (
        purse.ends_ns is not None
        and purse.starts_ns is not None
        and now_ns >= 2 * purse.ends_ns - purse.starts_ns
    )
