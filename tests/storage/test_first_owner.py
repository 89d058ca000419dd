"""The first owner is made once; whoever is on the machine finds the way back in."""

from pathlib import Path

import pytest
from tests.storage.directories import MACHINE, People

from faregate.core.errors import ConfigurationError
from faregate.identity.tokens import is_one_time_password
from faregate.storage.first_owner import (
    FIRST_EMAIL,
    first_owner,
    has_people,
    make_first_owner,
    recover_owner,
)
from faregate.storage.home import Home
from faregate.storage.preparation import prepare_home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    prepare_home(home)
    return home


def test_made_once(home: Home) -> None:
    assert not has_people(home.database)
    made = make_first_owner(home, "root")
    assert made is not None
    assert made.email == FIRST_EMAIL
    assert is_one_time_password(made.password)
    assert has_people(home.database)
    assert make_first_owner(home, "root") is None
    assert make_first_owner(home, "root", "other@example.com") is None


def test_under_an_address_of_ones_own(home: Home) -> None:
    with pytest.raises(ConfigurationError, match="email: "):
        make_first_owner(home, "root", "nothing")
    assert not has_people(home.database)
    made = make_first_owner(home, "root", "ann@example.com")
    assert made is not None
    assert made.email == "ann@example.com"


def test_the_one_time_password_must_be_changed(tmp_path: Path) -> None:
    people = People(tmp_path)
    made = first_owner(people.database, "root", FIRST_EMAIL)
    assert made is not None
    assert first_owner(people.database, "root", "second@localhost") is None
    signed_in = people.sign_in(FIRST_EMAIL, made.password)
    found = people.directory.principals.of_session(signed_in.token)
    assert found is not None
    assert (found.must_change_password, found.principal.held) == (True, ())
    assert people.directory.users.get(FIRST_EMAIL).roles == ("owner",)
    assert made.password.encode() not in people.content()


def test_recovered(tmp_path: Path) -> None:
    people = People(tmp_path)
    ann = people.add("ann@example.com", "owner")
    bob = people.add("bob@example.com", "auditor")
    people.directory.users.set_state(MACHINE, bob, "locked")
    people.directory.invitations.create(MACHINE, "ivy@example.com", "auditor", None)
    for email in ("ann@example.com", "bob@example.com", "ivy@example.com", "new@example.com"):
        made = recover_owner(people.directory, "root", email)
        assert people.sign_in(email, made.password).user.email == email
        user = people.directory.users.get(email)
        assert user.state == "active"
        assert "owner" in user.roles
    assert people.directory.users.get(ann).roles == ("owner",)
    assert people.directory.users.get(bob).roles == ("auditor", "owner")
