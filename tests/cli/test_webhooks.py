"""Webhooks are made, tried and removed from the terminal."""

import asyncio
import threading
from collections.abc import Iterator

import pytest
from tests.cli.console import Console
from tests.control.receiver import Receiver, receiver

from faregate.control.management import open_management
from faregate.control.webhook_delivery import WebhookDelivery

YAML = "settings:\n  webhooks:\n    private_addresses: true\nteams:\n  - name: sales\n"
URL = "https://example.com/hook"


@pytest.fixture
def told() -> Iterator[Receiver]:
    with receiver() as listening:
        yield listening


@pytest.fixture
def sending(console: Console) -> Iterator[None]:
    """The delivery task, as the running service has it."""
    loop = asyncio.new_event_loop()
    stopping = asyncio.Event()
    with open_management(console.home) as management:
        delivery = WebhookDelivery(management, poll_s=0.02)
        thread = threading.Thread(target=lambda: loop.run_until_complete(delivery(stopping)))
        thread.start()
        yield
        loop.call_soon_threadsafe(stopping.set)
        thread.join(10)
        loop.close()


def test_made_changed_and_removed(console: Console) -> None:
    made = console.good("webhooks", "create", "pager", URL, "--event", "wallet.*")
    assert made.out.startswith("whsec_")
    assert "shown only now" in made.err
    told = console.good("webhooks", "list", "--json").json
    assert [(one["name"], one["events"], one["team"]) for one in told] == [
        ("pager", ["wallet.*"], None)
    ]
    assert "enabled" in console.good("webhooks", "list").out
    assert "secret" not in console.good("webhooks", "show", "pager", "--json").json
    assert URL in console.good("webhooks", "show", "pager").out
    changed = console.good(
        "webhooks", "update", "pager", "--event", "*", "--disable", "--json"
    ).json
    assert (changed["events"], changed["enabled"]) == (["*"], False)
    assert "disabled" in console.good("webhooks", "list").out
    rotated = console.good("webhooks", "rotate", "pager", "--overlap-hours", "1")
    assert rotated.out.startswith("whsec_")
    assert rotated.out != made.out
    assert "The one before signs too until" in rotated.err
    assert console.good("webhooks", "rotate", "pager", "--json").json["secret"]
    assert "Removed" in console.good("webhooks", "remove", "pager").out
    assert "no webhooks" in console.good("webhooks", "list").out
    assert console.run("webhooks", "show", "pager").status == 1


def test_of_a_team(console: Console) -> None:
    console.good("config", "apply", console.file(YAML))
    console.good("webhooks", "create", "pager", URL, "--team", "sales")
    assert console.run("webhooks", "show", "pager").status == 1
    assert console.good("webhooks", "show", "pager", "--team", "sales", "--json").json["team"]
    assert console.good("webhooks", "list", "--team", "sales", "--json").json
    wrong = console.run("webhooks", "create", "pager", URL, "--team", "sails")
    assert "did you mean 'sales'" in wrong.err
    removed = console.good("webhooks", "remove", "pager", "--team", "sales", "--json").json
    assert removed == {"name": "pager", "team": "sales", "removed": True}


def test_wrong_use_is_told(console: Console) -> None:
    assert "url: http is only" in console.run("webhooks", "create", "p", "http://h/").err
    console.good("webhooks", "create", "p", URL)
    assert "nothing is to be changed" in console.run("webhooks", "update", "p").err
    assert console.run("webhooks", "delivery", "p", "1").status == 1
    assert "There are no deliveries." in console.good("webhooks", "deliveries", "p").out
    assert "wallet.empty" in console.good("webhooks", "events").out
    assert console.good("webhooks", "events", "--json").json[0]["description"]


def test_a_ping_tells_how_it_went(console: Console, told: Receiver, sending: None) -> None:
    console.good("config", "apply", console.file(YAML))
    console.good("webhooks", "create", "pager", told.url, "--event", "audit.never")
    assert "It arrived: 204" in console.good("webhooks", "ping", "pager").out
    told.answers.append((500, {}, b"broken"))
    failed = console.run("webhooks", "ping", "pager")
    assert (failed.status, "It did not arrive: 500" in failed.out) == (1, True)
    rows = console.good("webhooks", "deliveries", "pager", "--state", "failed", "--json").json
    number = str(rows[0]["number"])
    assert "500 broken" in console.good("webhooks", "delivery", "pager", number).out
    assert console.good("webhooks", "delivery", "pager", number, "--json").json["payload"]
    assert "failed" in console.good("webhooks", "deliveries", "pager").out
    assert "on its way again" in console.good("webhooks", "redeliver", "pager", number).out
    told.wait(3)


def test_a_ping_while_nothing_runs_is_said_to_wait(console: Console) -> None:
    console.good("webhooks", "create", "pager", URL)
    sent = console.good("webhooks", "ping", "pager", "--no-wait")
    assert "while 'faregate serve' runs" in sent.out
    assert console.good("webhooks", "ping", "pager", "--no-wait", "--json").json["number"] == 2
