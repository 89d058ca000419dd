"""Opening a session is a call: who may, what is refused before it opens, who is asked next."""

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.gate.realtime import CREATE, REALTIME, say, session, until_event, vendor
from tests.gate.running import PROVIDER_KEY, Asked, Place, running, until, upstream
from tests.net.certificates import Authority
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from faregate.configuration.document import (
    Model,
    Provider,
    ProviderTls,
    Target,
    VirtualModel,
)
from faregate.wire.websocket import accept_of

HANDSHAKE = {
    "connection": "Upgrade",
    "upgrade": "websocket",
    "sec_websocket_version": "13",
    "sec_websocket_key": "dGhlIHNhbXBsZSBub25jZQ==",
}


async def listen(socket: ServerConnection) -> None:
    """A vendor that says who it is, and then nothing."""
    await socket.send(json.dumps({"type": "session.created", "session": {}}))
    await socket.wait_closed()


async def refused(place: Place, path: str = REALTIME, **options: Any) -> tuple[int, dict[str, Any]]:
    """The status and body of a session that isn't opened."""
    with pytest.raises(InvalidStatus) as raised:
        async with session(place, path, **options):
            pass
    response = raised.value.response
    body = json.loads(response.body or b"{}")
    assert body["call_id"] == response.headers["faregate-call-id"]
    return response.status_code, body


@pytest.mark.parametrize(
    ("path", "headers", "status", "code"),
    [
        (REALTIME, {"authorization": ""}, 401, "key_missing"),
        (REALTIME, {"authorization": "Bearer fg_none"}, 401, "key_unknown"),
        ("/v1/realtime", {}, 400, "request_invalid"),
        ("/v1/realtime?model=", {}, 400, "request_invalid"),
        ("/v1/realtime?model=sim&model=renamed", {}, 400, "request_invalid"),
        ("/v1/realtime?model=" + "a" * 201, {}, 400, "request_invalid"),
        ("/v1/realtime?model=nobody", {}, 404, "model_unknown"),
        ("/v1/nowhere?model=sim", {}, 404, "route_unknown"),
    ],
)
async def test_refusals_before_it_opens_are_ordinary_replies(
    place: Place, path: str, headers: dict[str, str], status: int, code: str
) -> None:
    told, body = await refused(place, path, headers=headers)
    assert (told, body["code"], body["error"]["code"]) == (status, code, code)
    assert place.only_call().closed.refusal == code


@pytest.mark.parametrize(
    "change",
    [
        {"upgrade": ""}, {"upgrade": "h2c"}, {"connection": "close"},
        {"sec_websocket_version": "8"}, {"sec_websocket_key": "short"}, {"content_length": "2"},
    ],
)  # fmt: skip
async def test_what_asks_for_no_websocket_is_told_how(place: Place, change: dict[str, str]) -> None:
    async with place.client() as client:
        client.ask(None, REALTIME, "GET", **(HANDSHAKE | change))
        if "content_length" in change:
            client.send(b"{}")
        reply = await client.reply()
        assert (reply.status, reply.code) == (400, "request_invalid")
        assert reply["upgrade"] == "websocket"
        assert reply["sec-websocket-version"] == "13"
    async with place.client() as client:
        client.ask({}, REALTIME)
        assert (await client.reply()).code == "method_not_allowed"


async def test_a_browsers_key_is_taken_out_of_the_subprotocols() -> None:
    seen: list[Any] = []

    async def look(socket: ServerConnection) -> None:
        assert socket.request is not None
        seen.append(socket.request)
        await listen(socket)

    protocols = [Subprotocol("realtime"), Subprotocol("openai-beta.realtime-v1")]
    async with vendor(look, subprotocols=protocols) as base_url, running(base_url) as place:
        key = Subprotocol(f"openai-insecure-api-key.{place.key}")
        offered = [protocols[0], key, Subprotocol("openai-project.p"), protocols[1]]
        url = f"ws://127.0.0.1:{place.port}{REALTIME}&intent=talk&key=x"
        async with connect(url, subprotocols=offered, proxy=None) as client:
            assert client.subprotocol == "realtime"
            await until_event(client, "session.created")
        [call] = await place.settled()
        assert call.started.key_name == "test"
        [request] = seen
        told = str(request.headers) + request.path + repr(call.frames)
        assert place.key not in told
        assert request.headers["authorization"] == f"Bearer {PROVIDER_KEY}"
        assert request.headers["sec-websocket-protocol"] == "realtime, openai-beta.realtime-v1"
        assert request.path == "/v1/realtime?model=sim&intent=talk"
        assert "sec-websocket-extensions" not in request.headers


