"""People see what was sent, send it again, and try a webhook."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.storage.test_webhook_outbox import URL, Post

from faregate.core.errors import MissingError


@pytest.fixture
def post(tmp_path: Path) -> Post:
    made = Post(tmp_path / "faregate.db")
    made.webhooks.create("sales", "ops", URL, ("*",), "ann")
    made.webhooks.create("support", "ops", URL, ("*",), "ann")
    return made


def test_pages_of_deliveries(post: Post) -> None:
    post.put(*(post.event(number, "sales") for number in range(1, 6)))
    post.note(post.outbox.due()[0], 200)
    found = post.deliveries.newest("sales", "ops", limit=2)
    assert [one.message_id for one in found] == ["m5", "m4"]
    older = post.deliveries.newest("sales", "ops", before=found[-1].number)
    assert [one.message_id for one in older] == ["m3", "m2", "m1"]
    done = post.deliveries.newest("sales", "ops", state="delivered")
    assert [one.message_id for one in done] == ["m1"]


def test_one_is_sent_again_under_the_same_id(post: Post) -> None:
    post.put(post.event(1, "sales"))
    post.note(post.outbox.due()[0], 200)
    again = post.deliveries.redeliver("sales", "ops", 1, "ann")
    assert (again.state, again.message_id) == ("pending", "m1")
    post.note(post.outbox.due()[0], 200)
    delivery, tried = post.deliveries.show("sales", "ops", 1)
    assert (delivery.state, [one.number for one in tried]) == ("delivered", [1, 2])
    entry = post.audit.find()[0]
    assert (entry.act, entry.team) == ("webhooks.redeliver", "sales")


def test_a_ping_is_sent_once_even_to_a_disabled_webhook(post: Post) -> None:
    post.webhooks.update("sales", "ops", "ann", enabled=False)
    sent = post.deliveries.ping("sales", "ops", "ann")
    (due,) = post.outbox.due()
    assert (due.number, due.type) == (sent.number, "webhook.ping")
    assert not post.note(due, 500)
    assert post.deliveries.show("sales", "ops", sent.number)[0].state == "failed"
    assert post.audit.find()[0].act == "webhooks.ping"


@pytest.mark.parametrize(
    "act",
    [
        lambda post: post.deliveries.show("support", "ops", 1),
        lambda post: post.deliveries.redeliver("support", "ops", 1, "eve"),
        lambda post: post.deliveries.show(None, "ops", 1),
        lambda post: post.deliveries.newest("other", "ops"),
        lambda post: post.deliveries.ping("other", "ops", "eve"),
        lambda post: post.deliveries.show("sales", "ops", 2),
    ],
)
def test_another_teams_deliveries_are_not_there(post: Post, act: Callable[[Post], object]) -> None:
    post.put(post.event(1, "sales"))
    with pytest.raises(MissingError):
        act(post)
