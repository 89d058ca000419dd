"""Revisions and drafts of an installation elsewhere, as of this machine."""

from collections.abc import Iterator

import pytest
from tests.client.served_api import Served, served_api
from tests.storage.revisions_world import DOCUMENT, with_models

from faregate.cli.remote import RemoteRevisions, opened_remote
from faregate.cli.remote_profiles import Profile, Target
from faregate.configuration.document import Document
from faregate.core.errors import FaregateError, MissingError, StaleError


@pytest.fixture
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served_api(tmp_path_factory.mktemp("api") / "home") as started:
        yield started


@pytest.fixture
def revisions(served: Served) -> Iterator[RemoteRevisions]:
    with opened_remote(Target(None, Profile(served.url, served.token))) as opened:
        opened.revisions.apply(DOCUMENT, "ann", "first", environment={"KEY": "sk-hidden-1"})
        yield opened.revisions


def test_show_and_roll_back(revisions: RemoteRevisions) -> None:
    revisions.edit(lambda old: with_models(old, "n"), "ann", "more")
    shown = revisions.show(2)
    assert (shown.revision.number, shown.revision.changed_document) == (2, True)
    assert [str(one) for one in shown.changes] == ["+ models[n]", "+ models[n].provider: p"]
    preview = revisions.preview_roll_back(1)
    assert (preview.number, [str(one) for one in preview.changes]) == (2, ["- models[n]"])
    back = revisions.roll_back(1, "ann", "not yet")
    assert (back.number, back.changes, back.remarks) == (3, preview.changes, ())
    with pytest.raises(MissingError):
        revisions.show(9)
    with pytest.raises(FaregateError, match="not shown from here"):
        revisions.item_history("models", "n")


def test_drafts(revisions: RemoteRevisions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", "sk-hidden-1")
    draft = revisions.stage_document(with_models(DOCUMENT, "n", "o"), "ann", message="spring")
    assert {one.name for one in draft.items} == {"n", "o"}
    assert [one.message for one in revisions.drafts()] == ["spring"]
    assert revisions.discard("ann", "shared", [("models", "o")]) == 1
    preview = revisions.preview_draft()
    assert (preview.number, preview.stale, preview.problems) == (1, (), ())
    assert len(preview.changes) == 2
    assert revisions.publish("ann") == 2
    revisions.stage_document(DOCUMENT, "ann", "mine")
    revisions.edit(lambda _: DOCUMENT, "ann", "first")
    with pytest.raises(StaleError):
        revisions.publish("ann", "mine")
    assert revisions.discard("ann", "mine") == 1
    assert revisions.drafts() == []


def test_changes_are_staged_on_what_others_staged(
    revisions: RemoteRevisions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KEY", raising=False)  # what is kept needs no variable
    calls: list[int] = []

    def change(document: Document) -> Document:
        calls.append(len(document.models))
        if len(calls) == 1:
            revisions.stage(lambda old: with_models(old, "first"), "bob", "shared")
        return with_models(document, "second")

    draft = revisions.stage(change, "ann", "shared", "both")
    assert ({one.name for one in draft.items}, draft.message) == ({"first", "second"}, "both")
    assert len(calls) == 2
    assert revisions.publish("ann") == 2
    names = {one.name for one in revisions.written()[1].models}
    assert {"first", "second"} <= names


def test_a_draft_that_always_changes_is_given_up(revisions: RemoteRevisions) -> None:
    names = iter("abcdefgh")

    def change(document: Document) -> Document:
        revisions.stage(lambda old: with_models(old, next(names)), "bob", "shared")
        return document

    with pytest.raises(StaleError):
        revisions.stage(change, "ann", "shared")
