"""The request that opens a session at a vendor, and the key in it."""

import pytest
from tests.gate.running import Place

from faregate.gate.realtime_wire import RealtimeWire, key_of
from faregate.wire.request_reader import RequestHead
from faregate.wire.websocket import handshake_fault


def wire(place: Place, name: str) -> RealtimeWire:
    """The way to a model of the place."""
    plan = place.gate.snapshot.plan(RequestHead(b"GET", b"/v1/realtime", {}))
    choose = plan.body_steps[-2]
    [choice] = choose.route(name).targets[0].choices
    found = choose.wire(choice)
    assert isinstance(found, RealtimeWire)
    assert choose.wire(choice) is found
    return found


@pytest.mark.parametrize(
    ("query", "target"),
    [
        (b"model=renamed", b"/v1/realtime?model=sim%3Atokens%3D4"),
        (b"intent=a&model=renamed&api-key=s&b", b"/v1/realtime?model=sim%3Atokens%3D4&intent=a&b"),
        (b"Key=s&deployment=d&model=renamed", b"/v1/realtime?model=sim%3Atokens%3D4"),
    ],
)
async def test_the_request_is_a_handshake_of_our_own(
    place: Place, query: bytes, target: bytes
) -> None:
    fields = {
        b"host": b"gate", b"sec-websocket-key": b"theirs", b"sec-websocket-extensions": b"deflate",
        b"x-more": b"yes", b"connection": b"upgrade", b"upgrade": b"websocket",
        b"sec-websocket-protocol": b"realtime",
    }  # fmt: skip
    made = wire(place, "renamed")
    heads = [
        made.request_head(RequestHead(b"GET", b"/v1/realtime?" + query, fields), 0, streamed=True)
        for _ in range(2)
    ]
    lines = heads[0].split(b"\r\n")
    assert lines[0] == b"GET " + target + b" HTTP/1.1"
    sent = {name: text for name, _, text in (line.partition(b": ") for line in lines[1:] if line)}
    assert handshake_fault(sent) is None
    assert sent[b"sec-websocket-key"] == key_of(heads[0]) != key_of(heads[1])
    assert sent[b"sec-websocket-protocol"] == b"realtime"
    assert sent[b"x-more"] == b"yes"
    assert b"sec-websocket-extensions" not in sent
    assert len(sent) == len(lines) - 3


async def test_sizes_are_those_of_the_model(place: Place) -> None:
    made = wire(place, "sim")
    assert (made.context, made.limit) == (128_000, 32_000)
