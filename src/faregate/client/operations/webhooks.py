"""The management API: webhooks. Written by `make docs`."""

from typing import Any, Literal

import msgspec

from faregate.client.requests import MERGE_PATCH, Page, Request, asked, place

__all__ = [
    "EventType",
    "Webhook",
    "WebhookAttempt",
    "WebhookCreation",
    "WebhookDelivery",
    "WebhookDeliveryDetails",
    "WebhookRotation",
    "WebhookWithSecret",
    "create_webhook",
    "delete_webhook",
    "get_webhook",
    "get_webhook_delivery",
    "list_webhook_deliveries",
    "list_webhook_event_types",
    "list_webhooks",
    "ping_webhook",
    "redeliver_webhook_delivery",
    "rotate_webhook",
    "update_webhook",
]


class EventType(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What webhooks may be subscribed to."""

    type: str
    description: str


class Webhook(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where events go.

    `failing_since` is the first failure since the last success.
    """

    name: str
    team: str | None
    url: str
    events: list[str]
    enabled: bool
    disabled_because: str | None
    created_at: str
    failing_since: str | None
    old_secret_until: str | None


class WebhookAttempt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One try: the answer's status and first part, or what went wrong."""

    number: int
    at: str
    duration_ms: float
    status: int | None
    error: str | None
    reply: str | None


class WebhookCreation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A webhook that is to be."""

    url: str
    events: list[str]
    enabled: bool = True
    name: str


class WebhookDelivery(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An event on its way to a webhook, or at its end."""

    number: int
    message_id: str
    type: str
    state: Literal["delivered", "dropped", "failed", "pending"]
    created_at: str
    attempts: int
    next_attempt_at: str | None


class WebhookDeliveryDetails(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A delivery with what is sent, and every try."""

    number: int
    message_id: str
    type: str
    state: Literal["delivered", "dropped", "failed", "pending"]
    created_at: str
    attempts: int
    next_attempt_at: str | None
    payload: dict[str, Any]
    tries: list[WebhookAttempt]


class WebhookRotation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How long deliveries are signed with the secret before, too."""

    overlap_s: int = 86400


class WebhookWithSecret(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A webhook with its secret, which is told once."""

    name: str
    team: str | None
    url: str
    events: list[str]
    enabled: bool
    disabled_because: str | None
    created_at: str
    failing_since: str | None
    old_secret_until: str | None
    secret: str


def create_webhook(body: WebhookCreation, *, team: str | None = None) -> Request[WebhookWithSecret]:
    """Add a webhook; its secret is told now and never again."""
    return Request(
        "POST", place("/v1/webhooks", team=team), WebhookWithSecret, body=body, repeatable=True
    )


def delete_webhook(name: str, *, version: str, team: str | None = None) -> Request[None]:
    """Remove a webhook, and what was and is to be delivered to it."""
    return Request(
        "DELETE", place("/v1/webhooks/{name}", name=name, team=team), None, version=version
    )


def get_webhook(name: str, *, team: str | None = None) -> Request[Webhook]:
    """Show one webhook, without its secret."""
    return Request("GET", place("/v1/webhooks/{name}", name=name, team=team), Webhook)


def get_webhook_delivery(
    name: str, number: str, *, team: str | None = None
) -> Request[WebhookDeliveryDetails]:
    """Show one delivery: what is sent, and how each try went."""
    return Request(
        "GET",
        place("/v1/webhooks/{name}/deliveries/{number}", name=name, number=number, team=team),
        WebhookDeliveryDetails,
    )


def list_webhook_deliveries(
    name: str,
    *,
    team: str | None = None,
    state: Literal["pending", "delivered", "failed", "dropped"] | None = None,
    limit: int | None = None,
    cursor: str | None = None,
    sort: str | None = None,
) -> Request[Page[WebhookDelivery]]:
    """List what was and is to be delivered, the newest first."""
    return Request(
        "GET",
        place("/v1/webhooks/{name}/deliveries", name=name, team=team),
        Page[WebhookDelivery],
        query=asked(state=state, limit=limit, cursor=cursor, sort=sort),
    )


def list_webhook_event_types() -> Request[Page[EventType]]:
    """List what webhooks may be subscribed to."""
    return Request("GET", place("/v1/webhook-event-types"), Page[EventType])


def list_webhooks(
    *,
    team: str | None = None,
    limit: int | None = None,
    cursor: str | None = None,
    sort: str | None = None,
) -> Request[Page[Webhook]]:
    """List webhooks."""
    return Request(
        "GET",
        place("/v1/webhooks", team=team),
        Page[Webhook],
        query=asked(limit=limit, cursor=cursor, sort=sort),
    )


def ping_webhook(name: str, *, team: str | None = None) -> Request[WebhookDelivery]:
    """Send a try, once, also to a disabled webhook."""
    return Request("POST", place("/v1/webhooks/{name}/ping", name=name, team=team), WebhookDelivery)


def redeliver_webhook_delivery(
    name: str, number: str, *, team: str | None = None
) -> Request[WebhookDelivery]:
    """Send one again now, whatever became of it."""
    return Request(
        "POST",
        place(
            "/v1/webhooks/{name}/deliveries/{number}/redeliver", name=name, number=number, team=team
        ),
        WebhookDelivery,
    )


def rotate_webhook(
    name: str, body: WebhookRotation, *, team: str | None = None
) -> Request[WebhookWithSecret]:
    """Give a webhook a new secret, which is told now and never again."""
    return Request(
        "POST",
        place("/v1/webhooks/{name}/rotate", name=name, team=team),
        WebhookWithSecret,
        body=body,
        repeatable=True,
    )


def update_webhook(
    name: str, body: dict[str, Any], *, version: str, team: str | None = None
) -> Request[Webhook]:
    """Change a webhook; once it is enabled, what waits for it is sent."""
    return Request(
        "PATCH",
        place("/v1/webhooks/{name}", name=name, team=team),
        Webhook,
        body=body,
        media_type=MERGE_PATCH,
        version=version,
    )
