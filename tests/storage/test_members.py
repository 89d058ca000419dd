"""Members of a team are that team's alone, and go with it."""

from pathlib import Path

import pytest
from tests.storage.directories import MACHINE, People

from faregate.core.errors import ConfigurationError, ForbiddenError, MissingError, StaleError
from faregate.storage.members import forget_teams


@pytest.fixture
def people(tmp_path: Path) -> People:
    made = People(tmp_path)
    made.add("ann@example.com", "owner")
    return made


def test_added_changed_removed(people: People) -> None:
    members = people.directory.members
    bob = people.add("bob@example.com")
    made = members.set(MACHINE, "sales", "bob@example.com", ("team-viewer",))
    assert (made.user_id, made.roles, made.team) == (bob, ("team-viewer",), "sales")
    assert people.principal(bob).may("keys.read", "sales")
    assert not people.principal(bob).may("keys.read", "care")
    after = members.set(MACHINE, "sales", bob, ("team-developer", "team-viewer"), made.version)
    assert after.roles == ("team-developer", "team-viewer")
    with pytest.raises(StaleError):
        members.set(MACHINE, "sales", bob, ("team-owner",), made.version)
    assert [one.email for one in members.list("sales")] == ["bob@example.com"]
    assert members.list("care") == []
    assert people.last("members.set").team == "sales"
    members.remove(MACHINE, "sales", bob, after.version)
    assert not people.principal(bob).sees_team("sales")
    for selector in (bob, "nobody"):
        with pytest.raises(MissingError, match="is no member of 'sales'"):
            members.get("sales", selector)


def test_a_team_owner_stays_below(people: People) -> None:
    by = people.principal(people.add("tom@example.com", sales="team-owner"))
    bob = people.add("bob@example.com")
    members, roles = people.directory.members, people.directory.roles
    members.set(by, "sales", bob, ("team-owner",))
    with pytest.raises(ForbiddenError):
        members.set(by, "care", bob, ("team-viewer",))
    with pytest.raises(ConfigurationError, match="can't be given in a team"):
        members.set(by, "sales", bob, ("owner",))
    from faregate.identity.permissions import Role

    roles.add(MACHINE, Role("banker", "", frozenset({"credit.write"}), of_team=True))
    with pytest.raises(ForbiddenError, match=r"credit\.write"):
        members.set(by, "sales", bob, ("banker",))
    assert people.directory.users.get(bob).teams == {"sales": ("team-owner",)}


def test_what_can_not_be(people: People) -> None:
    members = people.directory.members
    with pytest.raises(MissingError, match="no team 'sale'; did you mean 'sales'"):
        members.set(MACHINE, "sale", "ann@example.com", ("team-owner",))
    with pytest.raises(MissingError, match="no team"):
        members.list("none")
    with pytest.raises(ConfigurationError, match="at least one role"):
        members.set(MACHINE, "sales", "ann@example.com", ())


def test_a_removed_team_leaves_nobody(people: People) -> None:
    bob = people.add("bob@example.com", sales="team-owner", care="team-viewer")
    invited = people.directory.invitations.create(MACHINE, "eve@x.org", "team-viewer", "sales")
    account = people.directory.service_accounts.create(MACHINE, "sales", "ci", "team-viewer")
    made = people.directory.tokens.create_for_account(
        MACHINE, "sales", account.account_id, "deploy"
    )
    with people.database.writing() as connection:
        forget_teams(connection, 1, "root", ["sales", "none"])
    assert people.directory.users.get(bob).teams == {"care": ("team-viewer",)}
    assert people.directory.principals.of_token(made.secret) is None
    with pytest.raises(MissingError):
        people.directory.invitations.look(invited.secret)
    assert "1 memberships, 1 invitations" in people.audit.find(limit=1)[0].detail
