"""Files, batches and providers' states of an installation elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from faregate.batches.facts import BatchFacts, FileFacts, LineError, Page
from faregate.cli.remote_connection import Connection, connected, maybe_since_1970, since_1970
from faregate.cli.remote_profiles import Target
from faregate.client import operations as api
from faregate.core.errors import MissingError
from faregate.core.money import format_amount

_NS: Final = 1_000_000_000
_PAGE: Final = 500


class RemoteShelf:
    """As `storage.file_shelf.SqliteFileShelf`, over a connection.

    Owners of None are all.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def files(self, owner: str | None, page: Page) -> list[FileFacts]:
        """The newest files."""
        request = api.list_files(owner=owner, limit=min(page.limit, _PAGE))
        return [_file(one) for one in self._connection.newest(request, page.limit)]

    def file(self, owner: str | None, file_id: str) -> FileFacts | None:
        """One file; None where there is none."""
        found = self.files(owner, Page(10**9))
        return next((one for one in found if one.file_id == file_id), None)

    def delete(self, owner: str | None, file_id: str) -> bool:
        """Delete a file; whether there was one."""
        try:
            self._connection.send(api.delete_file(file_id))
        except MissingError:
            return False
        return True

    def batches(self, owner: str | None, dialect: None, page: Page) -> list[BatchFacts]:
        """The newest batches."""
        request = api.list_batches(owner=owner, limit=min(page.limit, _PAGE))
        return [_batch(one) for one in self._connection.newest(request, page.limit)]

    def batch(self, owner: str | None, batch_id: str) -> BatchFacts | None:
        """One batch; None where there is none."""
        return self._maybe(api.get_batch(batch_id))

    def cancel(self, owner: str | None, batch_id: str) -> BatchFacts | None:
        """Cancel a batch; None where there is none."""
        return self._maybe(api.cancel_batch(batch_id))

    def _maybe(self, request: Any) -> BatchFacts | None:
        try:
            return _batch(self._connection.send(request))
        except MissingError:
            return None


@contextmanager
def remote_shelf(target: Target) -> Iterator[RemoteShelf]:
    """The files and batches of `target`."""
    with connected(target) as connection:
        yield RemoteShelf(connection)


def remote_states(target: Target) -> dict[str, Any]:
    """How the gates there find their accounts."""
    with connected(target) as connection:
        states = connection.send(api.list_provider_states())
    return {"workers": states.workers, "silent": states.silent}


def reset_there(target: Target, provider: str, key: str | None) -> None:
    """Have a provider, or one of its keys, used again."""
    with connected(target) as connection:
        connection.send(api.reset_provider(provider, key=key))


def balance_there(target: Target, provider: str, nano: int) -> None:
    """Say what is left at a provider."""
    body = api.BalanceLeft(amount=format_amount(nano))
    with connected(target) as connection:
        connection.send(api.put_provider_balance(provider, body))


def _file(one: api.File) -> FileFacts:
    expires_ns = maybe_since_1970(one.expires_at)
    return FileFacts(
        file_id=one.file_id,
        owner=one.owner,
        purpose=one.purpose,
        filename=one.filename,
        size_bytes=one.size_bytes,
        created_s=since_1970(one.created_at) // _NS,
        expires_s=None if expires_ns is None else expires_ns // _NS,
    )


def _batch(one: api.Batch) -> BatchFacts:
    return BatchFacts(
        batch_id=one.batch_id,
        owner=one.owner,
        key_id=one.key_id,
        dialect="anthropic" if one.dialect == "anthropic" else "openai",
        endpoint=one.endpoint,
        created_s=since_1970(one.created_at) // _NS,
        expires_s=since_1970(one.expires_at) // _NS,
        input_file=one.input_file or "",
        state=one.state,  # type: ignore[arg-type]
        total=one.total,
        succeeded=one.succeeded,
        errored=one.errored,
        cancelled=one.cancelled,
        expired=one.expired,
        errors=tuple(LineError(e.code, e.message, e.line, e.param) for e in one.errors),
        output_file=one.output_file,
        error_file=one.error_file,
    )
