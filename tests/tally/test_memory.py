"""Counters are remembered while they count or are held, no longer."""

import msgspec
import pytest
from tests.limits.oracles import at_once, sliding, steady

from faregate.core.clock import ManualClock
from faregate.core.errors import StorageError
from faregate.limits.counters import TAKEN, LimitUnit
from faregate.tally.memory import MemoryTally


def of(subject: str, maximum: int = 5):
    return msgspec.structs.replace(sliding(maximum), limit_id=f"rate/{subject}", subject=subject)


def test_each_limit_has_one_counter():
    tally = MemoryTally()
    specs = (sliding(5), steady(5, 2), at_once(5))
    counters = [tally.counter(spec) for spec in specs]
    assert len({type(counter) for counter in counters}) == 3
    assert [tally.counter(spec) for spec in specs] == counters


def test_another_maximum_is_adopted_with_the_count():
    tally = MemoryTally()
    tally.counter(sliding(5)).take(4, 1.0)
    counter = tally.counter(sliding(10))
    assert counter.left(1.0) == 6
    assert counter.spec.maximum == 10


def test_another_window_or_unit_begins_anew():
    tally = MemoryTally()
    tally.counter(sliding(5)).take(4, 1.0)
    assert tally.counter(sliding(5, 60.0)).left(1.0) == 5
    calls = msgspec.structs.replace(sliding(3), unit=LimitUnit.CONCURRENT, window_s=0.0)
    assert tally.counter(calls).left(1.0) == 3


def test_what_counts_or_is_held_is_not_forgotten():
    clock = ManualClock()
    tally = MemoryTally(clock.monotonic)
    now = clock.monotonic()
    assert tally.counter(of("counts")).take(5, now) == TAKEN
    held = tally.counter(of("held"))
    tally.counter(of("idle"))
    tally.forget_idle(now)
    assert len(tally) == 2
    assert tally.counter(of("counts")).left(now) == 0
    assert tally.counter(of("held")) is held
    del held
    tally.forget_idle(now + 2)
    assert len(tally) == 0


def test_their_number_is_bounded_and_none_that_counts_is_dropped():
    clock = ManualClock()
    tally = MemoryTally(clock.monotonic, counters_max=100)
    for number in range(100):
        tally.counter(of(str(number))).take(1, clock.monotonic())
    with pytest.raises(StorageError, match="100 limits"):
        tally.counter(of("one more"))
    assert tally.counter(of("7")).left(clock.monotonic()) == 4
    clock.advance(2)
    for number in range(1_000):
        tally.counter(of(f"later {number}"))
    assert len(tally) <= 100


async def test_keeping_house_forgets():
    clock = ManualClock()
    tally = MemoryTally(clock.monotonic)
    tally.counter(sliding(1)).take(1, clock.monotonic())
    await tally.ask([(tally.counter(sliding(1)), 1)])
    clock.advance(1.1)
    await tally.keep_house()
    assert len(tally) == 0
    await tally.close()
