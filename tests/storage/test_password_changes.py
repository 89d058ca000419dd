"""Passwords are changed by who knows them, and reset once by a link."""

from pathlib import Path

import pytest
from tests.storage.directories import ADDRESS, MACHINE, PASSWORD, People

from faregate.core.errors import (
    ConfigurationError,
    ForbiddenError,
    MissingError,
    UnidentifiedError,
    WaitError,
)
from faregate.identity.tokens import is_one_time_password, kind_of_token

NEW = "seven brave llamas"


@pytest.fixture
def people(tmp_path: Path) -> People:
    made = People(tmp_path)
    made.add("ann@example.com", "owner")
    return made


def test_changed_by_its_owner(people: People) -> None:
    here, there = people.sign_in("ann@example.com"), people.sign_in("ann@example.com")
    actor = people.principal(here.user.user_id).actor
    people.directory.passwords.change(actor, PASSWORD, NEW, here.session.session_id)
    principals = people.directory.principals
    assert principals.of_session(here.token) is not None
    assert principals.of_session(there.token) is None
    with pytest.raises(UnidentifiedError):
        people.sign_in("ann@example.com")
    assert people.sign_in("ann@example.com", NEW)
    entry = people.last("password.change")
    assert (entry.actor.name, entry.actor.address) == ("ann@example.com", ADDRESS)
    assert NEW.encode() not in people.content()


@pytest.mark.parametrize(
    ("current", "new", "message"),
    [
        ("something else", NEW, "current_password: it is wrong"),
        (PASSWORD, PASSWORD, "new_password: it is the old one"),
        (PASSWORD, "short", "new_password: a password has 12 to 128"),
        (PASSWORD, "ann@example.com", "own address"),
    ],
)
def test_what_can_not_be(people: People, current: str, new: str, message: str) -> None:
    ann = people.directory.users.get("ann@example.com").user_id
    with pytest.raises(ConfigurationError, match=message):
        people.directory.passwords.change(people.principal(ann).actor, current, new, None)
    assert people.sign_in("ann@example.com")


def test_a_stolen_session_guesses_slowly(people: People) -> None:
    actor = people.principal(people.directory.users.get("ann@example.com").user_id).actor
    for _ in range(3):
        with pytest.raises(ConfigurationError):
            people.directory.passwords.change(actor, "a guess of it", NEW, None)
    with pytest.raises(WaitError):
        people.directory.passwords.change(actor, PASSWORD, NEW, None)
    assert people.acts().count("password.wrong") == 3


def test_a_link_resets_once(people: People) -> None:
    signed_in = people.sign_in("ann@example.com")
    passwords = people.directory.passwords
    user, token, expires_ns = passwords.reset_link(MACHINE, "ann@example.com")
    assert kind_of_token(token) == "reset"
    assert expires_ns - people.clock.wall_ns() == 3_600 * 10**9
    assert token.encode() not in people.content()
    with pytest.raises(ConfigurationError):
        passwords.reset(token, "short")
    assert passwords.reset(token, NEW, ADDRESS).user_id == user.user_id
    assert people.directory.principals.of_session(signed_in.token) is None
    with pytest.raises(MissingError, match="not valid"):
        passwords.reset(token, "another good pass")
    assert people.sign_in("ann@example.com", NEW)
    assert people.acts()[-3:] == ["password.reset_link", "password.reset", "login"]


def test_a_link_ends(people: People) -> None:
    passwords = people.directory.passwords
    first = passwords.reset_link(MACHINE, "ann@example.com")[1]
    second = passwords.reset_link(MACHINE, "ann@example.com")[1]
    with pytest.raises(MissingError):
        passwords.reset(first, NEW)
    people.clock.advance(3_600)
    with pytest.raises(MissingError):
        passwords.reset(second, NEW)
    with pytest.raises(MissingError):
        passwords.reset("fgr_nonsense", NEW)
    third = passwords.reset_link(MACHINE, "ann@example.com")[1]
    ann = people.directory.users.get("ann@example.com").user_id
    passwords.change(people.principal(ann).actor, PASSWORD, NEW, None)
    with pytest.raises(MissingError):
        passwords.reset(third, "yet another pass")


def test_a_lock_out_ends_with_a_reset(people: People) -> None:
    for _ in range(3):
        with pytest.raises(UnidentifiedError):
            people.sign_in("ann@example.com", "a guess of it")
    token = people.directory.passwords.reset_link(MACHINE, "ann@example.com")[1]
    people.directory.passwords.reset(token, NEW)
    assert people.sign_in("ann@example.com", NEW)


def test_a_password_for_one_login(people: People) -> None:
    signed_in = people.sign_in("ann@example.com")
    user, password = people.directory.passwords.one_time(MACHINE, "ann@example.com")
    assert is_one_time_password(password)
    assert people.directory.principals.of_session(signed_in.token) is None
    once = people.sign_in("ann@example.com", password)
    found = people.directory.principals.of_session(once.token)
    assert found is not None
    assert found.must_change_password
    assert not found.principal.may("users.read")
    actor = found.principal.actor
    people.directory.passwords.change(actor, password, NEW, once.session.session_id)
    found = people.directory.principals.of_session(once.token)
    assert found is not None
    assert not found.must_change_password
    assert found.principal.may("users.read")
    with pytest.raises(UnidentifiedError):
        people.sign_in("ann@example.com", password)
    assert user.email == "ann@example.com"


def test_nobody_takes_over_who_holds_more(people: People) -> None:
    by = people.principal(people.add("adam@example.com", "administrator"))
    people.add("fred@example.com", "finance")
    people.add("tom@example.com", sales="team-owner")
    passwords = people.directory.passwords
    for email in ("ann@example.com", "fred@example.com"):
        with pytest.raises(ForbiddenError):
            passwords.reset_link(by, email)
        with pytest.raises(ForbiddenError):
            passwords.one_time(by, email)
    assert passwords.reset_link(by, "tom@example.com")[1]


def test_who_is_only_invited_has_no_password(people: People) -> None:
    people.directory.invitations.create(MACHINE, "ivy@example.com", "auditor", None)
    with pytest.raises(ConfigurationError, match="not accepted the invitation"):
        people.directory.passwords.one_time(MACHINE, "ivy@example.com")
