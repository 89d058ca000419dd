"""The upstream gets the caller's request as it is, under the operator's name.

Nothing of the caller's credentials or network goes up, nothing of the operator's comes down. A
provider that a change leaves alone keeps its connections.
"""

import gzip
from typing import Any

import msgspec
import pytest
from tests.gate.running import (
    CHAT,
    HELLO,
    PROVIDER_KEY,
    STREAM,
    Asked,
    document,
    running,
    until,
    upstream,
)

from faregate.configuration.document import Document, ProviderTls
from faregate.core.errors import ConfigurationError


class Recording:
    """An upstream that keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []

    async def __call__(self, asked: Asked) -> None:
        self.asked.append(asked)
        asked.reply(b"{}", content_type="application/json")

    @property
    def only(self) -> Asked:
        [asked] = self.asked
        return asked


@pytest.fixture
def recording() -> Recording:
    return Recording()


BODIES = [
    b'{"model":"sim"}',
    b' {\n "messages" : [ ] , "model" : "sim", "x":{"y":[1.50, 1e3, 1E999]}, "\xff":"\xfe" }\n',
    b'{"temperature":1.0,"model":"sim","seed":99999999999999999999,"u":"\\u00e9\\/"}',
    b'{"model":"s\\u0069m"}',
]


@pytest.mark.parametrize("body", BODIES)
async def test_a_body_goes_up_byte_for_byte(recording: Recording, body: bytes) -> None:
    async with upstream(recording) as base_url, running(base_url) as place:
        assert (await place.post(body)).status == 200
    assert recording.only.body == body


@pytest.mark.parametrize("coding", ["gzip", "x-gzip"])
async def test_an_encoded_body_goes_up_decoded(recording: Recording, coding: str) -> None:
    async with upstream(recording) as base_url, running(base_url) as place:
        await place.post(gzip.compress(BODIES[1]), content_encoding=coding)
    assert recording.only.body == BODIES[1]
    fields = dict(recording.only.fields)
    assert fields["content-length"] == str(len(BODIES[1]))
    assert "content-encoding" not in fields


async def test_a_chunked_body_goes_up_with_its_length(recording: Recording) -> None:
    async with upstream(recording) as base_url, running(base_url) as place, place.client() as c:
        c.send(
            b"POST %b HTTP/1.1\r\nhost: a\r\nauthorization: Bearer %b\r\n"
            b"transfer-encoding: chunked\r\ntrailer: x-t\r\n\r\n"
            b'6\r\n{"mode\r\n9;a=b\r\nl":"sim"}\r\n0\r\nx-t: canary\r\n\r\n'
            % (CHAT.encode(), place.key.encode())
        )
        assert (await c.reply()).status == 200
    assert recording.only.body == BODIES[0]
    assert dict(recording.only.fields)["content-length"] == "15"
    assert b"x-t" not in recording.only.head
    assert b"chunked" not in recording.only.head


async def test_an_alias_is_spliced_and_nothing_else(recording: Recording) -> None:
    async with upstream(recording) as base_url, running(base_url) as place:
        for asked, served in (("alias", "sim"), ("renamed", "sim:tokens=4")):
            body = b'{ "x":"model" ,"\\u006dodel": "%b" , "\\u00e9":1 }' % asked.encode()
            await place.post(body)
            assert recording.asked[-1].body == body.replace(asked.encode(), served.encode())
    starts = [call.started for call in place.calls().values()]
    assert [(s.model_asked, s.model_served) for s in starts] == [
        ("alias", "sim"),
        ("renamed", "sim:tokens=4"),
    ]


async def test_a_stream_is_asked_for_its_usage_and_nothing_else(recording: Recording) -> None:
    async with upstream(recording) as base_url, running(base_url) as place:
        await place.post(b'{"stream":true, "model":"sim"}')
        await place.post(b'{"model":"sim","stream":true,"stream_options":{"x":1}}')
        await place.post(b'{"model":"sim","stream":false}')
        await place.post(b'{"model":"sim","stream":true,"stream_options":{"include_usage":true }}')
    assert [asked.body for asked in recording.asked] == [
        b'{"stream_options":{"include_usage":true},"stream":true, "model":"sim"}',
        b'{"model":"sim","stream":true,"stream_options":{"include_usage":true,"x":1}}',
        b'{"model":"sim","stream":false}',
        b'{"model":"sim","stream":true,"stream_options":{"include_usage":true }}',
    ]


CALLERS_OWN = {
    "cookie": "session=canary",
    "api_key": "canary",
    "x_forwarded_for": "10.0.0.99",
    "x_forwarded_host": "canary",
    "x_forwarded_proto": "canary",
    "x_real_ip": "10.0.0.99",
    "forwarded": "for=10.0.0.99",
    "via": "1.1 canary",
    "origin": "https://canary.example",
    "referer": "https://canary.example",
    "te": "trailers, canary",
    "upgrade": "canary",
    "keep_alive": "timeout=canary",
    "proxy_authorization": "Basic canary",
    "proxy_connection": "canary",
    "x_hop": "canary",
    "connection": "keep-alive, X-Hop",
    "openai_organization": "org-canary",
    "openai_project": "proj-canary",
    "accept_encoding": "canary",
}


@pytest.mark.parametrize("scheme", ["authorization", "x-api-key"])
async def test_nothing_of_the_callers_identity_goes_up(recording: Recording, scheme: str) -> None:
    async with upstream(recording) as base_url, running(base_url) as place, place.client() as c:
        own = {scheme: f"Bearer {place.key}" if scheme == "authorization" else place.key}
        await c.post(HELLO, **{"authorization": "", **own, **CALLERS_OWN})
        head = recording.only.head
        assert place.key.encode() not in head
    assert b"canary" not in head.replace(PROVIDER_KEY.encode(), b"").lower()
    assert b"10.0.0.99" not in head
    assert dict(recording.only.fields)["authorization"] == f"Bearer {PROVIDER_KEY}"


async def test_the_callers_other_fields_go_up(recording: Recording) -> None:
    async with upstream(recording) as base_url, running(base_url) as place:
        await place.post(
            HELLO,
            f"{CHAT}?a=b&c=%20",
            user_agent="test/1",
            idempotency_key="k-1",
            x_stainless_retry_count="0",
            openai_beta="assistants=v2",
            accept="application/json",
            traceparent="00-1-1-01",
        )
    fields = recording.only.fields
    assert recording.only.head.startswith(b"POST /v1/chat/completions?a=b&c=%20 HTTP/1.1\r\n")
    assert {
        ("user-agent", "test/1"),
        ("idempotency-key", "k-1"),
        ("x-stainless-retry-count", "0"),
        ("openai-beta", "assistants=v2"),
        ("accept", "application/json"),
        ("traceparent", "00-1-1-01"),
        ("content-type", "application/json"),
        ("accept-encoding", "identity"),
        ("via", "1.1 faregate"),
    } < set(fields)
    assert len({name for name, _ in fields}) == len(fields)
    assert ("host", base_url.removeprefix("http://").removesuffix("/v1")) in fields


async def test_the_providers_own_fields_win(recording: Recording) -> None:
    own = {"OpenAI-Organization": "org-1", "User-Agent": "faregate"}
    async with upstream(recording) as base_url, running(base_url, headers=own) as place:
        await place.post(HELLO, openai_organization="org-9", user_agent="test/1")
    fields = recording.only.fields
    assert [v for n, v in fields if n in ("openai-organization", "user-agent")] == [
        "org-1",
        "faregate",
    ]


@pytest.mark.parametrize("script", ["", "error=auth", "error=invalid_request", "cut_after=2"])
async def test_the_providers_key_never_comes_down(place: Any, script: str) -> None:
    reply = await place.post(STREAM, x_simulate=script)
    assert PROVIDER_KEY.encode() not in reply.head + reply.body
    assert PROVIDER_KEY[-8:].encode() not in reply.head + reply.body
    received = place.sim.requests[0]
    assert received.header("authorization") == f"Bearer {PROVIDER_KEY}"
    assert PROVIDER_KEY.encode() not in b"".join(place.journal.frames)
    assert place.key.encode() not in b"".join(place.journal.frames)


async def test_a_path_below_the_address_is_kept(recording: Recording) -> None:
    async with upstream(recording) as base_url, running(f"{base_url}/deep/er/") as place:
        await place.post({"model": "sim", "input": "x"}, "/v1/embeddings")
    assert recording.only.head.startswith(b"POST /v1/deep/er/embeddings HTTP/1.1\r\n")


async def test_without_a_key_none_is_sent(recording: Recording) -> None:
    async with upstream(recording) as base_url, running(base_url, api_key=None) as place:
        await place.post()
    assert "authorization" not in dict(recording.only.fields)


async def test_a_repeated_head_meets_the_new_provider(recording: Recording) -> None:
    async with upstream(recording) as base_url, running(base_url) as place, place.client() as c:
        await c.post()
        await c.post()
        place.adopt(document(base_url, headers={"X-New": "1"}))
        await c.post()
    assert [dict(asked.fields).get("x-new") for asked in recording.asked] == [None, None, "1"]


async def test_a_provider_that_stays_keeps_its_connections(place: Any) -> None:
    await place.post()
    pool = place.pool
    assert pool.state.idle == 1
    same = document(place.base_url)
    place.adopt(msgspec.structs.replace(same, models=same.models[:1]))
    assert place.pool is pool
    await place.post()
    assert {received.connection for received in place.sim.requests} == {1}
    place.adopt(document(place.base_url, queue_max=7))
    assert place.pool is not pool
    await until(lambda: pool.state.open == 0)
    place.adopt(Document())
    assert place.gate.snapshot.upstreams == {}


async def test_a_change_that_can_not_be_used_changes_nothing(place: Any) -> None:
    before = place.gate.snapshot
    tls = ProviderTls(ca_file="/nonexistent/ca.pem")
    wrong = document("https://127.0.0.1:1/v1", tls=tls)
    with pytest.raises(ConfigurationError):
        place.adopt(wrong)
    assert place.gate.snapshot is before
    assert (await place.post()).status == 200
