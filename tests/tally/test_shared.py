"""Shared counters survive their server and never let too much through."""

import asyncio
import logging
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from tests.limits.oracles import at_once, sliding, steady
from tests.valkey import ValkeyServer

from faregate.core.errors import StorageError
from faregate.limits.counters import ASK, TAKEN, Counter, LimitSpec
from faregate.tally import shared
from faregate.tally.shared import RedisTally, connect

Open = Callable[..., RedisTally]


@pytest.fixture
async def open_worker(valkey: ValkeyServer) -> AsyncIterator[Open]:
    made: list[RedisTally] = []

    def open_one(**facts) -> RedisTally:
        made.append(RedisTally(connect(valkey.url), f"w{len(made)}", **facts))
        return made[-1]

    yield open_one
    for tally in made:
        await tally.close()


@pytest.fixture
def own_valkey(tmp_path_factory: pytest.TempPathFactory):
    """A server to kill."""
    server = ValkeyServer(tmp_path_factory.mktemp("v"))
    server.start()
    yield server
    server.kill()


async def take(tally: RedisTally, spec: LimitSpec, cost: int = 1) -> float:
    counter = tally.counter(spec)
    wait = counter.take(cost, time.monotonic())
    if wait == ASK:
        await tally.ask([(counter, cost)])
        wait = counter.take(cost, time.monotonic())
    return wait


async def take_all(tally: RedisTally, spec: LimitSpec) -> int:
    taken = 0
    while await take(tally, spec) == TAKEN:
        taken += 1
    return taken


def start(program: str, url: str) -> "subprocess.Popen[bytes]":
    root = Path(__file__).parents[2]
    return subprocess.Popen([sys.executable, "-c", program, url], stdout=subprocess.PIPE, cwd=root)


