"""Revisions: every change is whole or not at all, one by one."""

import os
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import msgspec
import sqlalchemy as sa

from faregate.configuration import completion, rules
from faregate.configuration.difference import Change, difference
from faregate.configuration.document import Document, Key
from faregate.configuration.problems import Path, place, raise_all
from faregate.configuration.references import expand, is_sealed, map_texts, plain
from faregate.core.clock import Clock, SystemClock
from faregate.core.errors import StorageError
from faregate.identity.keys import hash_key, shown_prefix
from faregate.storage.database import Database
from faregate.storage.key_rows import check_keys_of_document, synchronise_keys
from faregate.storage.key_tenancy import assign_teams
from faregate.storage.sealing import (
    StoredDocument,
    decode_stored,
    open_document,
    seal_document,
)
from faregate.storage.secrets import SecretBox
from faregate.storage.tables import revisions as table


class Revision(msgspec.Struct, frozen=True):
    """One change. `changed_document` is false where only keys changed."""

    number: int
    created_ns: int
    actor: str
    summary: str
    changed_document: bool


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


class GrantGiver(Protocol):
    """Where the credit that a document gives is kept: another database."""

    def refuse_changed(self, current: Document, new: Document) -> None:
        """Raise `ConfigurationError` where `new` changes credit that was given."""

    def give_stored(self, document: Document, author: str, revision: int) -> None:
        """Give what the document in force gives and wasn't given yet."""


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
        self._clock = clock or SystemClock()
        self._grants = grants

    def current(self) -> Current:
        """The newest configuration."""
        with self._database.reading() as connection:
            return self._current(connection)

    def written(self) -> tuple[int, Document]:
        """The newest revision's number and document, as written.

        Needs no master key.
        """
        with self._database.reading() as connection:
            row = read_document(connection)
        return (0, Document()) if row is None else (row[0], row[1].written)

    def history(self, count_max: int = 20) -> list[Revision]:
        """The last revisions, newest first."""
        columns = table.c
        statement = (
            sa.select(
                columns.number,
                columns.created_ns,
                columns.actor,
                columns.summary,
                columns.document_json.is_not(None),
            )
            .order_by(columns.number.desc())
            .limit(count_max)
        )
        with self._database.reading() as connection:
            return [
                Revision(number, created_ns, actor, summary, bool(changed))
                for number, created_ns, actor, summary, changed in connection.execute(statement)
            ]

    def apply(
        self,
        document: Document,
        actor: str,
        summary: str,
        expected_revision: int | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> int:
        """Put `document` in force; gives the number of the revision that now is.

        Variables take their values from `environment` (this process's own) now. A document that
        changes nothing makes no revision. Raises `ConfigurationError` where it can't be honoured,
        `StorageError` where another configuration than `expected_revision` is in force.
        """
        new = self._prepared(document, environment)
        with self._database.writing() as connection:
            current = self._replaceable(connection)
            if expected_revision is not None and current.number != expected_revision:
                raise StorageError(
                    f"the configuration was changed meanwhile: revision {current.number} is in "
                    f"force, not {expected_revision}",
                    fix="look at the difference again, then apply again",
                )
            number = self._store(connection, current, new, actor, summary)
        # Also where nothing changes: an earlier try may have ended before this.
        if self._grants is not None:
            self._grants.give_stored(new.clear, actor, number)
        return number

    def edit(
        self,
        change: Callable[[Document], Document],
        actor: str,
        summary: str,
        environment: Mapping[str, str] | None = None,
        renewed: frozenset[str] = frozenset(),
    ) -> int:
        """Put the changed document in force; gives its revision's number.

        `change` gets the one in force now; nobody can come between. What it leaves alone keeps
        its value, whatever its variable holds now, except at the places in `renewed`.
        """
        with self._database.writing() as connection:
            current = self._current(connection)
            kept = {at: value for at, value in _values(current).items() if at not in renewed}
            new = self._prepared(change(current.written), environment, kept)
            number = self._store(connection, current, new, actor, summary)
        if self._grants is not None and new.clear.wallets != current.clear.wallets:
            self._grants.give_stored(new.clear, actor, number)
        return number

    def preview(
        self, document: Document, environment: Mapping[str, str] | None = None
    ) -> tuple[int, list[Change]]:
        """The revision in force, and what `apply` of `document` would change.

        It is applied, by the same code, and undone: what `apply` would refuse is refused here.
        """
        new = self._prepared(document, environment)
        with self._database.writing() as connection:
            current = self._replaceable(connection)
            self._store(connection, current, new, "preview", "preview")
            connection.rollback()
        changes = difference(current.written, new.written)
        told = {change.place for change in changes}
        before = _values(current)
        for where, (_, value) in _values(new).items():
            if where in before and before[where][1] != value and where not in told:
                changes.append(Change("~", f"{where} (value)"))
        return current.number, changes

    def seal(self, secret: str, where: str) -> str:
        """`secret` sealed for the place `where`: providers[x].api_key."""
        return self._box.seal(secret, where)

    def _current(self, connection: sa.Connection) -> Current:
        row = read_document(connection)
        if row is None:
            return Current(0, Document(), Document())
        number, stored = row
        return Current(number, stored.written, open_document(stored.sealed, self._box))

    def _replaceable(self, connection: sa.Connection) -> Current:
        """The configuration in force, left sealed where this master key can't open it.

        So a lost master key is overcome by applying a file with all secrets again.
        """
        try:
            return self._current(connection)
        except StorageError:
            row = read_document(connection)
            if row is None:
                raise
            return Current(row[0], row[1].written, row[1].sealed)

    def _prepared(
        self,
        document: Document,
        environment: Mapping[str, str] | None,
        kept: Mapping[str, tuple[str, str]] | None = None,
    ) -> Current:
        """`document` with its values, checked; `kept` has, by place, texts and their values."""
        document = completion.pinned(document)
        tree = plain(document)

        def known(path: Path, text: str) -> str | None:
            where = place(tree, path)
            if kept and where in kept and kept[where][0] == text:
                return kept[where][1]
            return self._box.open(text, where) if is_sealed(text) else None

        clear, problems = expand(
            document, os.environ if environment is None else environment, known
        )
        hidden = {problem.path for problem in problems}
        problems = [
            *rules.check_written(document),
            *problems,
            *(problem for problem in rules.check(clear) if problem.path not in hidden),
        ]
        if problems:
            raise_all(problems, tree)
        keys = tuple(map(_hashed, clear.keys))
        return Current(
            number=-1,
            written=msgspec.structs.replace(document, keys=keys),
            clear=completion.completed(msgspec.structs.replace(clear, keys=())),
        )

    def _store(
        self, connection: sa.Connection, current: Current, new: Current, actor: str, summary: str
    ) -> int:
        if (new.written, new.clear) == (current.written, current.clear):
            return current.number
        if new.clear.settings != current.clear.settings and (
            problems := rules.missing_clients(new.clear)
        ):
            raise_all(problems, plain(new.written))
        if self._grants is not None:
            self._grants.refuse_changed(current.clear, new.clear)
        sealed = seal_document(msgspec.structs.replace(new.written, keys=()), new.clear, self._box)
        now_ns = self._clock.wall_ns()
        stored = StoredDocument(new.written, completion.completed(sealed))
        if problems := check_keys_of_document(connection, new.written, now_ns):
            raise_all(problems, plain(new.written))
        number = insert_revision(connection, now_ns, actor, summary, stored)
        synchronise_keys(
            connection, new.written.keys, current.written.keys, number=number, now_ns=now_ns
        )
        assign_teams(connection, current.written, new.written, number)
        return number


def read_document(connection: sa.Connection) -> tuple[int, StoredDocument] | None:
    """The newest revision's number and document, if there is one."""
    row = connection.execute(
        sa.select(table.c.number, table.c.document_json)
        .where(table.c.document_json.is_not(None))
        .order_by(table.c.number.desc())
        .limit(1)
    ).first()
    return None if row is None else (row[0], decode_stored(row[1]))


def insert_revision(
    connection: sa.Connection,
    now_ns: int,
    actor: str,
    summary: str,
    stored: StoredDocument | None = None,
) -> int:
    """Add a revision, and give its number.

    Without `stored` it leaves the document alone.
    """
    text = None if stored is None else msgspec.json.encode(stored).decode()
    result = connection.execute(
        table.insert().values(created_ns=now_ns, actor=actor, summary=summary, document_json=text)
    )
    key: Any = result.inserted_primary_key
    return int(key[0])


def _hashed(key: Key) -> Key:
    """The key without its secret; what it needs to be shown is kept."""
    if key.secret.startswith("sha256:"):
        return key
    return msgspec.structs.replace(
        key,
        secret=f"sha256:{hash_key(key.secret).hex()}",
        prefix=key.prefix or shown_prefix(key.secret),
    )


def _values(current: Current) -> dict[str, tuple[str, str]]:
    """Of each text with a reference, by its place: the text, and its value in the clear."""
    tree: Any = plain(current.written)
    clear: Any = plain(current.clear)
    values: dict[str, tuple[str, str]] = {}

    def note(path: Path, text: str) -> str:
        if path[0] != "keys":
            value = clear
            for step in path:
                value = value[step]
            values[place(tree, path)] = (text, value)
        return text

    map_texts(current.written, note)
    return values
