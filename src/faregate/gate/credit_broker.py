"""Draws slices for a worker's calls, and gives back what lies idle.

Contract. The hot path holds against slices in memory (`ledger.slices`); only where a slice is too
short does a call come here and wait. One round trip to the ledger is under way at a time, for
all that wait: it brings what they need, and while there is plenty about a second's worth more.
Where credit runs low exactly what is needed is drawn. What others lie idle with is asked back. A
call waits a bounded time for credit that is only held; when even all that may come back would not
suffice it isn't made to wait at all.

A worker that can't reach the ledger goes on with what it holds for half of `vanish_after_s`;
after that its slices may have been given to others, so nothing is held against them any more.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from faregate.configuration.settings import Settings
from faregate.core import bounds
from faregate.core.errors import FaregateError, StorageError
from faregate.gate.ports import LedgerSource
from faregate.ledger.purses import DrawRequest, Need, PurseSpec, Return, Standing
from faregate.ledger.slices import NOTHING, Slice, hold, shortest

_log = logging.getLogger(__name__)

TICK_S: Final = 0.1
_RETRY_S: Final = 0.05  # a call that waits looks at the ledger again after this, at the earliest
_FRESH_S: Final = 0.1  # a standing this young is true enough to refuse by
_OLD_S: Final = 1.0  # no answer is cut by what a standing said so long ago
_PLENTY: Final = 16  # a purse with so many times a second's worth lets slices be larger than asked
_DROPPED_AFTER: Final = 10  # times the time after which what is idle goes back
_WAITING_MAX: Final = bounds.CREDIT_WAITING_MAX


class CreditBroker:
    """All slices of one worker. `now` gives monotonic seconds."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        source: LedgerSource,
        now: Callable[[], float],
        settings: Settings,
    ) -> None:
        self._loop = loop
        self._source = source
        self._now = now
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ledger")
        self.settings = settings
        self.stale = False  # the ledger may have given this worker's slices to others
        self.dropped: Callable[[], None] = lambda: None  # slices are gone: forget them
        # -- slices
        self._slices: dict[str, Slice] = {}
        # -- rounds
        self._wanted: dict[Slice, int] = {}
        self._next: asyncio.Future[None] | None = None  # ends with the round that draws those
        self._rounds: asyncio.Task[None] | None = None
        self.waiting = 0  # calls
        self._settled = asyncio.Event()
        # -- housekeeping
        self._cursor: int | None = None
        self._asked_at: dict[str, float] = {}
        self._contact_at = now()
        self._beat_at = 0.0
        self._down = False
        self._closed = False
        self._voids = 0  # how often all slices were given up
        self._keeping: asyncio.Task[None] | None = None

    def slice(self, spec: PurseSpec) -> Slice:
        """The slice of a purse, with the purse as the configuration has it now."""
        found = self._slices.get(spec.purse_id)
        if found is None:
            found = self._slices[spec.purse_id] = Slice(spec)
            found.used_at = self._now()
        elif found.spec is not spec:
            found.spec = spec
        return found

    # -- for calls --------------------------------------------------------------------------------

    def known_short(self, slices: tuple[Slice, ...], need: Need) -> Slice | None:
        """The slice that is known to be too short whatever may come back; cheap.

        It is what a refusal is decided by when many are refused: the ledger isn't asked for each.
        Where any that is short isn't known well the ledger is asked, for a refusal tells what of
        all of them could be had.
        """
        now = self._now()
        found = None
        for one in slices:
            needed = need[one.unit]
            if one.free < needed:
                if one.standing is None or now - one.standing_at >= _FRESH_S:
                    return None
                if found is None and one.total < needed:
                    found = one
        return found

    async def obtain(
        self, slices: tuple[Slice, ...], need: Need, mine: Need = NOTHING, *, waits: bool = True
    ) -> Slice | None:
        """Hold `need`, drawing and waiting; gives the slice that is too short.

        Without `waits` it draws once, and waits for nobody.
        `mine` is what the call holds already, which won't come back for it. `Slice.total` of what
        is given back tells whether it is empty or only held. Raises `StorageError` where the
        ledger can't be reached.
        """
        if self.waiting >= _WAITING_MAX:
            if hold(slices, need):
                return None
            raise StorageError(f"{_WAITING_MAX:,} calls wait for credit already")
        self.waiting += 1
        try:
            deadline = self._now() + (self.settings.credit.wait_s if waits else 0.0)
            return await self._obtain(slices, need, mine, deadline)
        finally:
            self.waiting -= 1

    async def _obtain(
        self, slices: tuple[Slice, ...], need: Need, mine: Need, deadline: float
    ) -> Slice | None:
        drawn, began, voids = False, self._now(), self._voids
        asks = self.waiting == 1  # where others wait too, what they were told will do
        while True:
            if self.stale or voids != self._voids:
                raise StorageError("the slices that the call was to be held in were given up")
            if hold(slices, need):
                return None
            now = self._now()
            if not drawn and (asks or _may_get(slices, need, now)):
                await self._draw(slices, need)
                drawn, asks = True, False
                continue
            short = shortest(slices, need)
            assert short is not None
            if short.standing_at < min(began, now - _RETRY_S):
                drawn = False  # it had enough when the others were drawn
                continue
            if short.total - mine[short.unit] < need[short.unit] or now >= deadline:
                return short
            self._ask_back(short, need[short.unit])
            await self._something_settled(min(_RETRY_S, deadline - now))
            drawn = False

    async def look(self, slices: tuple[Slice, ...]) -> None:
        """Learn how those slices stand of which it isn't known, or not newly.

        Draws nothing for the call; part of the next round. Raises `StorageError` where the ledger
        can't be reached.
        """
        now, asks = self._now(), False
        for one in slices:
            if one.standing is None or now - one.standing_at > _OLD_S:
                self._wanted.setdefault(one, 0)
                asks = True
        if asks:
            await asyncio.shield(self._next_round())

    async def standings(self, slices: Sequence[Slice]) -> list[Standing]:
        """How purses stand in the ledger now; nothing is drawn."""
        specs = [one.spec for one in slices]
        standings = await self._loop.run_in_executor(self._thread, self._source.standings, specs)
        self._is_up()
        return standings

    def settled(self) -> None:
        """A hold has ended: whoever waits may try again."""
        if self.waiting:
            self._settled.set()

    async def _something_settled(self, seconds: float) -> None:
        """Wait for a hold to end here, for so long at most."""
        self._settled.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(seconds, 0.001)):
                await self._settled.wait()

    # -- rounds -----------------------------------------------------------------------------------

    async def _draw(self, slices: tuple[Slice, ...], need: Need) -> None:
        """Take part in the next round for all that is short."""
        for one in slices:
            short = need[one.unit] - one.free
            if short > 0:
                self._wanted[one] = self._wanted.get(one, 0) + need[one.unit]
        if self._wanted:
            await asyncio.shield(self._next_round())

    def _next_round(self) -> asyncio.Future[None]:
        """The end of the round that draws what is wanted now."""
        if self._next is None:
            self._next = self._loop.create_future()
            if self._rounds is None or self._rounds.done():
                self._rounds = self._loop.create_task(self._take_rounds())
        return self._next

    async def _take_rounds(self) -> None:
        """One round after the other, as long as anything is wanted."""
        while self._next is not None:
            ended, self._next = self._next, None
            wanted, self._wanted = self._wanted, {}
            try:
                await self._draw_round(wanted)
            except Exception as error:
                ended.set_exception(error)
            else:
                ended.set_result(None)

    async def _draw_round(self, wanted: dict[Slice, int]) -> None:
        slices, voids = list(wanted), self._voids
        requests = [
            DrawRequest(one.spec, max(amount - one.free, 0) + _more(one, amount), one.settled)
            for one, amount in wanted.items()
        ]
        drawn = await self._loop.run_in_executor(self._thread, self._source.draw, requests)
        now = self._now()
        self._is_up()
        for one, given in zip(slices, drawn, strict=True):
            # One that was dropped as idle is taken up again; of one that was given up, whose
            # holds the ledger no longer knows, the successor gets this.
            given_up = voids != self._voids
            purse_id = one.spec.purse_id
            registered = (
                self.slice(one.spec) if given_up else self._slices.setdefault(purse_id, one)
            )
            registered.draw(given.granted, given.standing, now)
            one.standing, one.standing_at, registered.used_at = given.standing, now, now

    def _ask_back(self, short: Slice, needed: int) -> None:
        """Ask others for what they don't use, where they have any."""
        standing, now = short.standing, self._now()
        purse_id = short.spec.purse_id
        if standing is None or standing.coming_back <= short.held + short.free:
            return
        if needed <= standing.available + short.free or now < self._asked_at.get(purse_id, 0.0):
            return
        self._asked_at[purse_id] = now + TICK_S
        self._thread.submit(self._quietly, self._source.ask_back, [purse_id])

    # -- housekeeping -----------------------------------------------------------------------------

    async def keep_house(self) -> None:
        """Called every `TICK_S`: answer others, refill, give back, beat.

        It doesn't wait long for a ledger that hangs: time must be told that goes by meanwhile.
        """
        if self._keeping is None:
            self._keeping = self._loop.create_task(self._keep_house())
        keeping = self._keeping
        await asyncio.wait((keeping,), timeout=TICK_S)
        limit_s = self.settings.ledger.vanish_after_s / 2
        self.stale = bool(self._slices) and self._now() - self._contact_at > limit_s
        if keeping.done():
            self._keeping = None
            try:
                keeping.result()
            except FaregateError as error:
                self._is_down(error)

    async def _keep_house(self) -> None:
        now = self._now()
        run = self._loop.run_in_executor
        if now - self._beat_at >= self.settings.ledger.vanish_after_s / 20:
            lives = await run(self._thread, self._source.beat)
            self._beat_at = self._contact_at = now
            self._is_up()
            if not lives:
                self._void()
        if not self._slices:
            return
        cursor, asked = await run(self._thread, self._source.asked_back, self._cursor or 0)
        if self._cursor is None:
            asked = []  # what was asked before this worker had anything
        self._cursor = cursor
        returns = self._idle(now, set(asked))
        if returns:
            try:
                await run(self._thread, self._source.give_back, returns)
            except FaregateError:
                self._take_again(returns)
                raise
        self._refill()

    def _idle(self, now: float, asked: set[str]) -> list[Return]:
        """Parts of slices that go back: because others ask, or nobody uses them."""
        returns = []
        dropped = False
        idle_s = self.settings.credit.idle_s
        for purse_id, one in list(self._slices.items()):
            if one.settled != one.seen_settled or one.held:
                one.used_at = now
            idle = now - one.used_at > idle_s
            if purse_id in asked or (idle and one.free):
                returns.append(Return(purse_id, one.free, one.settled))
                one.give(one.free)
            elif not one.held and now - one.used_at > idle_s * _DROPPED_AFTER:
                del self._slices[purse_id]
                self._asked_at.pop(purse_id, None)
                dropped = True
                if one.settled:
                    returns.append(Return(purse_id, 0, one.settled))
        if dropped:
            self.dropped()
        return returns

    def _take_again(self, returns: list[Return]) -> None:
        """Nothing was given back after all."""
        for returned in returns:
            one = self._slices.get(returned.purse_id)
            if one is not None:
                one.give(-returned.amount)

    def _refill(self) -> None:
        """Draw ahead of need what calls use in about a second."""
        for one in self._slices.values():
            worth = one.held + (one.settled - one.seen_settled) * int(1 / TICK_S)
            one.seen_settled = one.settled
            standing = one.standing
            if (
                one.free < worth
                and standing is not None
                and standing.available > worth * _PLENTY
                and one not in self._wanted
            ):
                self._wanted[one] = 2 * worth
        if self._wanted:
            self._next_round().add_done_callback(self._look_at_refill)

    def _look_at_refill(self, ended: asyncio.Future[None]) -> None:
        error = ended.exception()
        if isinstance(error, FaregateError):
            self._is_down(error)
        elif error is not None:
            _log.error("slices could not be refilled", exc_info=error)

    def _void(self) -> None:
        """This worker counted as vanished: what it had belongs to others now."""
        _log.error("this worker was silent for too long: its slices of credit were given up")
        self._voids += 1
        for one in self._slices.values():
            one.give(one.free)
        self._slices.clear()
        self._asked_at.clear()
        self.dropped()

    def _quietly(self, do: Callable[[list[str]], None], purse_ids: list[str]) -> None:
        with contextlib.suppress(FaregateError):
            do(purse_ids)

    def _is_down(self, error: FaregateError) -> None:
        if not self._down:
            self._down = True
            _log.error("the ledger can't be reached, going on with what is drawn: %s", error)

    def _is_up(self) -> None:
        if self._down:
            self._down = False
            _log.warning("the ledger can be reached again")

    async def close(self) -> None:
        """Give back all that is free, let go of the ledger; harmless twice."""
        if self._closed:
            return
        self._closed = True
        if self._keeping is not None:
            self._keeping.cancel()
        returns = [
            Return(purse_id, one.free, one.settled) for purse_id, one in self._slices.items()
        ]
        self._slices.clear()
        if returns:
            with contextlib.suppress(FaregateError):
                await self._loop.run_in_executor(self._thread, self._source.give_back, returns)
        self._thread.submit(self._source.close)
        self._thread.shutdown(wait=True)


def _may_get(slices: tuple[Slice, ...], need: Need, now: float) -> bool:
    """Whether a draw may bring what is short, or news of it: who waits doesn't ask all the time.

    What others gave back, and new credit, are only seen in the ledger.
    """
    for one in slices:
        needed, standing = need[one.unit], one.standing
        if one.free < needed and (
            standing is None
            or now - one.standing_at >= _RETRY_S
            or one.free + standing.available >= needed
        ):
            return True
    return False


def _more(one: Slice, wanted: int) -> int:
    """What is drawn beyond what is wanted: as much again, while there is plenty."""
    standing = one.standing
    if standing is None:
        return 0
    worth = max(one.held + one.settled - one.seen_settled, wanted)
    return worth if standing.available > worth * _PLENTY else 0
