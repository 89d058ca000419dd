"""A receiver can tell that an event is ours."""

import base64
import json

import pytest
from standardwebhooks.webhooks import Webhook as Receiver

from faregate.identity.webhooks import (
    EVENT_TYPES,
    RETRY_DELAYS_S,
    WebhookMessage,
    is_pattern,
    ledger_type,
    make_secret,
    matches,
    may_match_audit,
    retry_delay_s,
    signature,
)


def test_the_standards_own_receiver_takes_our_signature() -> None:
    import time

    new, old, now_s = make_secret(), make_secret(), int(time.time())
    body = '{"type":"wallet.empty","data":{"name":"käse"}}'
    fields = {
        "webhook-id": "audit_1_ab",
        "webhook-timestamp": str(now_s),
        "webhook-signature": signature((new, old), "audit_1_ab", now_s, body.encode()),
    }
    for secret in (new, old):
        assert Receiver(secret).verify(body, fields)["type"] == "wallet.empty"
    with pytest.raises(Exception, match="No matching signature"):
        Receiver(make_secret()).verify(body, fields)


def test_secrets_are_of_the_standards_form() -> None:
    secret = make_secret()
    assert secret.startswith("whsec_")
    assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32
    assert make_secret() != secret


@pytest.mark.parametrize(
    ("pattern", "meant", "not_meant"),
    [
        ("*", "wallet.empty", None),
        ("wallet.*", "wallet.empty", "wallets.empty"),
        ("wallet.empty", "wallet.empty", "wallet.emptyish"),
        ("audit.keys.*", "audit.keys.create", "audit.login.fail"),
    ],
)
def test_patterns(pattern: str, meant: str, not_meant: str | None) -> None:
    assert is_pattern(pattern)
    assert matches(["x.y", pattern], meant)
    assert not_meant is None or not matches([pattern], not_meant)


@pytest.mark.parametrize("text", ["", "a*", "*.a", "A.b", "a..b", "a.", "a b", "a" * 101])
def test_what_is_no_pattern(text: str) -> None:
    assert not is_pattern(text)


def test_every_type_that_is_told_of_can_be_asked_for() -> None:
    assert all(is_pattern(one) for one in EVENT_TYPES)


def test_types_of_the_ledgers_events() -> None:
    assert ledger_type("wallet_empty", "nothing is left") == "wallet.empty"
    assert ledger_type("provider_event", "balance_low: 3 are left") == "provider.balance_low"
    assert ledger_type("provider_event", "Something else") == "provider.other"
    assert ledger_type("new_kind", "") == "new.kind"


@pytest.mark.parametrize(
    ("patterns", "may"), [(["*"], True), (["audit.keys.create"], True), (["wallet.*"], False)]
)
def test_who_may_read_the_audit_log_is_asked_by_pattern(patterns: list[str], may: bool) -> None:
    assert may_match_audit(patterns) is may


def test_a_teams_webhook_is_told_less() -> None:
    message = WebhookMessage("m", "a.b", 1_700_000_000_000_000_000, {"x": 1, "y": 2}, "t", {"x": 1})
    assert json.loads(message.body(for_team=False)) == {
        "type": "a.b",
        "timestamp": "2023-11-14T22:13:20.000Z",
        "data": {"x": 1, "y": 2},
    }
    assert json.loads(message.body(for_team=True))["data"] == {"x": 1}
    alike = WebhookMessage("m", "a.b", 0, {"x": 1}, "t")
    assert alike.body(for_team=True) == alike.body(for_team=False)


def test_eight_tries_in_a_day() -> None:
    assert len(RETRY_DELAYS_S) == 7
    assert 22 * 3_600 < sum(RETRY_DELAYS_S) < 26 * 3_600
    assert retry_delay_s(1, 0.5) == pytest.approx(5)
    assert retry_delay_s(2, 0.0) == pytest.approx(48)
    assert retry_delay_s(2, 1.0) == pytest.approx(72)
    assert retry_delay_s(50, 0.5) == pytest.approx(54_000)
    assert retry_delay_s(1, 0.5, retry_after_s=90) == 90
    assert retry_delay_s(1, 0.5, retry_after_s=10**9) == 86_400
