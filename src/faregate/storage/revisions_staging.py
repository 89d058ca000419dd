"""Staging: changes are prepared in a draft, and published together."""

from collections.abc import Collection, Mapping

import msgspec
import sqlalchemy as sa

from faregate.configuration import rules
from faregate.configuration.difference import Change
from faregate.configuration.document import Document
from faregate.configuration.problems import raise_all
from faregate.configuration.references import plain
from faregate.core.errors import ConfigurationError, StaleError
from faregate.identity.actors import Author, as_actor
from faregate.storage import revisions_drafts as drafts
from faregate.storage.revisions_drafts import Draft, Proposal, StagedItem
from faregate.storage.revisions_items import Label, where
from faregate.storage.revisions_planning import Edit, Expanded
from faregate.storage.revisions_state import ItemChange, State
from faregate.storage.revisions_writing import Told, Writer, expect_revision


class DraftPreview(msgspec.Struct, frozen=True):
    """What a draft would change of a revision, and what is in its way."""

    number: int
    changes: list[Change]
    stale: tuple[StagedItem, ...]
    problems: tuple[str, ...]


class Staging:
    """What is done to drafts; each in a transaction of its own."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def stage(
        self,
        change: Edit,
        author: Author,
        draft: str,
        message: str | None,
        environment: Mapping[str, str] | None,
        renewed: frozenset[str],
    ) -> Draft:
        """Stage what `change` does to the document with the draft in it."""
        with self._writer.changing() as (connection, state):
            ahead = drafts.overlaid(state, drafts.read_proposals(connection, draft))
            expanded = self._writer.planner.expand(
                change(ahead.written), environment, ahead, renewed
            )
            return self._keep(connection, state, ahead, expanded, author, draft, message)

    def drafted(self, draft: str) -> tuple[int, Document]:
        """The revision in force, and the document with the draft in it."""
        with self._writer.changing() as (connection, state):
            ahead = drafts.overlaid(state, drafts.read_proposals(connection, draft))
            connection.rollback()
        return state.number, ahead.written

    def stage_document(
        self,
        document: Document,
        author: Author,
        draft: str,
        message: str | None,
        environment: Mapping[str, str] | None,
    ) -> Draft:
        """Stage what leads to `document`."""
        expanded = self._writer.planner.expand(document, environment)
        with self._writer.changing() as (connection, state):
            ahead = drafts.overlaid(state, drafts.read_proposals(connection, draft))
            return self._keep(connection, state, ahead, expanded, author, draft, message)

    def _keep(
        self,
        connection: sa.Connection,
        state: State,
        ahead: State,
        expanded: Expanded,
        author: Author,
        draft: str,
        message: str | None,
    ) -> Draft:
        problems = [*rules.check_written(expanded.written), *expanded.problems]
        if problems:
            raise_all(problems, plain(expanded.written))
        planner = self._writer.planner
        # What is as in force is staged no longer.
        plan = planner.plan(state, expanded, lenient=True)
        wanted = {(one.kind, one.name): one for one in plan.changes if _counts(one)}
        staged = {
            (one.item.kind, one.item.name): one.item.base_version
            for one in drafts.read_proposals(connection, draft)
        }
        changed = {
            (one.kind, one.name)
            for one in planner.plan(ahead, expanded, lenient=True).changes
            if _counts(one)
        }
        now_ns = self._writer.now_ns()
        put = [change for label, change in wanted.items() if label in changed]
        if put or staged:
            drafts.put_draft(connection, draft, author, now_ns, message)
        bases = {label: staged.get(label, state.version(*label)) for label in wanted}
        drafts.put_proposals(connection, draft, put, bases, author, now_ns)
        gone = staged.keys() - wanted.keys()
        if gone:
            drafts.take_proposals(connection, draft, gone)
        if not put and not gone:
            kept = drafts.read_proposals(connection, draft)
        else:
            self._writer.audit_draft(
                connection, author, "revisions.stage", draft,
                {"staged": [where(one.kind, one.name) for one in put[:100]], "count": len(put)},
            )  # fmt: skip
            kept = drafts.read_proposals(connection, draft)
        if not kept:
            return Draft(draft, now_ns, as_actor(author).name, message, ())
        return drafts.require_draft(connection, draft)

    def preview(self, draft: str) -> DraftPreview:
        """What publishing would change; raises `MissingError`."""
        writer = self._writer
        problems: tuple[str, ...] = ()
        with writer.changing() as (connection, state):
            drafts.require_draft(connection, draft)
            proposals = drafts.read_proposals(connection, draft)
            ahead = drafts.overlaid(state, proposals)
            expanded = writer.planner.expand(ahead.written, {}, ahead)
            plan = writer.planner.plan(state, expanded, lenient=True)
            try:
                expanded.check()
                writer.check(connection, state, plan)
                writer.try_keys(connection, state, plan)
            except ConfigurationError as error:
                problems = tuple(one.message for one in (error, *error.others))
            connection.rollback()
        behind = tuple(drafts.stale(state, proposals))
        return DraftPreview(state.number, writer.tell(plan), behind, problems)

    def discard(self, author: Author, draft: str, items: Collection[Label] | None) -> int:
        """Drop a draft or some of it; raises `MissingError`."""
        with self._writer.changing() as (connection, _):
            drafts.require_draft(connection, draft)
            count = drafts.take_proposals(connection, draft, items)
            self._writer.audit_draft(
                connection, author, "revisions.discard", draft, {"discarded": count}
            )
        return count

    def publish(
        self, author: Author, draft: str, message: str | None, expected_revision: int | None
    ) -> int:
        """Put a draft in force.

        Raises `MissingError`, `StaleError`, `ConfigurationError`.
        """
        writer = self._writer
        with writer.changing() as (connection, state):
            found = drafts.require_draft(connection, draft)
            expect_revision(state, expected_revision)
            proposals = drafts.read_proposals(connection, draft)
            _refuse_stale(draft, state, proposals)
            ahead = drafts.overlaid(state, proposals)
            expanded = writer.planner.expand(ahead.written, {}, ahead)
            expanded.check()
            plan = writer.plan(connection, state, expanded)
            summary = f"published the draft {draft}"
            told = Told(author, "revisions.publish", summary, message or found.message)
            number = writer.store(connection, state, plan, told)
            drafts.take_proposals(connection, draft)
        writer.give(plan, author, number)
        return number


def _counts(change: ItemChange) -> bool:
    """Whether it is more than another position."""
    return change.after is None or change.after.version == 0


def _refuse_stale(draft: str, state: State, proposals: Collection[Proposal]) -> None:
    behind = drafts.stale(state, proposals)
    if behind:
        names = ", ".join(where(one.kind, one.name) for one in behind[:5])
        more = f" and {len(behind) - 5} more" if len(behind) > 5 else ""
        raise StaleError(
            f"changed in force since it was staged in the draft {draft}: {names}{more}",
            fix="discard these from the draft, and stage them again on what is in force",
        )
