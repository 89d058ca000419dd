"""Files and batches are looked after by whoever may, of their teams alone."""

import pytest
from tests.batches.contract import batch_facts, file_facts
from tests.control.managed import Api, holder

from faregate.configuration.commerce import Team
from faregate.configuration.document import Document
from faregate.storage.audit_log import AuditQuery
from faregate.storage.file_shelf import SqliteFileShelf


@pytest.fixture
def kept(api: Api) -> Api:
    """A file and a batch of sales, a file of other."""
    api.apply(Document(teams=(Team(name="sales"), Team(name="other"))))
    home = api.management.home
    shelf = SqliteFileShelf(home.files_database, home.files)
    far = 4_000_000_000
    for number, team in ((1, "sales"), (2, "other"), (3, "sales")):
        file = file_facts(file_id=f"file-{number}", team=team, created_s=number, expires_s=far)
        assert shelf.keep(file, b"{}", 1_000, 10)
    batch = batch_facts(batch_id="batch_1", team="sales", input_file="file-1", expires_s=far)
    assert shelf.keep_batch(batch, None, 10)
    shelf.close()
    return api


def test_each_sees_its_own(kept: Api) -> None:
    assert len(kept.good("GET", "/v1/files")["items"]) == 3
    kept.as_(holder("team-viewer", "other"))
    [file] = kept.good("GET", "/v1/files")["items"]
    assert file["file_id"] == "file-2"
    assert kept.good("GET", "/v1/batches")["items"] == []
    kept.bad(404, "GET", "/v1/batches/batch_1")


def test_pages_go_on(kept: Api) -> None:
    first = kept.good("GET", "/v1/teams/sales/files?limit=1")
    second = kept.good("GET", f"/v1/teams/sales/files?limit=1&cursor={first['next_cursor']}")
    assert [one["items"][0]["file_id"] for one in (first, second)] == ["file-3", "file-1"]
    assert second["next_cursor"] is None
    kept.bad(400, "GET", "/v1/files?cursor=WzFd")
    kept.bad(400, "GET", "/v1/files?sort=owner")


def test_what_is_deleted_is_gone_and_in_the_audit_log(kept: Api) -> None:
    kept.as_(holder("team-developer", "other"))
    kept.bad(404, "DELETE", "/v1/files/file-3")
    kept.as_(holder("team-developer", "sales"))
    kept.good("DELETE", "/v1/teams/sales/files/file-3")
    kept.bad(404, "DELETE", "/v1/teams/sales/files/file-3")
    [entry] = kept.management.audit.find(AuditQuery(act="files.delete"))
    assert (entry.object, entry.team) == ("files/file-3", "sales")


def test_a_batch_is_cancelled_by_its_team(kept: Api) -> None:
    kept.as_(holder("team-developer", "other"))
    kept.bad(404, "POST", "/v1/batches/batch_1/cancel")
    kept.as_(holder("team-developer", "sales"))
    state = kept.good("POST", "/v1/batches/batch_1/cancel")["state"]
    assert state in ("cancelling", "cancelled")
    assert kept.good("GET", "/v1/teams/sales/batches/batch_1")["state"] == state
