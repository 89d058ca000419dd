"""A clock gives dates and durations; the manual one moves only when it is told to."""

import time

from faregate.core.clock import Clock, ManualClock, SystemClock


def test_the_systems_clocks_are_the_systems():
    clock: Clock = SystemClock()
    assert abs(clock.wall_ns() - time.time_ns()) < 5e9
    before = clock.monotonic()
    assert before <= clock.monotonic() <= time.monotonic()


def test_the_manual_clock_stands_still():
    clock: Clock = ManualClock(wall_ns=5, monotonic=7.0)
    assert [(clock.wall_ns(), clock.monotonic()) for _ in range(2)] == [(5, 7.0)] * 2


def test_advance_moves_both():
    clock = ManualClock(wall_ns=0, monotonic=10.0)
    clock.advance(1.5)
    assert (clock.wall_ns(), clock.monotonic()) == (1_500_000_000, 11.5)


def test_a_jump_moves_the_date_alone():
    clock = ManualClock(wall_ns=10_000_000_000, monotonic=10.0)
    clock.jump_wall(-4)
    assert (clock.wall_ns(), clock.monotonic()) == (6_000_000_000, 10.0)
