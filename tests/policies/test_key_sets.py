"""Keys of an identity provider: kept, rotated, and never the cause of a false refusal."""

import asyncio
import json
from typing import Any

import pytest
from joserfc.jwk import OctKey, RSAKey
from tests.gate.identity_provider import make_key

from faregate.core.clock import ManualClock
from faregate.core.refusals import Refusal
from faregate.policies import key_sets as policy
from faregate.policies.key_sets import (
    FetchedKeys,
    KeySet,
    KeySetError,
    PublicKey,
    fixed_key_set,
    read_key_set,
)


class Desk:
    """A key set over a provider that can fail."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.keys = [make_key("EC", "k0")]
        self.max_age_s: float | None = None
        self.down = False
        self.fetched = 0
        self.changes = 0
        self.set = KeySet("corp", self.fetch, self.clock)
        self.set.changed = self.changed

    def changed(self) -> None:
        self.changes += 1

    async def fetch(self) -> FetchedKeys:
        self.fetched += 1
        await asyncio.sleep(0)
        if self.down:
            raise OSError("it is down")
        return FetchedKeys(written(*self.keys), self.max_age_s)

    async def found(self, kid: str | None) -> str:
        """The kids of what is found, or the code of the refusal."""
        outcome: list[PublicKey] | Refusal = self.set.find(kid, "ES256")
        if not outcome:
            outcome = await self.set.ask(kid, "ES256")
        if isinstance(outcome, Refusal):
            assert outcome.retry_after_s is not None
            assert outcome.retry_after_s >= 1
            return outcome.code
        return ",".join(one.kid or "-" for one in outcome)

    async def settle(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)


def written(*keys: Any) -> bytes:
    return json.dumps({"keys": [key.as_dict(private=False) for key in keys]}).encode()


@pytest.fixture
def desk() -> Desk:
    return Desk()


UNAVAILABLE = "identity_provider_unavailable"


async def test_one_fetch_for_many(desk: Desk):
    assert await asyncio.gather(*(desk.found("k0") for _ in range(9))) == ["k0"] * 9
    assert await desk.found(None) == "k0"
    assert desk.fetched == 1


async def test_a_new_key_is_found_at_once(desk: Desk):
    await desk.found("k0")
    desk.keys.append(make_key("EC", "k1"))
    assert await desk.found("k1") == "k1"
    assert (desk.fetched, desk.changes) == (2, 0)


async def test_a_withdrawn_key_is_told(desk: Desk):
    await desk.found("k0")
    desk.keys[:] = [make_key("EC", "k1")]
    assert await desk.found("k1") == "k1"
    assert desk.changes == 1
    assert await desk.found("k0") == ""


async def test_unknown_keys_are_asked_for_seldom(desk: Desk):
    await desk.found("k0")
    told = [await desk.found(f"x{n}") for n in range(6)]
    assert told == ["", "", UNAVAILABLE, UNAVAILABLE, UNAVAILABLE, UNAVAILABLE]
    assert desk.fetched == 3
    assert await desk.found("x0") == ""  # that is known
    assert await desk.found("k0") == "k0"
    desk.clock.advance(policy.REFRESH_S)
    assert await desk.found("x9") == ""
    assert desk.fetched == 4


async def test_while_it_is_down_known_keys_serve(desk: Desk):
    await desk.found("k0")
    desk.down = True
    assert await desk.found("k1") == UNAVAILABLE
    desk.clock.advance(policy.FRESH_S + 1)
    assert desk.set.find("k0", "ES256")
    await desk.settle()
    assert desk.set.find("k0", "ES256")
    desk.clock.advance(policy.STALE_S_MAX)
    assert await desk.found("k0") == UNAVAILABLE
    desk.down = False
    desk.clock.advance(policy.RETRY_S)
    assert await desk.found("k0") == "k0"


async def test_a_failure_is_not_repeated_at_once(desk: Desk):
    desk.down = True
    assert [await desk.found("k0") for _ in range(5)] == [UNAVAILABLE] * 5
    assert desk.fetched == 1
    desk.down = False
    desk.clock.advance(policy.RETRY_S)
    assert await desk.found("k0") == "k0"


async def test_it_is_refreshed_beside_the_calls(desk: Desk):
    desk.max_age_s = 1.0
    await desk.found("k0")
    desk.clock.advance(policy.FRESH_S_MIN - 1)
    desk.set.find("k0", "ES256")
    await desk.settle()
    assert desk.fetched == 1
    desk.clock.advance(2)
    assert desk.set.find("k0", "ES256")
    await desk.settle()
    assert desk.fetched == 2


@pytest.mark.filterwarnings("ignore:Key size")
def test_only_public_keys_for_signatures_are_taken():
    good = make_key("EC", "good")
    others = [
        {"kty": "oct", "k": "c2VjcmV0", "kid": "o"},
        RSAKey.generate_key(1024, {"kid": "weak"}, auto_kid=False).as_dict(private=False),
        make_key("EC", "x").as_dict(private=False) | {"use": "enc"},
        make_key("EC", "x").as_dict(private=False) | {"alg": "ES384"},
        make_key("EC", "x").as_dict(private=False) | {"kid": 7},
        {"kty": "EC", "crv": "P-256", "x": "?", "y": "?"},
        {"kty": "new"},
        "text",
    ]
    body = json.dumps({"keys": [*others, good.as_dict(private=True)]}).encode()
    [found] = read_key_set(body)
    assert (found.kid, found.algorithms) == ("good", frozenset({"ES256"}))


def test_rsa_keys_verify_their_algorithms_alone():
    key = RSAKey.generate_key(2048, {"alg": "RS256", "kid": "a"})
    [found] = read_key_set(written(key))
    assert found.algorithms == {"RS256"}
    [edwards] = read_key_set(written(make_key("OKP", "b")))
    assert {"EdDSA", "Ed25519"} <= edwards.algorithms


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"keys": {}}',
        b'{"keys": []}',
        b'{"keys": [' + b"{}," * 100 + b"{}]}",
        b"\xff",
        b"[" * 100_000,
        b" " * (policy.BODY_BYTES_MAX + 1),
    ],
)
def test_what_is_no_key_set(body: bytes):
    with pytest.raises(KeySetError):
        read_key_set(body)


def test_a_shared_secret_is_a_set():
    secret = "s" * 32
    fixed = fixed_key_set(secret, ManualClock())
    [found] = fixed.find("any", "HS256")
    assert found.key.as_dict(private=True)["k"] == OctKey.import_key(secret).as_dict()["k"]
    assert fixed.find(None, "RS256") == []
