"""Requests that may be repeated: done once, answered the same each time.

A reply may hold a key that is shown once, so replies are sealed. What a request was is sealed as
well: its fingerprint would let somebody guess at a password in its body.

A process that dies between an act and its reply leaves it open whether the act was done. Such a
key is told as interrupted until it expires; the act is never done a second time.
"""

import hashlib
import hmac
from typing import Final, Literal

import msgspec
import sqlalchemy as sa

from faregate.core.clock import Clock, SystemClock
from faregate.storage.database import Database
from faregate.storage.management_tables import idempotency_keys as table
from faregate.storage.secrets import SecretBox

KEPT_S: Final = 86_400  # that an answer is repeated
UNDER_WAY_S: Final = 300  # after which a request without a reply was cut off

_PURGED_AT_ONCE: Final = 100

BegunKind = Literal["fresh", "replay", "in_flight", "mismatch", "interrupted"]


class Begun(msgspec.Struct, frozen=True):
    """What is to be done with a request.

    `fresh`: do it, then `finish` or `abandon`. `replay`: give this reply again. `in_flight`: the
    first one isn't done. `mismatch`: the key was sent with another request. `interrupted`: the
    first one was cut off, and nobody knows whether it was done.
    """

    kind: BegunKind
    status: int = 0
    headers: dict[str, str] = {}
    body: bytes = b""


class _Kept(msgspec.Struct, omit_defaults=True):
    """What is sealed; the reply is there when `status` is not 0."""

    fingerprint: bytes
    status: int = 0
    headers: dict[str, str] = {}
    body: bytes = b""


class Idempotency:
    """The idempotency keys in `database`; replies are sealed with `box`.

    All raise `StorageError` where the database can't be used, or was sealed with another key.
    """

    def __init__(self, database: Database, box: SecretBox, clock: Clock | None = None) -> None:
        self._database = database
        self._box = box
        self._clock = clock or SystemClock()

    def begin(self, principal_id: str, key: str, fingerprint: bytes) -> Begun:
        """Take `key` for a request, or tell what became of the first."""
        digest = _digest(principal_id, key)
        now_ns = self._clock.wall_ns()
        with self._database.writing() as connection:
            self._purge(connection, now_ns)
            row = connection.execute(
                sa.select(table.c.created_ns, table.c.sealed).where(table.c.hash == digest)
            ).first()
            if row is None:
                connection.execute(
                    table.insert().values(
                        hash=digest,
                        created_ns=now_ns,
                        sealed=self._seal(digest, _Kept(fingerprint)),
                    )
                )
                return Begun("fresh")
        kept = self._open(digest, row.sealed)
        if not hmac.compare_digest(kept.fingerprint, fingerprint):
            return Begun("mismatch")
        if kept.status:
            return Begun("replay", kept.status, kept.headers, kept.body)
        cut_off = now_ns - row.created_ns >= UNDER_WAY_S * 1_000_000_000
        return Begun("interrupted" if cut_off else "in_flight")

    def finish(
        self, principal_id: str, key: str, status: int, headers: dict[str, str], body: bytes
    ) -> None:
        """Keep the reply of the request that began with `key`."""
        digest = _digest(principal_id, key)
        with self._database.writing() as connection:
            found = connection.execute(
                sa.select(table.c.sealed).where(table.c.hash == digest)
            ).scalar()
            if found is None:
                return
            kept = _Kept(self._open(digest, found).fingerprint, status, headers, body)
            connection.execute(
                table.update().where(table.c.hash == digest).values(sealed=self._seal(digest, kept))
            )

    def abandon(self, principal_id: str, key: str) -> None:
        """Give `key` back: its request was refused, and changed nothing."""
        with self._database.writing() as connection:
            connection.execute(table.delete().where(table.c.hash == _digest(principal_id, key)))

    def _purge(self, connection: sa.Connection, now_ns: int) -> None:
        old = (
            sa.select(table.c.hash)
            .where(table.c.created_ns <= now_ns - KEPT_S * 1_000_000_000)
            .limit(_PURGED_AT_ONCE)
        )
        connection.execute(table.delete().where(table.c.hash.in_(old)))

    def _seal(self, digest: bytes, kept: _Kept) -> str:
        return self._box.seal(msgspec.json.encode(kept).decode(), _place(digest))

    def _open(self, digest: bytes, sealed: str) -> _Kept:
        return msgspec.json.decode(self._box.open(sealed, _place(digest)), type=_Kept)


def _digest(principal_id: str, key: str) -> bytes:
    return hashlib.sha256(f"{len(principal_id)}:{principal_id}{key}".encode()).digest()


def _place(digest: bytes) -> str:
    return f"idempotency key {digest.hex()}"
