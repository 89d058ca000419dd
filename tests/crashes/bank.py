"""Workers, a thief, and a clerk that dies wherever it is told to.

The thief takes whatever is free in the wallet at any time: had a worker's draws gone back before
its charges were posted, those would be short.
"""

import itertools
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.calllog.calls import call_id, charge, settled, started

from faregate.calllog.frames import encode_frame
from faregate.clerk.clerk import Clerk, Retention
from faregate.clerk.memory_store import MemoryCallStore
from faregate.core.clock import ManualClock
from faregate.ledger.memory import MemoryLedger
from faregate.ledger.purses import DrawRequest, PurseSpec, Return, Unit
from faregate.storage.journal import JournalWriter
from faregate.storage.journal_reader import JournalFolders

WALLET = PurseSpec("wallet:acme", "wallet", "acme", "acme", Unit.NANO, None)
GRANTED_NANO = 1_000_000
FOR_EVER = Retention(36_500, 10_000_000, vanish_after_s=86_400.0)
EFFECTS = frozenset(
    {"post", "close_draws", "forget", "delete_before", "delete", "close_vanished", "expire"}
)
WHOLE = (1 << 20,)  # bytes that a reading gives


class Killed(BaseException):
    """The clerk's process ends here."""


class _Fate:
    """Kills at the next but `left` effect, before it or after it."""

    def __init__(self) -> None:
        self.left: int | None = None
        self.after = False

    def meet(self, effect: Any, *arguments: Any) -> Any:
        if self.left is None:
            return effect(*arguments)
        self.left -= 1
        if self.left >= 0:
            return effect(*arguments)
        self.left = None
        if self.after:
            effect(*arguments)
        raise Killed


class _Mortal:
    """A port whose user may die at each effect."""

    def __init__(self, port: Any, fate: _Fate) -> None:
        self._port = port
        self._fate = fate

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)
        if name not in EFFECTS:
            return method
        return lambda *arguments: self._fate.meet(method, *arguments)


class _Cut:
    """A reader that gives as much at once as it is told."""

    def __init__(self, reader: Any, sizes: Iterator[int]) -> None:
        self._reader = reader
        self._sizes = sizes
        self.backlog_bytes = reader.backlog_bytes
        self.close = reader.close

    def read(self) -> Any:
        return self._reader.read(next(self._sizes))


class _CutFolders(JournalFolders):
    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.sizes = itertools.cycle(WHOLE)

    def reader(self, worker: str, *position: Any) -> Any:
        return _Cut(super().reader(worker, *position), iter(lambda: next(self.sizes), None))


class Worker:
    """One that draws, calls and writes; `free` is drawn and not spent."""

    def __init__(self, root: Path, number: int, ledger: MemoryLedger) -> None:
        self.name = f"0-{number:x}-1"
        self.source = ledger.source(self.name)
        self.writer = JournalWriter(root, self.name, sync="kernel", segment_bytes=4096)
        self.free = 0

    def write(self, *frames: Any) -> None:
        for frame in frames:
            self.writer.append(encode_frame(frame))


class Bank:
    """All of them, below `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.clock = ManualClock()
        self.ledger = MemoryLedger(self.clock)
        self.ledger.grant("acme", GRANTED_NANO)
        self.store = MemoryCallStore()
        self.folders = _CutFolders(root)
        self.workers: list[Worker] = []
        self.charged: dict[str, int] = {}
        self.open: set[str] = set()
        self._thief = self.ledger.source("thief", "node-2")
        self._stolen = 0
        self._fate = _Fate()
        self._numbers = itertools.count(1)
        self._clerk = self._hire()

    def close(self) -> None:
        for worker in self.workers:
            worker.writer.close()
        shutil.rmtree(self.root)

    def _hire(self) -> Clerk:
        ports = [
            _Mortal(port, self._fate)
            for port in (self.folders, self.store, self.ledger.posting("node-1"))
        ]
        return Clerk(*ports, FOR_EVER, clock=self.clock)

    # -- workers ---------------------------------------------------------------------------------

    def begin(self) -> Worker:
        self.workers.append(Worker(self.root, next(self._numbers), self.ledger))
        return self.workers[-1]

    def draw(self, worker: Worker, want: int) -> None:
        self._thief.give_back([Return(WALLET.purse_id, self._stolen, 0)])
        self._stolen = 0
        worker.free += worker.source.draw([DrawRequest(WALLET, want, 0)])[0].granted
        self.steal()

    def steal(self) -> None:
        if not self.ledger.away:
            drawn = self._thief.draw([DrawRequest(WALLET, GRANTED_NANO, 0)])
            self._stolen += drawn[0].granted

    def call(self, worker: Worker, amount: int) -> None:
        number = next(self._numbers)
        worker.free -= amount
        worker.write(started(number), settled(number, charge=charge(amount)))
        self.charged[call_id(number)] = amount

    def call_without_end(self, worker: Worker) -> None:
        number = next(self._numbers)
        worker.write(started(number))
        self.open.add(call_id(number))

    def die(self, worker: Worker) -> None:
        worker.writer.close()
        self.workers.remove(worker)

    # -- the clerk -------------------------------------------------------------------------------

    def post(
        self,
        rounds: int,
        left: int | None = None,
        *,
        after: bool = False,
        sizes: Sequence[int] = WHOLE,
    ) -> bool:
        """Let the clerk work; whether it lived through it."""
        self.folders.sizes = itertools.cycle(sizes)
        self._fate.left, self._fate.after = left, after
        try:
            for _ in range(rounds):
                self._clerk._step_or_complain()
                self.clock.advance(4.0)
                self.steal()
        except Killed:
            self._clerk = self._hire()
            self.steal()
            return False
        self._fate.left = None
        return True

    # -- what always holds -----------------------------------------------------------------------

    def check(self) -> None:
        """Only charges moved the balance, each once; nothing is short; the ledger is ahead."""
        books = self.ledger.books
        assert books.charges.keys() <= self.charged.keys()
        moved = sum(self.charged[call] for call in books.charges)
        assert self.ledger.balance("acme") == GRANTED_NANO - moved
        assert sum(books.accounts.values()) == 0
        purse = books.purses.get(WALLET.purse_id)
        assert purse is None or 0 <= purse.drawn <= self.ledger.balance("acme")
        assert "shortfall" not in {event.kind for event in books.events}
        for call in self.charged.keys() - books.charges.keys():
            record = self.store.find(call)
            assert record is None or record.state == "open"

    def end(self) -> None:
        """Everybody goes and the clerk comes to rest: all is posted, nothing is left behind."""
        self.ledger.away = self.store.full = False
        for worker in list(self.workers):
            self.die(worker)
        self.post(12)
        self.check()
        assert self.ledger.books.charges.keys() == self.charged.keys()
        for call in self.charged:
            assert getattr(self.store.find(call), "outcome", None) == "answered"
        for call in self.open:
            assert getattr(self.store.find(call), "outcome", None) == "lost"
        assert (self.folders.workers(), self.store.positions()) == ([], {})
        drawing = {worker for (worker, _), draw in self.ledger.books.draws.items() if draw.amount}
        assert drawing <= {"thief"}
