"""Rows tell who did what, and what each item was before and after."""

from pathlib import Path

import pytest
from tests.storage.revisions_world import DOCUMENT, VARIABLES, opened, with_models

from faregate.core.errors import MissingError
from faregate.identity.actors import Actor
from faregate.storage import revisions_rows as rows
from faregate.storage.database import Database
from faregate.storage.revisions import Revisions

ADA = Actor("user", "ada@example.com", id="usr_1", token="tok_1", address="192.0.2.1")


@pytest.fixture
def revisions(tmp_path: Path) -> Revisions:
    found = opened(tmp_path / "faregate.db")
    found.apply(DOCUMENT, ADA, "first", environment=VARIABLES, message="the beginning")
    found.edit(lambda old: with_models(old, "n"), "bob", "second")
    return found


@pytest.fixture
def database(revisions: Revisions, tmp_path: Path) -> Database:
    return Database(tmp_path / "faregate.db")


def test_who_did_what(database: Database) -> None:
    with database.reading() as connection:
        second, first = rows.history(connection, 5)
        assert rows.history(connection, 5, before=2) == [first]
        assert rows.history(connection, 5, label=("models", "n")) == [second]
        assert rows.require_revision(connection, 1) == first
        with pytest.raises(MissingError, match="no revision 3") as caught:
            rows.require_revision(connection, 3)
    assert (first.actor, first.actor_kind, first.actor_id) == ("ada@example.com", "user", "usr_1")
    assert (first.token, first.address, first.message) == ("tok_1", "192.0.2.1", "the beginning")
    assert (second.actor, second.actor_kind, second.message) == ("bob", "command", None)
    assert "the newest is 2" in str(caught.value.fix)


def test_items_in_force(database: Database) -> None:
    with database.reading() as connection:
        assert rows.find_names(connection, "models") == ["m", "n"]
        assert rows.has_item(connection, "models", "n")
        assert not rows.has_item(connection, "models", "x")
        assert [one.name for one in rows.read_kind(connection, "models")] == ["m", "n"]
        assert {row.name: version for row, version in rows.read_items(connection)} == {
            "p": 1, "m": 1, "n": 2,
        }  # fmt: skip
        assert rows.newest_document(connection)[0] == 2


def test_what_was_before_and_after(database: Database) -> None:
    with database.reading() as connection:
        since = {name: (old, new) for _, name, old, new in rows.changes_between(connection, 1)}
        until = {name for _, name, _, _ in rows.changes_between(connection, 0, 1)}
    assert set(since) == {"n"}
    before, after = since["n"]
    assert before is None
    assert after is not None
    assert '"name":"n"' in after.written
    assert until == {"p", "m"}


def test_a_change_of_one_item(database: Database, revisions: Revisions) -> None:
    with database.writing() as connection:
        change = rows.changed_item(
            connection, "models", "n", lambda _: with_models(DOCUMENT, "n").models[0]
        )
        assert change is not None
        number = rows.insert_revision(connection, 5, "bob", "s", changed_document=True)
        rows.write_changes(connection, number, [change])
        assert rows.changed_item(connection, "models", "x", lambda one: one) is None
    assert revisions.item("models", "n").version == number == 3
    assert revisions.item("models", "n").value.name == "m"
