"""Calls and decisions are read by whoever may, of their teams alone."""

from pathlib import Path
from typing import Any

import pytest
from tests.calllog.calls import call_id, closed, decided, settled, started
from tests.control.managed import Api, holder
from tests.storage.test_call_log import Office

from faregate.configuration.commerce import Team
from faregate.configuration.document import Document


@pytest.fixture
def calls(api: Api) -> Api:
    """Four calls of sales, two of other, one of nobody."""
    api.apply(Document(teams=(Team(name="sales"), Team(name="other"))))
    office = Office(api.management.home.root)
    owners = ["sales", "other", "sales", "", "sales", "other", "sales"]
    for number, team in enumerate(owners, 1):
        office.write(started(number, team=team), settled(number))
    office.write(closed(8, team="sales"), decided(8))
    office.post()
    office.close()
    return api


def ids(page: dict[str, Any]) -> list[int]:
    return [int(one["call_id"][-8:], 16) for one in page["items"]]


def test_the_organisation_sees_all_and_chooses(calls: Api) -> None:
    assert ids(calls.good("GET", "/v1/calls")) == [8, 7, 6, 5, 4, 3, 2, 1]
    assert ids(calls.good("GET", "/v1/calls?team=other")) == [6, 2]
    assert ids(calls.good("GET", "/v1/teams/sales/calls")) == [8, 7, 5, 3, 1]


def test_a_team_sees_its_own(calls: Api) -> None:
    calls.as_(holder("team-viewer", "other"))
    assert ids(calls.good("GET", "/v1/calls")) == [6, 2]
    assert ids(calls.good("GET", "/v1/calls?team=sales")) == []
    assert calls.good("GET", f"/v1/calls/{call_id(2)}")["team"] == "other"
    for path in (f"/v1/calls/{call_id(1)}", f"/v1/teams/other/calls/{call_id(1)}/decision"):
        assert calls.bad(404, "GET", path)["code"] == "not_found"


def test_pages_go_on_where_they_ended(calls: Api) -> None:
    seen: list[int] = []
    path = "/v1/teams/sales/calls?limit=2"
    cursor = ""
    for _ in range(4):
        page = calls.good("GET", path + cursor)
        seen += ids(page)
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == [8, 7, 5, 3, 1]


def test_a_decision_is_told_with_its_side(calls: Api) -> None:
    decision = calls.good("GET", f"/v1/calls/{call_id(8)}/decision")
    assert decision["kept"]
    assert decision["findings"]
    assert not calls.good("GET", f"/v1/calls/{call_id(1)}/decision")["kept"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("status=nine", "status"),
        ("sort=model_asked", "sort"),
        ("since=yesterday", "since"),
        ("since=2027-01-01T00:00:00", "since"),
        ("cursor=bm8", "cursor"),
        ("cursor=WzFd", "cursor"),
    ],
)
def test_a_query_that_can_not_be_read_names_its_field(calls: Api, query: str, field: str) -> None:
    assert calls.bad(400, "GET", f"/v1/calls?{query}")["errors"][0]["field"] == field


def test_before_there_are_calls_the_list_is_empty(api: Api, tmp_path: Path) -> None:
    assert api.good("GET", "/v1/calls") == {"items": [], "next_cursor": None}
    assert api.bad(404, "GET", f"/v1/calls/{call_id(1)}")
