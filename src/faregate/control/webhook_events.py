"""Events of the ledger and of the audit log, as webhooks are told them."""

import hashlib
from collections.abc import Callable
from typing import Any

import msgspec

from faregate.core.money import format_amount
from faregate.identity.audit_chain import AuditEntry
from faregate.identity.webhooks import AUDIT_PREFIX, WebhookMessage, ledger_type
from faregate.ledger.events import LedgerEvent
from faregate.ledger.purses import holds_money
from faregate.storage.audit_export import entry_facts

TeamOfAccount = Callable[[str], str | None]
"""The team of a provider account, by its name or its name/key; None is the organisation's."""

# Where an administrator logs in from is none of a team's business.
_FOR_TEAMS = ("entry", "at", "actor", "actor_kind", "act", "object", "team", "outcome")


def audit_message(entry: AuditEntry) -> WebhookMessage:
    """An entry of the audit log.

    Its hash goes with it: a head that is noted elsewhere.
    """
    facts = entry_facts(entry)
    return WebhookMessage(
        message_id=f"audit_{entry.sequence}_{entry.hash.hex()[:16]}",
        type=AUDIT_PREFIX + entry.act,
        created_ns=entry.created_ns,
        data=facts,
        team=entry.team,
        team_data={name: facts[name] for name in _FOR_TEAMS},
    )


def ledger_message(
    number: int, event: LedgerEvent, team_of_account: TeamOfAccount
) -> WebhookMessage:
    """An event of the ledger; money is a decimal string."""
    digest = hashlib.sha256(msgspec.json.encode(event)).hexdigest()
    return WebhookMessage(
        message_id=f"ledger_{number}_{digest[:16]}",
        type=ledger_type(event.kind, event.detail),
        created_ns=event.at_ns,
        data=_facts(number, event),
        team=_team(event, team_of_account),
    )


def _facts(number: int, event: LedgerEvent) -> dict[str, Any]:
    amount: str | int | None = event.amount
    if event.amount is not None and holds_money(event.purse_id):
        amount = format_amount(event.amount)
    return {
        "event": number,
        "kind": event.kind,
        "purse": event.purse_id or None,
        "subject": event.subject,
        "detail": event.detail,
        "percent": event.percent,
        "amount": amount,
    }


def _team(event: LedgerEvent, team_of_account: TeamOfAccount) -> str | None:
    """Whose it is, by the thing's name: callers choose what a subject is."""
    if event.kind == "provider_event":
        return team_of_account(event.subject)
    name = event.purse_id.split(":")[1] if ":" in event.purse_id else ""
    team, slash, _ = name.partition("/")
    return team if slash else None
