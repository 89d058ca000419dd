"""All is told to the organisation, and to a team what is its own."""

import json

import pytest

from faregate.control.webhook_events import audit_message, ledger_message
from faregate.core.money import NANO
from faregate.identity.actors import Actor
from faregate.identity.audit_chain import AuditEntry
from faregate.ledger.events import LedgerEvent, empty_event, provider_event, threshold_event

ENTRY = AuditEntry(
    sequence=7,
    created_ns=1_700_000_000_000_000_000,
    actor=Actor("user", "ann@example.com", "user_1", "tok_1", "192.0.2.7"),
    act="keys.create",
    object="keys/sales/shop",
    team="sales",
    after='{"models":["a"]}',
    hash=b"\xab" * 32,
)


def account(subject: str) -> str | None:
    return "sales" if subject.startswith("sales/") else None


def test_an_act_is_told_with_its_place_in_the_chain() -> None:
    message = audit_message(ENTRY)
    assert (message.type, message.team) == ("audit.keys.create", "sales")
    assert message.message_id == "audit_7_" + "ab" * 8
    told = json.loads(message.body(for_team=False))["data"]
    assert (told["entry"], told["hash"], told["after"]) == (7, "ab" * 32, {"models": ["a"]})
    assert told["address"] == "192.0.2.7"


def test_a_team_is_not_told_where_an_administrator_logs_in_from() -> None:
    told = json.loads(audit_message(ENTRY).body(for_team=True))["data"]
    assert told["actor"] == "ann@example.com"
    assert not {"address", "token", "actor_id", "before", "after", "hash"} & set(told)


@pytest.mark.parametrize(
    ("event", "kind", "team"),
    [
        (empty_event("wallet:sales/shop", "sales/shop", 5), "wallet.empty", "sales"),
        (empty_event("wallet:shop", "sales/shop", 5), "wallet.empty", None),
        (threshold_event("budget:sales/b:k", "k", 80, 8, 10, 5), "budget.threshold", "sales"),
        (threshold_event("budget:b:sales/k", "sales/k", 80, 8, 10, 5), "budget.threshold", None),
        (provider_event("benched", "sales/openai", "x", 5), "provider.benched", "sales"),
        (provider_event("benched", "openai", "x", 5), "provider.benched", None),
        (LedgerEvent("worker_vanished", 5, "", "sales/w", "x"), "worker.vanished", None),
    ],
)
def test_events_belong_to_who_owns_the_thing(
    event: LedgerEvent, kind: str, team: str | None
) -> None:
    message = ledger_message(3, event, account)
    assert (message.type, message.team, message.created_ns) == (kind, team, 5)


def test_ids_are_of_one_event_and_stay() -> None:
    event = threshold_event("budget:b:k", "k", 80, 8 * NANO, 10 * NANO, 5)
    message = ledger_message(3, event, account)
    assert message.data["amount"] == "8.00"
    assert message.message_id == ledger_message(3, event, account).message_id
    other = threshold_event("budget:b:k", "k", 80, 8 * NANO, 10 * NANO, 6)
    assert message.message_id != ledger_message(3, other, account).message_id
    tokens = LedgerEvent("budget_threshold", 0, "quota:q:a", "a", "x", 50, 500)
    assert ledger_message(1, tokens, account).data["amount"] == 500
