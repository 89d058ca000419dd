"""The credit that the configuration gives: each grant once, by its name.

Configuration and ledger are two databases. A document that changes a grant which was given is
refused before its revision is stored; its grants are given after that. Killed in between, they are
given when the document is applied again, or at the next start: a grant that is there is left.
"""

import datetime as dt
from collections.abc import Collection
from typing import Final, NamedTuple

from faregate.configuration.document import Document
from faregate.configuration.problems import Path, Problem, raise_all
from faregate.configuration.references import plain
from faregate.core.clock import Clock, SystemClock
from faregate.core.errors import StorageError
from faregate.core.money import format_amount, parse_amount
from faregate.ledger.bookkeeping import Entry, FileGrant, GrantState, changed_part
from faregate.storage.home import Home
from faregate.storage.ledger_books import Books, open_books
from faregate.storage.ledger_database import open_ledger

_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class Given(NamedTuple):
    """What was given just now, and what had expired before it could be."""

    entries: tuple[Entry, ...] = ()
    expired: tuple[FileGrant, ...] = ()


class ConfiguredGrants:
    """Gives the grants of documents, whose values are in the clear.

    `last` is what the last `give` did. A document without grants needs no ledger.
    """

    def __init__(self, home: Home, clock: Clock | None = None) -> None:
        self._home = home
        self._clock = clock or SystemClock()
        self.last = Given()

    def refuse_changed(self, current: Document, new: Document) -> None:
        """Raise `ConfigurationError` where `new` changes a grant that was given.

        Grants of `current` count as given also when they still have to be.
        """
        grants = file_grants(new)
        moved = current.settings.ledger.url != new.settings.ledger.url
        if not grants or (current.wallets == new.wallets and not moved):
            return
        known = self._known(new.settings.ledger.url, grants.values())
        before = {} if moved else {_key(one): one for one in file_grants(current).values()}
        problems = []
        for path, grant in grants.items():
            given = known[grant] or self._coming(before.get(_key(grant)))
            part = changed_part(grant, given) if given is not None else None
            if given is not None and part is not None:
                problems.append(_problem(path, grant, given, part))
        if problems:
            raise_all(problems, plain(new))

    def give(self, document: Document, author: str) -> Given:
        """Give what wasn't given yet; done again it changes nothing."""
        self.last = Given()
        grants = tuple(file_grants(document).values())
        if not grants:
            return self.last
        now_ns = self._clock.wall_ns()
        with open_books(self._home, document.settings.ledger.url, self._clock) as books:
            known = books.given(grants)
            missing = [one for one in grants if known[one] is None]
            expired = tuple(one for one in missing if _expired(one, now_ns))
            entries = [
                books.grant(
                    one.wallet,
                    one.amount_nano,
                    one.kind,
                    author,
                    f"grant {one.name} of the configuration",
                    one.expires_ns,
                    one.reference,
                )
                for one in missing
                if one not in expired
            ]
        self.last = Given(tuple(entry for entry, is_new in entries if is_new), expired)
        return self.last

    def give_stored(self, document: Document, author: str, revision: int) -> None:
        """`give` of a document that is in force; a failure says so."""
        try:
            self.give(document, author)
        except StorageError as error:
            raise StorageError(
                f"revision {revision} is in force, but its credit can't be given: {error}",
                fix="apply it again when the ledger can be reached; the next start gives it too",
            ) from error

    def _known(
        self, url: str | None, grants: Collection[FileGrant]
    ) -> dict[FileGrant, GrantState | None]:
        """How grants were given; a look makes no tables."""
        connection = open_ledger(self._home, url, self._clock).connect()
        try:
            if connection.version() is None:
                return dict.fromkeys(grants)
            return Books(connection, self._clock).given(grants)
        finally:
            connection.close()

    def _coming(self, grant: FileGrant | None) -> FileGrant | None:
        """A grant of the document in force that isn't given, unless it never will be."""
        if grant is None or _expired(grant, self._clock.wall_ns()):
            return None
        return grant


def file_grants(document: Document) -> dict[Path, FileGrant]:
    """The grants of a document, by their places."""
    return {
        ("wallets", at, "grants", number): FileGrant(
            wallet=wallet.name,
            name=grant.name,
            amount_nano=parse_amount(grant.amount),
            kind=grant.kind,
            expires_ns=None if grant.expires_at is None else _nanoseconds(grant.expires_at),
        )
        for at, wallet in enumerate(document.wallets)
        for number, grant in enumerate(wallet.grants)
    }


def _nanoseconds(moment: dt.datetime) -> int:
    return (moment - _EPOCH) // dt.timedelta(microseconds=1) * 1_000


def _expired(grant: FileGrant, now_ns: int) -> bool:
    return grant.expires_ns is not None and grant.expires_ns <= now_ns


def _key(grant: FileGrant) -> tuple[str, str]:
    return grant.wallet, grant.name


def _problem(path: Path, grant: FileGrant, given: GrantState | FileGrant, part: str) -> Problem:
    if part == "amount":
        written = f"amount: {format_amount(given.amount_nano)}"
    elif part == "kind":
        written = f"kind: {given.kind}"
    elif given.expires_ns is None:
        written = "no expires_at"
    else:
        ends = _EPOCH + dt.timedelta(microseconds=given.expires_ns // 1_000)
        written = f"expires_at: {ends.isoformat()}"
    return Problem(
        (*path, "expires_at" if part == "expiry" else part),
        f"the grant {grant.name} was given to {grant.wallet} with {written}; what was given "
        "does not change",
        "write it as it was and add another grant under another name; less is made by "
        f"'faregate wallets adjust {grant.wallet} -AMOUNT --reason TEXT'",
    )
