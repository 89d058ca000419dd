"""Rows of keys: made, changed, kept in step with faregate.yaml.

Every function runs inside the caller's transaction and stamps what it changes with the number
of the caller's revision.
"""

import secrets
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, Literal

import msgspec
import sqlalchemy as sa

from faregate.configuration.commerce import Selection
from faregate.configuration.document import Document, Key
from faregate.configuration.problems import Path, Problem, unknown
from faregate.core.errors import ConfigurationError
from faregate.identity.keys import KeyRecord
from faregate.storage.gate_reader import read_key
from faregate.storage.key_tenancy import check_tenants_of_keys
from faregate.storage.tables import keys as table

Source = Literal["file", "command"]
_CHUNK = 500  # values in one statement
_RECORD = [
    table.c.key_id,
    table.c.name,
    table.c.prefix,
    table.c.hash,
    table.c.models,
    table.c.created_ns,
    table.c.expires_ns,
    table.c.revoked_ns,
    table.c.application,
    table.c.team,
]


class KeyEntry(msgspec.Struct, frozen=True):
    """A key and where it is managed.

    `version` is the revision that changed it last.
    """

    record: KeyRecord
    source: Source
    version: int = 0


def new_key_id() -> str:
    """An identifier of a key, `key_` and 16 hex digits; not secret."""
    return f"key_{secrets.token_hex(8)}"


def find_entries(
    connection: sa.Connection, condition: sa.ColumnElement[bool] | None = None
) -> list[KeyEntry]:
    """The keys that meet `condition`, oldest first."""
    statement = select_entries().order_by(table.c.created_ns, table.c.key_id)
    if condition is not None:
        statement = statement.where(condition)
    return [read_entry(row) for row in connection.execute(statement)]


def select_entries() -> sa.Select[Any]:
    """A query of keys, for `read_entry`."""
    return sa.select(*_RECORD, table.c.source, table.c.changed)


def read_entry(row: Sequence[Any]) -> KeyEntry:
    """The key in a row of `select_entries`."""
    return KeyEntry(read_key(row[:-2]), row[-2], row[-1])


def insert_key(connection: sa.Connection, record: KeyRecord, source: Source, number: int) -> None:
    """Add a key."""
    insert_keys(connection, [record], source, number)


def insert_keys(
    connection: sa.Connection, records: Sequence[KeyRecord], source: Source, number: int
) -> None:
    """Add keys."""
    rows = [_columns(record) | {"source": source, "changed": number} for record in records]
    if rows:
        connection.execute(table.insert(), rows)


def update_key(connection: sa.Connection, record: KeyRecord, number: int) -> None:
    """Replace what is kept of the key of `record.key_id`."""
    columns = _columns(record)
    connection.execute(
        table.update()
        .where(table.c.key_id == columns.pop("key_id"))
        .values(**columns, changed=number)
    )


def synchronise_keys(
    connection: sa.Connection, keys: tuple[Key, ...], before: tuple[Key, ...], *,
    number: int, now_ns: int,
) -> None:  # fmt: skip
    """Make keys of the file be as `keys`; others of `before` are revoked.

    `before` are the file's keys as they were in the revision before; those that stay as they are
    may be left out of both. Keys that were made by command are left alone; a name or a key that
    is both raises `ConfigurationError`.
    """
    kept = _entries_of(connection, [key_hash(key) for key in (*before, *keys)])
    _refuse_conflicts(connection, keys, before, kept)
    wanted = {key_hash(key): key for key in keys}
    changed = []
    for known, entry in kept.items():
        if entry.source == "command":
            continue
        key = wanted.pop(known, None)
        ends = key is None or key.revoked
        revoked_ns = (entry.record.revoked_ns or now_ns) if ends else None
        record = entry.record if key is None else _record(key, entry.record)
        record = msgspec.structs.replace(record, revoked_ns=revoked_ns)
        if record != entry.record:
            changed.append(record)
    # Two keys may have swapped their names: each first takes one that nobody else has.
    for record in changed:
        update_key(connection, msgspec.structs.replace(record, name=record.key_id), number)
    for record in changed:
        update_key(connection, record, number)
    for key in wanted.values():
        record = _record(key, None, created_ns=now_ns)
        if key.revoked:
            record = msgspec.structs.replace(record, revoked_ns=now_ns)
        insert_key(connection, record, "file", number)


def check_keys_of_document(
    connection: sa.Connection, before: Document, document: Document, now_ns: int
) -> list[Problem]:
    """Where `document` and the keys made by command do not fit together.

    Their applications must stay, or their calls would be paid by nobody. Names of keys in limits
    and budgets may be of any key that is or was here.
    """
    return [
        *_left_alone(connection, before, document, now_ns),
        *_unknown_keys(connection, before, document),
        *_wrong_tenants(connection, before, document),
    ]


def _left_alone(
    connection: sa.Connection, before: Document, document: Document, now_ns: int
) -> Iterator[Problem]:
    """Keys made by command whose application is not there any more."""
    if before.applications is document.applications:
        return
    lost = {one.name for one in before.applications}
    lost -= {one.name for one in document.applications}
    for some in _chunks(lost):
        for entry in find_entries(
            connection, (table.c.source == "command") & table.c.application.in_(some)
        ):
            record = entry.record
            if record.state(now_ns) == "active":
                yield Problem(
                    ("applications",),
                    f"the key {record.name!r}, made by command, belongs to the application "
                    f"{record.application!r}, which is not there",
                    f"keep the application, or run 'faregate keys revoke {record.name}' first",
                )


