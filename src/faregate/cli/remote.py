"""An installation elsewhere, as commands know one on this machine.

`cli.ports`.

The configuration is changed as a whole: read with its version, changed here, and put back only if
nobody else changed it meanwhile. Values of variables are this machine's, and are sent along.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from faregate.cli.ports import Editing, Environment
from faregate.cli.remote_connection import (
    Connection,
    connected,
    maybe_since_1970,
    not_here,
    since_1970,
    written,
)
from faregate.cli.remote_profiles import Target
from faregate.cli.remote_revisions import (
    TRIES,
    RemoteHistory,
    RemoteRevision,
    revision_of,
    values_for,
)
from faregate.client import operations as api
from faregate.client.requests import ANY_VERSION
from faregate.configuration.difference import Change
from faregate.configuration.document import Document
from faregate.core.errors import FaregateError, MissingError, StaleError
from faregate.core.money import parse_amount
from faregate.identity.actors import Author
from faregate.identity.keys import PREFIX, KeyRecord, is_well_formed, shown_prefix
from faregate.ledger.bookkeeping import Entry
from faregate.storage.home import Home


class Given(NamedTuple):
    """What the last change gave, and what had expired."""

    entries: tuple[Entry, ...] = ()
    expired: tuple[Any, ...] = ()


class RemoteGrants:
    """The credit that the configuration gives, as the last change told it."""

    def __init__(self) -> None:
        self.last = Given()


class RemoteRevisions(RemoteHistory):
    """The configuration of an installation elsewhere."""

    def __init__(self, connection: Connection, grants: RemoteGrants) -> None:
        self._connection = connection
        self._grants = grants

    def written(self) -> tuple[int, Document]:
        """The number in force, and the document as written."""
        found = self._connection.send(api.get_configuration())
        return found.revision, found.document

    def apply(
        self,
        document: Document,
        author: Author,
        summary: str,
        expected_revision: int | None = None,
        environment: Environment = None,
        message: str | None = None,
    ) -> int:
        """Put a whole document in force; `author` is whose token this is."""
        version = ANY_VERSION if expected_revision is None else str(expected_revision)
        body = _change(document, environment, message=message or summary)
        return self._put(body, version).revision

    def edit(
        self,
        change: Editing,
        author: Author,
        summary: str,
        environment: Environment = None,
        renewed: frozenset[str] = frozenset(),
        message: str | None = None,
    ) -> int:
        """Put the changed document in force; done anew where others came between."""
        for attempt in range(TRIES):
            number, document = self.written()
            body = _change(
                change(document),
                environment,
                keep_values=True,
                renewed=renewed,
                message=message or summary,
            )
            try:
                return self._put(body, str(number)).revision
            except StaleError:
                if attempt == TRIES - 1:
                    raise
        raise AssertionError("the last attempt gives or raises")

    def preview(
        self, document: Document, environment: Environment = None
    ) -> tuple[int, list[Change]]:
        """What `apply` would change."""
        applied = self._put(_change(document, environment), ANY_VERSION, dry_run=True)
        return applied.revision, applied.changes

    def preview_edit(
        self,
        change: Editing,
        environment: Environment = None,
        renewed: frozenset[str] = frozenset(),
    ) -> tuple[int, list[Change]]:
        """What `edit` would change."""
        number, document = self.written()
        body = _change(change(document), environment, keep_values=True, renewed=renewed)
        applied = self._put(body, str(number), dry_run=True)
        return applied.revision, applied.changes

    def seal(self, secret: str, where: str) -> str:
        """The secret as only that installation can open it."""
        request = api.seal_secret(api.SealRequest(secret=secret, place=where))
        return self._connection.send(request).sealed

    def history(self, count_max: int = 20, before: int | None = None) -> list[RemoteRevision]:
        """The last revisions, newest first."""
        found: list[RemoteRevision] = []
        for one in self._connection.all(api.list_revisions(limit=min(count_max, 500))):
            if len(found) == count_max:
                break
            if before is None or one.number < before:
                found.append(revision_of(one))
        return found

    def compare(self, old: int, new: int) -> list[Change]:
        """What leads from one revision to another."""
        return self._connection.send(api.compare_revisions(old=old, new=new)).changes

    def document_at(self, number: int) -> Document:
        """The document of a revision as written."""
        return self._connection.send(api.get_revision_configuration(str(number))).document

    def _put(
        self, body: api.ConfigurationChange, version: str, *, dry_run: bool | None = None
    ) -> api.Applied:
        self._grants.last = Given()
        request = api.replace_configuration(body, version=version, dry_run=dry_run)
        applied = self._connection.send(request)
        entries = tuple(map(entry_of, applied.granted))
        self._grants.last = Given(entries, tuple(applied.expired_grants))
        return applied


class RemoteKey(NamedTuple):
    """A key in a list."""

    record: KeyRecord
    source: str


class RemoteNewKey(NamedTuple):
    """A key that was just made."""

    record: KeyRecord
    secret: str

    def __repr__(self) -> str:
        return f"RemoteNewKey({self.record.key_id})"


class RemoteKeys:
    """Callers' keys of an installation elsewhere."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

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
    ) -> RemoteNewKey:
        """Make a key; `secret` can't be given."""
        if secret is not None:
            raise not_here("a key of your own choice", self._connection.target)
        body = api.NewKeyRequest(
            name=name,
            application=application,
            models=None if models is None else sorted(models),
            expires_at=written(expires_ns),
        )
        made = self._connection.send(api.create_key(body, team=team))
        return RemoteNewKey(_record(made), made.key)

    def list(self) -> list[RemoteKey]:
        """All keys, oldest first."""
        request = api.list_keys(limit=500, sort="created_at")
        return [RemoteKey(_record(one), one.source) for one in self._connection.all(request)]

    def revoke(self, selector: str, author: Author) -> tuple[KeyRecord, bool]:
        """Revoke a key; a whole key isn't sent, its first characters find it."""
        if selector.startswith(PREFIX):
            selector = self._by_prefix(selector)
        revoked = self._connection.send(api.revoke_key(selector))
        return _record(revoked), revoked.changed

    def _by_prefix(self, selector: str) -> str:
        shown = shown_prefix(selector) if is_well_formed(selector) else selector
        found = [one.record for one in self.list() if one.record.prefix.startswith(shown)]
        found = [one for one in found if one.revoked_ns is None] or found
        if not found:
            raise MissingError(
                f"there is no key {shown!r}", fix="'faregate keys list' shows the keys"
            )
        if len(found) > 1:
            names = ", ".join(one.key_id for one in found)
            raise FaregateError(f"{shown!r} may mean {names}", fix="name one of these")
        return found[0].key_id


