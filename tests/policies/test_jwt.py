"""A JWT is taken when all of it is right, and stands for the application that its claims name."""

import asyncio
import base64
import hmac
import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc.jwk import OctKey
from tests.gate.identity_provider import ISSUER, IdentityProvider, make_key, sign

from faregate.configuration.callers import JwtClaims
from faregate.configuration.commerce import Application
from faregate.core.clock import ManualClock
from faregate.core.refusals import Refusal
from faregate.policies import jwt as policy
from faregate.policies.identified import Identified
from faregate.policies.jwt import JwtCheck, looks_like_jwt
from faregate.policies.key_sets import FetchedKeys, KeySet, fixed_key_set

# Clocks stand here: much later than it was read, the claims below are still what they are called.
NOW = int(time.time())
KEYS = {kind: make_key(kind, kind.lower()) for kind in ("RSA", "EC", "OKP")}
APPLICATIONS = (
    Application(name="app"),
    Application(name="shop"),
    Application(name="sales/shop", team="sales"),
    Application(name="desk", team="sales"),
)


class Desk:
    """A check of tokens of one issuer."""

    def __init__(self, **issuer: Any) -> None:
        self.clock = ManualClock(NOW * 1_000_000_000)
        self.provider = IdentityProvider(keys=[KEYS["EC"]], served=list(KEYS.values()), now=NOW)
        self.verified = 0
        rules = self.provider.issuer(**issuer)
        self.set = (
            KeySet(rules.name, self.fetch, self.clock)
            if rules.secret is None
            else fixed_key_set(rules.secret, self.clock)
        )
        self.check = JwtCheck([rules], {rules.name: self.set}, APPLICATIONS, self.clock)
        self.check.watch()

    async def fetch(self) -> FetchedKeys:
        return FetchedKeys(self.provider.key_set(), None)

    async def ask(self, token: str | bytes) -> Identified | Refusal:
        outcome = self.check(token.encode() if isinstance(token, str) else token)
        if isinstance(outcome, Identified | Refusal):
            return outcome
        return await outcome

    async def told(self, token: str | bytes) -> str:
        """The record's id, or the refusal's code."""
        outcome = await self.ask(token)
        return outcome.record.key_id if isinstance(outcome, Identified) else outcome.code

    def token(self, **claims: Any) -> str:
        return self.provider.token(**claims)


@pytest.mark.parametrize("kind", KEYS)
async def test_tokens_of_every_kind_of_key(kind: str):
    desk = Desk()
    assert await desk.told(desk.provider.token(KEYS[kind])) == "jwt:corp:app"
    without_kid = sign(KEYS[kind], desk.provider.claims(), kid=None)
    assert await desk.told(without_kid) == "jwt:corp:app"


async def test_a_shared_secret():
    secret = "s" * 32
    desk = Desk(secret=secret, jwks_url=None, algorithms=("HS256",))
    key = OctKey.import_key(secret)
    claims = desk.provider.claims()
    assert await desk.told(sign(key, claims, alg="HS256", kid=None)) == "jwt:corp:app"
    other = OctKey.import_key("t" * 32)
    assert await desk.told(sign(other, claims, alg="HS256", kid=None)) == "token_invalid"


async def test_a_public_key_is_no_shared_secret():
    desk = Desk()
    public = KEYS["RSA"].as_pem(private=False)
    signed = unsigned({"alg": "HS256", "kid": "rsa"}, desk.provider.claims()).rstrip(".")
    mac = base64.urlsafe_b64encode(hmac.digest(public, signed.encode(), "sha256")).decode()
    assert await desk.told(f"{signed}.{mac.rstrip('=')}") == "token_invalid"


def unsigned(head: dict[str, Any], claims: dict[str, Any], signature: str = "") -> str:
    parts = (base64.urlsafe_b64encode(json.dumps(one).encode()) for one in (head, claims))
    return ".".join([*(part.decode().rstrip("=") for part in parts), signature])


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "", None, 7, ["ES256"]])
async def test_what_is_not_signed_is_nothing(alg: Any):
    desk = Desk()
    token = unsigned({"alg": alg, "kid": "ec"}, desk.provider.claims(), "AAAA")
    assert await desk.told(token) == "token_invalid"
    assert await desk.told(token.rpartition(".")[0] + ".") == "token_invalid"


