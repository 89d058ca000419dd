"""Guesses, counted: who must wait before the next try at a password.

A try is counted before it is judged, and taken back when it was right: so many at once are no more
than one after another.
"""

import hashlib
from typing import Final

import sqlalchemy as sa

from faregate.core.errors import WaitError
from faregate.identity.addresses import email_key
from faregate.identity.guessing import (
    ACCOUNT_RULE,
    ADDRESS_RULE,
    Guesses,
    current,
    failed,
    locks,
    taken_back,
    wait_ns,
)
from faregate.storage.directory_tables import guesses as table

RULES: Final = {"account": ACCOUNT_RULE, "address": ADDRESS_RULE, "token": ADDRESS_RULE}
_NS: Final = 1_000_000_000
_Key = tuple[str, bytes]


class Try:
    """One try at an account from an address, as it is counted."""

    def __init__(self, email: str | None, address: str | None, *, token: bool = False) -> None:
        self._keys: list[_Key] = []
        self._before: dict[_Key, Guesses] = {}
        if email is not None:
            self._keys.append(("account", account_subject(email)))
        if address is not None:
            self._keys.append(("token" if token else "address", _hashed(address)))

    def begin(self, connection: sa.Connection, now_ns: int) -> None:
        """Count it, in a transaction of writing.

        Raises `WaitError` where it comes too early.
        """
        counts = [(key, _read(connection, key)) for key in self._keys]
        waits = [wait_ns(count, RULES[key[0]], now_ns) for key, count in counts]
        if waits and max(waits) > 0:
            raise too_early(max(waits))
        for key, count in counts:
            self._before[key] = current(count, RULES[key[0]], now_ns)
            _write(connection, key, failed(count, RULES[key[0]], now_ns))

    def succeed(self, connection: sa.Connection, *, whole: bool = True) -> None:
        """It was right; a `whole` login forgets earlier failures as well."""
        for key in self._keys:
            if key[0] == "account" and whole:
                connection.execute(table.delete().where(*_is(key)))
            else:
                _write(connection, key, taken_back(_read(connection, key), self._before[key]))

    def fail(self, connection: sa.Connection, now_ns: int) -> "Failure":
        """It was wrong; what follows from it."""
        counts = [(key, _read(connection, key)) for key in self._keys]
        wait = max((wait_ns(count, RULES[key[0]], now_ns) for key, count in counts), default=0)
        locked = [key[0] for key, count in counts if locks(count, RULES[key[0]])]
        most = max((count.failures for _, count in counts), default=0)
        return Failure(most, -(-wait // _NS), locked)


class Failure:
    """What follows from a wrong guess.

    The wait for the next, and what it locked.
    """

    def __init__(self, failures: int, wait_s: int, locked: list[str]) -> None:
        self.failures = failures
        self.wait_s = wait_s
        self.locked = locked

    def told(self) -> str:
        """For the audit log."""
        wait = f"; the next try may be made in {self.wait_s} s" if self.wait_s else ""
        return f"failure {self.failures}{wait}"


def too_early(wait: int) -> WaitError:
    """The error of a try that comes `wait` ns too early.

    The same for any account.
    """
    wait_s = -(-wait // _NS)
    return WaitError(
        "there were too many wrong tries",
        wait_s=wait_s,
        fix=f"wait {wait_s} s, then try again",
    )


def account_subject(email: str) -> bytes:
    """What guesses at an account are counted under, be it there or not."""
    return _hashed(email_key(email))


def forgive(connection: sa.Connection, email: str) -> bool:
    """Forget the failures at an account; whether there were any."""
    key = ("account", account_subject(email))
    return connection.execute(table.delete().where(*_is(key))).rowcount > 0


def prune(connection: sa.Connection, now_ns: int) -> None:
    """Drop the counts that mean nothing any more."""
    oldest = now_ns - max(max(rule.forget_s, rule.lock_s) for rule in RULES.values()) * _NS
    connection.execute(table.delete().where(table.c.last_ns < oldest))


def locked_until_ns(connection: sa.Connection, email: str, now_ns: int) -> int | None:
    """When guesses at this account may go on, where it is locked by too many."""
    rule = RULES["account"]
    count = current(_read(connection, ("account", account_subject(email))), rule, now_ns)
    if count.failures < rule.lock_after:
        return None
    return count.last_ns + rule.lock_s * _NS


def _hashed(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="surrogatepass")).digest()


def _is(key: _Key) -> tuple[sa.ColumnElement[bool], ...]:
    return table.c.kind == key[0], table.c.subject == key[1]


def _read(connection: sa.Connection, key: _Key) -> Guesses:
    row = connection.execute(sa.select(table.c.failures, table.c.last_ns).where(*_is(key))).first()
    return Guesses() if row is None else Guesses(row.failures, row.last_ns)


def _write(connection: sa.Connection, key: _Key, guesses: Guesses) -> None:
    values = {"failures": guesses.failures, "last_ns": guesses.last_ns}
    if connection.execute(table.update().where(*_is(key)).values(**values)).rowcount == 0:
        connection.execute(table.insert().values(kind=key[0], subject=key[1], **values))
