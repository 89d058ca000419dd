"""Drafts keep what is proposed, in the order it was, until it is taken."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.storage.revisions_world import DOCUMENT, VARIABLES, M, opened

from faregate.configuration.document import Model
from faregate.core.errors import MissingError
from faregate.storage import revisions_drafts as drafts
from faregate.storage.database import Database
from faregate.storage.revisions_held import state_in_force
from faregate.storage.revisions_state import Entry, ItemChange

NEW = ItemChange("models", "n", None, Entry(1, 0, Model(name="n", provider="p"), None))
GONE = ItemChange("models", "m", Entry(1, 1, M, None), None)
BASES = {("models", "n"): 0, ("models", "m"): 1}


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sa.Connection]:
    opened(tmp_path / "x.db").apply(DOCUMENT, "ann", "s", environment=VARIABLES)
    with Database(tmp_path / "x.db").writing() as connection:
        drafts.put_draft(connection, "d", "ann", 5, None)
        drafts.put_proposals(connection, "d", [NEW, GONE], BASES, "ann", 5)
        yield connection


def test_what_is_staged(connection: sa.Connection) -> None:
    drafts.put_draft(connection, "d", "bob", 6, "why")
    (draft,) = drafts.read_drafts(connection)
    assert (draft.name, draft.actor, draft.message) == ("d", "ann", "why")
    assert [(one.name, one.removed) for one in draft.items] == [("n", False), ("m", True)]
    with pytest.raises(MissingError):
        drafts.require_draft(connection, "e")


def test_what_would_be(connection: sa.Connection) -> None:
    state = state_in_force(connection)
    proposals = drafts.read_proposals(connection, "d")
    ahead = drafts.overlaid(state, proposals)
    assert [one.name for one in ahead.written.models] == ["n"]
    assert [one.name for one in state.written.models] == ["m"]
    assert drafts.stale(state, proposals) == []
    assert drafts.stale(ahead, proposals) == [proposals[1].item]


def test_taking(connection: sa.Connection) -> None:
    assert drafts.take_proposals(connection, "d", [("models", "n"), ("models", "x")]) == 1
    assert [one.item.name for one in drafts.read_proposals(connection, "d")] == ["m"]
    assert drafts.take_proposals(connection, "d") == 1
    assert drafts.read_drafts(connection) == []
