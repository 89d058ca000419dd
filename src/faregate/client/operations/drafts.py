"""The management API: drafts. Written by `make docs`."""

import msgspec

from faregate.client.requests import Page, Request, asked, place
from faregate.configuration.difference import Change
from faregate.configuration.document import Document

__all__ = [
    "DiscardItems",
    "Discarded",
    "DraftConfiguration",
    "DraftFacts",
    "DraftPreviewFacts",
    "Published",
    "StageDocument",
    "StagedItemFacts",
    "StagedName",
    "discard_draft",
    "discard_draft_items",
    "get_draft",
    "get_draft_configuration",
    "list_drafts",
    "preview_draft",
    "publish_draft",
    "stage_configuration",
]


class StagedName(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Names an item of a draft: its kind is a field of the configuration."""

    kind: str
    name: str


class DiscardItems(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The items of a draft that are dropped."""

    items: list[StagedName]


class Discarded(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How many staged items were dropped."""

    items: int


class DraftConfiguration(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The configuration as it would be with a draft published.

    `state` tells it from any other.
    """

    revision: int
    document: Document
    state: str


class StagedItemFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One item that a draft changes."""

    kind: str
    name: str
    team: str | None
    base_version: int
    removed: bool
    created_at: str
    actor: str


class DraftFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Changes that wait to be published together."""

    name: str
    created_at: str
    actor: str
    message: str | None
    items: list[StagedItemFacts]


class DraftPreviewFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What publishing a draft would change, and what is in its way."""

    revision: int
    changes: list[Change]
    stale: list[StagedItemFacts]
    problems: list[str]


class Published(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The revision that a draft became."""

    revision: int


class StageDocument(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A whole configuration to stage.

    A whole configuration to stage, and the values of its variables. With `state`, as the
    draft's configuration was read with it, texts that are as they were keep their values, but
    at the places in `renewed`; where others staged meanwhile it is refused.
    """

    document: Document
    environment: dict[str, str] = {}
    state: str | None = None
    renewed: list[str] = []


def discard_draft(draft: str) -> Request[Discarded]:
    """Drop a draft with all that is staged in it."""
    return Request("DELETE", place("/v1/drafts/{draft}", draft=draft), Discarded)


def discard_draft_items(draft: str, body: DiscardItems) -> Request[Discarded]:
    """Drop some of what is staged in a draft."""
    return Request("POST", place("/v1/drafts/{draft}/discard", draft=draft), Discarded, body=body)


def get_draft(draft: str) -> Request[DraftFacts]:
    """Show a draft with what is staged in it."""
    return Request("GET", place("/v1/drafts/{draft}", draft=draft), DraftFacts)


def get_draft_configuration(draft: str) -> Request[DraftConfiguration]:
    """Export the configuration as it would be with a draft published."""
    return Request(
        "GET", place("/v1/drafts/{draft}/configuration", draft=draft), DraftConfiguration
    )


def list_drafts(
    *,
    actor: str | None = None,
    limit: int | None = None,
    cursor: str | None = None,
    sort: str | None = None,
) -> Request[Page[DraftFacts]]:
    """List drafts with what is staged in them."""
    return Request(
        "GET",
        place("/v1/drafts"),
        Page[DraftFacts],
        query=asked(actor=actor, limit=limit, cursor=cursor, sort=sort),
    )


def preview_draft(draft: str) -> Request[DraftPreviewFacts]:
    """Show what publishing a draft would change, and what is in its way."""
    return Request("GET", place("/v1/drafts/{draft}/preview", draft=draft), DraftPreviewFacts)


def publish_draft(
    draft: str, *, message: str | None = None, revision: int | None = None
) -> Request[Published]:
    """Put all that is staged in a draft in force, as one revision."""
    return Request(
        "POST",
        place("/v1/drafts/{draft}/publish", draft=draft),
        Published,
        query=asked(message=message, revision=revision),
    )


def stage_configuration(
    draft: str, body: StageDocument, *, message: str | None = None
) -> Request[DraftFacts]:
    """Stage a whole configuration: what differs from the one in force."""
    return Request(
        "PUT",
        place("/v1/drafts/{draft}/configuration", draft=draft),
        DraftFacts,
        query=asked(message=message),
        body=body,
    )
