"""Every event gets to each webhook that asked, and is tried again."""

from pathlib import Path

import msgspec
import pytest

from faregate.configuration.settings import WebhookSettings
from faregate.core import bounds
from faregate.core.clock import ManualClock
from faregate.identity.webhooks import RETRY_DELAYS_S, WebhookMessage
from faregate.storage import webhook_outbox
from faregate.storage.audit_log import AuditLog
from faregate.storage.database import Database
from faregate.storage.secrets import SecretBox
from faregate.storage.webhook_deliveries import Deliveries
from faregate.storage.webhook_outbox import Due, Tried, WebhookOutbox
from faregate.storage.webhooks import Webhooks

BOX = SecretBox(b"k" * 32)
URL = "https://example.com/hook"
SETTINGS = WebhookSettings()
NS = 10**9


class Post:
    """An outbox with all around it."""

    def __init__(self, path: Path) -> None:
        self.clock = ManualClock()
        database = Database(path)
        database.upgrade()
        self.webhooks = Webhooks(database, BOX, self.clock)
        self.deliveries = Deliveries(database, self.clock)
        self.outbox = WebhookOutbox(database, BOX, self.clock)
        self.audit = AuditLog(database, self.clock)
        self.at = 0
        self.outbox.put("ledger", None, 0, ())

    def put(self, *messages: WebhookMessage) -> int:
        """Put events on their way."""
        self.at += len(messages)
        return self.outbox.put("ledger", self.at - len(messages), self.at, messages)

    def event(
        self, number: int, team: str | None = None, kind: str = "wallet.empty"
    ) -> WebhookMessage:
        """An event that happens now."""
        return WebhookMessage(f"m{number}", kind, self.clock.wall_ns(), {"n": number}, team)

    def note(self, due: Due, status: int | None, retry_after_s: float | None = None) -> bool:
        """A try ends with this status."""
        error = None if status is not None else "refused"
        tried = Tried(self.clock.wall_ns(), 5, status, error, "reply", retry_after_s)
        return self.outbox.note(due, tried, SETTINGS, 0.5)

    def state(self, name: str = "ops", team: str | None = None) -> list[tuple[str, int]]:
        """States and tries of its deliveries, the oldest first."""
        found = self.deliveries.newest(team, name)[::-1]
        return [(one.state, one.attempts) for one in found]


@pytest.fixture
def post(tmp_path: Path) -> Post:
    return Post(tmp_path / "faregate.db")


def test_events_go_to_those_who_asked(post: Post) -> None:
    post.webhooks.create(None, "all", URL, ("*",), "ann")
    post.webhooks.create(None, "keys", URL, ("audit.keys.*",), "ann")
    post.webhooks.create("sales", "ops", URL, ("*",), "ann")
    post.webhooks.create("support", "ops", URL, ("*",), "ann")
    post.webhooks.create("support", "off", URL, ("*",), "ann", enabled=False)
    own = msgspec.structs.replace(post.event(1, "sales"), team_data={"n": "less"})
    assert post.put(own, post.event(2), post.event(3, kind="audit.keys.create")) == 5
    told = {
        (one.team, one.name): [row.body for row in post.deliveries.newest(one.team, one.name)]
        for one in post.webhooks.list()
    }
    assert [len(bodies) for bodies in told.values()] == [3, 1, 1, 0, 0]
    assert '"less"' in told["sales", "ops"][0]
    assert '"less"' not in told[None, "all"][2]


def test_events_are_taken_once(post: Post) -> None:
    post.webhooks.create(None, "ops", URL, ("*",), "ann")
    messages = [post.event(1), post.event(2)]
    assert post.outbox.put("ledger", 0, 2, messages) == 2
    assert post.outbox.put("ledger", 0, 2, messages) == 0
    assert post.outbox.cursor("ledger") == 2
    assert post.outbox.put("ledger", 2, 3, messages) == 2  # the same ids: kept once
    assert len(post.state()) == 2


def test_what_was_before_a_webhook_is_not_its_own(post: Post) -> None:
    before = post.event(1)
    post.clock.advance(1)
    post.webhooks.create(None, "ops", URL, ("*",), "ann")
    assert post.put(before, post.event(2)) == 1


def test_first_tries_go_in_order_one_at_a_time(post: Post) -> None:
    post.webhooks.create(None, "ops", URL, ("*",), "ann")
    post.webhooks.create("sales", "ops", URL, ("*",), "ann")
    post.put(post.event(1, "sales"), post.event(2, "sales"))
    due = post.outbox.due()
    assert [one.message_id for one in due] == ["m1", "m1"]
    assert post.outbox.due([one.webhook_id for one in due]) == []
    assert len(post.outbox.due([due[0].webhook_id])) == 1
    assert len(post.outbox.due(limit=1)) == 1
    post.note(due[0], 200)
    assert sorted(one.message_id for one in post.outbox.due()) == ["m1", "m2"]


