"""The management API: revisions. Written by `make docs`."""

import msgspec

from faregate.client.operations.shapes import Configuration
from faregate.client.requests import Page, Request, asked, place
from faregate.configuration.difference import Change

__all__ = [
    "Comparison",
    "RevisionDetail",
    "RevisionFacts",
    "RollBack",
    "compare_revisions",
    "get_revision",
    "get_revision_configuration",
    "list_revisions",
    "roll_back_revision",
]


class Comparison(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What leads from one revision to another."""

    old: int
    new: int
    changes: list[Change]


class RevisionFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
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


class RevisionDetail(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A revision, and what it changed."""

    revision: RevisionFacts
    changes: list[Change]


class RollBack(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An earlier configuration is in force again.

    An earlier configuration is in force again, as a new revision. `remarks` say what can't be
    undone.
    """

    revision: int
    dry_run: bool
    changes: list[Change]
    remarks: list[str]


def compare_revisions(*, old: int, new: int) -> Request[Comparison]:
    """Show what leads from one revision to another."""
    return Request("GET", place("/v1/revisions/compare"), Comparison, query=asked(old=old, new=new))


def get_revision(number: str) -> Request[RevisionDetail]:
    """Show one revision, and what it changed."""
    return Request("GET", place("/v1/revisions/{number}", number=number), RevisionDetail)


def get_revision_configuration(number: str) -> Request[Configuration]:
    """Export the configuration as it was after a revision."""
    return Request(
        "GET", place("/v1/revisions/{number}/configuration", number=number), Configuration
    )


def list_revisions(
    *, limit: int | None = None, cursor: str | None = None, sort: str | None = None
) -> Request[Page[RevisionFacts]]:
    """List revisions, the newest first."""
    return Request(
        "GET",
        place("/v1/revisions"),
        Page[RevisionFacts],
        query=asked(limit=limit, cursor=cursor, sort=sort),
    )


def roll_back_revision(
    number: str, *, version: str, dry_run: bool | None = None, message: str | None = None
) -> Request[RollBack]:
    """Put the configuration of an earlier revision in force again."""
    return Request(
        "POST",
        place("/v1/revisions/{number}/rollback", number=number),
        RollBack,
        query=asked(dry_run=dry_run, message=message),
        version=version,
    )