async def test_the_callers_fields_go_on_and_its_model_is_the_vendors() -> None:
    seen: list[Any] = []

    async def look(socket: ServerConnection) -> None:
        seen.append(socket.request)
        await listen(socket)

    async with vendor(look) as base_url, running(base_url) as place:
        headers = {"openai-beta": "realtime=v1", "faregate-customer": "ann"}
        async with session(place, "/v1/realtime?model=renamed", headers=headers) as client:
            await until_event(client, "session.created")
        [call] = await place.settled()
        assert (call.started.customer, call.started.model_served) == ("ann", "sim:tokens=4")
        assert seen[0].path == "/v1/realtime?model=sim%3Atokens%3D4"
        assert seen[0].headers["openai-beta"] == "realtime=v1"
        assert "faregate-customer" not in seen[0].headers


# -- vendors that don't open it -------------------------------------------------------------------


@contextlib.asynccontextmanager
async def before(*answers: bytes) -> AsyncIterator[Place]:
    """A gate before a vendor that answers so."""
    waiting = list(answers)

    async def answer(asked: Asked) -> None:
        asked.write(waiting.pop(0) if waiting else answers[-1])

    async with upstream(answer) as base_url, running(base_url) as place:
        yield place


def whole(status: str, body: bytes) -> bytes:
    return b"HTTP/1.1 %b\r\ncontent-length: %d\r\n\r\n%b" % (status.encode(), len(body), body)


@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        (whole("401 Unauthorized", b'{"error":{"code":"invalid_api_key"}}'), 503,
         "provider_key_invalid"),
        (whole("200 OK", b"{}"), 502, "upstream_malformed"),
        (b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
         b"sec-websocket-accept: wrong\r\n\r\n", 502, "upstream_malformed"),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\nHTTP/1.1 500 Oops\r\n\r\n", 502,
         "upstream_malformed"),
        (b"nothing like it\r\n\r\n", 502, "upstream_malformed"),
    ],
)  # fmt: skip
async def test_what_a_vendor_says_instead_is_told_as_for_other_calls(
    answer: bytes, status: int, code: str
) -> None:
    async with before(answer) as place:
        told, body = await refused(place)
        assert (told, body["code"]) == (status, code)
        end = place.only_call().end
        assert (end.outcome, end.refusal) == ("refused", code)


async def test_a_callers_mistake_is_told_in_the_vendors_words() -> None:
    words = b'{"error":{"message":"no such intent","type":"invalid_request_error"}}'
    async with before(whole("400 Bad Request", words)) as place:
        with pytest.raises(InvalidStatus) as raised:
            async with session(place):
                pass
        assert raised.value.response.status_code == 400
        assert raised.value.response.body == words


