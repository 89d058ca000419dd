"""Access tokens are had with a standard client, and nothing tells whether a client exists."""

import base64
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

import pytest
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from tests.gate.running import HELLO, Place, Reply, running

from faregate.identity.keys import generate_key, hash_key
from faregate.policies import guesses

PATH = "/oauth2/token"
COMMERCE = {
    "applications": [{"name": "app"}],
    "callers": {"oauth2": {"enabled": True, "token_lifetime_s": 300}},
}


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    async with running(commerce=COMMERCE, follow=True) as started:
        yield started


def key_id(place: Place) -> str:
    record = place.source.find_key(hash_key(place.key))
    assert record is not None
    return record.key_id


async def ask(place: Place, body: str, **fields: str) -> Reply:
    named = {"content_type": "application/x-www-form-urlencoded", "authorization": ""} | fields
    async with place.client("") as client:
        return await client.post(
            body.encode(), PATH, **{k.replace("_", "-"): v for k, v in named.items()}
        )


def form(place: Place, **changes: str | None) -> str:
    values: dict[str, str | None] = {
        "grant_type": "client_credentials",
        "client_id": key_id(place),
        "client_secret": place.key,
    } | changes
    return urlencode({name: value for name, value in values.items() if value is not None})


def basic(name: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
async def test_a_standard_client(place: Place, method: str):
    base = f"http://127.0.0.1:{place.port}"
    async with AsyncOAuth2Client(
        key_id(place), place.key, token_endpoint_auth_method=method, trust_env=False
    ) as client:
        token = await client.fetch_token(base + PATH, grant_type="client_credentials")
        assert token["token_type"] == "Bearer"
        assert 0 < token["expires_in"] <= 300
        for _ in range(2):
            reply = await client.post(f"{base}/v1/chat/completions", json=HELLO)
            assert reply.status_code == 200
    call = (await place.settled(2))[-1]
    assert call.started.key_id == key_id(place)


async def test_the_answer(place: Place):
    reply = await ask(place, form(place))
    assert reply.status == 200
    assert reply["cache-control"] == "no-store"
    assert reply["pragma"] == "no-cache"
    assert set(reply.json) == {"access_token", "token_type", "expires_in"}


async def test_the_metadata(place: Place):
    async with place.client("") as client:
        reply = await client.get("/.well-known/oauth-authorization-server", authorization="")
    told = reply.json
    assert told["token_endpoint"] == "http://gate.test/oauth2/token"
    metadata = AuthorizationServerMetadata(told | {"issuer": "https://gate.test"})
    metadata.validate_issuer()
    metadata.validate_token_endpoint_auth_methods_supported()
    metadata.validate_grant_types_supported()
    assert told["response_types_supported"] == []  # there is no grant with a response type


async def test_a_token_ends_with_its_key(place: Place):
    token = (await ask(place, form(place))).json["access_token"]
    async with place.client(token) as client:
        assert (await client.post(HELLO)).status == 200
        place.source.revoke_key(place.key)
        place.key_check.forget([hash_key(place.key)])
        assert (await client.post(HELLO)).code == "key_revoked"
    reply = await ask(place, form(place))
    assert (reply.status, reply.json["error"]) == (401, "invalid_client")


async def test_errors_are_those_of_oauth2(place: Place):
    cases: list[tuple[str, dict[str, str], str]] = [
        (form(place, grant_type=None), {}, "invalid_request"),
        (form(place, grant_type="password"), {}, "unsupported_grant_type"),
        (form(place, scope="all"), {}, "invalid_scope"),
        (form(place, client_id=None), {}, "invalid_client"),
        (form(place, client_secret=None), {}, "invalid_client"),
        (form(place) + "&grant_type=x", {}, "invalid_request"),
        ("a" * 9_000, {}, "invalid_request"),
        ("&".join(f"a{n}=1" for n in range(20)), {}, "invalid_request"),
        ("%zz", {}, "invalid_request"),
        (form(place), {"content_type": "application/json"}, "invalid_request"),
        (form(place), {"authorization": basic(key_id(place), place.key)}, "invalid_request"),
        (form(place), {"authorization": "Bearer x"}, "invalid_request"),
        (form(place, client_secret=None), {"authorization": "Bearer x"}, "invalid_client"),
        (form(place, client_secret=None), {"authorization": "Basic !"}, "invalid_client"),
        (
            form(place, client_secret=None, client_id="x"),
            {"authorization": basic(key_id(place), place.key)},
            "invalid_request",
        ),
    ]
    for body, fields, error in cases:
        reply = await ask(place, body, **fields)
        assert reply.json["error"] == error, body
        assert reply.status == (401 if error == "invalid_client" else 400)
        assert (reply["www-authenticate"] is not None) == (reply.status == 401)


async def test_nothing_tells_whether_a_client_exists(place: Place):
    expired = place.source.add_key("old", expires_ns=1)
    other = place.source.add_key("other")
    tries = [
        form(place, client_secret=generate_key()),  # a client that is, a wrong secret
        form(place, client_id="key_ffffffffffffffff", client_secret=generate_key()),
        form(place, client_secret=other),
        form(place, client_id="key_ffffffffffffffff"),
        form(place, client_secret=expired),
        form(place, client_secret="short"),
        form(place, client_secret="ü" * 52),
    ]
    replies = [await ask(place, body) for body in tries]
    assert {(reply.status, reply.body) for reply in replies} == {
        (401, replies[0].body),
    }
    fields = [sorted(name for name, _ in reply.fields) for reply in replies]
    assert all(one == fields[0] for one in fields)
    place.gate.update_metrics()
    counted = place.gate.metrics.snapshot()["counters"]["faregate_guesses_total"]
    assert counted == [[["key_unknown"], len(tries)]]


async def test_guesses_wait(place: Place, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(guesses, "FREE", 1)
    monkeypatch.setattr(guesses, "FIRST_WAIT_S", 0.2)
    body = form(place, client_secret=generate_key())
    await ask(place, body)
    begun = place.gate.now()
    assert (await ask(place, body)).json["error"] == "invalid_client"
    assert place.gate.now() - begun >= 0.19
    begun = place.gate.now()
    assert (await ask(place, form(place))).status == 200
    assert place.gate.now() - begun < 0.19


async def test_the_store_is_away(place: Place):
    body = form(place)
    place.source.fail = True
    reply = await ask(place, body)
    assert (reply.status, reply.code) == (503, "key_store_unavailable")


async def test_without_the_setting_there_is_no_such_address():
    async with running() as place:
        assert (await ask(place, "a=b")).code == "route_unknown"
        async with place.client("fga_x") as client:
            assert (await client.post(HELLO)).code == "key_unknown"


async def test_odd_requests_are_errors_and_nothing_worse(
    place: Place, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(guesses, "FREE", 10_000)
    odd: list[tuple[bytes, bytes]] = [
        (b"\xff\xfe", b""), (b"a=%ff", b":"), (b"=&=&=", b"\xff:\xfe"), (b"", b"a:b"),
        (b"grant_type=client_credentials", b"%zz:%zz"), (b"\0=\0", b"a" * 60_000),
    ]  # fmt: skip
    for body, header in odd:
        text = "Basic " + base64.b64encode(header[:20_000]).decode()
        more: dict[str, Any] = {
            "authorization": text,
            "content-type": "application/x-www-form-urlencoded",
        }
        async with place.client("") as client:
            reply = await client.post(body, PATH, **more)
        assert reply.status in (400, 401)
        assert set(reply.json) == {"error", "error_description"}


@pytest.mark.parametrize(
    ("path", "allowed"),
    [(PATH, "OPTIONS, POST"), ("/.well-known/oauth-authorization-server", "GET, HEAD, OPTIONS")],
)
async def test_the_methods_are_told(place: Place, path: str, allowed: str):
    async with place.client("") as client:
        assert (await client.get(path, "OPTIONS", authorization=""))["allow"] == allowed
