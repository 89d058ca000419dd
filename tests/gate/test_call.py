"""A call ends once, however it ends: recorded, and cancelled upstream when its caller leaves.

A defect of ours is a refusal for this call alone.
"""

import asyncio
import statistics
import time
from typing import Any

import msgspec
import pytest
from tests.gate.running import (
    CHAT,
    HELLO,
    STREAM,
    Client,
    Place,
    connect,
    running,
    until,
)

from faregate.calllog.frames import Closed, Settled
from faregate.gate import call as call_module
from faregate.gate.phases import Phase, PhasedStep, Plan


async def nothing_left(place: Place) -> None:
    """No connection, task or request of a call is there any more."""
    await until(lambda: not place.gate.listener.connections)
    await until(lambda: place.pool.state.open == place.pool.state.idle)
    assert place.pool.state.waiting == 0
    assert place.gate.tasks == set()
    assert place.gate.listener.buffered_bytes == 0


@pytest.mark.alone
async def test_the_upstream_is_left_within_50_ms_of_the_caller(place: Place) -> None:
    delays = []
    for number, (body, script) in enumerate(
        [(STREAM, "stall_after=2"), (STREAM, "latency_ms=5000"), (HELLO, "latency_ms=5000")] * 5
    ):
        async with place.client() as client:
            client.ask(body, x_simulate=script)
            await place.sim.wait(arrived=number + 1)
            if "stall" in script:
                await client.head()
            left_at = time.perf_counter()
            client.leave()
            await place.sim.wait(cancelled=number + 1)
            delays.append(time.perf_counter() - left_at)
    print(
        f"cancelled after {statistics.median(delays) * 1e3:.2f} ms, at most {max(delays) * 1e3:.2f}"
    )
    assert statistics.median(delays) < 0.05
    assert max(delays) < 0.25  # on a busy machine
    calls = await place.settled(15)
    assert {call.settled.outcome for call in calls} == {"cancelled"}
    assert {call.settled.status for call in calls} == {200, 499}
    await nothing_left(place)


async def test_a_caller_that_ends_its_side_has_left(place: Place) -> None:
    async with place.client() as client:
        client.ask(STREAM, x_simulate="stall_after=2")
        await client.head()
        client.writer.write_eof()
        await place.sim.wait(cancelled=1)
    [call] = await place.settled()
    assert call.settled.outcome == "cancelled"


async def leave_after(place: Place, count: int, body: dict[str, Any], script: str) -> bool:
    """Read `count` bytes of the reply, then leave; whether there were so many."""
    async with place.client() as client:
        client.ask(body, x_simulate=script)
        try:
            await client.reader.readexactly(count)
        except asyncio.IncompleteReadError:
            return False
    return True


async def whole_length(client: Client, body: dict[str, Any], script: str) -> int:
    """The bytes of the reply on the wire."""
    client.ask(body | {}, x_simulate=script, connection="close")
    return len(await client.reader.read())


async def test_a_caller_may_leave_at_every_byte_of_a_stream(place: Place) -> None:
    script = "tokens=2,token_ms=1"
    async with place.client() as client:
        length = await whole_length(client, STREAM, script) - len(b"connection: close\r\n")
    counts = list(range(length + 1))
    for start in range(0, length + 1, 50):
        batch = counts[start : start + 50]
        left = await asyncio.gather(*(leave_after(place, c, STREAM, script) for c in batch))
        assert all(left)
    calls = await place.settled(length + 2)
    assert len(calls) == length + 2
    assert all(isinstance(call.end, Settled) for call in calls)
    outcomes = [call.end.outcome for call in calls]
    assert set(outcomes) == {"cancelled", "answered"}
    assert outcomes.count("cancelled") > 10  # the slower the machine, the more are whole by then
    await nothing_left(place)
    assert (await place.post()).status == 200


async def test_a_caller_may_leave_at_every_byte_of_its_request(place: Place) -> None:
    body = msgspec.json.encode({"model": "sim", "messages": []})
    request = (
        b"POST %b HTTP/1.1\r\nhost: a\r\nauthorization: Bearer %b\r\ncontent-length: %d\r\n\r\n%b"
        % (CHAT.encode(), place.key.encode(), len(body), body)
    )
    for count in range(len(request)):
        async with await connect(place.port) as client:
            client.send(request[:count])
            await client.writer.drain()
            client.writer.write_eof()
            assert await client.ended()
    await nothing_left(place)
    assert place.sim.requests == []
    calls = list(place.calls().values())
    assert {call.closed.outcome for call in calls} == {"cancelled"}
    assert len(calls) == len(body)  # the heads that were whole


