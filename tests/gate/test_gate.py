"""Whatever is sent to the gate gets an answer with a call's id, and a record.

A change of configuration is taken as a whole, in the middle of calls, without failing one.
"""

import asyncio
import re
from typing import Any

import msgspec
import pytest
from tests.gate.running import (
    CHAT,
    HELLO,
    STREAM,
    Place,
    connect,
    document,
    running,
    until,
)

from faregate.calllog.frames import Closed, Started
from faregate.configuration.document import Model
from faregate.configuration.settings import GateSettings, Settings
from faregate.core.ids import CALL_ID_LENGTH

CALL_ID = re.compile(rf"call_[a-z0-9]{{{CALL_ID_LENGTH - 5}}}")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/", 404, "route_unknown"),
        ("POST", "/v1/nothing", 404, "route_unknown"),
        ("DELETE", "/v1/models/sim", 405, "method_not_allowed"),
        ("GET", CHAT, 405, "method_not_allowed"),
        ("PUT", CHAT, 405, "method_not_allowed"),
        ("POST", "/v1/models", 405, "method_not_allowed"),
        ("PROPFIND", CHAT, 501, "method_unknown"),
        ("TRACE", CHAT, 501, "method_unknown"),
        ("FETCH", CHAT, 501, "method_unknown"),
    ],
)
async def test_what_is_not_served_is_refused_by_name(
    place: Place, method: str, path: str, status: int, code: str
) -> None:
    async with place.client() as client:
        reply = await client.get(path, method)
        assert (reply.status, reply.code) == (status, code)
        if status == 405:
            assert reply["allow"] in ("OPTIONS, POST", "GET, HEAD, OPTIONS")
    assert place.only_call().closed.refusal == code


@pytest.mark.parametrize(
    ("path", "allow"),
    [
        (CHAT, "OPTIONS, POST"),
        ("/v1/models", "GET, HEAD, OPTIONS"),
        ("/v1/models/sim", "GET, HEAD, OPTIONS"),
        ("*", "GET, HEAD, OPTIONS, POST"),
    ],
)
async def test_options_tells_the_methods(place: Place, path: str, allow: str) -> None:
    async with place.client() as client:
        reply = await client.get(path, "OPTIONS")
        assert (reply.status, reply["allow"], reply["content-length"]) == (204, allow, None)
        assert (await client.post()).status == 200


