"""Logins from elsewhere make and know people, and give what their groups give."""

from pathlib import Path

import msgspec
import pytest
from tests.storage.directories import MACHINE, People

from faregate.core.errors import ConflictError, UnidentifiedError
from faregate.identity.roles import RoleGrant
from faregate.storage import directory_tables as tables
from faregate.storage.external_logins import ExternalLogin

EVE = ExternalLogin("corporate", "https://id.example", "00u1", "eve@example.com", "Eve")


@pytest.fixture
def people(tmp_path: Path) -> People:
    made = People(tmp_path)
    made.add("ann@example.com", "owner")
    return made


def sign_in(people: People, login: ExternalLogin = EVE, **values: object) -> str:
    """Log in; gives the user's id."""
    changed = msgspec.structs.replace(login, **values)
    found = people.directory.external_logins.sign_in(changed)
    assert people.directory.principals.of_session(found.token) is not None
    assert found.session.method == "corporate"
    return found.user.user_id


def test_made_once_and_known_by_subject(people: People) -> None:
    with pytest.raises(UnidentifiedError):
        sign_in(people)
    assert "there is no such user" in people.last("login.failed").detail
    eve = sign_in(people, create=True)
    assert sign_in(people, email="eve.new@example.com") == eve
    user = people.directory.users.get(eve)
    assert (user.email, user.name, user.has_password) == ("eve@example.com", "Eve", False)
    assert user.identities[0].subject == "00u1"
    with pytest.raises(UnidentifiedError):
        people.sign_in("eve@example.com", "")


def test_an_address_alone_takes_nothing_over(people: People) -> None:
    with pytest.raises(UnidentifiedError):
        sign_in(people, email="ann@example.com", create=True)
    assert people.rows(tables.identities) == []
    ann = people.directory.users.get("ann@example.com").user_id
    assert sign_in(people, email="ann@example.com", link=True) == ann
    assert "users.link" in people.acts()


def test_groups_give_and_take(people: People) -> None:
    roles = (
        RoleGrant("auditor"),
        RoleGrant("team-viewer", "sales"),
        RoleGrant("team-viewer", "none"),
        RoleGrant("auditor", "sales"),
        RoleGrant("nobody"),
    )
    eve = sign_in(people, create=True, roles=roles)
    users = people.directory.users
    assert (users.get(eve).roles, users.get(eve).teams) == (
        ("auditor",),
        {"sales": ("team-viewer",)},
    )
    people.directory.members.set(MACHINE, "care", eve, ("team-owner",))
    sign_in(people, roles=(RoleGrant("finance"),))
    assert (users.get(eve).roles, users.get(eve).teams) == (
        ("finance",),
        {"care": ("team-owner",)},
    )
    assert people.last("users.roles").after is not None


def test_the_last_owner_stays_one(people: People) -> None:
    eve = sign_in(people, create=True, roles=(RoleGrant("owner"),))
    people.directory.users.remove(MACHINE, "ann@example.com")
    with pytest.raises(ConflictError, match="last owner"):
        sign_in(people)
    assert people.directory.users.get(eve).roles == ("owner",)


def test_who_is_locked_stays_out(people: People) -> None:
    eve = sign_in(people, create=True)
    people.directory.users.set_state(MACHINE, eve, "locked")
    with pytest.raises(UnidentifiedError):
        sign_in(people)
    people.directory.users.create(MACHINE, "lou@example.com", state="disabled")
    with pytest.raises(UnidentifiedError):
        sign_in(people, subject="00u2", email="lou@example.com", link=True)
    assert len(people.rows(tables.sessions)) == 1


def test_an_invited_one_is_let_in(people: People) -> None:
    people.directory.invitations.create(MACHINE, "eve@example.com", "auditor", None)
    eve = sign_in(people, link=True)
    assert people.directory.users.get(eve).state == "active"