def _unknown_keys(
    connection: sa.Connection, before: Document, document: Document
) -> Iterator[Problem]:
    """Keys that limits and budgets name, and never were."""
    parts = ("keys", "plans", "limits", "budgets")
    if all(getattr(before, part) is getattr(document, part) for part in parts):
        return
    own = {key.name for key in document.keys}
    named = {name for _, one in _selections(document) for name in one.keys} - own
    for some in _chunks(named):
        statement = sa.select(table.c.name).where(table.c.name.in_(some))
        named -= {name for (name,) in connection.execute(statement)}
    if not named:
        return
    known = [*own, *(name for (name,) in connection.execute(sa.select(table.c.name)))]
    for path, selection in _selections(document):
        for at, name in enumerate(selection.keys):
            if name in named:
                yield Problem(
                    (*path, "keys", at),
                    unknown("key", name, known),
                    f"name a key that is there, or make it first: 'faregate keys create {name}'",
                )


def _wrong_tenants(
    connection: sa.Connection, before: Document, document: Document
) -> list[Problem]:
    """Names of teams' keys that do not fit, where anything about them changes."""
    parts = ("keys", "applications", "teams", "limits", "budgets")
    if all(getattr(before, part) is getattr(document, part) for part in parts):
        return []
    return check_tenants_of_keys(connection, document)


def revoked_hashes(connection: sa.Connection, secrets_: Iterable[str]) -> set[str]:
    """Those of `sha256:...` whose keys are revoked."""
    hashes = [bytes.fromhex(secret.removeprefix("sha256:")) for secret in secrets_]
    return {
        f"sha256:{known.hex()}"
        for known, entry in _entries_of(connection, hashes).items()
        if entry.record.revoked_ns is not None
    }


def count_commanded_since(connection: sa.Connection, number: int) -> int:
    """How many keys were changed by command after a revision."""
    statement = (
        sa.select(sa.func.count())
        .select_from(table)
        .where(table.c.source == "command", table.c.changed > number)
    )
    return int(connection.execute(statement).scalar_one())


def _entries_of(connection: sa.Connection, hashes: Collection[bytes]) -> dict[bytes, KeyEntry]:
    return {
        entry.record.hash: entry
        for some in _chunks(set(hashes))
        for entry in find_entries(connection, table.c.hash.in_(some))
    }


def _chunks(values: Collection[Any]) -> Iterator[list[Any]]:
    """Some values at a time, as many as a statement takes."""
    some = list(values)
    for at in range(0, len(some), _CHUNK):
        yield some[at : at + _CHUNK]


def _selections(document: Document) -> Iterator[tuple[Path, Selection]]:
    for at, plan in enumerate(document.plans):
        for number, limit in enumerate(plan.limits):
            yield ("plans", at, "limits", number), limit
    for at, limit in enumerate(document.limits):
        yield ("limits", at), limit
    for at, budget in enumerate(document.budgets):
        yield ("budgets", at), budget


def key_hash(key: Key) -> bytes:
    """The 32 bytes of `sha256:...`."""
    return bytes.fromhex(key.secret.removeprefix("sha256:"))


def _refuse_conflicts(
    connection: sa.Connection,
    keys: tuple[Key, ...],
    before: tuple[Key, ...],
    kept: dict[bytes, KeyEntry],
) -> None:
    commanded = {
        entry.record.name
        for some in _chunks([key.name for key in keys if not key.revoked])
        for entry in find_entries(
            connection,
            (table.c.source == "command") & table.c.revoked_ns.is_(None) & table.c.name.in_(some),
        )
    }
    revoked_before = {key.secret for key in before if key.revoked}
    for key in keys:
        entry = kept.get(key_hash(key))
        if entry is not None and entry.source == "command":
            raise ConfigurationError(
                f"keys[{key.name}]: this key was made by command as {entry.record.name!r}",
                fix="leave it out of the file, or make another key",
            )
        if key.name in commanded and not key.revoked:
            raise ConfigurationError(
                f"keys[{key.name}]: a key that was made by command has this name",
                fix=f"choose another name, or run 'faregate keys revoke {key.name}' first",
            )
        if key.secret in revoked_before and not key.revoked:
            raise ConfigurationError(
                f"keys[{key.name}]: this key was revoked, and stays so",
                fix="make another key, or write 'revoked: true'",
            )


def _record(key: Key, old: KeyRecord | None, created_ns: int = 0) -> KeyRecord:
    expires = key.expires_at
    return KeyRecord(
        key_id=old.key_id if old else new_key_id(),
        name=key.name,
        prefix=key.prefix or "",
        hash=key_hash(key),
        models=None if key.models is None else frozenset(key.models),
        created_ns=old.created_ns if old else created_ns,
        expires_ns=None if expires is None else round(expires.timestamp() * 1_000_000) * 1_000,
        revoked_ns=old.revoked_ns if old else None,
        application=key.application,
        team=old.team if old and old.application == key.application else None,
    )


def _columns(record: KeyRecord) -> dict[str, Any]:
    columns = msgspec.structs.asdict(record)
    if record.models is not None:
        columns["models"] = msgspec.json.encode(sorted(record.models)).decode()
    return columns