MALFORMED = [
    (b"nonsense\r\n\r\n", 501),
    (b"GET / HTTP/1.1\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", 400),
    (b"GET /x HTTP/3.0\r\nhost: a\r\n\r\n", 505),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    (b"GET /%b HTTP/1.1\r\nhost: a\r\n\r\n" % (b"x" * 9_000), 414),
    (b"GET / HTTP/1.1\r\nhost: a\r\n" + b"a: b\r\n" * 40_000, 431),
    (b"GET / HTTP/1.1\r\nhost: a\r\nexpect: magic\r\n\r\n", 417),
    (b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nx", 400),
    (b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip\r\n\r\nx", 501),
    (b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", 400),
    (b"\x16\x03\x01\x02\x00\x01\x00", 501),
]


@pytest.mark.parametrize(("data", "status"), MALFORMED)
async def test_what_is_no_request_is_answered_and_recorded(
    place: Place, data: bytes, status: int
) -> None:
    async with place.client() as client:
        client.send(data)
        reply = await client.reply()
        assert reply.status == status
        assert reply.code
        assert reply["connection"] == "close"
        assert await client.ended()
        closed = place.calls()[reply["faregate-call-id"] or ""].closed
    assert closed.status == status
    assert closed.client_address == "127.0.0.1"
    assert closed.reply_bytes == len(reply.body)
    assert len(place.calls()) == 1


async def test_every_reply_has_an_id_of_its_own(place: Place) -> None:
    ids = []
    async with place.client() as client:
        for script in ("", "error=auth", "error=invalid_request", "latency_ms=5", "status=404"):
            ids.append((await client.post(HELLO, x_simulate=script))["faregate-call-id"])
            ids.append((await client.post(STREAM, x_simulate=script))["faregate-call-id"])
        for method, path in (("GET", "/v1/models"), ("HEAD", "/x"), ("OPTIONS", CHAT)):
            ids.append((await client.get(path, method))["faregate-call-id"])
    assert all(CALL_ID.fullmatch(call_id or "") for call_id in ids)
    assert len(set(ids)) == len(ids)
    assert set(ids) == set(place.calls())


async def test_pipelined_calls_are_answered_in_order(place: Place) -> None:
    async with place.client() as client:
        for number in range(20):
            client.ask(HELLO, x_simulate=f"text={number},latency_ms={20 - number}")
        texts = [(await client.reply()).json["choices"][0]["message"]["content"] for _ in range(20)]
    assert texts == [str(number) for number in range(20)]


async def test_the_address_is_believed_only_from_a_trusted_proxy() -> None:
    for proxies, address in (((), "127.0.0.1"), (("127.0.0.0/8",), "203.0.113.9")):
        settings = Settings(gate=GateSettings(trusted_proxies=proxies))
        async with running(settings=settings) as place:
            await place.post(HELLO, x_forwarded_for="198.51.100.1, 203.0.113.9")
            assert place.only_call().started.client_address == address


async def test_metrics_add_up(place: Place) -> None:
    await place.post(HELLO)
    await place.post(STREAM)
    async with place.client("fg_wrong") as client:
        await client.post()
        place.gate.update_metrics()
        counted = place.gate.metrics.snapshot()
    text = str(counted)
    for part in ("key_unknown", "answered", "refused", "simulated"):
        assert part in text
    assert place.gate.metrics.connections_accepted == 3


# -- changes --------------------------------------------------------------------------------------


async def calling(place: Place, stop: asyncio.Event, replies: list[Any]) -> None:
    """Call over one connection, streamed and not, until told to stop."""
    async with place.client() as client:
        while not stop.is_set():
            for body in (HELLO, STREAM):
                reply = await client.post(body, x_simulate="latency_ms=2")
                replies.append((reply.status, reply["faregate-call-id"], len(reply.body)))


async def test_a_hundred_changes_under_load_fail_no_call() -> None:
    async with running(follow=True) as place:
        stop, replies = asyncio.Event(), list[Any]()
        callers = [asyncio.create_task(calling(place, stop, replies)) for _ in range(8)]
        await until(lambda: len(replies) > 20)
        plain = document(place.base_url)
        for number in range(100):
            changed = document(place.base_url, headers={"X-Revision": str(number)})
            place.adopt(msgspec.structs.replace(changed if number % 2 else plain))
            await asyncio.sleep(0.01)
        last = place.source.set_document(plain)  # this one is found by looking
        await until(lambda: place.gate.snapshot.revision == last, 1.0)
        stop.set()
        await asyncio.gather(*callers)
        assert {status for status, _, _ in replies} == {200}
        assert len({size for _, _, size in replies}) == 2
        calls = place.calls()
        assert {call.settled.outcome for call in calls.values()} == {"answered"}
        assert len({call.started.revision for call in calls.values()}) > 50
        assert {call_id for _, call_id, _ in replies} == set(calls)
        await until(lambda: place.pool.state.open == place.pool.state.idle)


async def test_a_call_in_flight_ends_as_it_began(place: Place) -> None:
    async with place.client() as streaming, place.client() as waiting:
        streaming.ask(STREAM, x_simulate="tokens=5,token_ms=40")
        await streaming.head()
        waiting.ask(HELLO, x_simulate="latency_ms=100")
        await place.sim.wait(arrived=2)
        other = document("http://127.0.0.1:1/v1")
        only = (Model(name="x", provider="simulated"),)
        place.adopt(msgspec.structs.replace(other, models=only))
        chunks = [chunk async for chunk in streaming.chunks()]
        assert chunks[-1] == b"data: [DONE]\n\n"
        assert (await waiting.reply()).status == 200
        assert (await waiting.post()).code == "model_unknown"
    sent = [call for call in place.calls().values() if isinstance(call.frames[0], Started)]
    revisions = [call.started.revision for call in sent]
    assert len(set(revisions)) == 1


async def test_a_call_in_line_ends_as_it_began_too(place: Place) -> None:
    place.adopt(document(place.base_url, connections_max=1))
    old = place.pool
    async with place.client() as first, place.client() as second, place.client() as third:
        first.ask(STREAM, x_simulate="tokens=3,token_ms=40")
        await first.head()
        second.ask(HELLO)
        body = msgspec.json.encode(HELLO)
        third.send(
            b"POST %b HTTP/1.1\r\nhost: a\r\nauthorization: Bearer %b\r\ncontent-length: %d\r\n\r\n"
            % (CHAT.encode(), place.key.encode(), len(body))
        )
        await until(lambda: old.state.waiting == 1)
        await until(lambda: len(place.gate.listener.connections) == 3)
        await until(lambda: place.gate.listener.active == 3)
        place.adopt(document("http://127.0.0.1:1/v1"))
        third.send(body)  # it began before the change, and is whole only now
        assert (await second.reply()).status == 200
        assert (await third.reply()).status == 200
        assert [chunk async for chunk in first.chunks()][-1] == b"data: [DONE]\n\n"
        assert (await second.post()).code == "upstream_unreachable"
    await until(lambda: old.state.open == 0)


@pytest.mark.alone
async def test_a_revoked_key_stops_within_a_second_and_calls_in_flight_finish() -> None:
    async with running(follow=True) as place:
        doomed = place.source.add_key("doomed")
        async with place.client(doomed) as flying, place.client(doomed) as client:
            flying.ask(STREAM, x_simulate="tokens=20,token_ms=60")
            await flying.head()
            assert (await client.post()).status == 200
            loop = asyncio.get_running_loop()
            revoked_at = loop.time()
            place.source.revoke_key(doomed)
            served = 0
            while (reply := await client.post()).status == 200:
                served += 1
            assert loop.time() - revoked_at < 1.0
            assert reply.code == "key_revoked"
            assert served
            chunks = [chunk async for chunk in flying.chunks()]
            assert chunks[-1] == b"data: [DONE]\n\n"
        assert (await place.post()).status == 200


# -- the end --------------------------------------------------------------------------------------


async def test_a_drain_lets_calls_finish_and_takes_no_more() -> None:
    async with running() as place, place.client() as busy, place.client() as idle:
        await idle.post()
        busy.ask(STREAM, x_simulate="tokens=5,token_ms=60")
        await busy.head()
        closing = asyncio.create_task(place.gate.close(5.0))
        assert [chunk async for chunk in busy.chunks()][-1] == b"data: [DONE]\n\n"
        assert await busy.ended()
        assert await idle.ended()
        await asyncio.wait_for(closing, 2)
        with pytest.raises(OSError, match=r"."):
            await connect(place.port)
        assert place.journal.closed
        assert {call.end.outcome for call in place.calls().values()} == {"answered"}


async def test_a_drain_does_not_wait_for_ever() -> None:
    async with running() as place, place.client() as stalled:
        stalled.ask(STREAM, x_simulate="stall_after=2")
        await stalled.head()
        await asyncio.wait_for(place.gate.close(0.1), 20)
        assert place.only_call().settled.outcome == "cancelled"
        assert not isinstance(place.only_call().end, Closed)
