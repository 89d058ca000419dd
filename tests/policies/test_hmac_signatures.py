"""A signed request is taken once, within five minutes, and as it was signed."""

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.gate.signing import SECRET, sign_request

from faregate.configuration.callers import HmacCredential
from faregate.core.clock import ManualClock
from faregate.core.refusals import Refusal
from faregate.policies import hmac_signatures as policy
from faregate.policies.hmac_signatures import Nonces, SignatureCheck, SignedHead, check_body
from faregate.policies.identified import Identified
from faregate.wire.request_reader import RequestHead

BODY = b'{"model": "m"}'
TARGET = "/v1/chat/completions?a=b"


class Call:
    def __init__(self, fields: dict[str, str], target: str = TARGET, body: bytes = BODY) -> None:
        coded = {name.encode(): value.encode() for name, value in fields.items()}
        self.head = RequestHead(b"POST", target.encode(), coded)
        self.head.length = len(body)
        self.body = body


class Desk:
    def __init__(self) -> None:
        self.clock = ManualClock(int(time.time()) * 1_000_000_000)
        credentials = [HmacCredential(name="shop", secret=SECRET, application="app")]
        self.nonces = Nonces(self.clock)
        self.check = SignatureCheck(credentials, self.nonces, self.clock, secure=False)

    def told(self, call: Call, **how: Any) -> str:
        outcome = self.check(call, **how)
        return outcome.record.key_id if isinstance(outcome, Identified) else outcome.code


@pytest.fixture
def desk() -> Desk:
    return Desk()


def signed(**how: Any) -> Call:
    return Call(sign_request("POST", TARGET, BODY, **how))


def test_a_signed_request(desk: Desk):
    call = signed()
    assert desk.told(call) == "hmac:shop:app"
    assert check_body(call) is None
    assert desk.check.named("shop", "app") is not None
    assert desk.check.named("shop", "other") is None
    assert desk.check.named("none", "app") is None


def test_another_body_is_refused(desk: Desk):
    call = signed()
    assert desk.told(call) == "hmac:shop:app"
    call.body = BODY + b" "
    refusal = check_body(call)
    assert refusal is not None
    assert refusal.code == "signature_invalid"


def test_what_is_not_signed_has_no_body_to_compare():
    assert check_body(Call({})) is None


def test_it_is_taken_once(desk: Desk):
    call = signed()
    assert desk.told(call, dry=True) == "hmac:shop:app"
    assert desk.told(call) == "hmac:shop:app"
    assert desk.told(call) == "signature_replayed"
    assert desk.told(signed()) == "hmac:shop:app"


def test_it_is_of_this_moment(desk: Desk):
    now = desk.clock.wall_ns() // 1_000_000_000
    assert desk.told(signed(created=now - policy.WINDOW_S)) == "hmac:shop:app"
    assert desk.told(signed(created=now + policy.WINDOW_S)) == "hmac:shop:app"
    assert desk.told(signed(created=now - policy.WINDOW_S - 1)) == "signature_expired"
    assert desk.told(signed(created=now + policy.WINDOW_S + 1)) == "signature_expired"
    assert desk.told(signed(more=f";expires={now - 1}")) == "signature_expired"
    assert desk.told(signed(more=f";expires={now + 9}")) == "hmac:shop:app"
    assert desk.told(signed(more=';expires="x"')) == "signature_invalid"


def test_a_nonce_is_remembered_for_as_long_as_its_signature_is_good(desk: Desk):
    now = desk.clock.wall_ns() // 1_000_000_000
    call = signed(created=now + policy.WINDOW_S)
    assert desk.told(call) == "hmac:shop:app"
    desk.clock.advance(2 * policy.WINDOW_S - 1)
    assert desk.told(call) == "signature_replayed"
    desk.clock.advance(2)
    assert desk.told(call) == "signature_expired"


def test_memory_is_bounded_and_fails_closed(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(policy, "NONCES_MAX", 2)
    assert [desk.told(signed()) for _ in range(3)] == ["hmac:shop:app"] * 2 + ["gate_overloaded"]
    desk.clock.advance(2 * policy.WINDOW_S)
    now = desk.clock.wall_ns() // 1_000_000_000
    assert desk.told(signed(created=now)) == "hmac:shop:app"


@pytest.mark.parametrize(
    "components",
    [
        ("@path", "@query", "content-digest"),
        ("@method", "@query", "content-digest"),
        ("@method", "@path", "content-digest"),
        ("@method", "@path", "@query"),
        (),
    ],
)
def test_what_must_be_covered(desk: Desk, components: tuple[str, ...]):
    outcome = desk.check(signed(components=components))
    assert isinstance(outcome, Refusal)
    assert outcome.code == "signature_invalid"
    assert "does not cover" in outcome.detail
    assert dict(outcome.headers)["accept-signature"].startswith("sig=(")


@pytest.mark.parametrize("nonce", ["", "short", "x" * 200])
def test_nonces_have_a_length(desk: Desk, nonce: str):
    assert desk.told(signed(nonce=nonce)) == "signature_invalid"


def test_a_wrong_secret_and_an_unknown_name_are_told_alike(desk: Desk):
    wrong, unknown = desk.check(signed(secret="t" * 32)), desk.check(signed(keyid="none"))
    assert isinstance(wrong, Refusal)
    assert isinstance(unknown, Refusal)
    assert (wrong.code, wrong.detail) == (unknown.code, unknown.detail)
    assert wrong.reason != unknown.reason


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("signature", "other=:AA==:"),
        ("signature", "sig=:AA==:"),
        ("signature-input", 'sig=("@method");created=1;keyid="shop"'),
        ("signature-input", 'sig=("@method");nonce="0123456789abcdef";keyid="shop"'),
        ("signature-input", 'sig=("@method");created=1;nonce="0123456789abcdef"'),
        (
            "signature-input",
            'sig=("@method");created=1;nonce="x";keyid="shop";alg="rsa-v1_5-sha256"',
        ),
        ("signature-input", "?"),
        ("content-digest", "sha-256=:AA==:"),
    ],
)
def test_what_is_no_signature(desk: Desk, name: str, value: str):
    call = Call(sign_request("POST", TARGET, BODY) | {name: value})
    assert desk.told(call) == "signature_invalid"


@pytest.mark.parametrize("digest", ["md5=:AA==:", "x", "sha-256=1"])
def test_the_digest_must_be_one_that_is_known(digest: str):
    head = RequestHead(b"POST", b"/", {b"content-digest": digest.encode()})
    assert isinstance(policy._digest(head.fields[b"content-digest"]), Refusal)


def test_a_longer_digest_is_taken():
    found = policy._digest(b"sha-512=:AA==:")
    assert isinstance(found, SignedHead)
    assert found.algorithm == "sha-512"


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(["signature", "signature-input"]), st.integers(0, 200), st.binary(max_size=2)
)
def test_a_mangled_signature_is_never_taken(name: str, at: int, put: bytes):
    fields = sign_request("POST", TARGET, BODY)
    before = fields[name]
    at %= len(before)
    changed = before[:at] + put.decode("latin-1") + before[at + len(put) :]
    call = Call(fields)
    call.head.fields[name.encode()] = changed.encode("latin-1")
    outcome = Desk().check(call)
    assert changed == before or isinstance(outcome, Refusal) or _same(before, changed)


def _same(before: str, changed: str) -> bool:
    """Whether both are one writing: what follows a signature isn't a part of it."""
    return changed.rstrip(" \t") == before or changed.startswith(f"{before};")
