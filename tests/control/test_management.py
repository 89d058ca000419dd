"""The stores are those of one installation."""

from tests.control.managed import holder

from faregate.configuration.commerce import Team
from faregate.configuration.document import Document
from faregate.control.management import Management
from faregate.storage.audit_log import AuditQuery


def test_a_team_is_there_from_its_revision_on(management: Management) -> None:
    assert not management.has_team("sales")
    management.installation.revisions.apply(Document(teams=(Team(name="sales"),)), "root", "test")
    assert management.has_team("sales")


def test_what_one_may_not_do_is_recorded_with_who_tried(management: Management) -> None:
    management.note_refused(holder("auditor"), "create_key", "keys.write", "sales")
    [entry] = management.audit.find(AuditQuery(act="access.refused"))
    assert (entry.outcome, entry.team) == ("refused", "sales")
    assert "keys.write" in (entry.detail or "")