def test_a_failure_is_tried_again_for_a_day_and_holds_up_none(post: Post) -> None:
    post.webhooks.create(None, "ops", URL, ("*",), "ann")
    post.put(post.event(1), post.event(2))
    post.note(post.outbox.due()[0], 500)
    assert post.outbox.due()[0].message_id == "m2"
    post.note(post.outbox.due()[0], 204)
    assert post.outbox.due() == []
    for tries, delay_s in enumerate(RETRY_DELAYS_S, 1):
        assert post.state()[0] == ("pending", tries)
        post.clock.advance(delay_s - 1)
        assert post.outbox.due() == []
        post.clock.advance(1)
        assert post.outbox.next_ns() == post.clock.wall_ns()
        post.note(post.outbox.due()[0], None)
    assert post.state() == [("failed", 8), ("delivered", 1)]
    _, tried = post.deliveries.show(None, "ops", 1)
    assert [one.number for one in tried] == list(range(1, 9))
    assert (tried[0].status, tried[0].error, tried[0].reply) == (500, None, "reply")
    assert (tried[1].status, tried[1].error) == (None, "refused")
    found = post.webhooks.find(None, "ops")
    assert found.failing_since_ns is not None


def test_a_receiver_says_when_to_come_back(post: Post) -> None:
    post.webhooks.create(None, "ops", URL, ("*",), "ann")
    post.put(post.event(1))
    post.note(post.outbox.due()[0], 429, retry_after_s=120)
    post.clock.advance(119)
    assert post.outbox.due() == []
    post.clock.advance(1)
    post.note(post.outbox.due()[0], 200)
    assert post.webhooks.find(None, "ops").failing_since_ns is None


def test_days_of_failures_disable_a_webhook(post: Post) -> None:
    post.webhooks.create("sales", "ops", URL, ("*",), "ann")
    for number in range(1, 4):
        post.put(post.event(number, "sales"))
    assert not post.note(post.outbox.due()[0], 500)
    post.clock.advance(5 * 86_400)
    assert post.note(post.outbox.due()[0], 500)
    found = post.webhooks.find("sales", "ops")
    assert (found.enabled, found.disabled_because) == (False, "nothing arrived for 5.0 days")
    entry = post.audit.find()[0]
    assert (entry.act, entry.team, entry.actor.kind) == ("webhooks.disable", "sales", "system")
    assert post.outbox.due() == []
    assert post.put(post.event(9, "sales")) == 0
    # What was on its way is sent when it is enabled again.
    assert post.webhooks.update("sales", "ops", "ann", enabled=True).disabled_because is None
    assert post.outbox.due()[0].attempts == 0
    assert [state for state, _ in post.state(team="sales")] == ["pending"] * 3


def test_a_receiver_that_is_gone_is_asked_no_more(post: Post) -> None:
    post.webhooks.create(None, "ops", URL, ("*",), "ann")
    post.put(post.event(1))
    assert post.note(post.outbox.due()[0], 410)
    assert "410" in (post.webhooks.find(None, "ops").disabled_because or "")
    assert post.outbox.next_ns() is None


def test_a_queue_has_an_end(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_outbox, "WEBHOOK_PENDING_MAX", 2)
    assert bounds.WEBHOOK_PENDING_MAX > 2
    post.webhooks.create(None, "ops", URL, ("*",), "ann")
    post.put(*map(post.event, range(1, 4)))
    assert [state for state, _ in post.state()] == ["pending", "pending", "dropped"]
    post.deliveries.redeliver(None, "ops", 3, "ann")
    assert post.state()[2] == ("pending", 0)


def test_both_secrets_sign_for_a_while(post: Post) -> None:
    _, first = post.webhooks.create(None, "ops", URL, ("*",), "ann")
    _, second = post.webhooks.rotate(None, "ops", "ann", overlap_s=60)
    post.put(post.event(1))
    assert post.outbox.due()[0].secrets == (second, first)
    assert first not in repr(post.outbox.due()[0])
    post.clock.advance(60)
    assert post.outbox.due()[0].secrets == (second,)


def test_old_deliveries_are_forgotten(post: Post) -> None:
    post.webhooks.create(None, "ops", URL, ("*",), "ann")
    post.put(post.event(1))
    post.note(post.outbox.due()[0], 200)
    post.clock.advance(30 * 86_400 + 1)
    post.put(post.event(2))
    assert post.outbox.prune(30) == 1
    assert [one.message_id for one in post.deliveries.newest(None, "ops")] == ["m2"]


def test_what_is_removed_meanwhile_is_noted_nowhere(post: Post) -> None:
    post.webhooks.create(None, "ops", URL, ("*",), "ann")
    post.put(post.event(1))
    due = post.outbox.due()[0]
    post.webhooks.delete(None, "ops", "ann")
    assert not post.note(due, 200)
    assert post.outbox.next_ns() is None


def test_what_can_not_be_signed_any_more_is_not_sent(post: Post, tmp_path: Path) -> None:
    post.webhooks.create(None, "ops", URL, ("*",), "ann")
    post.webhooks.create("sales", "ops", URL, ("*",), "ann")
    post.put(post.event(1, "sales"))
    other = SecretBox(b"x" * 32)
    database = Database(tmp_path / "faregate.db")
    Webhooks(database, other, post.clock).rotate("sales", "ops", "ann")
    outbox = WebhookOutbox(database, other, post.clock)
    (due,) = outbox.due()
    assert len(due.secrets) == 1  # the one before was sealed with the lost key
    found = post.webhooks.find(None, "ops")
    assert "another master key" not in str(found)
    assert "rotate it" in (found.disabled_because or "")
    assert post.audit.find()[0].act == "webhooks.disable"
    _, secret = Webhooks(database, other, post.clock).rotate(None, "ops", "ann")
    post.webhooks.update(None, "ops", "ann", enabled=True)
    assert {one.secrets[0] for one in outbox.due()} >= {secret}