@pytest.mark.parametrize("head", [{"crit": ["exp"]}, {"b64": False}, {"kid": 7}])
async def test_extensions_are_not_ignored(head: dict[str, Any]):
    desk = Desk()
    whole = {"alg": "ES256", "kid": "ec"} | head
    assert await desk.told(unsigned(whole, desk.provider.claims(), "AAAA")) == "token_invalid"


async def test_keys_of_others_and_keys_inside_tokens_are_none():
    desk = Desk()
    other = make_key("EC", "ec")
    assert await desk.told(desk.provider.token(other)) == "token_invalid"
    inside = sign(other, desk.provider.claims(), jwk=other.as_dict(private=False))
    assert await desk.told(inside) == "token_invalid"
    assert await desk.told(desk.provider.token(make_key("EC", "new"))) == "token_invalid"


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"iss": "https://other.example.com/"}, "token_invalid"),
        ({"iss": ISSUER.rstrip("/")}, "token_invalid"),
        ({"iss": None}, "token_invalid"),
        ({"iss": ["x"]}, "token_invalid"),
        ({"aud": "other"}, "token_invalid"),
        ({"aud": None}, "token_invalid"),
        ({"aud": ["other", "faregate"]}, "jwt:corp:app"),
        ({"aud": [7]}, "token_invalid"),
        ({"exp": NOW - 60}, "token_expired"),
        ({"exp": NOW - 5}, "jwt:corp:app"),
        ({"exp": None}, "token_invalid"),
        ({"exp": "soon"}, "token_invalid"),
        ({"exp": True}, "token_invalid"),
        ({"exp": 1e300}, "token_invalid"),
        ({"exp": NOW + 60.5}, "jwt:corp:app"),
        ({"nbf": NOW + 120}, "token_invalid"),
        ({"nbf": NOW + 5}, "jwt:corp:app"),
        ({"iat": NOW + 120}, "token_invalid"),
        ({"iat": None}, "jwt:corp:app"),
    ],
)
async def test_claims(claims: dict[str, Any], code: str):
    desk = Desk()
    assert await desk.told(desk.token(**claims)) == code


async def test_what_else_is_asked_for():
    desk = Desk(
        types=("at+jwt",),
        required_claims={"azp": ("shop",), "realm.level": ("2", "3")},
        required_scopes=("call", "models"),
    )
    claims = {"azp": "shop", "realm": {"level": 2}, "scope": "models call other"}
    right = desk.provider.claims(**claims)
    key = desk.provider.keys[-1]
    assert await desk.told(sign(key, right, typ="application/AT+JWT")) == "jwt:corp:app"
    assert await desk.told(sign(key, right, typ="JWT")) == "token_invalid"
    for name, value in (("azp", "x"), ("realm", 3), ("realm", {"level": [4]}), ("scope", "call")):
        wrong = right | {name: value}
        assert await desk.told(sign(key, wrong, typ="at+jwt")) == "token_invalid"
    listed = right | {"scope": None, "scp": ["call", "models"], "azp": ["x", "shop"]}
    assert await desk.told(sign(key, listed, typ="at+jwt")) == "jwt:corp:app"


async def test_nobody_is_told_more_than_it_may_know():
    desk = Desk()
    forged = await desk.ask(desk.provider.token(make_key("EC", "ec")))
    unknown = await desk.ask(desk.token(iss="https://other.example.com/"))
    garbage = await desk.ask("a.b.c")
    assert isinstance(forged, Refusal)
    assert isinstance(unknown, Refusal)
    assert isinstance(garbage, Refusal)
    assert forged.detail == unknown.detail == garbage.detail
    assert len({forged.reason, unknown.reason, garbage.reason}) == 3
    signed = await desk.ask(desk.token(aud="elsewhere"))
    assert isinstance(signed, Refusal)
    assert "faregate" not in signed.detail
    assert "faregate" in signed.reason


# -- whose call it is ------------------------------------------------------------------------------


async def test_the_claim_names_the_application():
    desk = Desk(claims=JwtClaims(application="client"), application=None)
    assert await desk.told(desk.token(client="shop")) == "jwt:corp:shop"
    for client in ("none", None, "", ["shop", "app"], 7, {"a": 1}):
        assert await desk.told(desk.token(client=client)) == "caller_not_mapped"


