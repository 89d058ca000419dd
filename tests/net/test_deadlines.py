"""A deadline is never early, at most two ticks late, and cheap to move."""

import asyncio
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from faregate.net.deadlines import NEVER, TICK_SECONDS, Deadlines

EPSILON = 1e-6


class Timer:
    """What a loop gives for `call_later`."""

    def __init__(self, due_at: float, call: Callable[[], None]) -> None:
        self.due_at = due_at
        self.call: Callable[[], None] | None = call

    def cancel(self) -> None:
        self.call = None


class TurnedLoop:
    """A loop whose time is turned by hand."""

    def __init__(self, now: float = 1000.03) -> None:
        self.now = now
        self.timers: list[Timer] = []
        self.errors: list[dict[str, Any]] = []
        self.ticks = 0

    def time(self) -> float:
        return self.now

    def call_later(self, delay: float, call: Callable[[], None]) -> Timer:
        self.timers.append(Timer(self.now + delay, call))
        return self.timers[-1]

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        self.errors.append(context)

    def advance(self, seconds: float) -> None:
        """Let time pass; timers go off when they are due."""
        end = self.now + seconds
        while waiting := [timer for timer in self.timers if timer.call and timer.due_at <= end]:
            timer = min(waiting, key=lambda timer: timer.due_at)
            self.now = max(self.now, timer.due_at)
            self.go_off(timer)
        self.now = end

    def block(self, seconds: float) -> None:
        """Let time pass while something else keeps the loop busy."""
        self.now += seconds
        self.advance(0.0)

    def go_off(self, timer: Timer) -> None:
        self.timers.remove(timer)
        self.ticks += 1
        assert timer.call is not None
        timer.call()


class Item:
    """Notes when it was told."""

    def __init__(self, loop: TurnedLoop, due_at: float = NEVER) -> None:
        self.loop = loop
        self.due_at = due_at
        self.queued_at = NEVER
        self.told: list[float] = []

    def on_deadline(self, now: float) -> None:
        assert now == self.loop.now
        self.told.append(now)


def wheel() -> tuple[TurnedLoop, Deadlines]:
    loop = TurnedLoop()
    return loop, Deadlines(loop, loop.time)  # type: ignore[arg-type]


def places(deadlines: Deadlines) -> int:
    return sum(len(bucket) for bucket in deadlines._buckets.values())


def test_it_is_told_once_when_it_is_due() -> None:
    loop, deadlines = wheel()
    item = Item(loop, loop.now + 3.0)
    deadlines.watch(item)
    loop.advance(2.99)
    assert item.told == []
    loop.advance(0.21)
    assert len(item.told) == 1
    loop.advance(10)
    assert len(item.told) == 1
    assert item.due_at == NEVER


def test_without_anything_to_watch_no_timer_runs() -> None:
    loop, deadlines = wheel()
    loop.advance(100)
    item = Item(loop, loop.now + 0.5)
    deadlines.watch(item)
    loop.advance(1)
    assert (len(item.told), loop.timers) == (1, [])
    ticks = loop.ticks
    loop.advance(1_000)
    assert loop.ticks == ticks
    later = Item(loop, loop.now + 1)
    deadlines.watch(later)
    loop.advance(1.2)
    assert len(later.told) == 1


def test_a_deadline_that_is_cancelled_is_not_told() -> None:
    loop, deadlines = wheel()
    item = Item(loop, loop.now + 1)
    deadlines.watch(item)
    item.due_at = NEVER
    loop.advance(5)
    assert (item.told, places(deadlines)) == ([], 0)
    item.due_at = loop.now + 1
    deadlines.watch(item)
    loop.advance(1.2)
    assert len(item.told) == 1


def test_one_may_set_the_next_when_told() -> None:
    loop, deadlines = wheel()

    class Repeating(Item):
        def on_deadline(self, now: float) -> None:
            super().on_deadline(now)
            self.due_at = now + 1.0
            deadlines.watch(self)

    item = Repeating(loop, loop.now + 1)
    deadlines.watch(item)
    loop.advance(12.5)
    assert 10 <= len(item.told) <= 12
    assert all(later - earlier >= 1.0 for earlier, later in pairwise(item.told))


def test_a_defect_of_one_is_no_defect_of_all() -> None:
    loop, deadlines = wheel()

    class Broken(Item):
        def on_deadline(self, now: float) -> None:
            raise RuntimeError("a defect")

    items = [Item(loop, loop.now + 1), Broken(loop, loop.now + 1), Item(loop, loop.now + 1)]
    for item in items:
        deadlines.watch(item)
    loop.advance(1.2)
    assert [len(item.told) for item in items] == [1, 0, 1]
    assert [str(error["exception"]) for error in loop.errors] == ["a defect"]


