"""Webhooks: where events are sent, and what was delivered."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

import msgspec
from fastapi import Path, Query

from faregate.configuration.names import Name
from faregate.control.context import Context
from faregate.control.operations import Handler, Method, Reply, Routes
from faregate.control.paging import Page, Paging, encode_cursor, invalid_query
from faregate.control.versions import patched
from faregate.identity.webhook_addresses import URL_CHARACTERS_MAX
from faregate.identity.webhooks import EVENT_TYPES, PATTERNS_MAX, may_match_audit
from faregate.storage import webhook_deliveries as stored
from faregate.storage import webhooks as store
from faregate.storage.webhook_facts import shown_attempt, shown_delivery, shown_webhook
from faregate.storage.webhooks import OVERLAP_S_MAX, Webhooks

routes = Routes("Webhooks")

_NUMBER_MAX = 2**63 - 1
WebhookName = Annotated[str, Path(max_length=64, description="Its name.")]
Number = Annotated[int, Path(ge=1, le=_NUMBER_MAX, description="The delivery's number.")]
Address = Annotated[str, msgspec.Meta(min_length=1, max_length=URL_CHARACTERS_MAX)]
Pattern = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
Patterns = Annotated[tuple[Pattern, ...], msgspec.Meta(min_length=1, max_length=PATTERNS_MAX)]
State = Literal["pending", "delivered", "failed", "dropped"]


class WebhookDetails(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What can be changed of a webhook; types of `events` may end in `*`."""

    url: Address
    events: Patterns
    enabled: bool = True


