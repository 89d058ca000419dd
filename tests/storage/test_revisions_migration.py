"""A database of whole documents becomes one of changes, without loss."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from alembic import command
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from tests.configuration.documents import ENVIRONMENT, documents

from faregate.configuration import completion
from faregate.configuration.document import Document, Key, Model, Provider
from faregate.configuration.references import expand
from faregate.core.errors import StorageError
from faregate.storage.database import Database, migrations
from faregate.storage.gate_reader import SqliteConfiguration
from faregate.storage.revisions import Revisions
from faregate.storage.sealing import seal_document
from faregate.storage.secrets import SecretBox

BOX = SecretBox(b"k" * 32)
P = Provider(name="p", base_url="http://h/v1", api_key="${env:A_KEY}")
OPENAI = Provider(name="o", vendor="openai", api_key="${env:A_KEY}")
FAST = Model(name="fast", provider="o", upstream_model="gpt-4.1")
KEYS = tuple(Key(name=f"k{n}", secret=f"sha256:{n:064x}") for n in range(3))
INSERT = sa.text(
    "INSERT INTO revisions (created_ns, actor, summary, document_json) "
    "VALUES (:at, :who, :what, :document)"
)


def stored(document: Document, **more: str) -> str:
    """A revision's JSON as it was: as written, and sealed and completed."""
    written = completion.pinned(document)
    clear, _ = expand(written, ENVIRONMENT | more)
    bare = msgspec.structs.replace(written, keys=())
    sealed = completion.completed(seal_document(bare, clear, BOX))
    return msgspec.json.encode({"written": written, "sealed": sealed}).decode()


def old_database(path: Path, texts: list[str | None]) -> Database:
    """A database of the schema before, with a revision for each text."""
    database = Database(path)
    with database.writing() as connection:
        configuration = migrations()
        configuration.attributes["connection"] = connection
        command.upgrade(configuration, "0002")
        for number, text in enumerate(texts, 1):
            row = {"at": number, "who": "ann", "what": f"change {number}", "document": text}
            connection.execute(INSERT, row)
    return database


def read(text: str) -> tuple[Document, Document]:
    """The documents of a stored text: as written, and in the clear."""
    found: Any = msgspec.json.decode(text)
    written = msgspec.convert(found["written"], Document)
    clear, _ = expand(written, ENVIRONMENT)
    return written, completion.completed(msgspec.structs.replace(clear, keys=()))


HISTORY = [
    Document(providers=(P,), models=(Model(name="m", provider="p"),), keys=KEYS[:2]),
    Document(providers=(P, OPENAI), models=(FAST, Model(name="m", provider="p")), keys=KEYS),
    Document(providers=(OPENAI, P), models=(FAST,), keys=KEYS[1:]),
]


def test_documents_keys_and_history_stay(tmp_path: Path) -> None:
    texts = [stored(document) for document in HISTORY]
    database = old_database(tmp_path / "faregate.db", [texts[0], None, *texts[1:], None])
    with database.writing() as connection:
        connection.exec_driver_sql(
            "INSERT INTO keys (key_id, name, prefix, hash, created_ns, changed, source) "
            "VALUES ('key_1', 'app', 'fg_abc', zeroblob(32), 1, 5, 'command')"
        )
    assert database.upgrade()
    revisions = Revisions(database, BOX)
    history = revisions.history()
    assert [(row.number, row.created_ns, row.actor, row.summary) for row in history] == [
        (number, number, "ann", f"change {number}") for number in (5, 4, 3, 2, 1)
    ]
    assert [row.changed_document for row in history] == [False, True, True, False, True]
    first, second, third = (read(text)[0] for text in texts)
    found = [revisions.document_at(number) for number in range(6)]
    assert found == [Document(), first, first, second, third, third]
    assert revisions.written() == (4, third)
    assert revisions.current().clear == read(texts[2])[1]
    source = SqliteConfiguration(database.path, BOX)
    assert source.latest().document == read(texts[2])[1]
    assert source.find_named_key("app") is not None
    assert source.cursor() == 5
    database.close()


def test_what_revisions_changed_is_told(tmp_path: Path) -> None:
    texts: list[str | None] = [stored(document) for document in HISTORY]
    texts.append(stored(HISTORY[2], A_KEY="sk-hidden-other"))
    texts.append(stored(HISTORY[2], A_KEY="sk-hidden-other"))
    database = old_database(tmp_path / "faregate.db", texts)
    database.upgrade()
    revisions = Revisions(database, BOX)
    told = [str(change) for change in revisions.show(3).changes]
    assert "- models[m]" in told
    assert "~ providers (order): changed" in told
    assert {change.place for change in revisions.show(4).changes} == {
        "providers[p].api_key (value)",
        "providers[o].api_key (value)",
    }
    assert revisions.show(5).changes == []  # sealed again, and the same
    back = revisions.roll_back(1, "ann")
    assert revisions.written()[1].models == HISTORY[0].models
    assert [key.revoked for key in revisions.written()[1].keys] == [False, False]
    assert back.number == 6
    source = SqliteConfiguration(database.path, BOX)
    assert source.latest().document.providers[0].api_key == ENVIRONMENT["A_KEY"]
    database.close()


@given(some=st.lists(documents(), min_size=1, max_size=4))
@hypothesis_settings(
    max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
def test_any_documents_stay(tmp_path_factory: pytest.TempPathFactory, some: list[Document]) -> None:
    texts = [stored(document) for document in some]
    database = old_database(tmp_path_factory.mktemp("old") / "faregate.db", [*texts])
    database.upgrade()
    revisions = Revisions(database, BOX)
    for number, text in enumerate(texts, 1):
        assert revisions.document_at(number) == read(text)[0]
    assert revisions.current().clear == read(texts[-1])[1]
    database.close()


def test_there_is_no_way_back(tmp_path: Path) -> None:
    database = Database(tmp_path / "faregate.db")
    database.upgrade()

    def downgrade() -> None:
        with database.writing() as connection:
            configuration = migrations()
            configuration.attributes["connection"] = connection
            command.downgrade(configuration, "0002")

    with pytest.raises(StorageError, match="can't be turned back"):
        downgrade()
    assert Revisions(database, BOX).history() == []
    database.close()


def test_a_document_that_cannot_be_read_stops_the_upgrade(tmp_path: Path) -> None:
    database = old_database(tmp_path / "faregate.db", [stored(HISTORY[0]), '{"written": '])
    with pytest.raises(StorageError, match="revision 2 of the configuration can't be read"):
        database.upgrade()
    with database.reading() as connection:
        texts = connection.exec_driver_sql("SELECT count(document_json) FROM revisions").scalar()
    assert texts == 2
    database.close()