def test_after_the_end_nothing_is_told() -> None:
    loop, deadlines = wheel()
    item = Item(loop, loop.now + 1)
    deadlines.watch(item)
    deadlines.close()
    loop.advance(5)
    assert item.told == []


def test_a_loop_that_was_busy_for_long_tells_all_that_is_due() -> None:
    loop, deadlines = wheel()
    items = [Item(loop, loop.now + second / 7) for second in range(100)]
    for item in items:
        deadlines.watch(item)
    loop.block(8.0)
    assert [len(item.told) for item in items] == [item.due_at == NEVER for item in items]
    assert sum(len(item.told) for item in items) >= 7 * 7
    loop.advance(8.0)
    assert all(len(item.told) == 1 for item in items)


def test_moving_a_deadline_on_costs_one_look_a_timeout() -> None:
    """A busy connection's deadline moves with every byte; the wheel must not hear of it."""
    loop, deadlines = wheel()
    looks = 0

    class Looked(Item):
        @property
        def due_at(self) -> float:
            nonlocal looks
            looks += 1
            return self._due_at

        @due_at.setter
        def due_at(self, value: float) -> None:
            self._due_at = value

    item = Looked(loop)
    for _ in range(10_000):
        item._due_at = loop.now + 10.0
        if item._due_at < item.queued_at:
            deadlines.watch(item)
        loop.advance(0.01)
    assert item.told == []
    assert looks < 60  # a handful for each of the ten times that the bucket came round
    assert places(deadlines) == 1


def test_moving_it_forward_and_back_leaves_few_places_behind() -> None:
    """As a connection does: idle for a short time, then a long wait for a reply."""
    loop, deadlines = wheel()
    item = Item(loop)
    most = 0
    for _ in range(2_000):
        for seconds in (300.0, 120.0, 55.0):
            item.due_at = loop.now + seconds
            if item.due_at < item.queued_at:
                deadlines.watch(item)
        loop.advance(0.5)
        most = max(most, places(deadlines))
    assert item.told == []
    assert most <= 10
    item.due_at = loop.now + 1
    deadlines.watch(item)
    loop.advance(1.2)
    assert len(item.told) == 1
    loop.advance(400)
    assert (len(item.told), places(deadlines), loop.timers) == (1, 0, [])


Step = tuple[str, int, float]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["set", "set", "cancel", "pass", "block"]),
        st.integers(0, 2),
        st.floats(-0.5, 3.0, allow_nan=False),
    ),
    max_size=40,
)


@settings(max_examples=300, deadline=None)
@given(STEPS)
def test_never_early_and_at_most_two_ticks_late(steps: list[Step]) -> None:
    """Against a plain model: each item has one deadline, told once."""
    loop, deadlines = wheel()
    items = [Item(loop) for _ in range(3)]
    model = [NEVER] * 3

    def check(busy_s: float) -> None:
        for number, item in enumerate(items):
            if item.told:
                (told_at,) = item.told
                item.told.clear()
                assert model[number] <= told_at
                model[number] = NEVER
            late = loop.now - model[number] - busy_s
            assert late <= 2 * TICK_SECONDS + EPSILON, "it was forgotten, or is late"
            assert item.due_at == model[number]

    for kind, number, seconds in steps:
        if kind == "set":
            items[number].due_at = model[number] = loop.now + seconds
            deadlines.watch(items[number])
            model[number] = max(model[number], loop.now) if seconds < 0 else model[number]
            items[number].due_at = model[number]
        elif kind == "cancel":
            items[number].due_at = model[number] = NEVER
        elif kind == "pass":
            for _ in range(10):
                loop.advance(abs(seconds) / 10)
                check(0.0)
        else:
            loop.block(abs(seconds))
            check(abs(seconds))
    loop.advance(4.0)
    check(0.0)
    assert places(deadlines) == 0


async def test_on_a_real_loop() -> None:
    loop = asyncio.get_running_loop()
    deadlines = Deadlines(loop, loop.time)
    told = loop.create_future()

    class Waiting:
        due_at = loop.time() + 0.15
        queued_at = NEVER

        def on_deadline(self, now: float) -> None:
            told.set_result(now)

    due_at = Waiting.due_at
    deadlines.watch(Waiting())
    told_at = await asyncio.wait_for(told, 5)
    assert due_at <= told_at < due_at + 2 * TICK_SECONDS + 0.5
    deadlines.close()
