"""Service accounts belong to one tenant and have one role that their makers may give."""

from pathlib import Path

import pytest
from tests.storage.directories import MACHINE, People

from faregate.core.errors import (
    ConfigurationError,
    ConflictError,
    ForbiddenError,
    MissingError,
    StaleError,
)
from faregate.storage.service_accounts import AccountChange


@pytest.fixture
def people(tmp_path: Path) -> People:
    made = People(tmp_path)
    made.add("ann@example.com", "owner")
    return made


def test_made_changed_removed(people: People) -> None:
    accounts = people.directory.service_accounts
    made = accounts.create(MACHINE, "sales", "ci", "team-developer", "Deploys.")
    assert accounts.list("sales") == [made]
    assert accounts.get("sales", "ci") == made == accounts.get("sales", made.account_id)
    token = people.directory.tokens.create_for_account(MACHINE, "sales", "ci", "t").secret
    change = AccountChange("ci", "team-viewer", state="disabled")
    after = accounts.change(MACHINE, "sales", "ci", change, "1")
    assert (after.role, after.state, after.version) == ("team-viewer", "disabled", 2)
    assert people.directory.principals.of_token(token) is None
    with pytest.raises(StaleError):
        accounts.change(MACHINE, "sales", "ci", change, "1")
    with pytest.raises(StaleError):
        accounts.remove(MACHINE, "sales", "ci", "1")
    accounts.remove(MACHINE, "sales", "ci", "2")
    assert accounts.list("sales") == []
    assert people.last("service_accounts.remove").object == "service_accounts/sales/ci"


def test_tenants_see_their_own(people: People) -> None:
    accounts = people.directory.service_accounts
    ours = accounts.create(MACHINE, None, "ci", "auditor")
    sales = accounts.create(MACHINE, "sales", "ci", "team-viewer")
    care = accounts.create(MACHINE, "care", "ci", "team-viewer")
    assert accounts.list(None) == [ours]
    assert accounts.of_teams(None) == [ours, care, sales]
    assert accounts.of_teams(frozenset({"sales"})) == [sales]
    assert accounts.of_teams(frozenset()) == []
    with pytest.raises(MissingError):
        accounts.get("care", sales.account_id)
    with pytest.raises(MissingError):
        accounts.change(MACHINE, "care", sales.account_id, AccountChange("x", "team-viewer"))
    with pytest.raises(MissingError):
        accounts.remove(MACHINE, None, sales.account_id)
    with pytest.raises(MissingError, match="no team"):
        accounts.list("none")


def test_nobody_rises(people: People) -> None:
    accounts = people.directory.service_accounts
    by = people.principal(people.add("adam@example.com", "administrator"))
    with pytest.raises(ForbiddenError):
        accounts.create(by, None, "x", "owner")
    accounts.create(MACHINE, None, "root", "owner")
    accounts.create(by, None, "x", "auditor")
    with pytest.raises(ForbiddenError):
        accounts.change(by, None, "x", AccountChange("x", "finance"))
    for refused in (
        lambda: accounts.change(by, None, "root", AccountChange("root", "auditor")),
        lambda: accounts.remove(by, None, "root"),
    ):
        with pytest.raises(ForbiddenError, match="only owners"):
            refused()
    tom = people.principal(people.add("tom@example.com", sales="team-owner"))
    with pytest.raises(ForbiddenError):
        accounts.create(tom, "care", "x", "team-viewer")


def test_what_can_not_be(people: People) -> None:
    accounts = people.directory.service_accounts
    accounts.create(MACHINE, "sales", "ci", "team-viewer")
    other = accounts.create(MACHINE, "sales", "cd", "team-viewer")
    with pytest.raises(ConflictError, match="'ci' already"):
        accounts.create(MACHINE, "sales", "ci", "team-viewer")
    with pytest.raises(ConflictError, match="'ci' already"):
        accounts.change(MACHINE, "sales", "cd", AccountChange("ci", "team-viewer"))
    with pytest.raises(ConfigurationError, match="can't be given in a team"):
        accounts.create(MACHINE, "sales", "x", "auditor")
    with pytest.raises(ConfigurationError, match="name: "):
        accounts.create(MACHINE, "sales", " ", "team-viewer")
    assert accounts.get("sales", "cd") == other
