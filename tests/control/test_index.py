"""Lists cost the page, not the tens of thousands of items behind it."""

import time
from collections.abc import Iterator

import msgspec
import pytest
from tests.control.managed import Api, holder, make_home
from tests.control.resources.world import document

from faregate.configuration.commerce import Application, Team
from faregate.configuration.document import Document
from faregate.control.index import Listing
from faregate.control.management import Management, open_management
from faregate.control.paging import Paging
from faregate.control.resources.kinds import KINDS
from faregate.control.routes import resources
from faregate.storage.revisions import Item

TEAMS, APPLICATIONS = 1_000, 50
MOST_S = 0.3  # asked of it are 0.1 s; this machine may be busy


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """The operations on items over 1,000 teams with 50 applications each."""
    teams = tuple(Team(name=f"team-{number:04}") for number in range(TEAMS))
    applications = tuple(
        Application(name=f"{team.name}/app-{number:02}", team=team.name)
        for team in teams
        for number in range(APPLICATIONS)
    )
    with open_management(make_home(tmp_path_factory.mktemp("home") / "home")) as management:
        api = Api(management, [resources.routes])
        api.apply(Document(teams=teams, applications=applications))
        api.good("GET", "/v1/applications")
        yield api


@pytest.mark.parametrize(
    ("path", "count"),
    [
        ("/v1/applications?limit=500", 500),
        ("/v1/applications?limit=500&sort=-name", 500),
        ("/v1/applications?team=team-0700", 50),
        ("/v1/applications?name=team-0999/app-4", 10),
        ("/v1/teams/team-0500/applications", 50),
        ("/v1/teams?sort=-name", 50),
        ("/v1/applications/team-0999%2Fapp-49", None),
    ],
)
def test_lists_answer_at_once(large: Api, path: str, count: int | None) -> None:
    large.good("GET", path)  # an order is made once for a revision
    quickest = min(_timed(large, path) for _ in range(3))
    if count is not None:
        assert len(large.good("GET", path)["items"]) == count
    assert quickest < MOST_S


def test_a_page_far_behind_costs_no_more(large: Api) -> None:
    page = large.good("GET", "/v1/applications?limit=500&name=team-09")
    assert _timed(large, f"/v1/applications?limit=500&cursor={page['next_cursor']}") < MOST_S
    large.as_(holder("team-viewer", "team-0003"))
    assert len(large.good("GET", "/v1/applications?limit=500")["items"]) == APPLICATIONS


def _timed(api: Api, path: str) -> float:
    begin = time.perf_counter()
    api.good("GET", path)
    return time.perf_counter() - begin


# -- listings ------------------------------------------------------------------------------------


def _item(name: str, plan: str | None = None, team: str | None = None) -> Item:
    value = Application(name=name, plan=plan, team=team)
    return Item("applications", name, team, 1, value)


def test_a_page_goes_on_where_its_last_item_was_removed() -> None:
    items = [_item(name, plan) for name, plan in (("a", "x"), ("b", None), ("c", "x"), ("d", "w"))]
    for order in ("plan", "-plan", "-name", "plan,-name"):
        whole = _names(Listing(items), order, 10, None)[0]
        shown, cursor = _names(Listing(items), order, 2, None)
        fewer = [item for item in items if item.name != shown[-1]]
        rest, _ = _names(Listing(fewer), order, 10, cursor)
        assert shown + rest == whole


def test_found_by_local_and_whole_names() -> None:
    listing = Listing([_item("sales/shop", team="sales"), _item("bare", team="sales"), _item("x")])
    for name in ("shop", "sales/shop", "bare"):
        found = listing.find("sales", name)
        assert found is not None
        assert found.team == "sales"
    assert listing.find("sales", "x") is None
    assert listing.find("support", "sales/shop") is None
    assert listing.find(None, "x") is not None
    assert listing.find(None, "shop") is None


def _names(
    listing: Listing, sort: str, limit: int, cursor: str | None
) -> tuple[list[str], str | None]:
    page = listing.page(Paging(limit, cursor, sort, None), ("name", "plan"), lambda _: True)
    return [item.name for item in page.items], page.next_cursor


def test_what_is_made_is_made_once_for_a_revision(management: Management) -> None:
    made: list[int] = []

    def make(current: Document) -> int:
        made.append(len(current.teams))
        return len(made)

    revisions, index = management.installation.revisions, management.index
    revisions.apply(document(), "root", "test")
    assert [index.made("x", make), index.made("x", make)] == [1, 1]
    revisions.edit(lambda now: msgspec.structs.replace(now, budgets=()), "root", "test")
    assert index.made("x", make) == 2
    assert len(index.of(KINDS["budgets"]).items) == 0
