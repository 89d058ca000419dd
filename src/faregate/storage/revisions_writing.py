"""Storing a change: checked, kept by item, audited, in one transaction."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, Protocol

import msgspec
import sqlalchemy as sa

from faregate.configuration import rules
from faregate.configuration.difference import Change
from faregate.configuration.document import Document
from faregate.configuration.problems import raise_all
from faregate.configuration.references import plain
from faregate.core.clock import Clock
from faregate.core.errors import StaleError
from faregate.identity.actors import Author
from faregate.storage import revisions_rows as rows
from faregate.storage.audit_log import write_entry
from faregate.storage.database import Database
from faregate.storage.key_rows import check_keys_of_document, synchronise_keys
from faregate.storage.key_tenancy import assign_teams
from faregate.storage.revisions_held import Mark, hold, state_in_force
from faregate.storage.revisions_items import Label, team_of, where
from faregate.storage.revisions_planning import Edit, Expanded, Plan, Planner
from faregate.storage.revisions_state import ItemChange, State
from faregate.storage.revisions_telling import tell
from faregate.storage.secrets import SecretBox

AUDITED_MAX: Final = 500
"""Lines of changes in one entry of the audit log; the revision itself has all."""
_COMING: Final = "faregate_coming_state"


class GrantGiver(Protocol):
    """Where the credit that a document gives is kept: another database."""

    def refuse_changed(self, current: Document, new: Document) -> None:
        """Raise `ConfigurationError` where `new` changes credit that was given."""

    def give_stored(self, document: Document, author: str, revision: int) -> None:
        """Give what the document in force gives and wasn't given yet."""


class Told(msgspec.Struct, frozen=True):
    """How a change is told in the history and in the audit log."""

    author: Author
    act: str
    summary: str
    message: str | None = None


class Writer:
    """Plans and stores changes of the configuration in `database`."""

    def __init__(
        self, database: Database, box: SecretBox, clock: Clock, grants: GrantGiver | None
    ) -> None:
        self._database = database
        self._box = box
        self._clock = clock
        self._grants = grants
        self.planner = Planner(box)

    def now(self) -> State:
        """What is in force."""
        with self._database.reading() as connection:
            return state_in_force(connection)

    def now_ns(self) -> int:
        """The time of a change."""
        return self._clock.wall_ns()

    @contextmanager
    def changing(self) -> Iterator[tuple[sa.Connection, State]]:
        """A transaction, and what is in force in it; nobody can come between."""
        coming: list[tuple[Mark, State]] = []
        with self._database.writing() as connection:
            engine, connection.info[_COMING] = connection.engine, coming
            yield connection, state_in_force(connection)
        if coming:
            hold(engine, *coming[-1])

    def plan(
        self,
        connection: sa.Connection,
        state: State,
        expanded: Expanded,
        *,
        lenient: bool = False,
    ) -> Plan:
        """What leads to a document, checked against what is stored beside it.

        Raises `ConfigurationError`.
        """
        plan = self.planner.plan(state, expanded, lenient=lenient)
        self.check(connection, state, plan)
        return plan

    def plan_edit(
        self,
        connection: sa.Connection,
        state: State,
        change: Edit,
        environment: Mapping[str, str] | None,
        renewed: frozenset[str],
        expected: Mapping[Label, int] | None,
    ) -> Plan:
        """What an edit changes; raises `StaleError`, `ConfigurationError`."""
        expect_versions(state, expected or {})
        expanded = self.planner.expand(change(state.written), environment, state, renewed)
        expanded.check()
        return self.plan(connection, state, expanded)

    def check(self, connection: sa.Connection, state: State, plan: Plan) -> None:
        """Look for what is in the way: clients, credit, keys.

        Raises `ConfigurationError`.
        """
        if "settings" in plan.kinds and (problems := rules.missing_clients(plan.clear)):
            raise_all(problems, plain(plan.written))
        if self._grants is not None and plan.kinds & {"wallets", "settings"}:
            current = state.part(("wallets", "settings"), self._box)
            self._grants.refuse_changed(current, plan.clear)
        if problems := check_keys_of_document(
            connection, state.written, plan.written, self.now_ns()
        ):
            raise_all(problems, plain(plan.written))

    def store(self, connection: sa.Connection, state: State, plan: Plan, told: Told) -> int:
        """Make a revision of what changes; gives the number in force."""
        if not plan.changes:
            return state.number
        now_ns = self.now_ns()
        number = rows.insert_revision(
            connection, now_ns, told.author, told.summary, told.message, changed_document=True
        )
        rows.write_changes(connection, number, plan.changes)
        self._synchronise(connection, state, plan, number, now_ns)
        self._audit(connection, now_ns, plan, told, number)
        _forget_teams(connection, now_ns, plan, told.author)
        connection.info[_COMING].append(((number, now_ns), state.changed(number, plan.changes)))
        return number

    def try_keys(self, connection: sa.Connection, state: State, plan: Plan) -> None:
        """What keys would be in the way, in a transaction that is undone."""
        if "keys" in plan.kinds:
            now_ns = self.now_ns()
            number = rows.insert_revision(connection, now_ns, "preview", "preview")
            self._synchronise(connection, state, plan, number, now_ns)

    def _synchronise(
        self, connection: sa.Connection, state: State, plan: Plan, number: int, now_ns: int
    ) -> None:
        changes = [one for one in plan.changes if one.kind == "keys" and _content(one)]
        if changes:
            synchronise_keys(
                connection,
                tuple(one.after.written for one in changes if one.after is not None),
                tuple(one.before.written for one in changes if one.before is not None),
                number=number,
                now_ns=now_ns,
            )
        if plan.kinds & {"keys", "applications"}:
            assign_teams(connection, state.written, plan.written, number)

    def give(self, plan: Plan, author: Author, number: int) -> None:
        """Give the credit of what is in force now."""
        if self._grants is not None:
            self._grants.give_stored(plan.clear, str(author), number)

    def tell(self, plan: Plan) -> list[Change]:
        """The lines of a plan."""
        return tell(plan.changes, self._box, plan.reordered)

    def _audit(
        self, connection: sa.Connection, now_ns: int, plan: Plan, told: Told, number: int
    ) -> None:
        lines = [str(line) for line in self.tell(plan)]
        changes = [one for one in plan.changes if _content(one) and one.kind != "catalogue"]
        teams = {_team(one) for one in changes}
        act, thing = told.act, f"revisions/{number}"
        if act == "revisions.edit" and len(changes) == 1:
            act, thing = _act(changes[0])
        after: dict[str, Any] = {"revision": number, "changes": lines[:AUDITED_MAX]}
        if len(lines) > AUDITED_MAX:
            after["more_changes"] = len(lines) - AUDITED_MAX
        write_entry(
            connection,
            now_ns,
            told.author,
            act,
            thing,
            team=teams.pop() if len(teams) == 1 else None,
            after=after,
            detail=f"{told.summary}: {told.message}" if told.message else told.summary,
        )

    def audit_draft(
        self, connection: sa.Connection, author: Author, act: str, draft: str, after: Any
    ) -> None:
        """Write an entry of what was done to a draft."""
        write_entry(connection, self.now_ns(), author, act, f"drafts/{draft}", after=after)


