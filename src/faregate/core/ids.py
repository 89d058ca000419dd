"""Identifiers: unique without asking anyone, sortable by time, cheap."""

import os
from collections.abc import Callable
from itertools import count

CALL_ID_PREFIX = "call_"
CALL_ID_LENGTH = len(CALL_ID_PREFIX) + 8 + 10 + 8


def _random_hex(length: int) -> str:
    return os.urandom((length + 1) // 2).hex()[:length]


class CallIds:
    """Makes the identifiers of one worker's calls.

    An id is `call_`, eight hex digits of the worker's start in seconds, ten random ones that
    belong to the worker, and eight that count its calls: unique over workers, restarts and
    nodes, in order within a worker, and no system call each.
    """

    def __init__(self, started_s: int, random_hex: Callable[[int], str] = _random_hex) -> None:
        self._prefix = f"{CALL_ID_PREFIX}{started_s & 0xFFFFFFFF:08x}{random_hex(10)}"
        self._next = count(1).__next__

    def next(self) -> str:
        """A new id, `CALL_ID_LENGTH` characters of `[a-z0-9_]`."""
        return f"{self._prefix}{self._next():08x}"
