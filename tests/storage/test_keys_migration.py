"""Keys of the release before get the teams of their applications, and are lost nowhere."""

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from tests.storage.keys_of_teams import document
from tests.storage.test_revisions_migration import old_database, stored

from faregate.core.clock import ManualClock
from faregate.storage.gate_reader import SqliteConfiguration
from faregate.storage.keys import Keys
from faregate.storage.secrets import SecretBox

OLD = sa.text(
    "INSERT INTO keys (key_id, name, prefix, hash, models, created_ns, expires_ns, revoked_ns, "
    "changed, source, application) VALUES (:name, :name, 'fg_abcdef', :hash, NULL, :number, NULL, "
    ":revoked_ns, 1, 'command', :application)"
)
APPLICATIONS = {
    "one": ("till", "sales"),
    "two": ("support/desk", "support"),
    "three": ("tools", None),
    "four": (None, None),
    "five": ("gone", None),
}


def test_keys_get_their_teams(tmp_path: Path) -> None:
    database = old_database(tmp_path / "faregate.db", [stored(document())])
    rows: list[dict[str, Any]] = [
        {"name": name, "hash": bytes([number]) * 32, "number": number, "application": application,
         "revoked_ns": 5 if name == "five" else None}
        for number, (name, (application, _)) in enumerate(APPLICATIONS.items())
    ]  # fmt: skip
    with database.writing() as connection:
        connection.execute(OLD, rows)
    assert database.upgrade()
    keys = Keys(database, ManualClock())
    found = {entry.record.name: entry.record for entry in keys.list()}
    assert {name: (one.application, one.team) for name, one in found.items()} == APPLICATIONS
    assert [one.record.name for one in keys.list(teams=frozenset({"sales"}))] == ["one"]
    reader = SqliteConfiguration(tmp_path / "faregate.db", SecretBox(b"k" * 32))
    assert [reader.find_key(row["hash"]) for row in rows] == [found[row["name"]] for row in rows]
    reader.close()
    assert keys.create("web", "ann", application="shop", team="sales").record.team == "sales"
