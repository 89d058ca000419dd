"""Callers' keys by command and by the management API.

Each change is one transaction with its revision, by which gates learn of it, and its entry in the
audit log. `teams` are those whose keys are there for who asks: None is the organisation, which
sees all; another's key is not there (`MissingError`).
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from msgspec import UNSET, UnsetType

from faregate.configuration.tenancy import both_names
from faregate.core.clock import Clock, SystemClock
from faregate.core.errors import ConflictError, FaregateError, MissingError, StaleError
from faregate.identity.actors import Author
from faregate.identity.keys import (
    PREFIX,
    KeyRecord,
    KeyState,
    generate_key,
    hash_key,
    is_well_formed,
    shown_prefix,
)
from faregate.storage.audit_log import write_entry
from faregate.storage.database import Database
from faregate.storage.key_pages import KeyPage, KeyQuery, Sort, of_teams, read_page
from faregate.storage.key_references import References
from faregate.storage.key_rows import (
    KeyEntry,
    find_entries,
    insert_keys,
    new_key_id,
    update_key,
)
from faregate.storage.revisions_rows import changed_item, insert_revision, write_changes
from faregate.storage.revisions_state import ItemChange
from faregate.storage.tables import keys as table

Teams = frozenset[str] | None
BULK_MAX: Final = 10_000
_CHUNK: Final = 500  # values in one statement


class KeySpec(msgspec.Struct, frozen=True):
    """A key to make; as the parameters of `Keys.create`."""

    name: str
    models: frozenset[str] | None = None
    expires_ns: int | None = None
    application: str | None = None


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

    # -- made ------------------------------------------------------------------------------------

    def create(
        self,
        name: str,
        author: Author,
        models: frozenset[str] | None = None,
        expires_ns: int | None = None,
        secret: str | None = None,
        application: str | None = None,
        *,
        team: str | None = None,
    ) -> NewKey:
        """Make a key, without `secret` a random one; its name must be free.

        With `team`, names may be the team's own or whole, and the application must be one of its.
        Raises `FaregateError`; `MissingError` where an application or a model isn't there.
        """
        spec = KeySpec(name, models, expires_ns, application)
        return self._make([(spec, secret or generate_key())], author, team)[0]

    def create_many(
        self, specs: Sequence[KeySpec], author: Author, *, team: str | None = None
    ) -> list[NewKey]:
        """Make keys, all or none, in the order of `specs`; at most 10,000."""
        if len(specs) > BULK_MAX:
            raise FaregateError(
                f"these are more than {BULK_MAX:,} keys", fix="make them in several parts"
            )
        return self._make([(spec, generate_key()) for spec in specs], author, team)

    def _make(
        self, wanted: Sequence[tuple[KeySpec, str]], author: Author, team: str | None
    ) -> list[NewKey]:
        if not wanted:
            return []
        now_ns = self._clock.wall_ns()
        with self._database.writing() as connection:
            references = References(connection)
            made = [
                NewKey(_record(references, spec, secret, team, now_ns), secret)
                for spec, secret in wanted
            ]
            records = [one.record for one in made]
            _refuse_taken(connection, records)
            number = _insert_revision(connection, now_ns, author, _made_summary(records))
            insert_keys(connection, records, "command", number)
            for record in records:
                _audit(connection, now_ns, author, "create", record, after=_facts(record))
        return made

    # -- found -----------------------------------------------------------------------------------

    def list(self, *, teams: Teams = None) -> list[KeyEntry]:
        """All keys, oldest first."""
        with self._database.reading() as connection:
            return find_entries(connection, sa.and_(sa.true(), *of_teams(teams)))

    def page(
        self,
        *,
        teams: Teams = None,
        team: str | None = None,
        application: str | None = None,
        state: KeyState | None = None,
        name: str | None = None,
        sort: Sort = "created",
        descending: bool = False,
        limit: int = 50,
        after: str | None = None,
    ) -> KeyPage:
        """Some keys.

        At most 500, behind the place `after`, which is a page's `next`.

        `team` of "" is no team; `name` is what names begin with. Raises `FaregateError` where
        `after` is no place of this order.
        """
        query = KeyQuery(
            teams=teams,
            team=team,
            application=application,
            state=state,
            name=name,
            sort=sort,
            descending=descending,
            now_ns=self._clock.wall_ns(),
        )
        with self._database.reading() as connection:
            return read_page(connection, query, limit, after)

    def find(self, selector: str, *, teams: Teams = None) -> KeyEntry:
        """The key that `selector` means; raises `MissingError`.

        A selector is a name, an id, the whole key, or the beginning of a key.
        """
        with self._database.reading() as connection:
            return _select(connection, selector, teams)

    # -- changed ---------------------------------------------------------------------------------

    def change(
        self,
        selector: str,
        author: Author,
        *,
        teams: Teams = None,
        name: str | UnsetType = UNSET,
        models: frozenset[str] | UnsetType | None = UNSET,
        expires_ns: int | UnsetType | None = UNSET,
        expected: int | None = None,
    ) -> KeyEntry:
        """Change what is given of a key that was made by command.

        Raises `MissingError`; `StaleError` where its version is not `expected`; `ConflictError`
        where it is managed in faregate.yaml or revoked.
        """
        now_ns = self._clock.wall_ns()
        with self._database.writing() as connection:
            entry = _select(connection, selector, teams)
            _refuse_stale(entry, expected)
            old = entry.record
            _refuse_unchangeable(entry)
            references = References(connection)
            changed = old
            if name is not UNSET:
                asked_by = old.team if "/" in old.name else None
                whole = references.name(name, old.team, asked_by)
                changed = msgspec.structs.replace(changed, name=whole)
                if whole != old.name:
                    _refuse_taken(connection, [changed], besides=old.key_id)
            if models is not UNSET:
                chosen = None if models is None else references.models(models, old.team)
                changed = msgspec.structs.replace(changed, models=chosen)
            if expires_ns is not UNSET:
                _refuse_past(expires_ns, now_ns)
                changed = msgspec.structs.replace(changed, expires_ns=expires_ns)
            if changed == old:
                return entry
            number = _insert_revision(connection, now_ns, author, f"changed the key {old.name}")
            update_key(connection, changed, number)
            before, after = _facts(old), _facts(changed)
            _audit(connection, now_ns, author, "update", changed, before=before, after=after)
        return KeyEntry(changed, entry.source, number)

    def revoke(
        self, selector: str, author: Author, *, teams: Teams = None, expected: int | None = None
    ) -> tuple[KeyRecord, bool]:
        """Revoke a key; gives it, and whether it was in use until now.

        A selector is as for `find`. Raises `MissingError`, and `StaleError` where its version is
        not `expected`.
        """
        with self._database.writing() as connection:
            entry = _select(connection, selector, teams)
            record = entry.record
            if record.revoked_ns is not None:
                return record, False
            _refuse_stale(entry, expected)
            now_ns = self._clock.wall_ns()
            changes = _revoked_in_file(connection, record) if entry.source == "file" else ()
            number = _insert_revision(
                connection, now_ns, author, f"revoked the key {record.name}", changes
            )
            before = _facts(record)
            record = msgspec.structs.replace(record, revoked_ns=now_ns)
            update_key(connection, record, number)
            after = _facts(record)
            _audit(connection, now_ns, author, "revoke", record, before=before, after=after)
        return record, True

    def revoke_many(
        self, selectors: Sequence[str], author: Author, *, teams: Teams = None
    ) -> Sequence[KeyEntry]:
        """Revoke keys, all or none, as one revision.

        Gives them in the order of `selectors`. Those that were revoked before stay as they are.
        Raises `MissingError`.
        """
        if len(selectors) > BULK_MAX:
            raise FaregateError(
                f"these are more than {BULK_MAX:,} keys", fix="revoke them in several parts"
            )
        with self._database.writing() as connection:
            entries = [_select(connection, selector, teams) for selector in selectors]
            found = {entry.record.key_id: entry for entry in entries}
            ended = [entry for entry in found.values() if entry.record.revoked_ns is None]
            if ended:
                now_ns = self._clock.wall_ns()
                changes = [
                    change
                    for entry in ended
                    if entry.source == "file"
                    for change in _revoked_in_file(connection, entry.record)
                ]
                several = f"revoked {len(ended)} keys"
                sole = f"revoked the key {ended[0].record.name}"
                summary = sole if len(ended) == 1 else several
                number = _insert_revision(connection, now_ns, author, summary, changes)
            for entry in ended:
                record = msgspec.structs.replace(entry.record, revoked_ns=now_ns)
                update_key(connection, record, number)
                found[record.key_id] = KeyEntry(record, entry.source, number)
                before, after = _facts(entry.record), _facts(record)
                _audit(connection, now_ns, author, "revoke", record, before=before, after=after)
        return tuple(found[entry.record.key_id] for entry in entries)


def _record(
    references: References, spec: KeySpec, secret: str, team: str | None, now_ns: int
) -> KeyRecord:
    """The record of a key that is to be made."""
    _refuse_past(spec.expires_ns, now_ns)
    application, owner = references.application(spec.application, team)
    return KeyRecord(
        key_id=new_key_id(),
        name=references.name(spec.name, owner, team),
        prefix=shown_prefix(secret),
        hash=hash_key(secret),
        models=None if spec.models is None else references.models(spec.models, owner),
        created_ns=now_ns,
        expires_ns=spec.expires_ns,
        revoked_ns=None,
        application=application,
        team=owner,
    )


def _refuse_past(expires_ns: int | None, now_ns: int) -> None:
    if expires_ns is not None and expires_ns <= now_ns:
        raise FaregateError(
            "the key would be expired from the start", fix="name a time that is still to come"
        )


def _refuse_taken(
    connection: sa.Connection, records: Sequence[KeyRecord], besides: str | None = None
) -> None:
    """Refuse names that active keys have, whole or within their team, and keys that are there."""
    wanted: dict[str, KeyRecord] = {}
    for record in records:
        for name in both_names(record.name, record.team):
            if name in wanted:
                raise _taken(record.name, wanted[name])
            wanted[name] = record
    hashes = {record.hash for record in records}
    names = list(wanted)
    for at in range(0, max(len(names), 1), _CHUNK):
        some = names[at : at + _CHUNK]
        for entry in find_entries(
            connection, table.c.name.in_(some) & table.c.revoked_ns.is_(None)
        ):
            known, mine = entry.record, wanted[entry.record.name]
            if known.key_id != besides and known.name in (
                mine.name,
                *(both_names(mine.name, mine.team) if known.team == mine.team else ()),
            ):
                raise _taken(mine.name, known)
    if besides is None:
        some_hashes = list(hashes)
        for at in range(0, len(some_hashes), _CHUNK):
            for entry in find_entries(connection, table.c.hash.in_(some_hashes[at : at + _CHUNK])):
                raise _taken(entry.record.name, entry.record)


def _taken(name: str, known: KeyRecord) -> ConflictError:
    return ConflictError(
        f"there is a key {known.name!r} already ({known.prefix}...)",
        fix=f"choose another name, or run 'faregate keys revoke {name}' first",
    )


def _refuse_stale(entry: KeyEntry, expected: int | None) -> None:
    if expected is not None and entry.version != expected:
        raise StaleError(
            f"the key {entry.record.name!r} was changed meanwhile",
            fix="look at it again, then change it again",
        )


def _refuse_unchangeable(entry: KeyEntry) -> None:
    if entry.record.revoked_ns is not None:
        raise ConflictError(f"the key {entry.record.name!r} was revoked", fix="make another key")
    if entry.source == "file":
        raise ConflictError(
            f"the key {entry.record.name!r} is managed in the configuration",
            fix="change it under keys, and apply that",
        )


def _select(connection: sa.Connection, selector: str, teams: Teams) -> KeyEntry:
    columns, mine = table.c, sa.and_(sa.true(), *of_teams(teams))
    if is_well_formed(selector):
        found = find_entries(connection, (columns.hash == hash_key(selector)) & mine)
        selector = shown_prefix(selector) + "..."
    else:
        team = next(iter(teams)) if teams is not None and len(teams) == 1 else None
        named = columns.name.in_(both_names(selector, team)) | (columns.key_id == selector)
        found = find_entries(connection, named & mine)
        if not found and selector.startswith(PREFIX) and len(selector) > len(PREFIX):
            begins = columns.prefix.startswith(selector, autoescape=True)
            found = find_entries(connection, begins & mine)
    active = [entry for entry in found if entry.record.revoked_ns is None]
    found = active or found
    if not found:
        raise MissingError(
            f"there is no key {selector!r}", fix="'faregate keys list' shows the keys"
        )
    if len(found) > 1 and active:
        raise FaregateError(
            f"{selector!r} may mean {', '.join(entry.record.key_id for entry in found)}",
            fix="name one of these",
        )
    return found[-1]


def _revoked_in_file(connection: sa.Connection, record: KeyRecord) -> tuple[ItemChange, ...]:
    """This key of the file revoked in the document, so that an export says so."""
    change = changed_item(
        connection, "keys", record.name, lambda key: msgspec.structs.replace(key, revoked=True)
    )
    return () if change is None else (change,)


def _insert_revision(
    connection: sa.Connection,
    now_ns: int,
    author: Author,
    summary: str,
    changes: Sequence[ItemChange] = (),
) -> int:
    number = insert_revision(connection, now_ns, author, summary, changed_document=bool(changes))
    write_changes(connection, number, changes)
    return number


def _made_summary(records: Sequence[KeyRecord]) -> str:
    if len(records) == 1:
        return f"made the key {records[0].name}"
    return f"made {len(records)} keys"


def _audit(
    connection: sa.Connection, now_ns: int, author: Author, act: str, record: KeyRecord, **what: Any
) -> None:
    place = f"keys/{record.name}"
    write_entry(connection, now_ns, author, f"keys.{act}", place, team=record.team, **what)


def _facts(record: KeyRecord) -> dict[str, Any]:
    """What the audit log has of a key: nothing that could be used."""
    return {
        "key_id": record.key_id,
        "name": record.name,
        "prefix": record.prefix,
        "application": record.application,
        "models": None if record.models is None else sorted(record.models),
        "expires_ns": record.expires_ns,
        "revoked_ns": record.revoked_ns,
    }
