"""Webhooks and deliveries as programs read them, without secrets."""

from typing import Any

from faregate.storage.audit_export import moment_text
from faregate.storage.webhook_deliveries import Attempt, Delivery
from faregate.storage.webhooks import Webhook


def shown_webhook(webhook: Webhook) -> dict[str, Any]:
    """A webhook."""
    return {
        "name": webhook.name,
        "team": webhook.team,
        "url": webhook.url,
        "events": list(webhook.events),
        "enabled": webhook.enabled,
        "disabled_because": webhook.disabled_because,
        "created_at": moment_text(webhook.created_ns),
        "failing_since": _maybe(webhook.failing_since_ns),
        "old_secret_until": _maybe(webhook.old_secret_until_ns),
    }


def shown_delivery(delivery: Delivery) -> dict[str, Any]:
    """A delivery, without what is sent."""
    return {
        "number": delivery.number,
        "message_id": delivery.message_id,
        "type": delivery.type,
        "state": delivery.state,
        "created_at": moment_text(delivery.created_ns),
        "attempts": delivery.attempts,
        "next_attempt_at": _maybe(delivery.next_ns),
    }


def shown_attempt(attempt: Attempt) -> dict[str, Any]:
    """A try."""
    return {
        "number": attempt.number,
        "at": moment_text(attempt.at_ns),
        "duration_ms": attempt.duration_us / 1_000,
        "status": attempt.status,
        "error": attempt.error,
        "reply": attempt.reply,
    }


def _maybe(time_ns: int | None) -> str | None:
    return None if time_ns is None else moment_text(time_ns)
