"""Which methods a path takes, and what of a request counts as which."""

from dataclasses import dataclass
from typing import Any

import pytest
from tests.gate.signing import SECRET
from tests.policies.test_keys import Desk as Keys

from faregate.configuration.callers import CallerPolicy, ClientCertificate, HmacCredential
from faregate.core.refusals import Refusal
from faregate.identity.certificates import PeerCertificate
from faregate.identity.keys import KeyRecord, generate_key, hash_key
from faregate.policies.callers import Callers, Checks, RouteCheck, policy_for
from faregate.policies.certificates import CertificateCheck
from faregate.policies.hmac_signatures import Nonces, SignatureCheck
from faregate.policies.oauth2 import AccessTokens
from faregate.wire.request_reader import RequestHead


class Connection:
    def __init__(self, name: str = "") -> None:
        self.identity: object | None = None
        self.certificate = PeerCertificate("ab" * 32, (("cn", name),), (), 2**62) if name else None


@dataclass
class Call:
    head: RequestHead
    connection: Connection
    key: KeyRecord | None = None


def call(certificate: str = "", **fields: str) -> Call:
    named = {k.replace("_", "-").encode(): v.encode() for k, v in fields.items()}
    return Call(RequestHead(b"GET", b"/v1/me", named), Connection(certificate))


class Desk(Keys):
    """All methods but JWTs, over a key check; the key "k" is of the application "app"."""

    def __post_init__(self) -> None:
        super().__post_init__()
        clock = self.clock
        credentials = [HmacCredential(name="shop", secret=SECRET, application="app")]
        certificates = [
            ClientCertificate(name="agent", subject="CN=agent", application="app"),
            ClientCertificate(name="other", subject="CN=other", application="other"),
        ]
        self.tokens = AccessTokens(b"s" * 32, self.check, clock)
        checks = Checks(
            None,
            self.tokens,
            SignatureCheck(credentials, Nonces(clock), clock, secure=False),
            CertificateCheck(certificates, clock),
        )
        self.callers = Callers(checks, self.check, clock)
        self.check.others = self.callers
        self.key = self.store.add_key("k", application="app")

    def bearer(self, certificate: str = "") -> Call:
        return call(certificate, authorization=f"Bearer {self.key}")

    def token(self, certificate: str = "") -> Call:
        record = self.store.find_key(hash_key(self.key))
        assert record is not None
        return call(certificate, authorization=f"Bearer {self.tokens.issue(record, 60)[0]}")

    async def told(self, step: Any, asked: Call) -> str:
        """The caller's name, or the refusal's code."""
        outcome = step(asked)
        if outcome is not None and not isinstance(outcome, Refusal):
            outcome = await outcome
        if outcome is not None:
            assert asked.key is None
            return str(outcome.code)
        assert asked.key is not None
        return asked.key.name

    def route(self, **policy: Any) -> RouteCheck:
        written = CallerPolicy(name="p", **policy)
        return RouteCheck(written, self.callers, self.check, self.clock)


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def test_without_a_policy_all_are_taken(desk: Desk):
    assert desk.callers.methods == ("key", "oauth2", "hmac", "mtls")
    assert await desk.told(desk.check, desk.bearer()) == "k"
    assert await desk.told(desk.check, desk.token()) == "k"
    assert await desk.told(desk.check, call("agent")) == "mtls:agent:app"
    assert await desk.told(desk.check, call()) == "key_missing"
    assert await desk.told(desk.check, call("nobody")) == "certificate_unknown"
    assert await desk.told(desk.check, call(signature_input="x")) == "signature_invalid"
    assert await desk.told(desk.check, call(authorization="Bearer a.b.c")) == "key_unknown"
    assert await desk.told(desk.check, call("agent", authorization="Bearer x")) == "key_unknown"
    assert (
        await desk.told(desk.check, call("agent", authorization="Basic eDp5")) == "mtls:agent:app"
    )


async def test_a_key_counts_before_a_certificate(desk: Desk):
    assert await desk.told(desk.check, desk.bearer("other")) == "k"


async def test_a_token_is_kept_with_its_head(desk: Desk):
    asked = desk.token()
    assert await desk.told(desk.check, asked) == "k"
    again = Call(asked.head, asked.connection)
    assert desk.check(again) is None
    assert again.key is asked.key
    desk.store.revoke_key(desk.key)
    desk.check.forget([hash_key(desk.key)])
    assert await desk.told(desk.check, Call(asked.head, asked.connection)) == "key_revoked"


