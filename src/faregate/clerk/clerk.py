"""The clerk: follows every worker's journal and posts it.

All that blocks is done in one thread, step by step; the event loop only waits and stops it. One
clerk works on a data folder at a time. It may be killed at any moment: what it did is in the
ledger and the store, and the next one goes on from there.
"""

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import msgspec

from faregate.calllog.journal import START, Position
from faregate.clerk.charging import Charging
from faregate.clerk.counters import Counters
from faregate.clerk.ports import CallStore, Journals, Ledger
from faregate.clerk.posting import WorkerPosting
from faregate.core.clock import Clock, SystemClock
from faregate.core.errors import StorageError
from faregate.ledger.spending import Spent

POLL_INTERVAL_S: Final = 0.1
FAILURE_INTERVAL_S: Final = 1.0
COMPLAINT_INTERVAL_S: Final = 60.0
HOUSEKEEPING_INTERVAL_S: Final = 60.0
CLAIM_TIMEOUT_S: Final = 5.0  # a clerk that was killed lets go before its successor gives up
LAST_STEPS_S: Final = 1.0  # what the workers wrote at their end is posted before the clerk stops
_DAY_NS: Final = 86_400 * 1_000_000_000

_log = logging.getLogger(__name__)


class Retention(msgspec.Struct, frozen=True):
    """How long calls, and the draws of silent workers, are kept."""

    keep_days: int
    keep_calls: int
    vanish_after_s: float = 900.0


