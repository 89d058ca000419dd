"""Revisions and drafts as the management API shows them."""

import msgspec

from faregate.configuration.difference import Change
from faregate.control.moments import moment
from faregate.storage.revisions import Draft, DraftPreview, Revision, StagedItem


class RevisionFacts(msgspec.Struct, frozen=True):
    """One change of the installation: who, when, what, and why."""

    number: int
    created_at: str
    actor: str
    actor_kind: str
    actor_id: str | None
    token: str | None
    address: str | None
    summary: str
    message: str | None
    changed_document: bool


class RevisionDetail(msgspec.Struct, frozen=True):
    """A revision, and what it changed."""

    revision: RevisionFacts
    changes: list[Change]


class Comparison(msgspec.Struct, frozen=True):
    """What leads from one revision to another."""

    old: int
    new: int
    changes: list[Change]


class RollBack(msgspec.Struct, frozen=True):
    """An earlier configuration is in force again, as a new revision.

    `remarks` say what can't be undone.
    """

    revision: int
    dry_run: bool
    changes: list[Change]
    remarks: list[str]


class StagedItemFacts(msgspec.Struct, frozen=True):
    """One item that a draft changes."""

    kind: str
    name: str
    team: str | None
    base_version: int
    removed: bool
    created_at: str
    actor: str


class DraftFacts(msgspec.Struct, frozen=True):
    """Changes that wait to be published together."""

    name: str
    created_at: str
    actor: str
    message: str | None
    items: list[StagedItemFacts]


class DraftPreviewFacts(msgspec.Struct, frozen=True):
    """What publishing a draft would change, and what is in its way."""

    revision: int
    changes: list[Change]
    stale: list[StagedItemFacts]
    problems: list[str]


class Published(msgspec.Struct, frozen=True):
    """The revision that a draft became."""

    revision: int


class Discarded(msgspec.Struct, frozen=True):
    """How many staged items were dropped."""

    items: int


def told(one: Revision) -> RevisionFacts:
    """A revision."""
    return RevisionFacts(
        number=one.number,
        created_at=moment(one.created_ns),
        actor=one.actor,
        actor_kind=one.actor_kind,
        actor_id=one.actor_id,
        token=one.token,
        address=one.address,
        summary=one.summary,
        message=one.message,
        changed_document=one.changed_document,
    )


def told_draft(draft: Draft) -> DraftFacts:
    """A draft with its items."""
    return DraftFacts(
        draft.name,
        moment(draft.created_ns),
        draft.actor,
        draft.message,
        [told_item(one) for one in draft.items],
    )


def told_item(item: StagedItem) -> StagedItemFacts:
    """One staged item."""
    return StagedItemFacts(
        kind=item.kind,
        name=item.name,
        team=item.team,
        base_version=item.base_version,
        removed=item.removed,
        created_at=moment(item.created_ns),
        actor=item.actor,
    )


def told_preview(preview: DraftPreview) -> DraftPreviewFacts:
    """What publishing would do."""
    return DraftPreviewFacts(
        preview.number,
        preview.changes,
        [told_item(one) for one in preview.stale],
        list(preview.problems),
    )