async def test_a_caller_that_leaves_in_line_frees_its_place() -> None:
    async with running(connections_max=1) as place, place.client() as first:
        first.ask(STREAM, x_simulate="stall_after=2")
        await first.head()
        async with place.client() as second:
            second.ask(HELLO)
            await until(lambda: place.pool.state.waiting == 1)
        await until(lambda: place.pool.state.waiting == 0)
        assert len(place.sim.requests) == 1


async def test_a_caller_that_leaves_during_the_look_up_of_its_key(place: Place) -> None:
    opened = asyncio.Event()
    find = place.key_check._find

    async def slow(digest: bytes) -> Any:
        await opened.wait()
        return await find(digest)

    place.key_check._find = slow
    async with place.client() as client:
        client.ask(HELLO)
        await until(lambda: place.gate.tasks)
    await until(lambda: not place.gate.listener.connections)
    opened.set()
    await until(lambda: not place.gate.tasks)
    assert place.sim.requests == []
    assert place.only_call().closed.outcome == "cancelled"


async def test_a_key_may_be_looked_up_while_the_body_arrives(place: Place) -> None:
    body = msgspec.json.encode(HELLO)
    for key, status in ((place.key, 200), (place.source.add_key("b")[:-1] + "?", 401)):
        async with place.client(key) as client:
            client.send(
                b"POST %b HTTP/1.1\r\nhost: a\r\nauthorization: Bearer %b\r\n"
                b"content-length: %d\r\n\r\n" % (CHAT.encode(), key.encode(), len(body))
            )
            await client.writer.drain()
            client.send(body[:5])
            await client.writer.drain()
            client.send(body[5:])
            assert (await client.reply()).status == status


# -- slow callers ---------------------------------------------------------------------------------


def buffered(place: Place) -> int:
    return sum(
        connection._transport.get_write_buffer_size()
        for connection in place.gate.listener.connections
        if connection._transport is not None
    )


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("before", [0, 60])
async def test_a_slow_reader_costs_no_memory(place: Place, stream: bool, before: int) -> None:
    """Also behind earlier replies that it has not read either."""
    size = 30_000_000
    async with await connect(place.port, place.key, receive_bytes=16_384) as client:
        for _ in range(before):
            client.ask(HELLO, x_simulate="tokens=20000")
        client.ask(HELLO | {"stream": stream}, x_simulate=f"reply_bytes={size}")
        for _ in range(100):
            await asyncio.sleep(0.005)
            assert buffered(place) < 1_000_000

        for _ in range(before):
            assert len((await client.reply()).body) >= 80_000
        reply = await client.reply()
        assert len(reply.body) > size * 0.95  # the usage of each event is hidden
        assert (await client.post()).status == 200


# -- defects --------------------------------------------------------------------------------------


def broken(call: Any) -> None:
    raise RuntimeError("canary")


async def broken_later(call: Any) -> None:
    await asyncio.sleep(0)
    raise RuntimeError("canary")


@pytest.mark.parametrize("step", [broken, broken_later])
@pytest.mark.parametrize("phase", [Phase.IDENTIFY, Phase.VALIDATE, Phase.SEND])
async def test_a_defect_is_an_honest_refusal(
    place: Place, step: Any, phase: Phase, caplog: pytest.LogCaptureFixture
) -> None:
    needs_body = phase > Phase.IDENTIFY
    plan = Plan("broken", [PhasedStep(phase, step, needs_body=needs_body)])
    good = place.gate.snapshot._exact[CHAT.encode()][b"POST"]
    async with place.client() as client:
        place.gate.snapshot._exact[CHAT.encode()][b"POST"] = plan
        reply = await client.post()
        assert (reply.status, reply.code) == (500, "internal_error")
        assert b"canary" not in reply.body
        assert "canary" in caplog.text
        assert str(reply["faregate-call-id"]) in caplog.text
        place.gate.snapshot._exact[CHAT.encode()][b"POST"] = good
        if reply["connection"] is None:
            assert (await client.post()).status == 200
    first = next(iter(place.calls().values())).end
    assert isinstance(first, Closed)
    assert (first.outcome, first.status, first.refusal) == ("refused", 500, "internal_error")


async def test_a_defect_while_recording_ends_the_call(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    from faregate.gate import choosing

    monkeypatch.setattr(choosing, "record_start", broken)
    async with place.client() as client:
        assert (await client.post()).code == "internal_error"
        monkeypatch.undo()
        assert (await client.post()).status == 200
    assert len(place.sim.requests) == 1
    assert call_module.Call.__slots__ == ()
