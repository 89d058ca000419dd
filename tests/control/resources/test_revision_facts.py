"""Revisions and drafts as the API shows them."""

from faregate.configuration.difference import Change
from faregate.control.resources.revision_facts import told, told_draft, told_preview
from faregate.storage.revisions import Draft, DraftPreview, Revision, StagedItem

ITEM = StagedItem("plans", "pro", None, 3, True, 1_000_000_000, "ada")


def test_a_revision() -> None:
    one = Revision(
        number=7,
        created_ns=1_000_000_000,
        actor="ada@example.com",
        summary="changed the plan pro",
        changed_document=True,
        message="dearer",
        actor_kind="user",
        actor_id="usr_1",
        token="tok_1",
        address="127.0.0.1",
    )
    facts = told(one)
    assert facts.created_at == "1970-01-01T00:00:01.000Z"
    assert (facts.actor, facts.actor_kind, facts.actor_id) == ("ada@example.com", "user", "usr_1")
    assert (facts.message, facts.token, facts.address) == ("dearer", "tok_1", "127.0.0.1")


def test_a_draft_and_its_preview() -> None:
    draft = told_draft(Draft("autumn", 0, "ada", None, (ITEM,)))
    assert (draft.name, draft.items[0].kind, draft.items[0].removed) == ("autumn", "plans", True)
    change = Change("-", "plans[pro]")
    preview = told_preview(DraftPreview(9, [change], (ITEM,), ("it is in use",)))
    assert (preview.revision, preview.changes, preview.problems) == (9, [change], ["it is in use"])
    assert preview.stale[0].base_version == 3
