"""What `faregate audit` works on: an installation here or elsewhere.

Both give the facts of the management API.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

import msgspec

from faregate.cli.remote_profiles import chosen
from faregate.cli.session import actor, opened
from faregate.core.errors import MissingError

if TYPE_CHECKING:
    from faregate.cli.remote_connection import Connection
    from faregate.storage.audit_log import AuditLog

Facts = dict[str, Any]
_PAGE: Final = 500


class Filters(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of `storage.audit_log.AuditQuery`."""

    actor: str | None = None
    act: str | None = None
    object: str | None = None
    team: str | None = None
    outcome: Literal["done", "refused", "failed"] | None = None
    since_ns: int | None = None
    until_ns: int | None = None


class Desk(Protocol):
    """The audit log of one installation; methods raise `FaregateError`."""

    def newest(self, filters: Filters, count: int, before: int | None) -> list[Facts]:
        """Entries, the newest first, below the number `before`."""

    def show(self, entry: int) -> Facts:
        """One entry."""

    def head(self) -> Facts:
        """Number and hash of the newest entry."""

    def verify(self, noted: tuple[int, str] | None) -> Facts:
        """Whether the log is whole, and has the head that was noted."""

    def export(self, filters: Filters) -> Iterator[Facts]:
        """All entries, the oldest first; this is recorded."""


@contextmanager
def opened_desk() -> Iterator[Desk]:
    """The audit log of the installation that the command is for."""
    target = chosen()
    if target is not None:
        from faregate.cli.remote_connection import connected

        with connected(target) as connection:
            yield RemoteDesk(connection)
        return
    from faregate.storage.audit_log import AuditLog

    with opened() as installation:
        yield LocalDesk(AuditLog(installation.database))


class LocalDesk:
    """The store of this machine."""

    def __init__(self, log: "AuditLog") -> None:
        self._log = log

    def newest(self, filters: Filters, count: int, before: int | None) -> list[Facts]:
        """Entries, the newest first, below the number `before`."""
        from faregate.storage.audit_export import entry_facts
        from faregate.storage.audit_log import AuditQuery

        query = AuditQuery(**msgspec.structs.asdict(filters))
        return list(map(entry_facts, self._log.find(query, limit=count, before=before)))

    def show(self, entry: int) -> Facts:
        """One entry."""
        from faregate.storage.audit_export import entry_facts

        found = self._log.get(entry)
        if found is None:
            raise MissingError(
                f"there is no entry {entry}", fix="'faregate audit list' shows those there are"
            )
        return entry_facts(found)

    def head(self) -> Facts:
        """Number and hash of the newest entry."""
        from faregate.storage.audit_export import head_facts

        return head_facts(self._log)

    def verify(self, noted: tuple[int, str] | None) -> Facts:
        """Whether the log is whole, and has the head that was noted."""
        from faregate.storage.audit_export import verdict_facts

        return verdict_facts(self._log, noted)

    def export(self, filters: Filters) -> Iterator[Facts]:
        """All entries, the oldest first; this is recorded."""
        from faregate.storage.audit_export import entry_facts, told_query
        from faregate.storage.audit_log import AuditQuery

        query = AuditQuery(**msgspec.structs.asdict(filters))
        self._log.record(actor(), "audit.export", "audit", detail=told_query(query))
        return map(entry_facts, self._log.walk(query))


class RemoteDesk:
    """The management API of an installation elsewhere."""

    def __init__(self, connection: "Connection") -> None:
        from faregate.client import operations

        self._connection = connection
        self._api = operations

    def newest(self, filters: Filters, count: int, before: int | None) -> list[Facts]:
        """Entries, the newest first, below the number `before`."""
        request = self._api.list_audit_entries(
            **_asked(filters), before=before, limit=min(count, _PAGE)
        )
        return list(map(_plain, self._connection.newest(request, count)))

    def show(self, entry: int) -> Facts:
        """One entry."""
        return _plain(self._connection.send(self._api.get_audit_entry(str(entry))))

    def head(self) -> Facts:
        """Number and hash of the newest entry."""
        return _plain(self._connection.send(self._api.get_audit_head()))

    def verify(self, noted: tuple[int, str] | None) -> Facts:
        """Whether the log is whole, and has the head that was noted."""
        api = self._api
        head = None if noted is None else api.AuditHead(entry=noted[0], hash=noted[1])
        body = api.AuditCheck(head=head)
        return _plain(self._connection.send(api.verify_audit_log(body)))

    def export(self, filters: Filters) -> Iterator[Facts]:
        """All entries, the oldest first; the installation records it."""
        text = self._connection.send(self._api.export_audit_log(**_asked(filters)))
        return (msgspec.json.decode(line) for line in text.splitlines())


def _asked(filters: Filters) -> Facts:
    from faregate.cli.remote_connection import at

    asked = msgspec.structs.asdict(filters)
    asked["object_"] = asked.pop("object")
    return asked | {"since": at(asked.pop("since_ns")), "until": at(asked.pop("until_ns"))}


def _plain(reply: msgspec.Struct) -> Facts:
    return {name: msgspec.to_builtins(getattr(reply, name)) for name in reply.__struct_fields__}
