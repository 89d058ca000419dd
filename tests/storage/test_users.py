"""Users are made, changed and removed; the last owner stays, and nobody rises."""

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
from faregate.storage import directory_tables as tables
from faregate.storage.directory_rows import User
from faregate.storage.users import UserChange


@pytest.fixture
def people(tmp_path: Path) -> People:
    return People(tmp_path)


def changed(user: User, **values: object) -> UserChange:
    """The change of a user to these values."""
    own = {"email": user.email, "name": user.name, "state": user.state, "roles": user.roles}
    return UserChange(**(own | values))  # type: ignore[arg-type]


def test_made_and_found(people: People) -> None:
    user_id = people.add("Ann@example.com", "owner", sales="team-viewer")
    users = people.directory.users
    user = users.get(user_id)
    assert (user.email, user.roles, user.teams) == (
        "Ann@example.com",
        ("owner",),
        {"sales": ("team-viewer",)},
    )
    assert users.get("ann@EXAMPLE.com") == user
    people.add("bob@example.com", "auditor")
    assert [one.email for one in users.list()] == ["Ann@example.com", "bob@example.com"]
    assert [one.email for one in users.list(role="auditor")] == ["bob@example.com"]
    assert [one.email for one in users.list(role="team-viewer")] == ["Ann@example.com"]
    assert [one.email for one in users.list(team="sales")] == ["Ann@example.com"]
    assert users.list(state="locked") == []
    entry = people.last("users.create")
    assert (entry.actor.name, entry.object) == ("root", "users/bob@example.com")
    with pytest.raises(MissingError, match="no user 'carl'"):
        users.get("carl")


def test_an_address_is_one_users(people: People) -> None:
    people.add("ann@example.com", "owner")
    with pytest.raises(ConflictError, match=r"a user ann@example\.com already"):
        people.directory.users.create(MACHINE, "ANN@example.com")
    with pytest.raises(ConfigurationError, match="email: 'x' is not an e-mail address"):
        people.directory.users.create(MACHINE, "x")
    bob = people.directory.users.create(MACHINE, "bob@example.com")
    with pytest.raises(ConflictError):
        people.directory.users.change(MACHINE, bob.user_id, changed(bob, email="ann@example.com"))


def test_the_last_owner_stays(people: People) -> None:
    ann = people.add("ann@example.com", "owner")
    users = people.directory.users
    for refused in (
        lambda: users.remove(MACHINE, ann),
        lambda: users.set_state(MACHINE, ann, "locked"),
        lambda: users.set_state(MACHINE, ann, "disabled"),
        lambda: users.set_roles(MACHINE, ann, ("administrator",)),
    ):
        with pytest.raises(ConflictError, match="last owner"):
            refused()
    bob = people.add("bob@example.com", "owner")
    users.set_state(MACHINE, bob, "locked")
    with pytest.raises(ConflictError, match="last owner"):
        users.remove(MACHINE, ann)
    users.set_state(MACHINE, bob, "active")
    users.remove(MACHINE, ann)
    assert [one.email for one in users.list()] == ["bob@example.com"]


def test_two_writers(people: People) -> None:
    people.add("ann@example.com", "owner")
    bob = people.directory.users.get(people.add("bob@example.com"))
    users = people.directory.users
    after = users.change(MACHINE, bob.user_id, changed(bob, name="Bob"), str(bob.version))
    assert (after.name, after.version) == ("Bob", bob.version + 1)
    with pytest.raises(StaleError, match="changed meanwhile"):
        users.change(MACHINE, bob.user_id, changed(bob, name="Rob"), str(bob.version))
    with pytest.raises(StaleError):
        users.remove(MACHINE, bob.user_id, str(bob.version))
    assert people.last("users.change").before != people.last("users.change").after


def test_nobody_rises(people: People) -> None:
    people.add("ann@example.com", "owner")
    adam = people.add("adam@example.com", "administrator")
    by, users = people.principal(adam), people.directory.users
    fred = people.add("fred@example.com", "finance")
    with pytest.raises(ForbiddenError):
        users.set_roles(by, adam, ("administrator", "owner"))
    with pytest.raises(ForbiddenError):
        users.set_roles(by, adam, ("administrator", "finance"))
    with pytest.raises(ForbiddenError, match="gain credit"):
        users.change(by, fred, changed(users.get(fred), email="adam2@example.com"))
    for refused in (
        lambda: users.set_roles(by, "ann@example.com", ()),
        lambda: users.set_state(by, "ann@example.com", "locked"),
        lambda: users.remove(by, "ann@example.com"),
    ):
        with pytest.raises(ForbiddenError, match="only owners"):
            refused()
    users.set_state(by, fred, "locked")
    users.set_roles(by, fred, ("auditor",))
    assert users.get(fred).roles == ("auditor",)
    assert users.get("ann@example.com").roles == ("owner",)


def test_who_may_not_log_in_is_out_at_once(people: People) -> None:
    people.add("ann@example.com", "owner")
    bob = people.add("bob@example.com", "auditor")
    signed_in = people.sign_in("bob@example.com")
    made = people.directory.tokens.create_personal(people.principal(bob), bob, "laptop")
    principals = people.directory.principals
    assert principals.of_session(signed_in.token) is not None
    assert principals.of_token(made.secret) is not None
    people.directory.users.set_state(MACHINE, bob, "locked")
    assert principals.of_session(signed_in.token) is None
    assert principals.of_token(made.secret) is None
    people.directory.users.set_state(MACHINE, bob, "active")
    assert principals.of_session(signed_in.token) is None
    assert principals.of_token(made.secret) is not None


def test_removing_ends_everything(people: People) -> None:
    people.add("ann@example.com", "owner")
    bob = people.add("bob@example.com", "auditor", sales="team-owner")
    signed_in = people.sign_in("bob@example.com")
    by = people.principal(bob)
    made = people.directory.tokens.create_personal(by, bob, "laptop")
    invited = people.directory.invitations.create(by, "eve@example.com", "team-viewer", "sales")
    people.directory.users.remove(MACHINE, "bob@example.com")
    principals = people.directory.principals
    assert principals.of_session(signed_in.token) is None
    assert principals.of_token(made.secret) is None
    with pytest.raises(MissingError):
        people.directory.invitations.look(invited.secret)
    for table in (tables.sessions, tables.access_tokens, tables.memberships):
        assert people.rows(table) == []
    assert people.last("users.remove").object == "users/bob@example.com"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"roles": ("nobody",)}, "role: there is no role 'nobody'"),
        ({"roles": ("team-owner",)}, "can't be given in the organisation"),
        ({"state": "invited"}, "can't be made invited"),
        ({"name": "a\nb"}, "name: it must have 0 to 100"),
        ({"email": "nothing"}, "email: "),
    ],
)
def test_what_can_not_be(people: People, values: dict[str, object], message: str) -> None:
    people.add("ann@example.com", "owner")
    bob = people.directory.users.get(people.add("bob@example.com"))
    with pytest.raises(ConfigurationError, match=message):
        people.directory.users.change(MACHINE, bob.user_id, changed(bob, **values))
    assert people.directory.users.get(bob.user_id) == bob
