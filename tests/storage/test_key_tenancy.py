"""Keys are their applications' teams', as the document in force says."""

from pathlib import Path

import msgspec
import pytest
from tests.storage.keys_of_teams import document, make_database, revisions

from faregate.core.errors import ConfigurationError
from faregate.identity.keys import generate_key, hash_key
from faregate.storage.database import Database
from faregate.storage.gate_reader import SqliteConfiguration
from faregate.storage.keys import Keys
from faregate.storage.secrets import SecretBox


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return make_database(tmp_path)


def hashed(number: int = 1) -> str:
    return f"sha256:{number:064x}"


def test_keys_move_with_their_application(database: Database, tmp_path: Path) -> None:
    keys = Keys(database)
    made = keys.create("web", "ann", application="till").record
    other = keys.create("tool", "ann", application="tools").record
    reader = SqliteConfiguration(tmp_path / "faregate.db", SecretBox(b"k" * 32))
    cursor = reader.cursor()
    moved = msgspec.structs.replace(
        document(),
        applications=tuple(
            msgspec.structs.replace(one, team="support") if one.name == "till" else one
            for one in document().applications
        ),
    )
    revisions(database).apply(moved, "ann", "moved")
    assert keys.find(made.key_id).record.team == "support"
    assert keys.find(other.key_id).record.team is None
    assert reader.changes_since(cursor).key_hashes == (made.hash,)
    found = reader.find_key(made.hash)
    assert found is not None
    assert found.team == "support"
    reader.close()


def test_keys_of_the_file_have_a_team(database: Database) -> None:
    keys, secret = Keys(database), generate_key()
    line = f"keys: [{{name: k, secret: 'sha256:{hash_key(secret).hex()}', application: %s}}]\n"
    for application, team in (("till", "sales"), ("support/desk", "support"), ("tools", None)):
        revisions(database).apply(document(line % application), "ann", "a key")
        assert keys.find("k").record.team == team


def test_the_file_and_commands_share_the_names_of_a_team(database: Database) -> None:
    Keys(database).create("web", "ann", application="shop", team="sales")
    for name, application, refused in (
        ("web", "till", True),
        ("web", "tools", False),
        ("support/web", "support/desk", False),
    ):
        text = f"keys: [{{name: {name}, secret: '{hashed()}', application: {application}}}]\n"
        if not refused:
            revisions(database).preview(document(text))
            continue
        with pytest.raises(ConfigurationError, match="'sales/web', made by command"):
            revisions(database).apply(document(text), "ann", "s")


def test_a_teams_rules_select_its_own_keys(database: Database) -> None:
    keys = Keys(database)
    keys.create("old", "ann", application="till")
    keys.create("foreign", "ann", application="support/desk")
    keys.create("tool", "ann", application="tools")
    rule = "limits: [{name: sales/l, team: sales, each: key, max: 5, per: day, keys: [%s]}]\n"
    revisions(database).preview(document(rule % "old"))
    for name in ("foreign", "tool"):
        with pytest.raises(ConfigurationError, match=f"there is no key '{name}'"):
            revisions(database).preview(document(rule % name))
