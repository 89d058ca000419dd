"""Hashes of passwords: Argon2id (RFC 9106), few at once.

A hash takes 64 MiB for its time, so only two are computed at once in a process. One is computed
for an account that isn't there, too: time must not tell.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from faregate.core.errors import StorageError
from faregate.identity.passwords import prepared

AT_ONCE_MAX: Final = 2
WAIT_S_MAX: Final = 10.0  # behind others; then nobody is kept waiting any longer


class Cost(NamedTuple):
    """What a hash costs; the second recommendation of RFC 9106, section 4."""

    passes: int = 3
    memory_kib: int = 64 * 1024
    lanes: int = 4


class PasswordHashes:
    """Makes and verifies hashes; for use by several threads."""

    def __init__(self, cost: Cost | None = None) -> None:
        chosen = cost or Cost()
        self._hasher = PasswordHasher(chosen.passes, chosen.memory_kib, chosen.lanes)
        self._turn = threading.BoundedSemaphore(AT_ONCE_MAX)
        self._nobody: str | None = None

    def hash(self, password: str) -> str:
        """The hash that is stored, with its salt.

        Raises `StorageError` after a long wait.
        """
        with self._in_turn():
            return self._hasher.hash(prepared(password))

    def verify(self, stored: str | None, password: str) -> bool:
        """Whether it is the password of this hash.

        None takes the same time, and is never.

        Raises `StorageError` where too many others are in front.
        """
        if self._nobody is None:
            self._nobody = self.hash("nobody's")
        with self._in_turn():
            try:
                same = self._hasher.verify(stored or self._nobody, prepared(password))
            except (VerificationError, InvalidHashError):
                return False
        return same and bool(stored)

    @contextmanager
    def _in_turn(self) -> Iterator[None]:
        if not self._turn.acquire(timeout=WAIT_S_MAX):
            raise StorageError(
                "too many passwords are being checked at once", fix="try again in a moment"
            )
        try:
            yield
        finally:
            self._turn.release()
