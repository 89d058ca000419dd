"""Callers' keys: made, changed, revoked, never shown again."""

import datetime as dt
from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

import msgspec
from fastapi import Path, Query
from msgspec import Meta

from faregate.configuration.names import ModelName, OwnedName, local
from faregate.control.context import Context
from faregate.control.moments import moment, to_ns
from faregate.control.operations import Reply, Routes
from faregate.control.paging import Page, Paging, encode_cursor, invalid_query
from faregate.control.paths import in_path
from faregate.control.problems import missing
from faregate.control.resources.steps import wrong
from faregate.control.versions import etag, unreadable
from faregate.core.errors import ConfigurationError, MissingError
from faregate.storage.key_rows import KeyEntry
from faregate.storage.keys import KeySpec, NewKey

routes = Routes("Keys")

BULK_MAX: Final = 10_000
State = Literal["active", "expired", "revoked"]
_Key = Annotated[
    str,
    Path(min_length=1, max_length=300, description="Its id or name; a slash is written as %2F."),
]


class KeyItem(msgspec.Struct, frozen=True, kw_only=True):
    """A caller's key, of which only hash and first characters are kept."""

    key_id: str
    name: str
    prefix: str
    state: str
    application: str | None
    team: str | None
    models: list[str] | None
    created_at: str
    expires_at: str | None
    revoked_at: str | None
    source: str
    etag: str


class NewKeyItem(KeyItem, frozen=True, kw_only=True):
    """A key that was just made; `key` is shown this once."""

    key: str


class NewKeyRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key to make. In a team, names may be local: shop for sales/shop."""

    name: OwnedName
    application: OwnedName | None = None
    models: list[ModelName] | None = None
    expires_at: dt.datetime | None = None


class KeyChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What of a key may be changed."""

    name: OwnedName | msgspec.UnsetType = msgspec.UNSET
    models: list[ModelName] | msgspec.UnsetType | None = msgspec.UNSET
    expires_at: dt.datetime | msgspec.UnsetType | None = msgspec.UNSET