class WebhookCreation(WebhookDetails, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A webhook that is to be."""

    name: Name


class WebhookRotation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long deliveries are signed with the secret before, too."""

    overlap_s: Annotated[int, msgspec.Meta(ge=0, le=OVERLAP_S_MAX)] = 86_400


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
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


class WebhookWithSecret(Webhook, frozen=True, kw_only=True):
    """A webhook with its secret, which is told once."""

    secret: str


class WebhookDelivery(msgspec.Struct, frozen=True, kw_only=True):
    """An event on its way to a webhook, or at its end."""

    number: int
    message_id: str
    type: str
    state: State
    created_at: str
    attempts: int
    next_attempt_at: str | None


class WebhookAttempt(msgspec.Struct, frozen=True, kw_only=True):
    """One try: the answer's status and first part, or what went wrong."""

    number: int
    at: str
    duration_ms: float
    status: int | None
    error: str | None
    reply: str | None


class WebhookDeliveryDetails(WebhookDelivery, frozen=True, kw_only=True):
    """A delivery with what is sent, and every try."""

    payload: dict[str, Any]
    tries: list[WebhookAttempt]


class EventType(msgspec.Struct, frozen=True):
    """What webhooks may be subscribed to."""

    type: str
    description: str


EXAMPLE = WebhookCreation(
    name="pager", url="https://example.com/hooks/faregate", events=("wallet.*", "provider.broken")
)


def _here_and_in_teams(
    method: Method, path: str, permission: str, **more: Any
) -> Callable[[Handler], Handler]:
    """The same of the organisation's webhooks and of a team's."""

    def declare(handler: Handler) -> Handler:
        verbs: dict[str, Callable[..., Any]] = {
            "GET": routes.get,
            "POST": routes.post,
            "PATCH": routes.patch,
            "DELETE": routes.delete,
        }
        verb, _, rest = handler.__name__.partition("_")
        verbs[method](path, permission, **more)(handler)
        in_team = path.replace("/v1/", "/v1/teams/{team}/", 1)
        verbs[method](in_team, permission, name=f"{verb}_team_{rest}", **more)(handler)
        return handler

    return declare


@routes.get("/v1/webhook-event-types", "webhooks.read", across=True, reply=Page[EventType])
def list_webhook_event_types(context: Context) -> Page[EventType]:  # noqa: ARG001, RUF100
    """List what webhooks may be subscribed to."""
    return Page([EventType(name, told) for name, told in EVENT_TYPES.items()], None)


@routes.both("GET", "/v1/webhooks", "webhooks.read", reply=Page[Webhook])
def list_webhooks(context: Context, paging: Paging, team: str | None = None) -> Page[Webhook]:
    """List webhooks."""
    found = _webhooks(context).list(context.chosen_teams(team))
    return paging.page(
        [_told(one) for one in found],
        sortable=("name", "team", "created_at"),
        default="team,name",
        unique="whole name",
        value=_sort_value,
    )


@_here_and_in_teams(
    "POST",
    "/v1/webhooks",
    "webhooks.write",
    status=201,
    idempotent=True,
    reply=WebhookWithSecret,
    errors=(409, 422),
    example=EXAMPLE,
)
def create_webhook(context: Context, body: WebhookCreation) -> Reply:
    """Add a webhook; its secret is told now and never again."""
    _check_may_read(context, body.events)
    made, secret = _webhooks(context).create(
        context.team,
        body.name,
        body.url,
        body.events,
        context.actor,
        private_addresses=_private_addresses(context),
        enabled=body.enabled,
    )
    return Reply(_with_secret(made, secret), version=made.version)


@_here_and_in_teams("GET", "/v1/webhooks/{name}", "webhooks.read", reply=Webhook, errors=(404,))
def get_webhook(context: Context, name: WebhookName) -> Reply:
    """Show one webhook, without its secret."""
    found = _webhooks(context).find(context.team, name)
    return Reply(_told(found), version=found.version)


@_here_and_in_teams(
    "PATCH",
    "/v1/webhooks/{name}",
    "webhooks.write",
    body=WebhookDetails,
    patch=True,
    versioned=True,
    reply=Webhook,
    errors=(404, 422),
    example={"events": ["wallet.*"], "enabled": True},
)
def update_webhook(context: Context, name: WebhookName, body: dict[str, Any]) -> Reply:
    """Change a webhook; once it is enabled, what waits for it is sent."""
    expected = context.expected_number()
    old = _webhooks(context).find(context.team, name)
    details = WebhookDetails(url=old.url, events=old.events, enabled=old.enabled)
    new = patched(details, body)
    _check_may_read(context, new.events)
    changed = _webhooks(context).update(
        context.team,
        name,
        context.actor,
        url=new.url if new.url != old.url else None,
        events=new.events,
        enabled=new.enabled,
        private_addresses=_private_addresses(context),
        expected_version=old.version if expected is None else expected,
    )
    return Reply(_told(changed), version=changed.version)


@_here_and_in_teams(
    "DELETE", "/v1/webhooks/{name}", "webhooks.write", versioned=True, errors=(404,)
)
def delete_webhook(context: Context, name: WebhookName) -> Reply:
    """Remove a webhook, and what was and is to be delivered to it."""
    _webhooks(context).delete(context.team, name, context.actor, context.expected_number())
    return Reply(status=204)


@_here_and_in_teams(
    "POST",
    "/v1/webhooks/{name}/rotate",
    "webhooks.write",
    idempotent=True,
    reply=WebhookWithSecret,
    errors=(404, 422),
    example=WebhookRotation(),
)
def rotate_webhook(context: Context, name: WebhookName, body: WebhookRotation) -> Reply:
    """Give a webhook a new secret, which is told now and never again."""
    changed, secret = _webhooks(context).rotate(context.team, name, context.actor, body.overlap_s)
    return Reply(_with_secret(changed, secret), version=changed.version)


@_here_and_in_teams(
    "POST",
    "/v1/webhooks/{name}/ping",
    "webhooks.write",
    status=202,
    reply=WebhookDelivery,
    errors=(404,),
)
def ping_webhook(context: Context, name: WebhookName) -> WebhookDelivery:
    """Send a try, once, also to a disabled webhook.

    Its delivery tells how it went.
    """
    return _delivery(_deliveries(context).ping(context.team, name, context.actor))


@_here_and_in_teams(
    "GET",
    "/v1/webhooks/{name}/deliveries",
    "webhooks.read",
    reply=Page[WebhookDelivery],
    errors=(404,),
)
def list_webhook_deliveries(
    context: Context,
    paging: Paging,
    name: WebhookName,
    state: Annotated[State | None, Query(description="Only those that stand so.")] = None,
) -> Page[WebhookDelivery]:
    """List what was and is to be delivered, the newest first."""
    if paging.sort not in (None, "-number"):
        raise invalid_query("sort", "deliveries come the newest first", ("-number",))
    found = _deliveries(context).newest(
        context.team, name, state=state, limit=paging.limit + 1, before=_before(paging)
    )
    shown = [_delivery(one) for one in found[: paging.limit]]
    more = len(found) > paging.limit
    return Page(shown, encode_cursor([shown[-1].number]) if more else None)


@_here_and_in_teams(
    "GET",
    "/v1/webhooks/{name}/deliveries/{number}",
    "webhooks.read",
    reply=WebhookDeliveryDetails,
    errors=(404,),
)
def get_webhook_delivery(
    context: Context, name: WebhookName, number: Number
) -> WebhookDeliveryDetails:
    """Show one delivery: what is sent, and how each try went."""
    found, tries = _deliveries(context).show(context.team, name, number)
    _check_may_read(context, (found.type,))
    return WebhookDeliveryDetails(
        **shown_delivery(found),
        payload=msgspec.json.decode(found.body),
        tries=[WebhookAttempt(**shown_attempt(one)) for one in tries],
    )


@_here_and_in_teams(
    "POST",
    "/v1/webhooks/{name}/deliveries/{number}/redeliver",
    "webhooks.write",
    status=202,
    reply=WebhookDelivery,
    errors=(404,),
)
def redeliver_webhook_delivery(
    context: Context, name: WebhookName, number: Number
) -> WebhookDelivery:
    """Send one again now, whatever became of it.

    Its message id stays the same.
    """
    return _delivery(_deliveries(context).redeliver(context.team, name, number, context.actor))


def _sort_value(webhook: Webhook, name: str) -> Any:
    if name == "whole name":
        return f"{webhook.team or ''}/{webhook.name}"
    return getattr(webhook, name)


def _webhooks(context: Context) -> Webhooks:
    management = context.management
    return Webhooks(management.installation.database, management.box, management.clock)


def _deliveries(context: Context) -> stored.Deliveries:
    management = context.management
    return stored.Deliveries(management.installation.database, management.clock)


def _private_addresses(context: Context) -> bool:
    document = context.management.installation.revisions.written()[1]
    return document.settings.webhooks.private_addresses


def _check_may_read(context: Context, events: tuple[str, ...]) -> None:
    """Who may not read the audit log may not have it sent somewhere."""
    if context.team is None and may_match_audit(events):
        context.require("audit.read")


def _before(paging: Paging) -> int | None:
    if paging.cursor is None:
        return None
    match paging.position():
        case [int(number)] if not isinstance(number, bool) and 0 <= number <= _NUMBER_MAX:
            return number
    raise invalid_query("cursor", "it belongs to another list", ())


def _told(webhook: store.Webhook) -> Webhook:
    return Webhook(**shown_webhook(webhook))


def _with_secret(webhook: store.Webhook, secret: str) -> WebhookWithSecret:
    return WebhookWithSecret(**shown_webhook(webhook), secret=secret)


def _delivery(delivery: stored.Delivery) -> WebhookDelivery:
    return WebhookDelivery(**shown_delivery(delivery))
