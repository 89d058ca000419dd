"""Any document that was in force can be had again, and compared."""

import os
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from tests.configuration.documents import ENVIRONMENT, documents
from tests.storage.revisions_world import (
    BOX,
    DOCUMENT,
    VARIABLES,
    opened,
    with_models,
    without_models,
)

from faregate.configuration.difference import difference
from faregate.configuration.document import Document
from faregate.core.errors import MissingError
from faregate.storage.database import Database
from faregate.storage.keys import Keys
from faregate.storage.revisions import Revisions
from faregate.storage.revisions_history import state_at


@pytest.fixture
def revisions(tmp_path: Path) -> Revisions:
    found = opened(tmp_path / "faregate.db")
    found.apply(DOCUMENT, "ann", "first", environment=VARIABLES)
    found.edit(lambda old: with_models(old, "a", "b"), "ann", "second")
    found.edit(lambda old: without_models(old, "m"), "ann", "third")
    return found


def test_documents_of_then(revisions: Revisions) -> None:
    names = [[one.name for one in revisions.document_at(n).models] for n in range(4)]
    assert names == [[], ["m"], ["m", "a", "b"], ["a", "b"]]
    assert revisions.document_at(1) == DOCUMENT
    with pytest.raises(MissingError, match="no revision 4"):
        revisions.document_at(4)


def test_what_one_changed(revisions: Revisions) -> None:
    shown = revisions.show(3)
    assert (shown.revision.summary, [str(one) for one in shown.changes]) == (
        "third",
        ["- models[m]"],
    )
    with pytest.raises(MissingError):
        revisions.show(9)
    with pytest.raises(MissingError):
        revisions.compare(1, 9)


def test_both_ways(revisions: Revisions) -> None:
    places = [(one.sign, one.place) for one in revisions.compare(1, 3)]
    assert places == [
        ("+", "models[a]"),
        ("+", "models[a].provider"),
        ("+", "models[b]"),
        ("+", "models[b].provider"),
        ("-", "models[m]"),
    ]
    back = [(one.sign, one.place) for one in revisions.compare(3, 1)]
    assert back == [
        ("+", "models[m]"),
        ("+", "models[m].provider"),
        ("-", "models[a]"),
        ("-", "models[b]"),
    ]
    assert revisions.compare(2, 2) == []
    assert {one.sign for one in revisions.compare(3, 0)} == {"-"}


def test_order_is_told_where_it_is_another(revisions: Revisions) -> None:
    def turn(old: Document) -> Document:
        return msgspec.structs.replace(old, models=old.models[::-1])

    revisions.edit(turn, "ann", "fourth")
    revisions.edit(turn, "ann", "fifth")
    assert [str(one) for one in revisions.show(4).changes] == ["~ models (order): changed"]
    assert revisions.compare(3, 5) == []
    assert revisions.document_at(4).models == revisions.document_at(3).models[::-1]


def test_keys_leave_the_document_alone(revisions: Revisions, tmp_path: Path) -> None:
    Keys(Database(tmp_path / "faregate.db")).create("app", "ann")
    assert revisions.show(4).changes == []
    assert revisions.document_at(4) == revisions.document_at(3)


@given(some=st.lists(documents(), min_size=2, max_size=4))
@hypothesis_settings(
    max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
def test_any_documents(tmp_path: Path, some: list[Document]) -> None:
    database = Database(tmp_path / f"{os.urandom(6).hex()}.db")
    database.upgrade()
    revisions = Revisions(database, BOX)
    kept = {0: Document()}
    for document in some:
        bare = msgspec.structs.replace(document, keys=(), limits=(), budgets=())
        number = revisions.apply(bare, "a", "s", environment=ENVIRONMENT)
        kept[number] = revisions.written()[1]
    for number, document in kept.items():
        assert revisions.document_at(number) == document
        with database.reading() as connection:
            assert state_at(connection, number).written == document
    for old in kept:
        for new in kept:
            told = {str(one) for one in difference(kept[old], kept[new])}
            found = {str(one) for one in revisions.compare(old, new)}
            assert {one for one in found if "(value)" not in one} == told
    database.close()
