"""One service a data folder: a lock that never outlives its holder.

The file also says who holds it, for `faregate status` and for the error of a second start. What
it says is true only while the lock is held.
"""

import fcntl
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from faregate.core.errors import FaregateError

LOCK_NAME = "serve.lock"


class HomeLock:
    """The lock of `run` (a folder), held from construction to `release()`.

    Raises `FaregateError` naming the process that holds it.
    """

    def __init__(self, run: Path) -> None:
        path = run / LOCK_NAME
        # Never unlinked: whoever opened the old file would lock a name that is gone.
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = _read(self._fd).get("pid", "unknown")
            os.close(self._fd)
            raise FaregateError(
                f"faregate already serves {run.parent} (process {pid})",
                fix=f"stop it with 'kill {pid}', or set FAREGATE_HOME to another folder",
            ) from None
        self.describe({})

    def describe(self, facts: Mapping[str, Any]) -> None:
        """Write who holds the lock; `facts` go beside the process id."""
        text = json.dumps({"pid": os.getpid(), **facts}).encode()
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, text, 0)

    def release(self) -> None:
        """Let go; the file stays."""
        os.close(self._fd)


def _read(fd: int) -> dict[str, Any]:
    try:
        facts = json.loads(os.pread(fd, 65_536, 0))
    except ValueError:
        return {}
    return facts if isinstance(facts, dict) else {}


def holder(run: Path) -> dict[str, Any] | None:
    """What the holder of the lock says of itself; None where nobody holds it."""
    try:
        fd = os.open(run / LOCK_NAME, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read(fd)
    else:
        return None
    finally:
        os.close(fd)
