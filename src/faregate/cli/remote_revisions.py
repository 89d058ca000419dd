"""What was changed at an installation elsewhere, going back, and drafts.

As `faregate revisions` knows them of this machine; who acts is whose token it is.
"""

import os
from collections.abc import Collection, Mapping
from typing import Any, Final

import msgspec

from faregate.cli.ports import Editing, Environment
from faregate.cli.remote_connection import Connection, since_1970
from faregate.client import operations as api
from faregate.configuration.difference import Change
from faregate.configuration.document import Document
from faregate.configuration.references import VARIABLE, map_texts
from faregate.core.errors import FaregateError, StaleError
from faregate.identity.actors import Author

TRIES: Final = 5  # of a change that others come between
_SHARED: Final = "shared"


class RemoteRevision(msgspec.Struct, frozen=True):
    """One change; the fields of `storage.revisions.Revision`."""

    number: int
    created_ns: int
    actor: str
    summary: str
    changed_document: bool
    message: str | None
    actor_kind: str
    actor_id: str | None
    token: str | None
    address: str | None


class RemoteShown(msgspec.Struct, frozen=True):
    """A revision and what it changed."""

    revision: RemoteRevision
    changes: list[Change]


class RemoteRollBack(msgspec.Struct, frozen=True):
    """The revision in force, what changed, and what is not undone."""

    number: int
    changes: list[Change]
    remarks: tuple[str, ...]


class RemoteItem(msgspec.Struct, frozen=True):
    """A staged item."""

    kind: str
    name: str
    team: str | None
    base_version: int
    removed: bool
    created_ns: int
    actor: str


class RemoteDraft(msgspec.Struct, frozen=True):
    """A draft."""

    name: str
    created_ns: int
    actor: str
    message: str | None
    items: tuple[RemoteItem, ...]


class RemotePreview(msgspec.Struct, frozen=True):
    """What a draft would change, and what is in its way."""

    number: int
    changes: list[Change]
    stale: tuple[RemoteItem, ...]
    problems: tuple[str, ...]


class RemoteHistory:
    """What is done with revisions and drafts, over a connection."""

    _connection: Connection

    def item_history(
        self, kind: str, name: str, *, count_max: int = 20, before: int | None = None
    ) -> list[Any]:
        """Refused: raises `FaregateError`."""
        raise FaregateError(
            f"the history of {kind}/{name} alone is not shown from here",
            fix="leave --item out, or run it on the machine of the installation",
        )

    def show(self, number: int) -> RemoteShown:
        """Who changed what with a revision; raises `MissingError`."""
        found = self._connection.send(api.get_revision(str(number)))
        return RemoteShown(revision_of(found.revision), found.changes)

    def roll_back(self, number: int, author: Author, message: str | None = None) -> RemoteRollBack:
        """Put the configuration of a revision in force again."""
        return self._roll_back(number, message, dry_run=None)

    def preview_roll_back(self, number: int) -> RemoteRollBack:
        """What `roll_back` would change."""
        return self._roll_back(number, None, dry_run=True)

    def _roll_back(self, number: int, message: str | None, dry_run: bool | None) -> RemoteRollBack:
        version = str(self._connection.send(api.get_configuration()).revision)
        request = api.roll_back_revision(
            str(number), version=version, dry_run=dry_run, message=message
        )
        found = self._connection.send(request)
        return RemoteRollBack(found.revision, found.changes, tuple(found.remarks))

    def drafted(self, name: str = _SHARED) -> tuple[int, Document]:
        """The number in force, and what would be with the draft published."""
        found = self._connection.send(api.get_draft_configuration(name))
        return found.revision, found.document

    def stage(
        self,
        change: Editing,
        author: Author,
        draft: str = _SHARED,
        message: str | None = None,
        environment: Environment = None,
        renewed: frozenset[str] = frozenset(),
    ) -> RemoteDraft:
        """Stage what `change` does; done anew where others came between."""
        given = os.environ if environment is None else environment
        for attempt in range(TRIES):
            found = self._connection.send(api.get_draft_configuration(draft))
            document = change(found.document)
            body = api.StageDocument(
                document=document,
                environment=values_for(document, given),
                state=found.state,
                renewed=sorted(renewed),
            )
            request = api.stage_configuration(draft, body, message=message)
            try:
                return _draft(self._connection.send(request))
            except StaleError:
                if attempt == TRIES - 1:
                    raise
        raise AssertionError("the last attempt gives or raises")

    def stage_document(
        self, document: Document, author: Author, draft: str = _SHARED, message: str | None = None
    ) -> RemoteDraft:
        """Stage what a document changes; its variables have their values here."""
        body = api.StageDocument(document=document, environment=values_for(document, os.environ))
        return _draft(self._connection.send(api.stage_configuration(draft, body, message=message)))

    def drafts(self) -> list[RemoteDraft]:
        """All drafts."""
        return [_draft(one) for one in self._connection.all(api.list_drafts())]

    def preview_draft(self, name: str = _SHARED) -> RemotePreview:
        """What publishing a draft would change; raises `MissingError`."""
        found = self._connection.send(api.preview_draft(name))
        stale = tuple(map(_item, found.stale))
        return RemotePreview(found.revision, found.changes, stale, tuple(found.problems))

    def discard(
        self,
        author: Author,
        name: str = _SHARED,
        items: Collection[tuple[str, str]] | None = None,
    ) -> int:
        """Drop a draft, or some of its items; how many."""
        if items is None:
            return self._connection.send(api.discard_draft(name)).items
        names = [api.StagedName(kind=kind, name=one) for kind, one in items]
        request = api.discard_draft_items(name, api.DiscardItems(items=names))
        return self._connection.send(request).items

    def publish(self, author: Author, name: str = _SHARED, message: str | None = None) -> int:
        """Put a draft in force; raises `MissingError`, `StaleError`."""
        return self._connection.send(api.publish_draft(name, message=message)).revision


def revision_of(one: api.RevisionFacts) -> RemoteRevision:
    """A revision as the management API shows it."""
    return RemoteRevision(
        number=one.number,
        created_ns=since_1970(one.created_at),
        actor=one.actor,
        summary=one.summary,
        changed_document=one.changed_document,
        message=one.message,
        actor_kind=one.actor_kind,
        actor_id=one.actor_id,
        token=one.token,
        address=one.address,
    )


def _draft(found: api.DraftFacts) -> RemoteDraft:
    items = tuple(map(_item, found.items))
    return RemoteDraft(found.name, since_1970(found.created_at), found.actor, found.message, items)


def _item(found: api.StagedItemFacts) -> RemoteItem:
    return RemoteItem(
        kind=found.kind,
        name=found.name,
        team=found.team,
        base_version=found.base_version,
        removed=found.removed,
        created_ns=since_1970(found.created_at),
        actor=found.actor,
    )


def values_for(document: Document, environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that a document names, with their values here."""
    names: set[str] = set()

    def note(_path: Any, text: str) -> str:
        names.update(VARIABLE.findall(text))
        return text

    map_texts(document, note)
    return {name: environment[name] for name in sorted(names) if name in environment}
