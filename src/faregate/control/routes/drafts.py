"""Drafts: changes that are staged, looked at, and published together."""

import hashlib
from typing import Annotated

import msgspec
from fastapi import Path, Query

from faregate.configuration.document import Document
from faregate.control.context import Context
from faregate.control.operations import Routes
from faregate.control.paging import Page, Paging
from faregate.control.resources.revision_facts import (
    Discarded,
    DraftFacts,
    DraftPreviewFacts,
    Published,
    told_draft,
    told_preview,
)
from faregate.control.resources.rights import check_document
from faregate.control.resources.secrets import sealed, texts
from faregate.control.resources.writing import DRAFT_NAME, Message, changing
from faregate.core.errors import StaleError

routes = Routes("Drafts")

_Draft = Annotated[str, Path(pattern=DRAFT_NAME, description="The draft's name, as shared.")]


class DraftConfiguration(msgspec.Struct, frozen=True):
    """The configuration as it would be with a draft published.

    `state` tells it from any other.
    """

    revision: int
    document: Document
    state: str


class StageDocument(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole configuration to stage, and the values of its variables.

    With `state`, as the draft's configuration was read with it, texts that are as they were keep
    their values, but at the places in `renewed`; where others staged meanwhile it is refused.
    """

    document: Document
    environment: dict[str, str] = msgspec.field(default_factory=dict)
    state: str | None = None
    renewed: tuple[str, ...] = ()


class StagedName(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Names an item of a draft: its kind is a field of the configuration."""

    kind: str
    name: str


class DiscardItems(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The items of a draft that are dropped."""

    items: list[StagedName]


@routes.get("/v1/drafts", "revisions.read", reply=Page[DraftFacts])
def list_drafts(
    context: Context,
    paging: Paging,
    actor: Annotated[str | None, Query(max_length=200, description="Who began it.")] = None,
) -> Page[DraftFacts]:
    """List drafts with what is staged in them."""
    drafts = [told_draft(one) for one in context.management.installation.revisions.drafts()]
    kept = [one for one in drafts if actor in (None, one.actor)]
    return paging.page(kept, sortable=("name", "created_at", "actor"), default="name")


@routes.get("/v1/drafts/{draft}", "revisions.read", reply=DraftFacts)
def get_draft(context: Context, draft: _Draft) -> DraftFacts:
    """Show a draft with what is staged in it."""
    return told_draft(context.management.installation.revisions.draft(draft))


@routes.get("/v1/drafts/{draft}/preview", "revisions.read", reply=DraftPreviewFacts)
def preview_draft(context: Context, draft: _Draft) -> DraftPreviewFacts:
    """Show what publishing a draft would change, and what is in its way."""
    return told_preview(context.management.installation.revisions.preview_draft(draft))


@routes.get("/v1/drafts/{draft}/configuration", "revisions.read", reply=DraftConfiguration)
def get_draft_configuration(context: Context, draft: _Draft) -> DraftConfiguration:
    """Export the configuration as it would be with a draft published."""
    number, document = context.management.installation.revisions.drafted(draft)
    context.management.audit.record(
        context.actor, "config.export", f"drafts/{draft}", detail=f"revision {number}"
    )
    return DraftConfiguration(number, document, _state(document))


@routes.put(
    "/v1/drafts/{draft}/configuration",
    "revisions.write",
    reply=DraftFacts,
    example={"document": {"teams": [{"name": "sales"}]}},
    errors=(412,),
)
def stage_configuration(
    context: Context, draft: _Draft, body: StageDocument, message: Message = None
) -> DraftFacts:
    """Stage a whole configuration: what differs from the one in force."""
    management = context.management
    revisions = management.installation.revisions
    if body.state is None:
        _, now = revisions.written()
        ready = sealed(body.document, texts(now), management.box)
        check_document(context, now, ready)
        staged = revisions.stage_document(ready, context.actor, draft, message, body.environment)
        return told_draft(staged)
    _, known = revisions.drafted(draft)
    wanted = sealed(body.document, texts(known), management.box)

    def change(document: Document) -> Document:
        if _state(document) != body.state:
            raise StaleError(
                f"the draft {draft}, or what is in force, was changed meanwhile",
                fix="read the draft's configuration again, and change that",
            )
        check_document(context, document, wanted)
        return wanted

    renewed = frozenset(body.renewed)
    return told_draft(
        revisions.stage(change, context.actor, draft, message, body.environment, renewed)
    )


@routes.post(
    "/v1/drafts/{draft}/publish", "revisions.write", reply=Published, errors=(409, 412, 422)
)
def publish_draft(
    context: Context,
    draft: _Draft,
    message: Message = None,
    revision: Annotated[
        int | None, Query(ge=0, lt=2**63, description="The revision that must be in force.")
    ] = None,
) -> Published:
    """Put all that is staged in a draft in force, as one revision."""
    revisions = context.management.installation.revisions
    with changing(context.management):
        number = revisions.publish(context.actor, draft, message, revision)
    return Published(number)


@routes.post("/v1/drafts/{draft}/discard", "revisions.write", reply=Discarded)
def discard_draft_items(context: Context, draft: _Draft, body: DiscardItems) -> Discarded:
    """Drop some of what is staged in a draft."""
    revisions = context.management.installation.revisions
    items = [(one.kind, one.name) for one in body.items]
    return Discarded(revisions.discard(context.actor, draft, items))


@routes.delete("/v1/drafts/{draft}", "revisions.write", status=200, reply=Discarded)
def discard_draft(context: Context, draft: _Draft) -> Discarded:
    """Drop a draft with all that is staged in it."""
    revisions = context.management.installation.revisions
    return Discarded(revisions.discard(context.actor, draft))


def _state(document: Document) -> str:
    """A text that is the same for the same document alone."""
    return hashlib.sha256(msgspec.json.encode(document)).hexdigest()
