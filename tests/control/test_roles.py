"""Every built-in role against every operation, as the reference says it.

The reference is written from what operations declare, and read by people; here it is read by a
machine that sends each request over HTTP.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.control.managed import Api, holder

from faregate.configuration.commerce import Team
from faregate.configuration.document import Document
from faregate.control.management import Management
from faregate.control.registry import all_routes
from faregate.identity.permissions import BUILT_IN_ROLES

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "management-api.md"
NAMED = {one.id: one for routes in all_routes() for one in routes.operations}
# A role in the organisation is asked in a team too; one of a team, in its own.
TEAM = "sales"


def rows() -> Iterator[tuple[str, dict[str, str]]]:
    """Each operation's name with what the reference says of each role."""
    roles: list[str] = []
    for line in REFERENCE.read_text().splitlines():
        cells = [cell.strip().strip("`") for cell in line.strip("|").split("|")]
        if cells[:2] == ["Operation", "Name"]:
            roles = cells[4:]
        elif roles and cells[0].split(" ")[0] in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            yield cells[1], dict(zip(roles, cells[4:], strict=True))


TABLE = dict(rows())


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """One API for the whole table: what is asked for is never there, so nothing changes."""
    from tests.control.managed import make_home

    from faregate.control.management import open_management

    home = make_home(tmp_path_factory.mktemp("roles") / "home")
    with open_management(home) as management:
        api = Api(management)
        api.apply(Document(teams=(Team(name=TEAM), Team(name="other"))))
        yield api


def asked(api: Api, operation_id: str, team: str = TEAM) -> tuple[int, str]:
    """Status and code of a request that names nothing that is there."""
    operation = NAMED[operation_id]
    path = operation.path.replace(":path}", "}").replace("{team}", team)
    while "{" in path:
        before, _, rest = path.partition("{")
        path = before + "no-such-thing" + rest.partition("}")[2]
    # No body that could be taken, and no version that is: only who may is asked about.
    response = api.client.request(
        operation.method, path, content=b"[", headers={"content-type": "application/json"}
    )
    problem = response.json() if "problem" in response.headers.get("content-type", "") else {}
    return response.status_code, problem.get("code", "")


def test_the_reference_has_every_operation_and_role() -> None:
    assert set(TABLE) == set(NAMED)
    assert all(set(roles) == set(BUILT_IN_ROLES) for roles in TABLE.values())


@pytest.mark.parametrize("role", sorted(BUILT_IN_ROLES))
def test_a_role_may_what_the_reference_says(shared: Api, role: str) -> None:
    of_team = BUILT_IN_ROLES[role].of_team
    wrong = []
    for name, roles in TABLE.items():
        if name in UNSAFE:
            continue
        shared.as_(holder(role, TEAM if of_team else None))
        status, code = asked(shared, name)
        refused = status == 401 or (status == 403 and code == "forbidden")
        if refused != (roles[role] == "-"):
            wrong.append((name, roles[role], status, code))
        assert status != 500, name
    assert wrong == []


@pytest.mark.parametrize("role", sorted(r for r, one in BUILT_IN_ROLES.items() if one.of_team))
def test_in_another_team_nothing_is_there(shared: Api, role: str) -> None:
    shared.as_(holder(role, "other"))
    told = {
        name: asked(shared, name)[0] for name, operation in NAMED.items() if operation.is_of_team
    }
    assert {name: status for name, status in told.items() if status != 404} == {}
    assert len(told) > 5


def test_nobody_gets_only_what_needs_no_login(shared: Api) -> None:
    shared.as_(None)
    let_in = {name for name in NAMED if name not in UNSAFE and asked(shared, name)[0] != 401}
    assert let_in == {name for name, one in NAMED.items() if one.permission is None} - UNSAFE


# Without a body these do something to who asks.
UNSAFE = {"logout"}


def test_a_forbidden_act_changes_nothing(shared: Api, management: Management) -> None:
    before = shared.management.installation.revisions.written()
    shared.as_(holder("team-viewer", TEAM))
    for name in TABLE:
        if name not in UNSAFE:
            asked(shared, name)
    assert shared.management.installation.revisions.written() == before
    assert management.installation.revisions.written()[0] == 0
