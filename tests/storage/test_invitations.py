"""An invitation is accepted once, by its link, while its maker may still give it."""

from pathlib import Path

import pytest
from tests.storage.directories import ADDRESS, MACHINE, PASSWORD, People

from faregate.core.errors import (
    ConfigurationError,
    ForbiddenError,
    MissingError,
    UnidentifiedError,
)
from faregate.identity.tokens import kind_of_token
from faregate.storage.invitations import Acceptance

NEW = "seven brave llamas"


@pytest.fixture
def people(tmp_path: Path) -> People:
    made = People(tmp_path)
    made.add("ann@example.com", "owner")
    return made


def accepted(people: People, token: str, password: str = NEW, name: str = "Eve") -> str:
    """Accept; gives the user's id."""
    found = people.directory.invitations.accept(Acceptance(token, password, name, address=ADDRESS))
    assert found is not None
    assert people.directory.principals.of_session(found.token) is not None
    return found.user.user_id


def test_somebody_new(people: People) -> None:
    invitations = people.directory.invitations
    made = invitations.create(MACHINE, "Eve@example.com", "team-developer", "sales")
    assert kind_of_token(made.secret) == "invitation"
    assert made.secret.encode() not in people.content()
    assert made.secret not in repr(made)
    assert people.directory.users.get("eve@example.com").state == "invited"
    assert invitations.look(made.secret) == (made.record, False)
    with pytest.raises(ConfigurationError, match="password: "):
        accepted(people, made.secret, "short")
    eve = accepted(people, made.secret)
    user = people.directory.users.get(eve)
    assert (user.state, user.name) == ("active", "Eve")
    assert user.teams == {"sales": ("team-developer",)}
    assert people.sign_in("eve@example.com", NEW)
    with pytest.raises(MissingError, match="not valid"):
        accepted(people, made.secret)
    entry = people.last("invitations.accept")
    assert (entry.team, entry.actor.address) == ("sales", ADDRESS)


def test_into_the_organisation(people: People) -> None:
    made = people.directory.invitations.create(MACHINE, "eve@x.org", "auditor", None)
    assert people.principal(accepted(people, made.secret)).may("audit.read")


def test_somebody_who_is_here_shows_the_password(people: People) -> None:
    bob = people.add("bob@example.com", "auditor")
    made = people.directory.invitations.create(MACHINE, "bob@example.com", "team-owner", "care")
    assert people.directory.invitations.look(made.secret)[1]
    with pytest.raises(UnidentifiedError):
        accepted(people, made.secret, NEW)
    assert accepted(people, made.secret, PASSWORD) == bob
    user = people.directory.users.get(bob)
    assert (user.name, user.roles, user.teams) == ("bob", ("auditor",), {"care": ("team-owner",)})


def test_it_ends_after_a_week(people: People) -> None:
    made = people.directory.invitations.create(MACHINE, "eve@x.org", "auditor", None)
    people.clock.advance(7 * 86_400 - 1)
    assert people.directory.invitations.list(None) == [made.record]
    people.clock.advance(1)
    assert people.directory.invitations.list(None) == []
    with pytest.raises(MissingError):
        accepted(people, made.secret)


def test_a_later_one_ends_the_one_before(people: People) -> None:
    invitations = people.directory.invitations
    first = invitations.create(MACHINE, "eve@x.org", "auditor", None)
    second = invitations.create(MACHINE, "EVE@x.org", "auditor", None)
    with pytest.raises(MissingError):
        invitations.look(first.secret)
    assert invitations.list(None) == [second.record]


def test_withdrawn(people: People) -> None:
    invitations = people.directory.invitations
    first = invitations.create(MACHINE, "eve@x.org", "team-viewer", "sales")
    second = invitations.create(MACHINE, "eve@x.org", "team-viewer", "care")
    for team in (None, "care"):
        with pytest.raises(MissingError):
            invitations.withdraw(MACHINE, team, first.record.invitation_id)
    invitations.withdraw(MACHINE, "sales", first.record.invitation_id)
    with pytest.raises(MissingError):
        invitations.look(first.secret)
    assert people.directory.users.get("eve@x.org").state == "invited"
    invitations.withdraw(MACHINE, "care", second.record.invitation_id)
    with pytest.raises(MissingError):
        people.directory.users.get("eve@x.org")


def test_tenants_see_their_own(people: People) -> None:
    invitations = people.directory.invitations
    sales = invitations.create(MACHINE, "a@x.org", "team-viewer", "sales").record
    ours = invitations.create(MACHINE, "b@x.org", "auditor", None).record
    assert invitations.list("sales") == [sales]
    assert invitations.list("care") == []
    assert invitations.of_teams(frozenset({"sales"})) == [sales]
    assert {one.email for one in invitations.of_teams(None)} == {sales.email, ours.email}


def test_nobody_rises(people: People) -> None:
    invitations = people.directory.invitations
    adam = people.principal(people.add("adam@example.com", "administrator"))
    tom = people.principal(people.add("tom@example.com", sales="team-owner"))
    for by, role, team in (
        (adam, "owner", None),
        (adam, "finance", None),
        (tom, "team-viewer", "care"),
        (tom, "auditor", None),
    ):
        with pytest.raises(ForbiddenError):
            invitations.create(by, "eve@x.org", role, team)
    with pytest.raises(ConfigurationError):
        invitations.create(tom, "eve@x.org", "owner", "sales")
    with pytest.raises(MissingError, match="no team"):
        invitations.create(MACHINE, "eve@x.org", "team-viewer", "none")
    assert people.directory.users.list(state="invited") == []


def test_who_may_not_give_it_any_more_has_promised_nothing(people: People) -> None:
    tom = people.add("tom@example.com", sales="team-owner")
    invitations = people.directory.invitations
    made = invitations.create(people.principal(tom), "eve@x.org", "team-owner", "sales")
    people.directory.members.set(MACHINE, "sales", tom, ("team-viewer",))
    with pytest.raises(MissingError):
        accepted(people, made.secret)
    people.directory.members.set(MACHINE, "sales", tom, ("team-owner",))
    people.directory.users.set_state(MACHINE, tom, "locked")
    with pytest.raises(MissingError):
        accepted(people, made.secret)
    people.directory.users.set_state(MACHINE, tom, "active")
    assert accepted(people, made.secret)


def test_a_service_account_invites(people: People) -> None:
    directory = people.directory
    directory.service_accounts.create(MACHINE, "sales", "hr", "team-owner")
    token = directory.tokens.create_for_account(MACHINE, "sales", "hr", "t").secret
    found = directory.principals.of_token(token)
    assert found is not None
    made = directory.invitations.create(found.principal, "eve@x.org", "team-viewer", "sales")
    assert directory.users.get(accepted(people, made.secret)).teams == {"sales": ("team-viewer",)}