async def test_any_of(desk: Desk):
    step = desk.route(any_of=("oauth2", "mtls"))
    assert await desk.told(step, desk.token()) == "k"
    assert await desk.told(step, call("agent")) == "mtls:agent:app"
    assert await desk.told(step, desk.bearer("agent")) == "mtls:agent:app"
    assert await desk.told(step, call()) == "credentials_missing"
    assert await desk.told(step, call(authorization=f"Bearer {generate_key()}")) == "key_unknown"
    assert await desk.told(step, desk.bearer()) == "authentication_method_not_allowed"


async def test_the_codes_of_what_is_missing(desk: Desk):
    assert await desk.told(desk.route(any_of=("key",)), call()) == "key_missing"
    assert await desk.told(desk.route(any_of=("mtls",)), call()) == "certificate_missing"
    both = desk.route(all_of=("key", "mtls"))
    assert await desk.told(both, call()) == "key_missing"
    assert await desk.told(both, desk.bearer()) == "certificate_missing"
    assert await desk.told(both, call("agent")) == "key_missing"
    assert await desk.told(desk.route(all_of=("hmac", "mtls")), call("agent")) == (
        "credentials_missing"
    )


async def test_all_of_are_of_one_application(desk: Desk):
    step = desk.route(all_of=("key", "mtls"))
    asked = desk.bearer("agent")
    assert await desk.told(step, asked) == "k"
    again = Call(asked.head, asked.connection)
    assert step(again) is None  # kept with the head
    assert again.key is asked.key
    assert await desk.told(step, desk.bearer("other")) == "credentials_disagree"
    assert await desk.told(step, desk.bearer("nobody")) == "certificate_unknown"
    wrong = call("agent", authorization=f"Bearer {generate_key()}")
    assert await desk.told(step, wrong) == "key_unknown"
    desk.store.revoke_key(desk.key)
    desk.check.forget([hash_key(desk.key)])
    assert await desk.told(step, Call(asked.head, asked.connection)) == "key_revoked"


async def test_all_of_and_any_of(desk: Desk):
    step = desk.route(all_of=("mtls",), any_of=("key", "oauth2"))
    assert await desk.told(step, desk.token("agent")) == "mtls:agent:app"
    assert await desk.told(step, call("agent")) == "credentials_missing"


async def test_another_policy_looks_again(desk: Desk):
    asked = desk.bearer()
    assert await desk.told(desk.route(any_of=("key",)), asked) == "k"
    again = Call(asked.head, asked.connection)
    assert await desk.told(desk.route(any_of=("mtls",)), again) == (
        "authentication_method_not_allowed"
    )


async def test_an_expired_key_is_seen_each_time(desk: Desk):
    key = desk.store.add_key("e", expires_ns=desk.clock.wall_ns() + 10**9)
    step = desk.route(any_of=("key",))
    asked = call(authorization=f"Bearer {key}")
    assert await desk.told(step, asked) == "e"
    desk.clock.advance(1)
    assert await desk.told(step, Call(asked.head, asked.connection)) == "key_expired"


async def test_nobody_unidentified_learns_that_its_way_is_not_taken(desk: Desk):
    step = desk.route(any_of=("mtls",))
    assert await desk.told(step, call(authorization="Bearer fga_x")) == "token_invalid"
    outcome = step(desk.bearer())
    assert outcome is not None
    assert not isinstance(outcome, Refusal)
    refusal = await outcome
    assert refusal is not None
    assert "takes one of mtls" in refusal.detail


@pytest.mark.parametrize(
    ("route", "name"),
    [
        ("/v1/embeddings", "exact"),
        ("/v1/files", "files"),
        ("/v1/files/{id}", "files"),
        ("/v1/chat/completions", "rest"),
    ],
)
def test_the_first_policy_that_names_a_path(route: str, name: str):
    policies = (
        CallerPolicy(name="exact", paths=("/v1/embeddings",), any_of=("key",)),
        CallerPolicy(name="files", paths=("/v1/files*",), any_of=("key",)),
        CallerPolicy(name="rest", any_of=("key",)),
    )
    found = policy_for(policies, route)
    assert found is not None
    assert found.name == name
    assert policy_for(policies[:2], "/v1/chat/completions") is None


def test_routes_without_a_policy_have_the_key_check(desk: Desk):
    assert desk.callers.step_for((), "/v1/me") is desk.check