async def until(happened: Callable[[], bool], seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end
        await asyncio.sleep(0.01)


async def test_calls_at_once_that_come_and_go_ask_seldom(open_worker: Open):
    tally, spec, calls = open_worker(), at_once(10_000), 0
    exchange, questions = tally._exchange, 0

    async def counted(*asked: Any) -> list[Any]:
        nonlocal questions
        questions += 1
        return await exchange(*asked)

    tally._exchange = counted  # type: ignore[method-assign]
    end = time.monotonic() + 1.0

    async def caller() -> None:
        nonlocal calls
        while (now := time.monotonic()) < end:
            assert await take(tally, spec) == TAKEN
            await asyncio.sleep(0.002)
            tally.counter(spec).put_back(1, now, time.monotonic())
            calls += 1
            await asyncio.sleep(0.0005)

    await asyncio.gather(*(caller() for _ in range(64)))
    assert calls > 1_000
    assert questions < 40  # about one in 50 ms


@pytest.mark.parametrize("spec", [sliding(12), steady(2, 11), at_once(12)], ids=lambda s: s.name)
async def test_two_workers_share_one_limit(open_worker: Open, spec: LimitSpec):
    one, other = open_worker(), open_worker()
    assert [await take(one, spec) for _ in range(8)] == [TAKEN] * 8
    assert await take_all(other, spec) == 4
    assert await take(one, spec) > 0


async def test_most_takes_at_volume_ask_nothing(open_worker: Open):
    tally, asked = open_worker(), 0
    counter = tally.counter(sliding(1_000_000, 10.0))
    for _ in range(5_000):
        now = time.monotonic()
        wait = counter.take(1, now)
        if wait == ASK:
            asked += 1
            await tally.ask([(counter, 1)])
            wait = counter.take(1, time.monotonic())
        assert wait == TAKEN
        await asyncio.sleep(0)
    print(f"\n{asked} of 5,000 takes asked the server")
    assert asked <= 100
    assert counter.left(time.monotonic()) <= 995_000


async def test_what_a_worker_leased_and_did_not_use_is_not_lost(open_worker: Open):
    one, other = open_worker(), open_worker()
    spec = sliding(1_000, 60.0)
    for _ in range(50):  # fast, so that it leases ahead
        assert await take(one, spec) == TAKEN
    await one.close()
    assert await take_all(other, spec) == 950


async def test_scripts_that_were_flushed_are_loaded_again(valkey: ValkeyServer, open_worker: Open):
    tally = open_worker()
    assert await take(tally, sliding(2)) == TAKEN
    valkey.client().script_flush()
    assert await take(tally, sliding(2)) == TAKEN
    assert await take(tally, sliding(2)) > 0


async def test_a_slow_server_is_not_waited_for(valkey: ValkeyServer, open_worker: Open):
    tally = open_worker()
    assert await take(tally, sliding(5)) == TAKEN
    begun = time.monotonic()
    valkey.client().client_pause(1_000)
    with pytest.raises(StorageError, match="can't be reached"):
        await take(tally, steady(5, 4))
    assert time.monotonic() - begun < 3
    with pytest.raises(StorageError):  # at once now
        await take(tally, steady(5, 4))
    await until(lambda: not tally.is_degraded)
    assert await take(tally, steady(5, 4)) == TAKEN


async def test_a_server_that_was_killed_is_told_once(
    own_valkey: ValkeyServer, caplog: pytest.LogCaptureFixture
):
    tally = RedisTally(connect(own_valkey.url), "one")
    assert await take(tally, sliding(5)) == TAKEN
    own_valkey.kill()
    await asyncio.sleep(0.2)
    for _ in range(3):
        with pytest.raises(StorageError) as caught:
            await take(tally, steady(3, 2))
    assert caught.value.fix is not None
    assert [r.levelno for r in caplog.records if r.name == shared.__name__] == [logging.ERROR]
    await tally.close()


@pytest.mark.parametrize("spec", [sliding(5, 2.0), steady(5, 4, 2.0)])
async def test_after_counts_were_lost_a_window_passes_first(
    own_valkey: ValkeyServer, spec: LimitSpec
):
    tally = RedisTally(connect(own_valkey.url), "one")
    newer = RedisTally(connect(own_valkey.url), "newer")
    assert await take_all(tally, spec) == 5
    assert not tally.counter(spec).is_unknown  # it is only used up
    own_valkey.kill()
    own_valkey.start()
    with pytest.raises(StorageError):
        await tally.ask([(tally.counter(sliding(9)), 1)])
    await until(lambda: not tally.is_degraded)
    wait = await take(tally, spec)
    begun = time.monotonic()  # by now: the server counted from a moment before
    assert 1.5 < wait <= 2.25
    assert await take(newer, spec) > 1.0
    assert tally.counter(spec).is_unknown
    assert newer.counter(spec).is_unknown
    await asyncio.sleep(begun + wait - time.monotonic())
    assert await take(tally, spec) == TAKEN
    assert not tally.counter(spec).is_unknown
    await tally.close()
    await newer.close()


async def test_with_the_server_away_each_keeps_its_share(own_valkey: ValkeyServer):
    workers = [
        RedisTally(connect(own_valkey.url), str(n), when_down="local_share", workers_total=4)
        for n in range(4)
    ]
    spec, small, slots = sliding(10, 0.5), sliding(3, 0.4), at_once(8)
    assert await take_all(workers[0], spec) == 10
    own_valkey.kill()
    for tally in workers:
        await take(tally, spec)
        await tally.keep_house()
    assert all(tally.is_degraded for tally in workers)
    assert [await take_all(tally, spec) for tally in workers] == [0] * 4  # the window may be full
    await asyncio.sleep(0.7)
    assert [await take_all(tally, spec) for tally in workers] == [2] * 4
    assert [await take_all(tally, small) for tally in workers] == [0] * 4
    assert [await take_all(tally, slots) for tally in workers] == [2] * 4
    own_valkey.start()
    for tally in workers:
        await until(lambda tally=tally: not tally.is_degraded)
    assert await take(workers[0], spec) > 0.5  # until all are back and what they used has left
    await asyncio.sleep(await take(workers[0], spec))
    assert await take(workers[1], spec) == TAKEN
    for tally in workers:
        await tally.close()


async def test_a_killed_workers_calls_at_once_are_free_after_a_while(
    valkey: ValkeyServer, open_worker: Open, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(shared, "LAPSE_S", 1.5)
    program = (
        "import asyncio, sys, time\n"
        "from faregate.tally import shared\n"
        "from tests.limits.oracles import at_once\n"
        "shared.LAPSE_S = 1.5\n"
        "async def main():\n"
        "    tally = shared.RedisTally(shared.connect(sys.argv[1]), 'dies')\n"
        "    counter = tally.counter(at_once(5))\n"
        "    await tally.ask([(counter, 3)])\n"
        "    print(counter.take(3, time.monotonic()), flush=True)\n"
        "    while True:\n"
        "        await asyncio.sleep(0.5)\n"
        "        await tally.keep_house()\n"
        "asyncio.run(main())\n"
    )
    process = start(program, valkey.url)
    assert process.stdout is not None
    assert process.stdout.readline() == b"0.0\n"
    tally = open_worker()
    assert await take_all(tally, at_once(5)) == 2
    await asyncio.sleep(2.0)
    assert await take(tally, at_once(5)) > 0  # it lives, and is heard
    process.kill()
    process.wait()
    await tally.keep_house()
    begun = time.monotonic()
    while await take(tally, at_once(5)) != TAKEN:
        await asyncio.sleep(0.1)
        await tally.keep_house()
        assert time.monotonic() - begun < 5
    print(f"\nfreed {time.monotonic() - begun:.1f} s after the kill")
    assert time.monotonic() - begun > 0.5
    assert await take_all(tally, at_once(5)) == 2


async def test_a_worker_that_is_not_heard_lets_nothing_new_begin(
    open_worker: Open, monkeypatch: pytest.MonkeyPatch
):
    tally = open_worker()
    counter = tally.counter(at_once(100))
    await tally.ask([(counter, 50)])
    assert counter.check(50, time.monotonic()) == TAKEN
    assert counter.check(50, time.monotonic() + shared.HEARD_S) == ASK
    assert shared.HEARD_S < shared.LAPSE_S


async def test_counters_are_forgotten_when_idle_and_bounded(open_worker: Open):
    tally = open_worker(counters_max=3)
    held: list[Counter] = [tally.counter(sliding(5, float(n))) for n in (1, 2, 3)]
    with pytest.raises(StorageError, match="3 limits"):
        tally.counter(sliding(5, 4.0))
    held.clear()
    assert tally.counter(sliding(5, 4.0)).spec.window_s == 4.0


async def test_a_call_that_gave_up_waiting_takes_nothing(open_worker: Open):
    tally = open_worker()
    counters = [tally.counter(spec) for spec in (sliding(5, 60.0), at_once(5))]
    waiting = [
        asyncio.create_task(tally.ask([(counter, 5) for counter in counters])) for _ in range(3)
    ]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    await asyncio.sleep(0.6)
    await tally.keep_house()
    assert [await take_all(open_worker(), counter.spec) for counter in counters] == [5, 5]
