"""Guesses wait longer and longer, by address; what is counted is bounded and forgotten."""

import asyncio
import logging
from typing import Any

import pytest

from faregate.core.clock import ManualClock
from faregate.core.refusals import Refusal, refuse
from faregate.policies import guesses as policy
from faregate.policies.guesses import FREE, Guesses

REFUSAL = refuse("key_unknown", "It is none.")


class Desk:
    def __init__(self) -> None:
        self.clock = ManualClock()
        self.counted: list[str] = []
        self.guesses = Guesses(self.clock, lambda call: str(call), self.counted.append)

    def waits(self, address: str, times: int) -> list[float]:
        return [self.guesses.note(address) for _ in range(times)]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_few_are_free_and_then_each_doubles(desk: Desk):
    waits = desk.waits("10.0.0.1", FREE + 12)
    assert waits[:FREE] == [0.0] * FREE
    assert waits[FREE : FREE + 4] == [0.05, 0.1, 0.2, 0.4]
    assert waits[-1] == policy.WAIT_S_MAX
    assert desk.guesses.note("10.0.0.2") == 0.0
    desk.waits("10.0.0.1", 5_000)  # no number grows out of bounds


def test_an_operator_may_let_none_wait(desk: Desk):
    desk.guesses.wait_s_max = 0.0
    assert desk.waits("10.0.0.1", FREE + 9) == [0.0] * (FREE + 9)
    assert desk.guesses("10.0.0.1", REFUSAL) is REFUSAL


def test_they_are_forgotten_after_a_time(desk: Desk):
    desk.waits("10.0.0.1", FREE + 5)
    desk.clock.advance(policy.FORGET_S - 1)
    assert desk.guesses.note("10.0.0.1") > 0
    desk.clock.advance(policy.FORGET_S)
    assert desk.guesses.note("10.0.0.1") == 0.0


def test_addresses_of_one_network_count_together(desk: Desk):
    desk.waits("2001:db8:1:2::1", FREE)
    assert desk.guesses.note("2001:db8:1:2:ffff::9") > 0
    assert desk.guesses.note("2001:db8:1:3::1") == 0.0
    assert desk.guesses.note("2001:db8:1:2::5%eth0") > 0
    assert desk.guesses.note("no:address") == 0.0
    desk.waits("::ffff:10.0.0.1", FREE)
    assert desk.guesses.note("::ffff:10.0.0.2") == 0.0
    assert desk.guesses.note("10.0.0.1") > 0


def test_memory_is_bounded(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(policy, "ADDRESSES_MAX", 3)
    desk.waits("10.0.0.1", FREE)
    for last in range(2, 5):
        desk.guesses.note(f"10.0.0.{last}")
    assert desk.guesses.note("10.0.0.1") == 0.0  # it was the oldest


def test_the_log_has_a_line_in_a_minute(desk: Desk, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.WARNING)
    desk.waits("10.0.0.1", FREE + 40)
    assert len(caplog.records) == 1
    assert "10.0.0.1" in caplog.text
    desk.clock.advance(policy.LOG_S)
    desk.guesses.note("10.0.0.1")
    assert len(caplog.records) == 2


async def test_only_the_refusal_waits(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(policy, "FIRST_WAIT_S", 0.01)
    for _ in range(FREE):
        assert desk.guesses("10.0.0.1", REFUSAL) is REFUSAL
    later: Any = desk.guesses("10.0.0.1", REFUSAL)
    assert not isinstance(later, Refusal)
    assert await later is REFUSAL
    assert desk.counted == ["key_unknown"] * (FREE + 1)


async def test_so_many_wait_at_once(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(policy, "WAITING_MAX", 1)
    desk.waits("10.0.0.1", FREE)
    first: Any = desk.guesses("10.0.0.1", REFUSAL)
    task = asyncio.ensure_future(first)
    await asyncio.sleep(0)
    assert desk.guesses("10.0.0.1", REFUSAL) is REFUSAL
    task.cancel()
