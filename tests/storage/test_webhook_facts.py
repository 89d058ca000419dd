"""Facts have what people ask for, and no secret."""

from faregate.storage.webhook_deliveries import Attempt, Delivery
from faregate.storage.webhook_facts import shown_attempt, shown_delivery, shown_webhook
from faregate.storage.webhooks import Webhook

AT_NS = 1_700_000_000_123_000_000
AT = "2023-11-14T22:13:20.123Z"


def test_a_webhook() -> None:
    told = shown_webhook(
        Webhook(
            webhook_id="wh_1",
            team="sales",
            name="ops",
            url="https://h/",
            events=("*",),
            enabled=False,
            disabled_because="410",
            created_ns=AT_NS,
            failing_since_ns=AT_NS,
            old_secret_until_ns=None,
            version=3,
        )
    )
    assert (told["created_at"], told["failing_since"], told["old_secret_until"]) == (AT, AT, None)
    assert (told["team"], told["events"], told["disabled_because"]) == ("sales", ["*"], "410")
    assert "secret" not in told


def test_a_delivery_and_a_try() -> None:
    told = shown_delivery(
        Delivery(
            number=1,
            message_id="m",
            type="a.b",
            body="{}",
            created_ns=AT_NS,
            state="pending",
            attempts=2,
            next_ns=None,
        )
    )
    assert (told["created_at"], told["next_attempt_at"], told["attempts"]) == (AT, None, 2)
    tried = shown_attempt(Attempt(1, AT_NS, 1_500, 500, None, "oops"))
    assert (tried["at"], tried["duration_ms"], tried["status"]) == (AT, 1.5, 500)
