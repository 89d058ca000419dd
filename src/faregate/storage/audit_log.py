"""The audit log: who did what, when, from where; kept in faregate.db.

An entry is written in the transaction of the act itself, so there is none without the other. The
chain and what it proves: `identity.audit_chain`.
"""

from collections.abc import Generator, Iterator
from contextlib import closing
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from faregate.core.bounds import AUDIT_BATCH, AUDIT_TEXT_CHARACTERS_MAX
from faregate.core.clock import Clock, SystemClock
from faregate.core.errors import StorageError
from faregate.identity import audit_chain as chain
from faregate.identity.actors import Actor, Author, as_actor
from faregate.identity.audit_chain import AuditEntry, Mark, MarkKind, Outcome, Verdict
from faregate.storage.audit_redaction import redacted_json, redacted_text
from faregate.storage.audit_tables import entries, marks
from faregate.storage.database import Database, audit_key_of

_RETENTION: Final = Actor("system", "retention")
_GUARD: Final = Actor("system", "audit")

# Made once: they are executed with every act.
_INSERT_ENTRY: Final = entries.insert()
_INSERT_MARK: Final = marks.insert()
_UPDATE_MARK: Final = (
    marks.update()
    .where(marks.c.kind == sa.bindparam("old_kind"))
    .values({name: sa.bindparam(name) for name in ("sequence", "hash", "seal", "written_ns")})
)
_SELECT_MARK: Final = sa.select(marks.c.sequence, marks.c.hash, marks.c.seal).where(
    marks.c.kind == sa.bindparam("kind")
)
_SELECT_HASH: Final = sa.select(entries.c.hash).where(entries.c.sequence == sa.bindparam("number"))


class AuditQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which entries; what is None says nothing.

    `actor` is a name or an id. `act` and `object` may end in `*`. Times are nanoseconds since
    1970, `since_ns` included, `until_ns` not.
    """

    actor: str | None = None
    act: str | None = None
    object: str | None = None
    team: str | None = None
    outcome: Outcome | None = None
    since_ns: int | None = None
    until_ns: int | None = None


def write_entry(
    connection: sa.Connection,
    now_ns: int,
    author: Author,
    act: str,
    object: str,  # noqa: A002 - the word of the log
    *,
    team: str | None = None,
    before: Any = None,
    after: Any = None,
    outcome: Outcome = "done",
    detail: str | None = None,
) -> int:
    """Add an entry in a transaction of `Database.writing`; gives its number.

    `before` and `after` are whatever msgspec can encode; secrets in them are replaced. Raises
    `StorageError` where the log is sealed and this process doesn't have the key.
    """
    entry = AuditEntry(
        sequence=0,
        created_ns=now_ns,
        actor=_fitting_actor(as_actor(author)),
        act=act,
        object=_fitting(object),
        team=team,
        outcome=outcome,
        before=redacted_json(before),
        after=redacted_json(after),
        detail=None if detail is None else _fitting(detail),
    )
    key = audit_key_of(connection)
    head = _read_mark(connection, "head")
    if (problem := _distrust(connection, head, key)) is not None:
        warning = AuditEntry(
            0, now_ns, _GUARD, chain.BREAK_ACT, "audit", outcome="failed", detail=problem
        )
        head = _append(connection, head, warning, key)
    return _append(connection, head, entry, key).sequence


class AuditLog:
    """The audit log in `database`."""

    def __init__(self, database: Database, clock: Clock | None = None) -> None:
        self._database = database
        self._clock = clock or SystemClock()

    def record(
        self,
        author: Author,
        act: str,
        object: str,  # noqa: A002 - the word of the log
        *,
        team: str | None = None,
        before: Any = None,
        after: Any = None,
        outcome: Outcome = "done",
        detail: str | None = None,
    ) -> int:
        """Add an entry in a transaction of its own; gives its number."""
        with self._database.writing() as connection:
            return write_entry(
                connection,
                self._clock.wall_ns(),
                author,
                act,
                object,
                team=team,
                before=before,
                after=after,
                outcome=outcome,
                detail=detail,
            )

    def find(
        self,
        query: AuditQuery | None = None,
        *,
        limit: int = 50,
        before: int | None = None,
        after: int | None = None,
    ) -> list[AuditEntry]:
        """Entries of `query`, newest first, below the number `before`.

        With `after` the oldest first, above that number.
        """
        number = entries.c.sequence
        statement = sa.select(entries).where(*_conditions(query or AuditQuery())).limit(limit)
        if after is not None:
            statement = statement.where(number > after).order_by(number)
        else:
            statement = statement.order_by(number.desc())
        if before is not None:
            statement = statement.where(number < before)
        with self._database.reading() as connection:
            return [_entry(row) for row in connection.execute(statement).mappings()]

    def get(self, sequence: int) -> AuditEntry | None:
        """The entry of this number; None where there is none."""
        found = self.find(after=sequence - 1, before=sequence + 1, limit=1)
        return found[0] if found else None

    def walk(self, query: AuditQuery | None = None, after: int = 0) -> Iterator[AuditEntry]:
        """All entries of `query`, the oldest first, read in parts."""
        while found := self.find(query, after=after, limit=AUDIT_BATCH):
            yield from found
            after = found[-1].sequence

    def head(self) -> Mark | None:
        """Number and hash of the newest entry; note it elsewhere."""
        with self._database.reading() as connection:
            return _read_mark(connection, "head")

    def verify(self) -> Verdict:
        """Read the whole log, and tell the first entry that was changed."""
        with self._database.reading() as connection, closing(_links(connection)) as links:
            return chain.verify(
                _read_mark(connection, "start"),
                links,
                _read_mark(connection, "head"),
                self._database.audit_key,
            )

    def holds(self, sequence: int, digest: str) -> bool | None:
        """Whether the entry of this number has this hash, in hexadecimal digits.

        None where retention took it away: nothing can be said. A head that was noted elsewhere
        is checked so.
        """
        with self._database.reading() as connection:
            start = _read_mark(connection, "start")
            if start is not None and sequence <= start.sequence:
                return start.hash.hex() == digest if sequence == start.sequence else None
            found = _read_hash(connection, sequence)
        return found is not None and found.hex() == digest.lower()

    def prune(self, until_ns: int) -> int:
        """Take away the oldest run of entries before `until_ns`; their count.

        What is taken away is verified first: a broken log raises `StorageError` and stays.
        """
        now_ns = self._clock.wall_ns()
        with self._database.writing() as connection:
            key = audit_key_of(connection)
            start, head = _read_mark(connection, "start"), _read_mark(connection, "head")
            number = entries.c.sequence
            kept = connection.execute(
                sa.select(sa.func.min(number)).where(entries.c.created_ns >= until_ns)
            ).scalar()
            last = head.sequence if kept is None and head else (kept or 1) - 1
            begun = start.sequence if start else 0
            if last <= begun:
                return 0
            with closing(_links(connection, last)) as links:
                _refuse_broken(start, links, key)
            digest = _read_hash(connection, last) or chain.BEGINNING
            _write_mark(connection, "start", start, Mark(last, digest), key, now_ns)
            connection.execute(entries.delete().where(number <= last))
            write_entry(
                connection,
                now_ns,
                _RETENTION,
                "audit.prune",
                "audit",
                detail=f"entries {begun + 1} to {last} were taken away",
            )
        return last - begun


def keep_days(log: AuditLog, days: int | None, now_ns: int) -> int:
    """Take away what is older than so many days; gives the count."""
    return 0 if days is None else log.prune(now_ns - days * 86_400 * 1_000_000_000)


def _fitting(text: str) -> str:
    return redacted_text(text)[:AUDIT_TEXT_CHARACTERS_MAX]


def _fitting_actor(actor: Actor) -> Actor:
    return msgspec.structs.replace(actor, name=_fitting(actor.name))


def _read_mark(connection: sa.Connection, kind: MarkKind) -> Mark | None:
    row = connection.execute(_SELECT_MARK, {"kind": kind}).first()
    return None if row is None else Mark(*row)


def _read_hash(connection: sa.Connection, sequence: int) -> bytes | None:
    found: bytes | None = connection.execute(_SELECT_HASH, {"number": sequence}).scalar()
    return found


def _write_mark(
    connection: sa.Connection,
    kind: MarkKind,
    old: Mark | None,
    mark: Mark,
    key: bytes | None,
    now_ns: int,
) -> None:
    values = {
        "sequence": mark.sequence,
        "hash": mark.hash,
        "seal": None if key is None else chain.seal(key, kind, mark.sequence, mark.hash),
        "written_ns": now_ns,
    }
    if old is None:
        connection.execute(_INSERT_MARK, {"kind": kind, **values})
    else:
        connection.execute(_UPDATE_MARK, {"old_kind": kind, **values})


def _distrust(connection: sa.Connection, head: Mark | None, key: bytes | None) -> str | None:
    """Why nothing may be built on this head as if it were ours."""
    if key is None:
        if head is not None and head.seal is not None:
            raise StorageError(
                "the audit log is sealed with the master key, which this program doesn't have",
                fix="open the installation with its master key",
            )
        return None
    if head is None:
        return None
    if not chain.is_sealed(key, "head", head):
        return f"the head at entry {head.sequence} bore no seal of this master key"
    last = _read_hash(connection, head.sequence)
    if last != head.hash and _read_mark(connection, "start") != _start_of(head, key):
        return f"entry {head.sequence}, the last one, was changed or taken away"
    return None


def _start_of(head: Mark, key: bytes) -> Mark:
    """The start of a log from which all was taken away."""
    return Mark(head.sequence, head.hash, chain.seal(key, "start", head.sequence, head.hash))


def _append(
    connection: sa.Connection, head: Mark | None, entry: AuditEntry, key: bytes | None
) -> Mark:
    previous = Mark(0, chain.BEGINNING) if head is None else head
    entry = msgspec.structs.replace(entry, sequence=previous.sequence + 1)
    fields = entry.fields()
    digest = chain.entry_hash(previous.hash, fields)
    connection.execute(_INSERT_ENTRY, {**fields, "hash": digest})
    new = Mark(entry.sequence, digest)
    _write_mark(connection, "head", head, new, key, entry.created_ns)
    return Mark(
        new.sequence, digest, None if key is None else chain.seal(key, "head", new.sequence, digest)
    )


def _refuse_broken(
    start: Mark | None, batches: Iterator[list[chain.Link]], key: bytes | None
) -> None:
    begun = Mark(0, chain.BEGINNING) if start is None else start
    followed = chain.Chain(begun)
    forged = start is not None and key is not None and not chain.is_sealed(key, "start", start)
    if forged or not all(map(followed.follow, batches)):
        raise StorageError(
            f"the audit log is broken: {followed.problem or 'its start bears no valid seal'}",
            fix="'faregate audit verify' tells where; nothing is taken away from it",
        )


def _links(
    connection: sa.Connection, last: int | None = None
) -> Generator[list[chain.Link], None, None]:
    """All entries as they are in the file, whatever was made of them."""
    driver: Any = connection.connection.driver_connection
    names = [column.name for column in entries.c]
    columns = ", ".join(f'"{name}"' for name in names)
    sql = (
        f"SELECT {columns} FROM audit_entries "  # noqa: S608
        "WHERE sequence >= ?1 AND sequence <= ?2 "
        f"ORDER BY sequence LIMIT {AUDIT_BATCH}"
    )
    # A text that isn't UTF-8 must be told as a broken entry, not stop the reading.
    usual, driver.text_factory = driver.text_factory, _any_text
    at, end = -(2**63), 2**63 - 2 if last is None else last
    try:
        while rows := driver.execute(sql, (at, end)).fetchall():
            at = rows[-1][0] + 1
            yield [
                chain.Link(dict(zip(names[:-1], row[:-1], strict=True)), row[-1]) for row in rows
            ]
    finally:
        driver.text_factory = usual


def _any_text(text: bytes) -> str:
    return text.decode("utf-8", "surrogateescape")


def _conditions(query: AuditQuery) -> Iterator[sa.ColumnElement[bool]]:
    columns = entries.c
    if query.actor is not None:
        yield (columns.actor_name == query.actor) | (columns.actor_id == query.actor)
    for column, value in ((columns.act, query.act), (columns.object, query.object)):
        if value is not None and value.endswith("*"):
            yield column.startswith(value[:-1], autoescape=True)
        elif value is not None:
            yield column == value
    if query.team is not None:
        yield columns.team == query.team
    if query.outcome is not None:
        yield columns.outcome == query.outcome
    if query.since_ns is not None:
        yield columns.created_ns >= query.since_ns
    if query.until_ns is not None:
        yield columns.created_ns < query.until_ns


def _entry(row: sa.RowMapping) -> AuditEntry:
    fields = dict(row)
    actor = Actor(
        fields.pop("actor_kind"),
        fields.pop("actor_name"),
        fields.pop("actor_id"),
        fields.pop("token"),
        fields.pop("address"),
    )
    return AuditEntry(actor=actor, **fields)
