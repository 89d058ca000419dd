"""Databases of this release for tests, migrated once in a process and then copied."""

import os
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from faregate.storage.database import Database


@cache
def _migrated() -> bytes:
    with TemporaryDirectory() as folder:
        database = Database(Path(folder) / "faregate.db")
        database.upgrade()
        database.close()
        assert not database.path.with_name("faregate.db-wal").exists()
        return database.path.read_bytes()


def make_database(path: Path) -> None:
    """Make an empty database of this release at `path`, as migrations make it."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(_migrated())
