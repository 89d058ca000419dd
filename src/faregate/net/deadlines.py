"""Deadlines of many connections at the cost of one timer.

Strategy: a wheel of buckets, a tenth of a second each. Moving a deadline is writing an attribute;
an item is looked at when the bucket comes round that it was last put into, and put into a later
one if its deadline has moved on. So a busy connection costs the wheel one look a timeout, and the
cost of a tick does not depend on how many connections there are.
"""

import asyncio
import math
from collections.abc import Callable
from typing import Final, Protocol

TICK_SECONDS: Final = 0.1
NEVER: Final = math.inf


class Watched(Protocol):
    """Something with a deadline.

    `queued_at` belongs to the wheel; begin with `NEVER`.
    """

    due_at: float
    queued_at: float

    def on_deadline(self, now: float) -> None:
        """`due_at` has passed; may set a new one and watch again."""


class Deadlines:
    """Calls `on_deadline` of what it watches; never early, two ticks late."""

    def __init__(self, loop: asyncio.AbstractEventLoop, now: Callable[[], float]) -> None:
        self._loop = loop
        self._now = now
        self._buckets: dict[int, list[Watched]] = {}
        self._next_tick = int(now() / TICK_SECONDS)
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, item: Watched) -> None:
        """Look after `item.due_at`; cheap to call again whenever it was moved."""
        due_at = item.due_at
        if due_at >= item.queued_at or due_at == NEVER:
            return
        self._put(item, due_at)

    def _put(self, item: Watched, due_at: float) -> None:
        if self._timer is None:
            self._next_tick = int(self._now() / TICK_SECONDS)
            self._timer = self._loop.call_later(TICK_SECONDS, self._tick)
        tick = max(int(due_at / TICK_SECONDS) + 1, self._next_tick)
        item.queued_at = due_at
        self._buckets.setdefault(tick, []).append(item)

    def _tick(self) -> None:
        now = self._now()
        last = int(now / TICK_SECONDS)
        buckets = self._buckets
        first, self._next_tick = self._next_tick, last + 1
        for tick in range(first, last + 1):
            for item in buckets.pop(tick, ()):
                self._look(item, now, tick)
        if buckets:
            self._timer = self._loop.call_later(TICK_SECONDS, self._tick)
        else:
            self._timer = None

    def _look(self, item: Watched, now: float, tick: int) -> None:
        # After its deadline was moved forward an item stands in two buckets. It goes on from the
        # nearer one alone, or the number of its places would grow with every such move.
        queued_at = item.queued_at
        if queued_at == NEVER or int(queued_at / TICK_SECONDS) >= tick:
            return
        item.queued_at = NEVER
        if item.due_at <= now:
            item.due_at = NEVER
            try:
                item.on_deadline(now)
            except Exception as error:  # a defect of ours, and no reason to forget all others
                self._loop.call_exception_handler(
                    {"message": "a deadline could not be dealt with", "exception": error}
                )
        elif item.due_at != NEVER:
            self._put(item, item.due_at)

    def close(self) -> None:
        """Stop; nothing is called any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._buckets.clear()
