"""A draft is published as one revision, or not at all and kept."""

from pathlib import Path

import msgspec
import pytest
from tests.storage.revisions_world import (
    BOX,
    DOCUMENT,
    VARIABLES,
    M,
    P,
    opened,
    with_models,
    without_models,
)

from faregate.configuration.document import Document, Model, Provider
from faregate.core.errors import ConfigurationError, MissingError, StaleError
from faregate.storage.audit_log import AuditLog
from faregate.storage.database import Database
from faregate.storage.gate_reader import SqliteConfiguration
from faregate.storage.revisions import Revisions


@pytest.fixture
def revisions(tmp_path: Path) -> Revisions:
    found = opened(tmp_path / "faregate.db")
    found.apply(DOCUMENT, "ann", "first", environment=VARIABLES)
    return found


def renamed(document: Document, upstream: str) -> Document:
    one = msgspec.structs.replace(document.models[0], upstream_model=upstream)
    return msgspec.structs.replace(document, models=(one, *document.models[1:]))


def test_several_changes_become_one_revision(revisions: Revisions, tmp_path: Path) -> None:
    draft = revisions.stage(lambda old: with_models(old, "n"), "ann", message="spring")
    assert [(one.name, one.base_version, one.actor) for one in draft.items] == [("n", 0, "ann")]
    # What comes next sees what is staged.
    draft = revisions.stage(lambda old: renamed(old, "u"), "bob")
    assert [(one.name, one.base_version, one.actor) for one in draft.items] == [
        ("n", 0, "ann"),
        ("m", 1, "bob"),
    ]
    assert revisions.written() == (1, DOCUMENT)
    preview = revisions.preview_draft()
    assert (preview.number, preview.stale, preview.problems) == (1, (), ())
    assert {str(one) for one in preview.changes} == {
        "~ models[m].upstream_model: none -> u",
        "+ models[n]",
        "+ models[n].provider: p",
    }
    assert revisions.publish("cleo") == 2
    assert revisions.drafts() == []
    assert [one.name for one in revisions.written()[1].models] == ["m", "n"]
    row = revisions.history(1)[0]
    assert (row.actor, row.summary, row.message) == (
        "cleo", "published the draft shared", "spring",
    )  # fmt: skip
    found = AuditLog(Database(tmp_path / "faregate.db")).find()
    acts = [one.act for one in sorted(found, key=lambda one: one.sequence)]
    assert acts == ["revisions.apply", "revisions.stage", "revisions.stage", "revisions.publish"]


def test_an_item_that_was_changed_meanwhile(revisions: Revisions) -> None:
    revisions.stage(lambda old: renamed(with_models(old, "n"), "u"), "ann", "mine")
    revisions.edit(lambda old: renamed(old, "v"), "bob", "first")
    revisions.edit(lambda old: with_models(old, "other"), "bob", "in nobody's way")
    assert [one.name for one in revisions.preview_draft("mine").stale] == ["m"]
    with pytest.raises(StaleError, match=r"in the draft mine: models\[m\]"):
        revisions.publish("ann", "mine")
    assert len(revisions.draft("mine").items) == 2
    assert revisions.discard("ann", "mine", [("models", "m")]) == 1
    assert revisions.publish("ann", "mine") == 4
    assert [one.name for one in revisions.written()[1].models] == ["m", "other", "n"]


def test_values_are_those_of_when_it_was_staged(revisions: Revisions, tmp_path: Path) -> None:
    q = Provider(name="q", base_url="http://q/v1", api_key="${env:Q}")

    def add(old: Document) -> Document:
        return msgspec.structs.replace(old, providers=(*old.providers, q))

    with pytest.raises(ConfigurationError, match="Q is not set"):
        revisions.stage(add, "ann", environment={})
    revisions.stage(add, "ann", environment={"Q": "sk-hidden-q"})
    path = tmp_path / "faregate.db"
    assert b"sk-hidden" not in path.read_bytes() + path.with_suffix(".db-wal").read_bytes()
    revisions.publish("bob")
    keys = [one.api_key for one in SqliteConfiguration(path, BOX).latest().document.providers]
    assert keys == ["sk-hidden-1", "sk-hidden-q"]


def test_what_fits_only_together(revisions: Revisions) -> None:
    lone = Model(name="n", provider="q")
    revisions.stage(lambda old: msgspec.structs.replace(old, models=(M, lone)), "ann")
    preview = revisions.preview_draft()
    assert "there is no provider 'q'" in preview.problems[0]
    with pytest.raises(ConfigurationError, match="there is no provider 'q'"):
        revisions.publish("ann")
    q = Provider(name="q", base_url="http://q/v1")
    revisions.stage(lambda old: msgspec.structs.replace(old, providers=(P, q)), "ann")
    assert revisions.preview_draft().problems == ()
    assert revisions.publish("ann") == 2


def test_secrets_and_twins_are_refused_at_once(revisions: Revisions) -> None:
    bare = msgspec.structs.replace(P, api_key="sk-hidden")
    with pytest.raises(ConfigurationError, match="must not stand in the file"):
        revisions.stage(lambda old: msgspec.structs.replace(old, providers=(bare,)), "ann")
    with pytest.raises(ConfigurationError, match="is there twice"):
        revisions.stage(lambda old: with_models(old, "m"), "ann")
    assert revisions.drafts() == []


def test_a_document_is_staged_as_what_it_changes(revisions: Revisions) -> None:
    document = with_models(without_models(DOCUMENT, "m"), "x")
    draft = revisions.stage_document(document, "ann", "file", environment=VARIABLES)
    assert [(one.kind, one.name, one.removed) for one in draft.items] == [
        ("models", "x", False),
        ("models", "m", True),
    ]
    # As it is in force again, nothing is left of the draft.
    draft = revisions.stage_document(DOCUMENT, "ann", "file", environment=VARIABLES)
    assert draft.items == ()
    with pytest.raises(MissingError):
        revisions.draft("file")


def test_discarding(revisions: Revisions) -> None:
    revisions.stage(lambda old: with_models(old, "n", "o"), "ann")
    assert revisions.discard("bob") == 2
    for call in (revisions.publish, revisions.discard):
        with pytest.raises(MissingError, match="nothing is staged in the draft 'shared'"):
            call("bob")
    revisions.stage(lambda old: with_models(old, "n"), "ann")
    with pytest.raises(StaleError):
        revisions.publish("bob", expected_revision=7)


def test_the_document_with_the_draft_in_it(revisions: Revisions) -> None:
    assert revisions.drafted("other") == revisions.written()
    revisions.stage(lambda old: with_models(old, "n"), "ann")
    number, document = revisions.drafted()
    assert (number, [one.name for one in document.models]) == (1, ["m", "n"])
    assert [one.name for one in revisions.written()[1].models] == ["m"]
