"""Each trouble of SQLite says what it means and what to do."""

import sqlite3
from pathlib import Path

import pytest

from faregate.storage.sqlite_errors import explain


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("database is locked", "held by another process"),
        ("database or disk is full", "the disk is full"),
        ("attempt to write a readonly database", "can't be written to"),
        ("unable to open database file", "can't be opened"),
        ("no such table: keys", "not set up"),
        ("file is not a database", "damaged"),
        ("database disk image is malformed", "damaged"),
    ],
)
def test_known(text: str, message: str) -> None:
    error = explain(Path("/x/faregate.db"), sqlite3.OperationalError(text))
    assert message in str(error)
    assert "/x/faregate.db" in str(error)
    assert error.fix


def test_unknown() -> None:
    assert str(explain(Path("a"), sqlite3.OperationalError("odd"))) == "the database a failed: odd"
