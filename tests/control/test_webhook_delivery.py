"""What happens is delivered at least once, whoever is killed."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from standardwebhooks.webhooks import Webhook as Standard
from tests.control.managed import Api
from tests.control.receiver import Receiver, receiver
from tests.storage.charged_ledgers import ChargedLedger

from faregate.configuration.document import Document, Provider
from faregate.configuration.settings import Settings, WebhookSettings
from faregate.control.management import Management
from faregate.control.webhook_delivery import WebhookDelivery
from faregate.core.clock import ManualClock, SystemClock
from faregate.core.money import NANO
from faregate.storage.ledger_database import open_ledger
from faregate.storage.webhook_deliveries import Deliveries
from faregate.storage.webhook_outbox import WebhookOutbox
from faregate.storage.webhooks import Webhooks

OWN_NETWORK = Document(settings=Settings(webhooks=WebhookSettings(private_addresses=True)))


@pytest.fixture
def told() -> Iterator[Receiver]:
    with receiver() as listening:
        yield listening


@pytest.fixture
def webhooks(api: Api) -> Webhooks:
    api.apply(OWN_NETWORK)
    return Webhooks(api.management.installation.database, api.management.box)


@contextmanager
def delivering(management: Management) -> Iterator[WebhookDelivery]:
    """The task runs in a thread, as long as the block does."""
    delivery = WebhookDelivery(management, poll_s=0.02, chance=lambda: 0.5)
    delivery.gather()  # what happened before is nobody's
    began = threading.Event()
    loop = asyncio.new_event_loop()
    stopping = asyncio.Event()

    async def run() -> None:
        began.set()
        await delivery(stopping)

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()))
    thread.start()
    assert began.wait(5)
    try:
        yield delivery
    finally:
        loop.call_soon_threadsafe(stopping.set)
        thread.join(10)
        loop.close()
    assert not thread.is_alive()


def make(webhooks: Webhooks, told: Receiver, *events: str, team: str | None = None) -> str:
    made = webhooks.create(team, "ops", told.url, events or ("*",), "ann", private_addresses=True)
    return made[1]


def test_acts_are_delivered_signed_and_in_order(
    management: Management, webhooks: Webhooks, told: Receiver
) -> None:
    with delivering(management):
        secret = make(webhooks, told, "audit.keys.*")
        for number in range(5):
            management.audit.record("ann", "keys.create", f"keys/{number}")
        received = told.wait(5)
    objects = []
    for fields, body in received:
        event = Standard(secret).verify(body.decode(), fields)
        assert event["type"] == "audit.keys.create"
        assert fields["content-type"] == "application/json"
        objects.append(event["data"]["object"])
    assert objects == [f"keys/{number}" for number in range(5)]


def test_events_of_the_ledger_are_delivered(
    management: Management, webhooks: Webhooks, told: Receiver
) -> None:
    clock = ManualClock(SystemClock().wall_ns() + 60 * 10**9)
    make(webhooks, told, "wallet.*", "credit.shortfall")
    ledger = ChargedLedger(open_ledger(management.home, None, clock), clock)
    with delivering(management):
        ledger.books.grant("shop", NANO, "paid", "ada")
        ledger.call(2 * NANO)
        received = told.wait(2)
    ledger.close()
    events = [json.loads(body) for _, body in received]
    assert {one["type"] for one in events} == {"wallet.empty", "credit.shortfall"}
    short = next(one for one in events if one["type"] == "credit.shortfall")
    assert (short["data"]["amount"], short["data"]["purse"]) == ("1.00", "wallet:shop")


def test_a_ledger_that_was_put_back_goes_on_from_its_end(
    management: Management, webhooks: Webhooks
) -> None:
    clock = ManualClock(SystemClock().wall_ns() + 60 * 10**9)
    webhooks.create(None, "ops", "https://example.com/", ("*",), "ann")
    outbox = WebhookOutbox(management.installation.database, management.box)
    delivery = WebhookDelivery(management)
    delivery.gather()
    assert outbox.cursor("ledger") == 0
    outbox.put("ledger", 0, 1_000, ())
    delivery.gather()
    assert outbox.cursor("ledger") == 0
    ledger = ChargedLedger(open_ledger(management.home, None, clock), clock)
    ledger.books.grant("shop", NANO, "paid", "ada")
    ledger.call(2 * NANO)
    ledger.close()
    assert delivery.gather() == 2
    assert delivery.gather() == 0


def test_a_team_is_told_of_its_own(
    management: Management, webhooks: Webhooks, told: Receiver
) -> None:
    make(webhooks, told, "audit.keys.*", team="sales")
    with delivering(management):
        management.audit.record("ann", "keys.create", "keys/support/a", team="support")
        management.audit.record("ann", "keys.create", "keys/b")
        management.audit.record("ann", "keys.create", "keys/sales/c", team="sales")
        management.audit.record("ann", "keys.create", "keys/sales/d", team="sales")
        received = told.wait(2)
    assert [json.loads(body)["data"]["object"] for _, body in received] == [
        "keys/sales/c",
        "keys/sales/d",
    ]


def test_a_failure_is_noted_and_tried_again(
    management: Management, webhooks: Webhooks, told: Receiver
) -> None:
    make(webhooks, told, "audit.keys.*")
    told.answers += [(500, {}, b"broken")]
    deliveries = Deliveries(management.installation.database)
    with delivering(management):
        management.audit.record("ann", "keys.create", "keys/a")
        told.wait(1)
        management.audit.record("ann", "keys.create", "keys/b")
        told.wait(2)  # not held up by the first
        first = deliveries.newest(None, "ops")[-1]
        deliveries.redeliver(None, "ops", first.number, "ann")
        told.wait(3)
    ids = told.ids()
    assert ids[0] == ids[2] != ids[1]
    _, tried = deliveries.show(None, "ops", first.number)
    assert (tried[0].status, tried[0].reply) == (500, "broken")


def test_without_leave_nothing_goes_to_the_own_network(
    api: Api, management: Management, webhooks: Webhooks, told: Receiver
) -> None:
    make(webhooks, told)
    api.apply(Document())
    deliveries = Deliveries(management.installation.database)
    with delivering(management):
        sent = deliveries.ping(None, "ops", "ann")
        for _ in range(500):
            if deliveries.show(None, "ops", sent.number)[0].state == "failed":
                break
            threading.Event().wait(0.01)
    delivery, tried = deliveries.show(None, "ops", sent.number)
    assert delivery.state == "failed"
    assert "the address is refused" in (tried[0].error or "")
    assert told.received == []


def test_accounts_of_teams_are_told_apart(api: Api, management: Management) -> None:
    own = Provider(name="sales", base_url="http://h/v1", api_key="${env:PATH}")
    api.apply(Document(providers=(own,)))
    delivery = WebhookDelivery(management)
    delivery.gather()
    of = delivery._team_of_account
    assert (of("openai"), of("support/openai"), of("support/openai/k")) == (
        None,
        "support",
        "support",
    )
    assert of("sales/second") is None  # a key of the organisation's account "sales"
    assert of("sales/openai/k") == "sales"


PROGRAM = """
import asyncio, sys, pathlib
from faregate.control.management import open_management
from faregate.control.webhook_delivery import WebhookDelivery
from faregate.storage.home import Home
async def run(management):
    await WebhookDelivery(management, poll_s=0.02)(asyncio.Event())
with open_management(Home(pathlib.Path(sys.argv[1]))) as management:
    asyncio.run(run(management))
"""


def test_nothing_is_lost_when_the_process_is_killed(
    management: Management, webhooks: Webhooks, told: Receiver
) -> None:
    WebhookDelivery(management).gather()
    make(webhooks, told, "audit.keys.*")
    count = 60
    for number in range(count // 2):
        management.audit.record("ann", "keys.create", f"keys/{number}")
    for after in (5, 20, 45):
        child = subprocess.Popen([sys.executable, "-c", PROGRAM, str(management.home.root)])
        told.wait(after, timeout_s=30)
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        if after == 5:
            for number in range(count // 2, count):
                management.audit.record("ann", "keys.create", f"keys/{number}")
    with delivering(management):
        for _ in range(1_000):
            if len(set(told.ids())) == count:
                break
            threading.Event().wait(0.02)
    ids = told.ids()
    assert len(set(ids)) == count
    assert len(ids) <= count + 3  # each death may repeat what was under way
    first = list(dict.fromkeys(ids))
    assert first == sorted(first, key=lambda one: int(one.split("_")[1]))
    outbox = WebhookOutbox(management.installation.database, management.box)
    assert outbox.next_ns() is None
