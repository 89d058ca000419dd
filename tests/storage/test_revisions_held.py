"""What is held is what the database says, whoever wrote it."""

from pathlib import Path

from tests.storage.revisions_world import DOCUMENT, VARIABLES, opened, with_models

from faregate.configuration.document import Document
from faregate.storage.database import Database
from faregate.storage.revisions_held import hold, read_document, state_in_force
from faregate.storage.revisions_state import NOTHING


def test_nothing_yet(tmp_path: Path) -> None:
    opened(tmp_path / "faregate.db")
    database = Database(tmp_path / "faregate.db")
    with database.reading() as connection:
        assert read_document(connection) is None
        assert state_in_force(connection) is NOTHING


def test_held_until_another_writes(tmp_path: Path) -> None:
    revisions, other = (opened(tmp_path / "faregate.db") for _ in range(2))
    revisions.apply(DOCUMENT, "a", "s", environment=VARIABLES)
    first = revisions.written()[1]
    assert revisions.written()[1] is first
    other.edit(lambda old: with_models(old, "n"), "b", "s")
    number, second = revisions.written()
    assert (number, len(second.models)) == (2, 2)
    assert other.written() == (number, second)


def test_a_database_that_was_put_back_is_read_again(tmp_path: Path) -> None:
    database = Database(tmp_path / "faregate.db")
    opened(tmp_path / "faregate.db").apply(DOCUMENT, "a", "s", environment=VARIABLES)
    with database.reading() as connection:
        hold(connection.engine, (1, 5), NOTHING)  # the same number of another time
        found = read_document(connection)
    assert found is not None
    assert (found[0], found[1].written) == (1, DOCUMENT)
    assert found[1].written != Document()
