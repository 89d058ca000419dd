"""Counters in memory and shared ones keep the same promises."""

import asyncio
import time
from collections.abc import AsyncIterator

import msgspec
import pytest
from tests.limits.oracles import at_once, most_in_a_window, sliding, steady
from tests.valkey import ValkeyServer

from faregate.gate.ports import Tally
from faregate.limits.counters import ASK, NEVER, TAKEN, Counter
from faregate.tally.memory import MemoryTally
from faregate.tally.shared import RedisTally, connect


@pytest.fixture(params=["memory", "shared"])
async def tally(request: pytest.FixtureRequest, valkey: ValkeyServer) -> AsyncIterator[Tally]:
    if request.param == "memory":
        made: Tally = MemoryTally()
    else:
        made = RedisTally(connect(valkey.url), "one")
    yield made
    await made.close()


async def take(tally: Tally, counter: Counter, cost: int = 1) -> float:
    wait = counter.take(cost, time.monotonic())
    if wait == ASK:
        await tally.ask([(counter, cost)])
        wait = counter.take(cost, time.monotonic())
    assert wait != ASK
    return wait


KINDS = pytest.mark.parametrize(
    "spec", [sliding(5), steady(5, 4), at_once(5)], ids=lambda s: s.name
)


@KINDS
async def test_as_many_as_the_limit_and_no_more(tally: Tally, spec):
    counter = tally.counter(spec)
    assert [await take(tally, counter) for _ in range(5)] == [TAKEN] * 5
    assert await take(tally, counter) > 0
    assert counter.left(time.monotonic()) == 0
    assert counter.resets_s(time.monotonic()) > 0


@KINDS
async def test_more_than_the_limit_never_fits(tally: Tally, spec):
    assert await take(tally, tally.counter(spec), 6) == NEVER
    assert await take(tally, tally.counter(spec), 5) == TAKEN


@pytest.mark.parametrize("spec", [sliding(5), steady(5, 4)], ids=lambda s: s.name)
@pytest.mark.parametrize("cost", [1, 3])
async def test_a_wait_that_is_obeyed_suffices(tally: Tally, spec, cost: int):
    waited = []
    # What a process was given and then slept over is given up: on a busy machine, once more.
    for subject in "abc":
        one = msgspec.structs.replace(spec, limit_id=spec.limit_id + subject, subject=subject)
        counter = tally.counter(one)
        assert await take(tally, counter, 4) == TAKEN
        assert await take(tally, counter, 1) == TAKEN
        wait = await take(tally, counter, cost)
        assert 0 < wait <= 1.2
        assert counter.check(cost, time.monotonic()) > 0
        await asyncio.sleep(wait)
        waited.append(await take(tally, counter, cost))
        if waited[-1] == TAKEN:
            break
    assert waited[-1] == TAKEN, waited


@KINDS
async def test_what_is_put_back_at_once_is_free_again(tally: Tally, spec):
    counter = tally.counter(spec)
    assert await take(tally, counter, 2) == TAKEN
    for _ in range(20):
        now = time.monotonic()
        wait = counter.take(3, now)
        if wait == ASK:
            await tally.ask([(counter, 3)])
            now = time.monotonic()
            wait = counter.take(3, now)
        assert wait == TAKEN
        counter.put_back(3, now, time.monotonic())
    assert await take(tally, counter, 3) == TAKEN


async def test_tokens_that_were_not_used_come_back_later(tally: Tally):
    counter = tally.counter(sliding(100, 60.0))
    assert await take(tally, counter, 100) == TAKEN
    taken_at = time.monotonic()
    assert await take(tally, counter, 1) > 1
    await asyncio.sleep(0.1)
    counter.put_back(60, taken_at, time.monotonic())
    await asyncio.sleep(0.3)
    assert await take(tally, counter, 60) == TAKEN
    assert await take(tally, counter, 1) > 1


@pytest.mark.parametrize("spec", [sliding(5), steady(5, 4)], ids=lambda s: s.name)
async def test_what_was_used_beyond_counts(tally: Tally, spec):
    counter = tally.counter(spec)
    assert await take(tally, counter, 2) == TAKEN
    counter.add(6, time.monotonic())
    await asyncio.sleep(0.1)
    assert await take(tally, counter, 1) > 0


async def test_calls_that_end_make_room(tally: Tally):
    counter = tally.counter(at_once(2))
    assert [await take(tally, counter) for _ in range(3)][:2] == [TAKEN, TAKEN]
    counter.put_back(1, 0.0, time.monotonic())
    assert await take(tally, counter) == TAKEN


@KINDS
async def test_another_maximum_keeps_the_count(tally: Tally, spec):
    assert await take(tally, tally.counter(spec), 5) == TAKEN
    burst = None if spec.burst is None else 5
    counter = tally.counter(msgspec.structs.replace(spec, maximum=6, burst=burst))
    assert await take(tally, counter, 1) == TAKEN
    assert await take(tally, counter, 1) > 0


async def test_several_are_asked_for_at_once(tally: Tally):
    counters = [tally.counter(spec) for spec in (sliding(50), steady(50, 10), at_once(10))]

    async def call() -> None:
        asked = [(counter, 2) for counter in counters]
        await tally.ask(asked)
        now = time.monotonic()
        answers = [counter.take(cost, now) for counter, cost in asked]
        assert ASK not in answers
        taken.append(answers)

    taken: list[list[float]] = []
    await asyncio.gather(*(call() for _ in range(40)))
    assert [sum(answers[at] == TAKEN for answers in taken) for at in range(3)] == [25, 5, 5]


async def test_keeping_house_changes_no_count(tally: Tally):
    counters = [tally.counter(spec) for spec in (sliding(5, 60.0), at_once(5))]
    for counter in counters:
        assert await take(tally, counter, 5) == TAKEN
    for _ in range(3):
        await tally.keep_house()
    for counter in counters:
        assert await take(tally, counter, 1) > 0


async def test_no_window_holds_more_under_load(tally: Tally):
    counter, taken = tally.counter(sliding(100, 0.5)), []
    end = time.monotonic() + 1.6
    while time.monotonic() < end:
        now = time.monotonic()
        wait = counter.take(1, now)
        if wait == ASK:
            await tally.ask([(counter, 1)])
            now = time.monotonic()
            wait = counter.take(1, now)
        if wait == TAKEN:
            taken.append((int(now * 1e9), 1))
        await asyncio.sleep(min(wait, 0.001))
    assert most_in_a_window(taken, 500_000_000) <= 100
    assert len(taken) >= 200
