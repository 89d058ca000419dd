"""A living gate takes tokens of a real identity provider, through rotation and outage."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
from tests.gate.identity_provider import IdentityProvider, identity_provider, make_key
from tests.gate.running import HELLO, Place, Reply, running
from tests.gate.signing import SECRET, sign_request

from faregate.configuration.callers import Callers
from faregate.configuration.document import Document
from faregate.configuration.references import plain
from faregate.core.clock import ManualClock
from faregate.core.errors import ConfigurationError
from faregate.gate.caller_book import CallerBook
from faregate.gate.memory import MemoryConfiguration
from faregate.policies import guesses, key_sets
from faregate.policies.keys import KeyCheck

APPLICATIONS = [{"name": "app"}, {"name": "shop"}]
HMAC = {"hmac": [{"name": "shop", "secret": SECRET, "application": "shop"}]}


@dataclass
class World:
    """A gate and its identity provider."""

    place: Place
    provider: IdentityProvider

    async def call(self, token: str, **more: str) -> Reply:
        async with self.place.client(token) as client:
            return await client.post(HELLO, **more)

    async def code(self, token: str) -> str | None:
        reply = await self.call(token)
        return None if reply.status == 200 else reply.code

    def adopt(self, **callers: Any) -> None:
        document = self.place.source.latest().document
        section = {"jwt_issuers": [plain_issuer(self.provider)]} | callers
        changed = msgspec.convert(plain(document) | {"callers": section}, Document)
        self.place.adopt(changed)


def plain_issuer(provider: IdentityProvider, **fields: Any) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(provider.issuer(**fields))
    return found


@asynccontextmanager
async def world_of(callers: dict[str, Any] | None = None, **issuer: Any) -> AsyncIterator[World]:
    async with identity_provider() as provider:
        section = {"jwt_issuers": [plain_issuer(provider, **issuer)]} | (callers or {})
        commerce = {"applications": APPLICATIONS, "callers": section}
        async with running(commerce=commerce) as place:
            yield World(place, provider)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with world_of() as made:
        yield made


async def test_a_token_makes_a_call_and_is_on_record(world: World):
    token = world.provider.token()
    reply = await world.call(token)
    assert reply.status == 200
    call = world.place.only_call()
    assert (call.started.key_id, call.started.key_name) == ("jwt:corp:app", "jwt:corp:app")
    assert token not in (world.place.sim.requests[0].header("authorization") or "")
    for _ in range(3):
        assert await world.code(token) is None
    assert world.provider.asked == 1


async def test_keys_are_taken_as_before(world: World):
    assert (await world.place.post()).status == 200
    assert world.provider.asked == 0


@pytest.mark.parametrize("kind", ["RSA", "EC", "OKP"])
async def test_rotation(world: World, kind: str):
    old = world.provider.keys[0]
    assert await world.code(world.provider.token()) is None
    world.provider.rotate(kind)
    assert await world.code(world.provider.token()) is None
    assert await world.code(world.provider.token(old)) is None
    assert world.provider.asked == 2


async def test_an_outage_is_the_operators_and_known_keys_go_on(world: World):
    old = world.provider.keys[0]
    assert await world.code(world.provider.token()) is None
    world.provider.status = "500 Internal Server Error"
    world.provider.rotate("EC")
    reply = await world.call(world.provider.token())
    assert (reply.status, reply.code) == (503, "identity_provider_unavailable")
    assert int(reply["retry-after"] or 0) >= 1
    assert await world.code(world.provider.token(old)) is None


@pytest.mark.parametrize("body", [b"", b"{}", b"<html>", b'{"keys": []}'])
async def test_a_provider_that_talks_nonsense_is_away(world: World, body: bytes):
    world.provider.body = body
    assert await world.code(world.provider.token()) == "identity_provider_unavailable"


async def test_what_is_refused_says_so_as_the_rfcs_do(world: World):
    forged = await world.call(world.provider.token(make_key("EC", "k0")))
    assert (forged.status, forged.code) == (401, "token_invalid")
    assert 'Bearer realm="faregate", error="invalid_token"' in (forged["www-authenticate"] or "")
    expired = await world.call(world.provider.token(exp=1))
    assert (expired.status, expired.code) == (401, "token_expired")
    assert 'error="invalid_token"' in (expired["www-authenticate"] or "")
    missing = await world.call("")
    assert missing.code == "key_missing"
    garbage = await world.call("sk-something-else")
    assert (garbage.status, garbage.code) == (401, "key_unknown")
    assert garbage["www-authenticate"] == 'Bearer realm="faregate"'


async def test_the_operator_reads_the_reason_and_the_caller_does_not(world: World):
    forged = await world.call(world.provider.token(aud="elsewhere"))
    call_id = forged["faregate-call-id"] or ""
    found = world.place.gate.explaining.recent.find(call_id)
    assert found is not None
    assert found.findings is not None
    [reason] = [one for one in found.findings if one.operator_only]
    assert "elsewhere" in reason.detail
    assert "elsewhere" not in forged.json["detail"]


async def test_a_mapped_customer_stands_in_the_place_of_the_header():
    async with world_of(claims={"customer": "sub"}) as world:
        token = world.provider.token(sub="alice")
        for _ in range(2):
            assert (await world.call(token, faregate_customer="mallory")).status == 200
        calls = await world.place.settled(2)
        assert [call.started.customer for call in calls] == ["alice", "alice"]
        async with world.place.client(token) as client:
            told = (await client.get("/v1/me")).json
        assert told["identified_by"]["customer"] == "alice"
        assert told["identified_by"]["methods"] == ["jwt"]
        assert told["key"]["application"] == "app"


async def test_a_change_of_the_configuration_counts_from_the_next_call(world: World):
    token = world.provider.token()
    async with world.place.client(token) as client:
        assert (await client.post(HELLO)).status == 200
        world.adopt(jwt_issuers=[plain_issuer(world.provider, audiences=("other",))])
        assert (await client.post(HELLO)).code == "token_invalid"
        world.adopt(jwt_issuers=[plain_issuer(world.provider, application="shop")])
        assert (await client.post(HELLO)).status == 200
        world.place.adopt(
            msgspec.structs.replace(world.place.source.latest().document, callers=Callers())
        )
        assert (await client.post(HELLO)).code == "key_unknown"
    assert world.provider.asked == 1  # its keys outlive the changes


async def test_a_file_of_keys(tmp_path: Path):
    provider = IdentityProvider()
    provider.rotate("EC")
    file = tmp_path / "keys.json"
    file.write_bytes(provider.key_set())
    issuer = plain_issuer(provider, jwks_url=None, jwks_file=str(file))
    commerce = {"applications": APPLICATIONS, "callers": {"jwt_issuers": [issuer]}}
    async with running(commerce=commerce) as place, place.client(provider.token()) as client:
        assert (await client.post(HELLO)).status == 200


async def test_a_signed_request():
    async with world_of(HMAC) as world:
        body = msgspec.json.encode(HELLO)
        path = "/v1/chat/completions"
        fields = sign_request("POST", path, body)
        named = {name.replace("-", "_"): value for name, value in fields.items()}
        async with world.place.client("") as client:
            assert (await client.post(body, authorization="", **named)).status == 200
            assert (await client.post(body, authorization="", **named)).code == "signature_replayed"
            other = sign_request("POST", path, body)
            named = {name.replace("-", "_"): value for name, value in other.items()}
            reply = await client.post(body + b" ", authorization="", **named)
            assert (reply.status, reply.code) == (401, "signature_invalid")
        assert world.place.sim.requests[0].header("signature-input") is None
        # A nonce stays used through a change of the configuration.
        world.adopt(**HMAC, oauth2={"enabled": True})
        named = {name.replace("-", "_"): value for name, value in fields.items()}
        async with world.place.client("") as client:
            assert (await client.post(body, authorization="", **named)).code == "signature_replayed"


async def test_guesses_are_counted_and_slowed_and_right_keys_are_not(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(guesses, "FIRST_WAIT_S", 0.3)
    now = world.place.gate.now
    async with world.place.client("fg_wrong") as client:
        for _ in range(guesses.FREE):
            assert (await client.post(HELLO)).code == "key_unknown"
        client.ask(HELLO)  # this one waits
        begun = now()
        assert (await world.place.post()).status == 200
        assert await world.code(world.provider.token()) is None
        quick = now() - begun
        assert (await client.reply()).code == "key_unknown"
        assert now() - begun >= 0.29
    assert quick < 0.29
    world.place.gate.update_metrics()
    counters = world.place.gate.metrics.snapshot()["counters"]["faregate_guesses_total"]
    assert counters == [[["key_unknown"], guesses.FREE + 1]]


async def test_mangled_credentials_are_refused_and_nothing_worse(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    """Over a real connection: never taken, never a 500."""
    monkeypatch.setattr(guesses, "FREE", 10**6)
    dice = Random(7)
    good = world.provider.token().encode()
    taken = 0
    for turn in range(300):
        token = bytearray(good)
        for _ in range(dice.randint(1, 4)):
            at = dice.randrange(len(token))
            token[at : at + dice.randint(0, 2)] = bytes(
                dice.choice(b'abcXYZ019-_.=eyJ{}"\\ ') for _ in range(dice.randint(0, 2))
            )
        scheme = "Bearer " if turn % 9 else "bearer  "
        async with world.place.client("") as client:
            reply = await client.post(HELLO, authorization=scheme + token.decode("latin-1"))
        taken += token.strip() == good
        if token.strip() != good:
            assert reply.status == 401, token
            assert reply.code in ("token_invalid", "key_unknown", "key_missing")
    assert taken < 30  # those that the dice left as they were
    assert await world.code(good.decode()) is None


async def test_a_bad_section_changes_nothing(world: World):
    with pytest.raises(ConfigurationError):
        world.adopt(certificates=[{"name": "a", "subject": "?", "application": "app"}])
    assert await world.code(world.provider.token()) is None


# -- what outlives a configuration ---------------------------------------------------------------


async def test_records_are_found_by_their_id():
    provider = IdentityProvider()
    source, clock = MemoryConfiguration(), ManualClock()
    key = source.add_key("a")

    async def find(digest: bytes) -> Any:
        return source.find_key(digest)

    async def find_named(name: str) -> Any:
        return source.find_named_key(name)

    book = CallerBook(KeyCheck(find, clock), clock)
    assert book.prepare(Document()) is None
    section = {"jwt_issuers": [plain_issuer(provider)]} | HMAC
    document = msgspec.convert({"applications": APPLICATIONS, "callers": section}, Document)
    made = book.prepare(document)
    assert made is book.prepare(msgspec.structs.replace(document, version=1))
    book.adopt(made)
    for name in ("jwt:corp:shop", "hmac:shop:shop"):
        record = await book.find(name, find_named)
        assert record is not None
        assert record.key_id == name
    for name in ("jwt:corp:none", "hmac:shop:app", "mtls:a:app", "jwt:other:app"):
        assert await book.find(name, find_named) is None
    named = await book.find("a", find_named)
    assert named is not None
    assert named == source.find_key(named.hash)
    assert key


def test_bounds_are_named():
    assert key_sets.FRESH_S_MIN < key_sets.FRESH_S < key_sets.FRESH_S_MAX