class KeyBulk(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keys to make and to revoke; all of it is done, or nothing."""

    create: Annotated[list[NewKeyRequest], Meta(max_length=BULK_MAX)] = []
    revoke: Annotated[list[str], Meta(max_length=BULK_MAX)] = []


class KeyBulkReply(msgspec.Struct, frozen=True):
    """Keys that were made, each shown this once, and those that were revoked."""

    created: list[NewKeyItem]
    revoked: list[KeyItem]


class RevokedKey(KeyItem, frozen=True, kw_only=True):
    """A key that no longer works; `changed` unless it was so before."""

    changed: bool


@routes.both("GET", "/v1/keys", "keys.read", reply=Page[KeyItem])
def list_keys(
    context: Context,
    paging: Paging,
    team: str | None = None,
    application: Annotated[str | None, Query(max_length=300)] = None,
    state: Annotated[State | None, Query()] = None,
    name: Annotated[str | None, Query(max_length=300, description="What names begin with.")] = None,
) -> Page[KeyItem]:
    """List keys, never the keys themselves."""
    order = paging.order(("name", "created_at"), "created_at")
    if len(order) > 1:
        raise invalid_query("sort", "keys are sorted by one field", ("name", "created_at"))
    field, descending = order[0]
    found = context.management.installation.keys.page(
        teams=context.teams,
        team=context.team if context.team is not None else team,
        application=application,
        state=state,
        name=name,
        sort="name" if field == "name" else "created",
        descending=descending,
        limit=paging.limit,
        after=_after(paging),
    )
    now_ns = context.management.clock.wall_ns()
    return Page(
        [told(one, now_ns) for one in found.entries],
        None if found.next is None else encode_cursor([found.next]),
    )


@routes.both("GET", "/v1/keys/{key}", "keys.read", reply=KeyItem)
def get_key(context: Context, key: _Key, team: str | None = None) -> Reply:
    """Show one key, never the key itself."""
    return _reply(context, _found(context, key, team))


@routes.both(
    "POST",
    "/v1/keys",
    "keys.write",
    reply=NewKeyItem,
    status=201,
    across=False,
    idempotent=True,
    errors=(409,),
    example={"name": "shop-production", "application": "shop"},
)
def create_key(context: Context, body: NewKeyRequest, team: str | None = None) -> Reply:
    """Make a key; it is shown this once."""
    keys = context.management.installation.keys
    try:
        made = keys.create(
            body.name,
            context.actor,
            None if body.models is None else frozenset(body.models),
            _expiry(body.expires_at, "expires_at"),
            application=body.application,
            team=context.team or team,
        )
    except MissingError as error:  # what isn't there is named by the body, not by the path
        raise ConfigurationError(error.message, fix=error.fix) from error
    base = "/v1/keys" if context.team is None else f"/v1/teams/{context.team}/keys"
    headers = {"Location": f"{base}/{in_path(made.record.key_id)}"}
    new = _new(context, [made])[0]
    return Reply(new, headers={**headers, "ETag": new.etag})


@routes.both(
    "PATCH",
    "/v1/keys/{key}",
    "keys.write",
    body=KeyChange,
    reply=KeyItem,
    across=False,
    versioned=True,
    patch=True,
    errors=(409,),
    example={"expires_at": "2030-01-01T00:00:00Z"},
)
def update_key(context: Context, key: _Key, body: dict[str, Any], team: str | None = None) -> Reply:
    """Change a key's name, models or expiry."""
    found = _found(context, key, team)
    changed = context.management.installation.keys.change(
        found.record.key_id,
        context.actor,
        teams=_teams(context, team),
        expected=context.expected_number(),
        **_changes(body),
    )
    return _reply(context, changed)


@routes.both(
    "POST", "/v1/keys/{key}/revoke", "keys.write", reply=RevokedKey, across=False, errors=(409, 422)
)
def revoke_key(context: Context, key: _Key, team: str | None = None) -> Reply:
    """Revoke a key: it stops working at once, and for ever."""
    keys = context.management.installation.keys
    entry = _found(context, key, team)
    record, changed = keys.revoke(entry.record.key_id, context.actor, teams=_teams(context, team))
    entry = keys.find(record.key_id)
    facts = msgspec.structs.asdict(told(entry, context.management.clock.wall_ns()))
    return Reply(RevokedKey(**facts, changed=changed), version=entry.version)


@routes.both(
    "POST",
    "/v1/keys/bulk",
    "keys.write",
    reply=KeyBulkReply,
    across=False,
    idempotent=True,
    errors=(404, 409),
    example={"create": [{"name": "shop-1", "application": "shop"}], "revoke": ["shop-0"]},
)
def change_keys(context: Context, body: KeyBulk, team: str | None = None) -> KeyBulkReply:
    """Make and revoke many keys at once: all of them, or none."""
    keys = context.management.installation.keys
    specs = [
        KeySpec(
            one.name,
            None if one.models is None else frozenset(one.models),
            _expiry(one.expires_at, f"create[{at}].expires_at"),
            one.application,
        )
        for at, one in enumerate(body.create)
    ]
    if not specs and not body.revoke:
        raise wrong("create", "there is nothing to do", "name keys to create or to revoke")
    if specs and body.revoke:
        raise wrong(
            "revoke", "keys are made or revoked at once, not both", "send the one after the other"
        )
    now_ns = context.management.clock.wall_ns()
    if specs:
        made = keys.create_many(specs, context.actor, team=context.team or team)
        return KeyBulkReply(_new(context, made), [])
    ids = [_found(context, key, team).record.key_id for key in body.revoke]
    revoked = keys.revoke_many(ids, context.actor, teams=_teams(context, team))
    return KeyBulkReply([], [told(one, now_ns) for one in revoked])


def told(entry: KeyEntry, now_ns: int) -> KeyItem:
    """A key as the API shows it."""
    record = entry.record
    return KeyItem(
        key_id=record.key_id,
        name=record.name,
        prefix=record.prefix,
        state=record.state(now_ns),
        application=record.application,
        team=record.team,
        models=None if record.models is None else sorted(record.models),
        created_at=moment(record.created_ns),
        expires_at=moment(record.expires_ns),
        revoked_at=moment(record.revoked_ns),
        source=entry.source,
        etag=etag(entry.version),
    )


def _found(context: Context, key: str, team: str | None) -> KeyEntry:
    """The key of this id or name, as far as the caller sees it. Raises `MissingError`."""
    entry = context.management.installation.keys.find(key, teams=_teams(context, team))
    record = entry.record
    if key not in (record.key_id, record.name, local(record.team, record.name)):
        raise missing("this key")  # a selector of commands, such as the beginning of a key
    return entry


def _teams(context: Context, team: str | None) -> frozenset[str] | None:
    return context.chosen_teams(team)


def _reply(context: Context, entry: KeyEntry) -> Reply:
    return Reply(told(entry, context.management.clock.wall_ns()), version=entry.version)


def _new(context: Context, made: Sequence[NewKey]) -> list[NewKeyItem]:
    """Keys that were made at once: all have the version of their revision."""
    keys, now_ns = context.management.installation.keys, context.management.clock.wall_ns()
    first = keys.find(made[0].record.key_id)
    return [
        NewKeyItem(
            **msgspec.structs.asdict(told(KeyEntry(one.record, "command", first.version), now_ns)),
            key=one.secret,
        )
        for one in made
    ]


def _after(paging: Paging) -> str | None:
    match paging.position():
        case None:
            return None
        case [str(after)]:
            return after
    raise invalid_query("cursor", "it belongs to another list", ())


def _changes(body: dict[str, Any]) -> dict[str, Any]:
    """What a merge patch asks for; null takes a limit away. Raises `ProblemError`."""
    try:
        wanted = msgspec.convert(body, KeyChange)
    except msgspec.ValidationError as error:
        raise unreadable(error) from None
    changes: dict[str, Any] = {}
    if wanted.name is not msgspec.UNSET:
        changes["name"] = wanted.name
    if wanted.models is not msgspec.UNSET:
        changes["models"] = None if wanted.models is None else frozenset(wanted.models)
    if wanted.expires_at is not msgspec.UNSET:
        changes["expires_ns"] = _expiry(wanted.expires_at, "expires_at")
    return changes


def _expiry(when: dt.datetime | None, field: str) -> int | None:
    """A moment of a body in nanoseconds. Raises `ProblemError`."""
    if when is not None and when.tzinfo is None:
        raise wrong(field, "it has no time zone", "end it with Z for UTC")
    return to_ns(when, field)