async def test_a_table_names_the_application():
    desk = Desk(
        claims=JwtClaims(application="groups"), applications={"g1": "shop", "7": "sales/shop"}
    )
    assert await desk.told(desk.token(groups=["g0", "g1"])) == "jwt:corp:shop"
    assert await desk.told(desk.token(groups=7)) == "jwt:corp:sales/shop"
    assert await desk.told(desk.token(groups="shop")) == "jwt:corp:app"  # the fixed one


async def test_the_team_bounds_the_application():
    desk = Desk(claims=JwtClaims(application="client", team="org.team"), application=None)

    async def told(team: Any, client: str) -> str:
        return await desk.told(desk.token(org={"team": team}, client=client))

    assert await told("sales", "shop") == "jwt:corp:sales/shop"
    assert await told("sales", "desk") == "jwt:corp:desk"
    for team, client in (("sales", "app"), ("other", "shop"), ("", "shop"), (None, "shop")):
        assert await told(team, client) == "caller_not_mapped"


async def test_the_customer():
    desk = Desk(claims=JwtClaims(customer="sub"))
    found = await desk.ask(desk.token(sub="alice"))
    assert isinstance(found, Identified)
    assert found.customer == "alice"
    for sub in (None, "", "x" * 129, "a\0b", "a\nb"):
        assert await desk.told(desk.token(sub=sub)) == "caller_not_mapped"


async def test_callers_of_one_application_are_one_record():
    desk = Desk()
    one, two = await desk.ask(desk.token(sub="a")), await desk.ask(desk.token(sub="b"))
    assert isinstance(one, Identified)
    assert isinstance(two, Identified)
    assert one.record is two.record is desk.check.named("corp", "app")
    assert desk.check.named("corp", "none") is None
    assert desk.check.named("other", "app") is None


# -- what is remembered ----------------------------------------------------------------------------


async def test_a_token_is_verified_once():
    desk = Desk()
    token = desk.token()
    first = await desk.ask(token)
    assert desk.check(token.encode()) is first
    desk.clock.advance(policy.KEPT_S)
    again = desk.check(token.encode())
    assert isinstance(again, Identified)
    assert again is not first


async def test_it_ends_with_the_token():
    desk = Desk()
    token = desk.token(exp=NOW + 20)
    assert await desk.told(token) == "jwt:corp:app"
    desk.clock.advance(90)
    assert await desk.told(token) == "token_expired"


async def test_it_ends_with_its_key():
    desk = Desk()
    token = desk.token()
    found = await desk.ask(token)
    assert isinstance(found, Identified)
    desk.provider.served.remove(KEYS["EC"])
    desk.clock.advance(20)
    await desk.told(desk.provider.token(make_key("EC", "another")))  # has the keys fetched
    assert not found.live
    assert await desk.told(token) == "token_invalid"


async def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(policy, "TOKENS_KEPT_MAX", 2)
    desk = Desk()
    tokens = [desk.token(sub=name) for name in "abc"]
    first, *_ = [await desk.ask(token) for token in tokens]
    assert await desk.ask(tokens[0]) is not first


# -- mangled ---------------------------------------------------------------------------------------

GOOD = IdentityProvider(keys=[KEYS["EC"]]).token(exp=NOW + 86_400).encode()


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(GOOD) - 1), st.binary(max_size=3), st.integers(0, 3))
def test_a_mangled_token_is_never_taken(at: int, put: bytes, cut: int):
    mangled = GOOD[:at] + put + GOOD[at + cut :]
    desk = Desk()
    outcome = asyncio.run(desk.ask(mangled))
    assert isinstance(outcome, Identified) == (mangled == GOOD)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=6,
)


@settings(max_examples=80, deadline=None)
@given(
    st.dictionaries(st.sampled_from(["iss", "aud", "exp", "nbf", "iat", "sub", "client"]), _JSON)
)
def test_odd_claims_are_refused_and_nothing_worse(odd: dict[str, Any]):
    desk = Desk(claims=JwtClaims(application="client", team="team", customer="sub"))
    outcome = asyncio.run(desk.ask(sign(KEYS["EC"], desk.provider.claims() | odd)))
    assert isinstance(outcome, Refusal)


@pytest.mark.parametrize(
    "text", [b"..", b"a..", b"a.b.c", b"e30.e30.", b"x" * 20_000 + b".e30.e30"]
)
async def test_garbage(text: bytes):
    assert looks_like_jwt(text)
    assert await Desk().told(text) == "token_invalid"