class RemoteInstallation:
    """`cli.ports.Installation` over a connection."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.grants = RemoteGrants()
        self.revisions = RemoteRevisions(connection, self.grants)
        self.keys = RemoteKeys(connection)

    @property
    def home(self) -> Home:
        """There is none here. Raises `FaregateError`."""
        raise not_here("this", self.connection.target)

    @property
    def database(self) -> Any:
        """There is none here. Raises `FaregateError`."""
        raise not_here("this", self.connection.target)


@contextmanager
def opened_remote(target: Target) -> Iterator[RemoteInstallation]:
    """The installation of `target`."""
    with connected(target) as connection:
        yield RemoteInstallation(connection)


def entry_of(granted: api.GrantedEntry) -> Entry:
    """An entry of a wallet as the ledger's own code has it."""
    return Entry(
        entry_id=granted.entry,
        wallet=granted.wallet,
        movement=granted.movement,
        amount_nano=nano_of(granted.amount),
        balance_nano=0,
        at_ns=since_1970(granted.at),
        author=granted.author,
        reason=granted.reason,
        call_id=granted.call_id or "",
    )


def nano_of(amount: str) -> int:
    """Nano-dollars of an amount that may be below zero."""
    return -parse_amount(amount[1:]) if amount.startswith("-") else parse_amount(amount)


def _change(
    document: Document,
    environment: Environment,
    *,
    keep_values: bool = False,
    renewed: frozenset[str] = frozenset(),
    message: str | None = None,
) -> api.ConfigurationChange:
    given = os.environ if environment is None else environment
    return api.ConfigurationChange(
        document=document,
        environment=values_for(document, given),
        keep_values=keep_values,
        renewed=sorted(renewed),
        message=message,
    )


def _record(key: api.KeyItem | api.NewKeyItem | api.RevokedKey) -> KeyRecord:
    models: Sequence[str] | None = key.models
    return KeyRecord(
        key_id=key.key_id,
        name=key.name,
        prefix=key.prefix,
        hash=b"",  # never leaves the installation
        models=None if models is None else frozenset(models),
        created_ns=since_1970(key.created_at),
        expires_ns=maybe_since_1970(key.expires_at),
        revoked_ns=maybe_since_1970(key.revoked_at),
        application=key.application,
        team=key.team,
    )
