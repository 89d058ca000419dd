"""Many keys are revoked as one revision, or none of them."""

from pathlib import Path

import pytest

from faregate.configuration.document import Document
from faregate.core.errors import FaregateError, MissingError
from faregate.storage.database import Database
from faregate.storage.keys import BULK_MAX, Keys, KeySpec
from faregate.storage.revisions import Revisions
from faregate.storage.secrets import SecretBox


@pytest.fixture
def database(tmp_path: Path) -> Database:
    """A new database."""
    made = Database(tmp_path / "faregate.db")
    made.upgrade()
    return made


def test_all_or_none(database: Database) -> None:
    keys, revisions = Keys(database), Revisions(database, SecretBox(bytes(32)))
    revisions.apply(Document(), "ada", "first")
    keys.create_many([KeySpec(f"key-{number}") for number in range(5)], "ada")
    with pytest.raises(MissingError):
        keys.revoke_many(["key-0", "nothing"], "ada")
    assert keys.find("key-0").record.revoked_ns is None
    first = keys.revoke_many(["key-0", "key-1"], "ada")
    again = keys.revoke_many(["key-2", first[0].record.key_id], "ada")
    assert [one.record.name for one in again] == ["key-2", "key-0"]
    assert again[1] == first[0], "it was revoked before"
    assert again[0].version == first[0].version + 1
    assert revisions.history(1)[0].summary == "revoked the key key-2"
    with pytest.raises(MissingError):
        keys.revoke_many(["key-3"], "ada", teams=frozenset({"sales"}))
    with pytest.raises(FaregateError):
        keys.revoke_many(["key-3"] * (BULK_MAX + 1), "ada")