def _forget_teams(connection: sa.Connection, now_ns: int, plan: Plan, author: Author) -> None:
    """What is kept beside the configuration goes with its team."""
    gone = [one.name for one in plan.changes if one.kind == "teams" and one.after is None]
    if gone:
        # They read the configuration themselves.
        from faregate.storage import members, webhooks

        members.forget_teams(connection, now_ns, author, gone)
        webhooks.forget_teams(connection, now_ns, author, gone)


def expect_revision(state: State, expected: int | None) -> None:
    """Raise `StaleError` where another revision than `expected` is in force."""
    if expected is not None and state.number != expected:
        raise StaleError(
            f"the configuration was changed meanwhile: revision {state.number} is in "
            f"force, not {expected}",
            fix="look at the difference again, then apply again",
        )


def expect_versions(state: State, expected: Mapping[Label, int]) -> None:
    """Raise `StaleError` where an item hasn't the version that is expected."""
    for (kind, name), version in expected.items():
        found = state.version(kind, name)
        if found == version:
            continue
        if found == 0:
            happened = "is not there any more"
        elif version == 0:
            happened = f"is there already, since revision {found}"
        else:
            happened = f"was changed meanwhile, by revision {found}"
        raise StaleError(f"{where(kind, name)} {happened}", fix="read it again, then change it")


def _content(change: ItemChange) -> bool:
    """Whether more than its position changes."""
    before, after = change.before, change.after
    return (
        before is None
        or after is None
        or before.written != after.written
        or before.sealed != after.sealed
    )


def _team(change: ItemChange) -> str | None:
    entry = change.after or change.before
    return None if entry is None else team_of(change.kind, entry.written)


def _act(change: ItemChange) -> tuple[str, str]:
    done = "update"
    if change.before is None:
        done = "create"
    elif change.after is None:
        done = "delete"
    thing = f"{change.kind}/{change.name}" if change.name else change.kind
    return f"{change.kind}.{done}", thing
