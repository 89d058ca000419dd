"""Revisions: every change is whole or not at all, one by one.

A revision is what it changed: items before and after. The document in force is held here between
changes, so that a change costs what it changes. May be used from several threads.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Final

import msgspec
import sqlalchemy as sa

from faregate.configuration.difference import Change
from faregate.configuration.document import Document
from faregate.core.clock import Clock, SystemClock
from faregate.core.errors import MissingError
from faregate.identity.actors import Author
from faregate.storage import revisions_drafts as drafts
from faregate.storage import revisions_history as past
from faregate.storage import revisions_rows as rows
from faregate.storage.database import Database
from faregate.storage.revisions_drafts import SHARED, Draft, StagedItem
from faregate.storage.revisions_held import read_document
from faregate.storage.revisions_history import Shown
from faregate.storage.revisions_items import LISTS, SINGLES, Item, Label, name_of, team_of, where
from faregate.storage.revisions_planning import Edit, Plan
from faregate.storage.revisions_rollback import RolledBack, plan_roll_back
from faregate.storage.revisions_rows import Revision, insert_revision
from faregate.storage.revisions_staging import DraftPreview, Staging
from faregate.storage.revisions_state import State
from faregate.storage.revisions_writing import GrantGiver, Told, Writer, expect_revision
from faregate.storage.secrets import SecretBox

__all__ = [
    "ANY", "SHARED", "Current", "Draft", "DraftPreview", "GrantGiver", "Item", "Revision",
    "Revisions", "RolledBack", "Shown", "StagedItem", "insert_revision",
    "read_document",
]  # fmt: skip


class _Any:
    """Whoever owns it."""


ANY: Final = _Any()
"""Items of the organisation and of all teams."""


class Current(msgspec.Struct, frozen=True):
    """The configuration in force.

    `number` is 0 before the first revision. `written` has references and the file's keys as
    hashes; `clear` has the values and no keys: it is never shown.
    """

    number: int
    written: Document
    clear: Document

    def __repr__(self) -> str:
        return f"Current({self.number})"


class Revisions:
    """The configuration in `database`; secrets are sealed with `box`.

    Credit that a document gives is given by `grants` once its revision is stored.
    """

    def __init__(
        self,
        database: Database,
        box: SecretBox,
        clock: Clock | None = None,
        grants: GrantGiver | None = None,
    ) -> None:
        self._database = database
        self._box = box
        self._writer = Writer(database, box, clock or SystemClock(), grants)
        self._staging = Staging(self._writer)

    # -- in force ---------------------------------------------------------------------------------

    def current(self) -> Current:
        """The newest configuration; raises `StorageError` for another master key."""
        state = self._writer.now()
        return Current(state.number, state.written, state.clear(self._box))

    def written(self) -> tuple[int, Document]:
        """The newest revision's number and document, as written.

        Needs no master key.
        """
        state = self._writer.now()
        return state.number, state.written

    def item(self, kind: str, name: str, *, team: str | _Any | None = ANY) -> Item:
        """One item of `team`, None means the organisation; raises `MissingError`.

        Settings that were never said are there by default, with version 0.
        """
        state = self._writer.now()
        entry = state.find(kind, name)
        if entry is None and kind in SINGLES:
            return Item(kind, "", None, 0, getattr(state.written, kind))
        if entry is None or not (team is ANY or team_of(kind, entry.written) == team):
            raise MissingError(f"there is no {where(kind, name)}")
        return Item(kind, name, team_of(kind, entry.written), entry.version, entry.written)

    def items(self, kind: str, *, team: str | _Any | None = ANY) -> list[Item]:
        """The items of a kind and of `team`, in their order.

        None means the organisation.
        """
        state = self._writer.now()
        entries = state.entries.get(kind, {})
        values = getattr(state.written, kind) if kind in LISTS else ()
        found = [
            Item(kind, name, team_of(kind, value), entries[name].version, value)
            for value in values
            if (name := name_of(value)) in entries
        ]
        return [one for one in found if team is ANY or one.team == team]

    def seal(self, secret: str, where: str) -> str:
        """`secret` sealed for the place `where`: providers[x].api_key."""
        return self._box.seal(secret, where)

    # -- changes ----------------------------------------------------------------------------------

    def apply(
        self,
        document: Document,
        author: Author,
        summary: str,
        expected_revision: int | None = None,
        environment: Mapping[str, str] | None = None,
        message: str | None = None,
    ) -> int:
        """Put `document` in force; gives the number of the revision that now is.

        Variables take their values from `environment` (this process's own) now. A document that
        changes nothing makes no revision. `message` says why. Raises `ConfigurationError` where
        it can't be honoured, `StaleError` where another revision than `expected_revision` is in
        force.
        """
        writer = self._writer
        expanded = writer.planner.expand(document, environment)
        expanded.check()
        with writer.changing() as (connection, state):
            expect_revision(state, expected_revision)
            plan = writer.plan(connection, state, expanded, lenient=True)
            told = Told(author, "revisions.apply", summary, message)
            number = writer.store(connection, state, plan, told)
        # Also where nothing changes: an earlier try may have ended before this.
        writer.give(plan, author, number)
        return number

    def edit(
        self,
        change: Edit,
        author: Author,
        summary: str,
        environment: Mapping[str, str] | None = None,
        renewed: frozenset[str] = frozenset(),
        message: str | None = None,
        expected: Mapping[Label, int] | None = None,
    ) -> int:
        """Put the changed document in force; gives its revision's number.

        `change` gets the one in force now; nobody can come between. What it leaves alone keeps
        its value, whatever its variable holds now, except at the places in `renewed`. Raises
        `StaleError` where an item of `expected` hasn't this version; 0 means it isn't there.
        """
        writer = self._writer
        told = Told(author, "revisions.edit", summary, message)
        with writer.changing() as (connection, state):
            plan = writer.plan_edit(connection, state, change, environment, renewed, expected)
            number = writer.store(connection, state, plan, told)
        if "wallets" in plan.kinds:
            writer.give(plan, author, number)
        return number

    def preview(
        self, document: Document, environment: Mapping[str, str] | None = None
    ) -> tuple[int, list[Change]]:
        """The revision in force, and what `apply` of `document` would change.

        What `apply` would refuse is refused here, by the same code.
        """
        writer = self._writer
        expanded = writer.planner.expand(document, environment)
        expanded.check()
        return self._undone(
            lambda connection, state: writer.plan(connection, state, expanded, lenient=True)
        )

    def preview_edit(
        self,
        change: Edit,
        environment: Mapping[str, str] | None = None,
        renewed: frozenset[str] = frozenset(),
        expected: Mapping[Label, int] | None = None,
    ) -> tuple[int, list[Change]]:
        """The revision in force, and what `edit` would change.

        What `edit` would refuse is refused here.
        """
        return self._undone(
            lambda connection, state: self._writer.plan_edit(
                connection, state, change, environment, renewed, expected
            )
        )

    def _undone(self, planned: Callable[[sa.Connection, State], Plan]) -> tuple[int, list[Change]]:
        with self._writer.changing() as (connection, state):
            plan = planned(connection, state)
            self._writer.try_keys(connection, state, plan)
            connection.rollback()
        return state.number, self._writer.tell(plan)

    # -- history ----------------------------------------------------------------------------------

    def history(self, count_max: int = 20, before: int | None = None) -> list[Revision]:
        """The last revisions, newest first; only those below `before`."""
        with self._database.reading() as connection:
            return rows.history(connection, count_max, before)

    def item_history(
        self, kind: str, name: str, *, count_max: int = 20, before: int | None = None
    ) -> list[Revision]:
        """The last revisions that changed an item, newest first."""
        with self._database.reading() as connection:
            return rows.history(connection, count_max, before, (kind, name))

    def show(self, number: int) -> Shown:
        """Who changed what with a revision; raises `MissingError`."""
        with self._database.reading() as connection:
            return past.show(connection, number, self._box)

    def document_at(self, number: int) -> Document:
        """The document as written that was in force with a revision.

        0 gives the empty one; raises `MissingError`.
        """
        with self._database.reading() as connection:
            return past.state_at(connection, number).written

    def compare(self, old: int, new: int) -> list[Change]:
        """What leads from one revision's document to another's.

        Raises `MissingError`.
        """
        with self._database.reading() as connection:
            for number in {old, new} - {0}:
                rows.require_revision(connection, number)
            return past.compare(connection, old, new, self._box)

    def roll_back(
        self,
        number: int,
        author: Author,
        message: str | None = None,
        expected_revision: int | None = None,
    ) -> RolledBack:
        """Put the document of a revision in force again, as a new revision.

        Its secrets are those that were sealed then. Keys that were revoked since stay revoked, and
        credit that was given stays given. Raises `MissingError`, `StaleError`, and
        `ConfigurationError` where it can't be honoured any more.
        """
        writer = self._writer
        told = Told(author, "revisions.roll_back", f"rolled back to revision {number}", message)
        with writer.changing() as (connection, state):
            expect_revision(state, expected_revision)
            plan, remarks = plan_roll_back(connection, writer, state, number)
            now = writer.store(connection, state, plan, told)
        writer.give(plan, author, now)
        return RolledBack(now, writer.tell(plan), remarks)

    def preview_roll_back(self, number: int) -> RolledBack:
        """What `roll_back` would change of the revision in force.

        What `roll_back` would refuse is refused here.
        """
        writer = self._writer
        with writer.changing() as (connection, state):
            plan, remarks = plan_roll_back(connection, writer, state, number)
            writer.try_keys(connection, state, plan)
            connection.rollback()
        return RolledBack(state.number, writer.tell(plan), remarks)

    # -- staged changes ---------------------------------------------------------------------------

    def stage(
        self,
        change: Edit,
        author: Author,
        draft: str = SHARED,
        message: str | None = None,
        environment: Mapping[str, str] | None = None,
        renewed: frozenset[str] = frozenset(),
    ) -> Draft:
        """Keep changes to be published later, with others of the draft.

        `change` gets the document as it would be with the draft published. Variables take their
        values now. Whether all fits together is checked when it is published, and told by
        `preview_draft`. Raises `ConfigurationError` for secrets, variables, and items twice.
        """
        return self._staging.stage(change, author, draft, message, environment, renewed)

    def drafted(self, name: str = SHARED) -> tuple[int, Document]:
        """The number in force, and what would be with the draft published.

        Without such a draft, what is in force.
        """
        return self._staging.drafted(name)

    def stage_document(
        self,
        document: Document,
        author: Author,
        draft: str = SHARED,
        message: str | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Draft:
        """`stage` of all that leads to `document`, but the order of items."""
        return self._staging.stage_document(document, author, draft, message, environment)

    def drafts(self) -> list[Draft]:
        """All drafts, by name."""
        with self._database.reading() as connection:
            return drafts.read_drafts(connection)

    def draft(self, name: str = SHARED) -> Draft:
        """What a draft holds; raises `MissingError`."""
        with self._database.reading() as connection:
            return drafts.require_draft(connection, name)

    def preview_draft(self, name: str = SHARED) -> DraftPreview:
        """What publishing a draft would change, and what would keep it from it.

        Raises `MissingError`.
        """
        return self._staging.preview(name)

    def discard(
        self, author: Author, name: str = SHARED, items: Collection[Label] | None = None
    ) -> int:
        """Drop a draft, or these items of it; how many. Raises `MissingError`."""
        return self._staging.discard(author, name, items)

    def publish(
        self,
        author: Author,
        name: str = SHARED,
        message: str | None = None,
        expected_revision: int | None = None,
    ) -> int:
        """Put a draft in force as one revision, and give its number.

        Raises `MissingError`; `StaleError` where an item was changed in force since it was staged;
        `ConfigurationError` where the whole can't be honoured. The draft is kept then.
        """
        return self._staging.publish(author, name, message, expected_revision)