async def test_what_fails_at_one_target_is_tried_at_the_next() -> None:
    async with vendor(listen) as base_url, running(base_url) as place:
        providers = [
            {"name": "down", "vendor": "openai", "base_url": "http://127.0.0.1:9/v1"},
            {"name": "mute", "vendor": "anthropic", "base_url": base_url},
        ]
        both = place.source.latest().document
        more = tuple(Provider(api_key="k", proxy="none", **each) for each in providers)
        models = (Model(name="at-down", provider="down"), Model(name="at-mute", provider="mute"))
        targets = tuple(Target(model=name) for name in ("at-down", "at-mute", "sim"))
        place.adopt(
            msgspec.structs.replace(
                both,
                providers=(*both.providers, *more),
                models=(*both.models, *models),
                virtual_models=(VirtualModel(name="talk", targets=targets),),
            )
        )
        async with session(place, "/v1/realtime?model=talk") as client:
            await until_event(client, "session.created")
        [call] = await place.settled()
        assert [one.result for one in call.settled.attempts] == ["upstream_unreachable", "ok"]
        told, body = await refused(place, "/v1/realtime?model=at-mute")
        assert (told, body["code"]) == (400, "operation_unsupported")


async def test_a_caller_that_leaves_before_it_opens_is_recorded() -> None:
    asked_for = asyncio.Event()

    async def never(asked: Asked) -> None:
        asked_for.set()
        await asyncio.sleep(10)

    async with upstream(never) as base_url, running(base_url) as place:
        async with place.client() as client:
            client.ask(None, REALTIME, "GET", **HANDSHAKE)
            await asyncio.wait_for(asked_for.wait(), 5)
            assert place.only_call().started  # before the vendor has seen a byte of it
            client.leave()
        [call] = await place.settled()
        assert (call.settled.outcome, call.settled.status) == ("cancelled", 499)


async def test_a_session_passes_through_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate, key = authority.sign("vendor", host="localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    async def echo(socket: ServerConnection) -> None:
        async for words in socket:
            await socket.send(words)

    async with vendor(echo, ssl=context) as base_url:
        url = base_url.replace("http://127.0.0.1", "https://localhost")
        tls = ProviderTls(ca_file=str(authority.ca_file))
        async with running(url, tls=tls) as place, session(place) as client:
            await say(client, {"type": "x", "words": "a" * 300_000})
            assert len((await until_event(client, "x"))["words"]) == 300_000
            await client.close()
            [call] = await place.settled()
            assert call.settled.outcome == "answered"
            await until(lambda: place.pool.state.open == 0)


# -- limits, diagnosis, metrics -------------------------------------------------------------------


async def test_a_session_is_one_request_and_one_call_at_once() -> None:
    limits = [
        {"name": "at-once", "unit": "concurrent", "max": 1, "each": "key"},
        {"name": "calls", "unit": "requests", "per": "minute", "max": 3, "each": "key"},
    ]
    commerce = {"applications": [{"name": "app"}], "limits": limits}
    async with vendor(listen) as base_url, running(base_url, commerce=commerce) as place:
        async with session(place) as client:
            assert client.response is not None
            assert client.response.headers["ratelimit"].startswith('"at-once";r=0,"calls";r=2')
            told, body = await refused(place)
            assert (told, body["code"]) == (429, "concurrency_limited")
        await place.settled(2)
        async with session(place):
            pass


async def test_a_session_can_be_diagnosed(place: Place) -> None:
    async with place.client() as client:
        question = {"method": "GET", "path": "/v1/realtime?model=alias"}
        told = (await client.post(question, "/v1/diagnose")).json
        assert told["would"] == "pass"
        assert told["model"] == "alias"
        assert {one["phase"] for one in told["findings"]} >= {"IDENTIFY", "AUTHORIZE", "CHOOSE"}
        question = {"method": "GET", "path": "/v1/realtime?model=nobody"}
        told = (await client.post(question, "/v1/diagnose")).json
        assert (told["would"], told["code"]) == ("refuse", "model_unknown")
    assert place.sim is not None


async def test_a_session_is_counted(place: Place) -> None:
    async with session(place) as client:
        await say(client, CREATE)
        await until_event(client, "response.done")
    await place.settled()
    metrics = place.gate.metrics
    assert metrics._calls["/v1/realtime", "answered", 101] == 1
    assert metrics.stream_events > 0
    assert metrics.bytes_received > 0


def test_the_answers_key_is_that_of_the_request() -> None:
    assert accept_of(HANDSHAKE["sec_websocket_key"].encode()) == b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
