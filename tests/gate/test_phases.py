"""Each step decides one thing, in order; what is wrong is named before anything is sent."""

import gzip
import zlib

import brotli
import pytest
from backports import zstd
from tests.gate.running import CHAT, HELLO, Place, running

from faregate.configuration.settings import GateSettings, Settings
from faregate.gate.phases import Phase, PhasedStep, Plan

BODY = b'{"model":"sim","messages":[{"role":"user","content":"hello"}]}'


def raw_deflate(data: bytes) -> bytes:
    made = zlib.compressobj(wbits=-15)
    return made.compress(data) + made.flush()


CODINGS = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "Deflate": raw_deflate,
    "br": brotli.compress,
    "zstd": zstd.compress,
}


@pytest.mark.parametrize("coding", CODINGS)
async def test_a_body_is_read_in_every_coding(place: Place, coding: str) -> None:
    reply = await place.post(CODINGS[coding](BODY), content_encoding=coding)
    assert reply.status == 200
    assert place.sim.requests[0].body == BODY
    both = CODINGS[coding](gzip.compress(BODY))
    assert (await place.post(both, content_encoding=f"gzip, {coding}")).status == 200


@pytest.mark.parametrize("coding", CODINGS)
async def test_a_bomb_is_refused_by_what_it_becomes(coding: str) -> None:
    settings = Settings(gate=GateSettings(body_bytes_max=100_000))
    bomb = CODINGS[coding](b'{"model":"sim","x":"' + b"x" * 50_000_000 + b'"}')
    assert len(bomb) < 60_000
    async with running(settings=settings) as place, place.client() as client:
        reply = await client.post(bomb, content_encoding=coding)
        assert (reply.status, reply.code) == (413, "body_too_large")
        assert reply.json["limit"] == 100_000
        assert (await client.post()).status == 200
        assert len(place.sim.requests) == 1


@pytest.mark.parametrize("coding", CODINGS)
async def test_a_broken_coding_is_a_wrong_request(place: Place, coding: str) -> None:
    whole = CODINGS[coding](BODY)
    async with place.client() as client:
        for broken in (whole[:-3], b"nonsense", b"", whole + b"more"):
            reply = await client.post(broken, content_encoding=coding)
            assert reply.status == 400
            assert reply.code == "request_invalid"
        assert (await client.post()).status == 200
    assert len(place.sim.requests) == 1


@pytest.mark.parametrize("coding", ["lzma", "gzip, aes128gcm", "x" * 200])
async def test_an_unknown_coding_is_named_with_those_that_are_read(
    place: Place, coding: str
) -> None:
    reply = await place.post(BODY, content_encoding=coding)
    assert (reply.status, reply.code) == (415, "media_type_unsupported")
    assert reply["accept-encoding"] == "gzip, deflate, br, zstd"
    assert reply.json["param"] == "content-encoding"


async def test_a_body_without_length_is_refused(place: Place) -> None:
    async with place.client() as client:
        reply = await client.get(CHAT, "POST")
        assert (reply.status, reply.code) == (411, "length_required")
        assert (await client.post()).status == 200


async def test_a_body_that_announces_too_much_is_refused_before_it_comes() -> None:
    settings = Settings(gate=GateSettings(body_bytes_max=1_000))
    async with running(settings=settings) as place:
        async with place.client() as client:
            head = f"POST {CHAT} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {place.key}\r\n"
            client.send(f"{head}content-length: 1001\r\nexpect: 100-continue\r\n\r\n".encode())
            reply = await client.reply()
            assert (reply.status, reply.code) == (413, "body_too_large")
            assert reply["connection"] == "close"
        async with place.client() as client:
            client.send(f"{head}transfer-encoding: chunked\r\n\r\n".encode())
            client.send(b"1f4\r\n" + b"x" * 500 + b"\r\n1f5\r\n" + b"x" * 501 + b"\r\n")
            assert (await client.reply()).code == "body_too_large"
        assert (await place.post(BODY)).status == 200
        assert len(place.sim.requests) == 1


async def test_a_wrong_key_is_refused_before_its_body(place: Place) -> None:
    async with place.client("fg_wrong") as client:
        client.send(
            b"POST %b HTTP/1.1\r\nhost: a\r\nauthorization: Bearer fg_wrong\r\n"
            b"content-length: 1000000\r\n\r\nx" % CHAT.encode()
        )
        reply = await client.reply()
        assert (reply.status, reply.code, reply["connection"]) == (401, "key_unknown", "close")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"", None),
        (b"{}", "model"),
        (b'{"model":""}', "model"),
        (b'{"model":7}', "model"),
        (b'{"model":"sim","stream":"yes"}', "stream"),
        (b'{"model":"sim","model":"renamed"}', "model"),
        (b'{"model":"%b"}' % (b"x" * 201), "model"),
        (b"[" * 100_000, None),
    ],
)
async def test_what_is_wrong_with_a_body_is_named(
    place: Place, body: bytes, param: str | None
) -> None:
    reply = await place.post(body)
    assert reply.json.get("param") == param
    assert reply.code in ("request_invalid", "model_unknown")
    assert reply.json["error"]["param"] == param
    assert place.sim.requests == []


async def test_models_are_checked_before_anything_is_sent(place: Place) -> None:
    limited = place.source.add_key("limited", models=frozenset({"alias"}))
    async with place.client(limited) as client:
        assert (await client.post(HELLO | {"model": "alias"})).status == 200
        for name in ("sim", "renamed", "nowhere"):
            reply = await client.post(HELLO | {"model": name})
            assert (reply.status, reply.code) == (403, "model_not_allowed")
    reply = await place.post(HELLO | {"model": "rename"})
    assert (reply.status, reply.code) == (404, "model_unknown")
    assert "'renamed'" in reply.json["fixes"][0]["text"]
    assert len(place.sim.requests) == 1


def test_a_plan_is_in_the_order_of_its_phases() -> None:
    def step(call: object) -> None:
        return None

    plan = Plan(
        "x",
        [
            PhasedStep(Phase.SEND, step),
            PhasedStep(Phase.VALIDATE, step),
            PhasedStep(Phase.ROUTE, step, needs_body=False),
        ],
    )
    assert plan.phases == (Phase.ROUTE, Phase.VALIDATE, Phase.SEND)
    assert len(plan.head_steps) == 1
    with pytest.raises(ValueError, match="stands behind one"):
        Plan(
            "x",
            [PhasedStep(Phase.VALIDATE, step), PhasedStep(Phase.SEND, step, needs_body=False)],
        )


# -- steps by route -------------------------------------------------------------------------------


def _first(_call: object) -> None:
    return None


def _other(_call: object) -> None:
    return None


def _behind(_call: object) -> None:
    return None


def test_a_step_may_be_another_by_route() -> None:
    step = PhasedStep(
        Phase.IDENTIFY, _first, False, lambda route: _other if route == "/b" else _first
    )
    assert Plan("/a", [step]).head_steps == (_first,)
    assert Plan("/b", [step]).head_steps == (_other,)


def test_a_step_may_have_a_part_for_the_body() -> None:
    """It comes before the body is decoded, for it looks at the body as it was sent."""
    decode = PhasedStep(Phase.VALIDATE, _other)
    plan = Plan("/a", [decode, PhasedStep(Phase.IDENTIFY, _first, False, None, _behind)])
    assert plan.head_steps == (_first,)
    assert plan.body_steps == (_behind, _other)
    assert plan.phases == (Phase.IDENTIFY, Phase.IDENTIFY, Phase.VALIDATE)