class Clerk:
    """Posts `journals` into `ledger` and `store` until it is stopped.

    `retention` may be replaced while the clerk runs. `poll_interval_s` is the wait when there
    is nothing to do.
    """

    def __init__(
        self,
        journals: Journals,
        store: CallStore,
        ledger: Ledger,
        retention: Retention,
        *,
        clock: Clock | None = None,
        poll_interval_s: float = POLL_INTERVAL_S,
        failure_interval_s: float = FAILURE_INTERVAL_S,
    ) -> None:
        self.retention = retention
        self._journals = journals
        self._store = store
        self._clock: Clock = clock or SystemClock()
        self._poll_interval_s = poll_interval_s
        self._failure_interval_s = failure_interval_s

        # Of the thread that works.
        self._postings: dict[str, WorkerPosting] = {}
        self._ended: set[str] = set()
        self._positions: dict[str, Position] | None = None
        self._counters = Counters()
        self._charging = Charging(ledger, journals, self._counters, self._clock)

        # Age is counted by the clock of durations: a wall clock that jumps deletes nothing.
        self._started_wall_ns = self._clock.wall_ns()
        self._started_s = self._clock.monotonic()
        self._housekeeping_at = self._started_s
        self._complain_at = self._started_s

        self._stop = asyncio.Event()
        self._late_at: float | None = None

    def metrics(self) -> dict[str, int]:
        """The counters, by name."""
        return msgspec.structs.asdict(self._counters)

    def spent(self) -> Spent:
        """What was spent at accounts of providers, as the ledger told last."""
        return self._charging.spent

    def stop(self) -> None:
        """Ask `run` to end, from its own thread; it does within two seconds."""
        self._late_at = self._clock.monotonic() + LAST_STEPS_S
        self._stop.set()

    async def run(self) -> None:
        """Work until `stop`; `StorageError` where another clerk doesn't end."""
        executor = ThreadPoolExecutor(1, thread_name_prefix="clerk")
        loop = asyncio.get_running_loop()
        try:
            await self._claim()
            while not self._stop.is_set():
                pause_s = await loop.run_in_executor(executor, self._step_or_complain)
                await self._pause(pause_s)
            await loop.run_in_executor(executor, self._finish)
        finally:
            executor.shutdown(wait=True)
            for posting in self._postings.values():
                posting.close()
            self._journals.release()

    def step(self) -> bool:
        """One round over all workers; whether there is more already.

        May block; bounded. Raises `StorageError` when it can't be posted, and then nothing is
        forgotten.
        """
        if self._positions is None:
            self._begin()
        more = False
        workers = self._journals.workers()
        for worker in workers:
            if worker in self._ended:
                continue
            posting = self._postings.get(worker) or self._open(worker)
            more = posting.step() or more
            if posting.ended:
                self._let_go(worker)
                self._ended.add(worker)
            if self._is_late():
                break
        for worker in self._postings.keys() - set(workers):
            self._lose_folder(worker)
        self._measure()
        if self._late_at is None:
            self._charging.look_at_spend()
            self._charging.keep_house(self._postings, self.retention.vanish_after_s)
        return self._keep_house() or more

    # -- the loop --------------------------------------------------------------------------------

    async def _claim(self) -> None:
        deadline = self._clock.monotonic() + CLAIM_TIMEOUT_S
        while not self._stop.is_set() and not self._journals.claim():
            if self._clock.monotonic() > deadline:
                raise StorageError(
                    "another process posts the journals of this data folder",
                    fix="stop the other faregate, or use another folder with FAREGATE_HOME",
                )
            await self._pause(POLL_INTERVAL_S)

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stop.wait()
        except TimeoutError:
            pass

    def _step_or_complain(self) -> float:
        """A step; gives the seconds to wait before the next one."""
        try:
            return 0.0 if self.step() else self._poll_interval_s
        except (StorageError, OSError) as error:
            self._counters.failures += 1
            self._measure()
            self._start_over()
            now = self._clock.monotonic()
            if now >= self._complain_at:
                self._complain_at = now + COMPLAINT_INTERVAL_S
                _log.error("calls can't be posted just now; they wait in the journals: %s", error)
            return self._failure_interval_s

    def _finish(self) -> None:
        """Post what is there, for a second at most."""
        while not self._is_late() and self._step_or_complain() == 0.0:
            pass

    def _is_late(self) -> bool:
        return self._late_at is not None and self._clock.monotonic() > self._late_at

    def _start_over(self) -> None:
        """Forget what is remembered of the journals; the store knows better."""
        for worker in list(self._postings):
            self._let_go(worker)
        self._positions = None

    # -- workers ---------------------------------------------------------------------------------

    def _begin(self) -> None:
        positions = self._store.positions()
        present = set(self._journals.workers())
        for worker in positions.keys() - present:
            # Killed after the folder was deleted, or the folder was deleted by hand.
            posting = self._make(worker, positions[worker])
            posting.step()
            posting.close()
        self._positions = {worker: positions[worker] for worker in positions.keys() & present}

    def _open(self, worker: str) -> WorkerPosting:
        position = (self._positions or {}).pop(worker, START)
        posting = self._postings[worker] = self._make(worker, position)
        return posting

    def _make(self, worker: str, position: Position) -> WorkerPosting:
        open_calls = self._store.open_calls(worker)
        return WorkerPosting(
            worker,
            self._journals,
            self._store,
            self._charging,
            self._counters,
            position,
            open_calls,
        )

    def _let_go(self, worker: str) -> None:
        self._postings.pop(worker).close()

    def _lose_folder(self, worker: str) -> None:
        """A journal was deleted under its worker: end it as if the worker had died."""
        posting = self._postings[worker]
        while posting.step():
            pass
        self._let_go(worker)

    # -- house -----------------------------------------------------------------------------------

    def _measure(self) -> None:
        postings = self._postings.values()
        self._counters.open_calls = sum(posting.open_calls for posting in postings)
        self._counters.backlog_bytes = sum(posting.backlog_bytes() for posting in postings)
        self._counters.ledger_lag_ms = int(self._charging.lag_s() * 1_000)

    def _keep_house(self) -> bool:
        """Once a minute: prune, and delete what is left over. Whether there is more to prune."""
        now = self._clock.monotonic()
        if now < self._housekeeping_at or self._late_at is not None:
            return False
        elapsed_ns = int((now - self._started_s) * 1e9)
        wall_ns = min(self._clock.wall_ns(), self._started_wall_ns + elapsed_ns)
        before_ns = max(0, wall_ns - self.retention.keep_days * _DAY_NS)
        pruned = self._store.prune(before_ns, self.retention.keep_calls)
        self._counters.pruned_calls += pruned
        if pruned:
            return True
        self._housekeeping_at = now + HOUSEKEEPING_INTERVAL_S
        self._journals.sweep()
        # Folders that could not be deleted when their workers ended.
        self._ended &= set(self._journals.workers())
        for worker in self._ended:
            if self._journals.delete(worker):
                self._store.forget(worker)
        return False
