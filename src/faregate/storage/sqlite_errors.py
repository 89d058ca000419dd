"""SQLite's errors in an operator's words."""

import sqlite3
from pathlib import Path
from typing import Final

from faregate.core.errors import StorageError

BUSY_SECONDS: Final = 10.0  # a writer waits this long for another one

_EXPLAINED: Final = (
    (
        "locked",
        f"is held by another process for more than {BUSY_SECONDS:g} seconds",
        "try again; if it lasts, find the process that has the file open",
    ),
    ("disk is full", "can't grow: the disk is full", "free space on the disk of the data folder"),
    ("readonly", "can't be written to", "check the rights of the file and of its folder"),
    ("unable to open", "can't be opened", "check the rights of the file and of its folder"),
    ("no such table", "is not set up", "run 'faregate init'"),
    ("no such column", "is of another release", "run 'faregate init'"),
    ("not a database", "is not a database, or is damaged", "restore it from a backup"),
    ("malformed", "is damaged", "restore it from a backup"),
    ("disk i/o", "can't be read or written", "check the disk of the data folder"),
)


def explain(path: Path, error: BaseException) -> StorageError:
    """What `error` means for the database at `path`."""
    text = str(error)
    if isinstance(error, sqlite3.Error):
        for part, message, fix in _EXPLAINED:
            if part in text.lower():
                return StorageError(f"the database {path} {message}", fix=fix)
    return StorageError(f"the database {path} failed: {text}")
