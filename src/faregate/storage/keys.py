"""Callers' keys by command: made, listed, revoked."""

import msgspec
import sqlalchemy as sa

from faregate.configuration.document import Document
from faregate.configuration.problems import unknown
from faregate.core.clock import Clock, SystemClock
from faregate.core.errors import FaregateError
from faregate.identity.keys import (
    PREFIX,
    KeyRecord,
    generate_key,
    hash_key,
    is_well_formed,
    shown_prefix,
)
from faregate.storage.database import Database
from faregate.storage.key_rows import (
    KeyEntry,
    find_entries,
    insert_key,
    key_hash,
    new_key_id,
    update_key,
)
from faregate.storage.revisions import insert_revision, read_document
from faregate.storage.sealing import StoredDocument
from faregate.storage.tables import keys as table


class NewKey(msgspec.Struct, frozen=True):
    """A key that was just made; `secret` is known here and nowhere else."""

    record: KeyRecord
    secret: str

    def __repr__(self) -> str:
        return f"NewKey({self.record.key_id})"


class Keys:
    """The keys in `database`."""

    def __init__(self, database: Database, clock: Clock | None = None) -> None:
        self._database = database
        self._clock = clock or SystemClock()

    def create(
        self,
        name: str,
        actor: str,
        models: frozenset[str] | None = None,
        expires_ns: int | None = None,
        secret: str | None = None,
        application: str | None = None,
    ) -> NewKey:
        """Make a key, without `secret` a random one; its name must be free."""
        secret = secret or generate_key()
        now_ns = self._clock.wall_ns()
        if expires_ns is not None and expires_ns <= now_ns:
            raise FaregateError(
                "the key would be expired from the start", fix="name a time that is still to come"
            )
        record = KeyRecord(
            key_id=new_key_id(),
            name=name,
            prefix=shown_prefix(secret),
            hash=hash_key(secret),
            models=models,
            created_ns=now_ns,
            expires_ns=expires_ns,
            revoked_ns=None,
            application=application,
        )
        with self._database.writing() as connection:
            _refuse_unknown(connection, models, application)
            taken = find_entries(
                connection,
                ((table.c.name == name) & table.c.revoked_ns.is_(None))
                | (table.c.hash == record.hash),
            )
            if taken:
                raise FaregateError(
                    f"there is a key {taken[0].record.name!r} already "
                    f"({taken[0].record.prefix}...)",
                    fix=f"choose another name, or run 'faregate keys revoke {name}' first",
                )
            number = insert_revision(connection, now_ns, actor, f"made the key {name}")
            insert_key(connection, record, "command", number)
        return NewKey(record, secret)

    def list(self) -> list[KeyEntry]:
        """All keys, oldest first."""
        with self._database.reading() as connection:
            return find_entries(connection)

    def revoke(self, selector: str, actor: str) -> tuple[KeyRecord, bool]:
        """Revoke a key; gives it, and whether it was in use until now.

        A selector is a name, an id, the whole key, or the beginning of a key.
        """
        with self._database.writing() as connection:
            entry = _select(connection, selector)
            record = entry.record
            if record.revoked_ns is not None:
                return record, False
            now_ns = self._clock.wall_ns()
            stored = _revoked_in_file(connection, record) if entry.source == "file" else None
            number = insert_revision(
                connection, now_ns, actor, f"revoked the key {record.name}", stored
            )
            record = msgspec.structs.replace(record, revoked_ns=now_ns)
            update_key(connection, record, number)
        return record, True


def _refuse_unknown(
    connection: sa.Connection, models: frozenset[str] | None, application: str | None
) -> None:
    row = read_document(connection)
    document = row[1].written if row else Document()
    known = [name for model in document.models for name in (model.name, *model.aliases)]
    for name in sorted(models or ()):
        if name not in known:
            raise FaregateError(
                unknown("model", name, known), fix="'faregate models list' shows the models"
            )
    applications = [one.name for one in document.applications]
    if application is not None and application not in applications:
        raise FaregateError(
            unknown("application", application, applications),
            fix=f"'faregate applications list' shows them, 'faregate applications add "
            f"{application}' adds one",
        )


def _select(connection: sa.Connection, selector: str) -> KeyEntry:
    columns = table.c
    if is_well_formed(selector):
        found = find_entries(connection, columns.hash == hash_key(selector))
        selector = shown_prefix(selector) + "..."
    else:
        found = find_entries(connection, (columns.name == selector) | (columns.key_id == selector))
        if not found and selector.startswith(PREFIX) and len(selector) > len(PREFIX):
            found = find_entries(connection, columns.prefix.startswith(selector, autoescape=True))
    active = [entry for entry in found if entry.record.revoked_ns is None]
    found = active or found
    if not found:
        raise FaregateError(
            f"there is no key {selector!r}", fix="'faregate keys list' shows the keys"
        )
    if len(found) > 1 and active:
        raise FaregateError(
            f"{selector!r} may mean {', '.join(entry.record.key_id for entry in found)}",
            fix="name one of these",
        )
    return found[-1]


def _revoked_in_file(connection: sa.Connection, record: KeyRecord) -> StoredDocument | None:
    """The stored document with this key of the file revoked, so that an export says so."""
    row = read_document(connection)
    if row is None:
        return None
    written = row[1].written
    keys = tuple(
        msgspec.structs.replace(key, revoked=True) if key_hash(key) == record.hash else key
        for key in written.keys
    )
    return StoredDocument(msgspec.structs.replace(written, keys=keys), row[1].sealed)
