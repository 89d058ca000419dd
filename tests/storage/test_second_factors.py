"""A second factor is asked for at every login, and each code is accepted once."""

from pathlib import Path

import pyotp
import pytest
from tests.storage.directories import MACHINE, PASSWORD, People

from faregate.core.errors import (
    ConfigurationError,
    ConflictError,
    ForbiddenError,
    UnidentifiedError,
)
from faregate.identity.actors import Actor
from faregate.storage.logins import Attempt


@pytest.fixture
def people(tmp_path: Path) -> People:
    made = People(tmp_path)
    made.add("ann@example.com", "owner")
    return made


def actor(people: People) -> Actor:
    """Ann."""
    return people.principal(people.directory.users.get("ann@example.com").user_id).actor


def code(people: People, secret: str) -> str:
    """The code that an authenticator shows now."""
    return pyotp.TOTP(secret).at(people.clock.wall_ns() // 10**9)


def enrolled(people: People) -> tuple[str, list[str]]:
    """Ann's secret and recovery codes."""
    factors = people.directory.second_factors
    secret, _ = factors.begin(actor(people), PASSWORD)
    return secret, factors.confirm(actor(people), code(people, secret))


def test_asked_for_once_it_is_confirmed(people: People) -> None:
    factors = people.directory.second_factors
    secret, uri = factors.begin(actor(people), PASSWORD)
    assert f"secret={secret}" in uri
    assert secret.encode() not in people.content()
    assert people.sign_in("ann@example.com")
    with pytest.raises(ConfigurationError, match="code: it is wrong"):
        factors.confirm(actor(people), "000000")
    assert len(factors.confirm(actor(people), code(people, secret))) == 10
    assert people.directory.users.get("ann@example.com").second_factor
    attempt = Attempt("ann@example.com", PASSWORD)
    assert people.directory.logins.sign_in(attempt) is None
    people.clock.advance(30)
    assert people.sign_in("ann@example.com", code=code(people, secret))
    assert "second_factor.on" in people.acts()


def test_a_code_is_never_accepted_twice(people: People) -> None:
    secret, _ = enrolled(people)
    shown = code(people, secret)
    with pytest.raises(UnidentifiedError):
        people.sign_in("ann@example.com", code=shown)  # It confirmed the factor.
    people.clock.advance(30)
    shown = code(people, secret)
    assert people.sign_in("ann@example.com", code=shown)
    with pytest.raises(UnidentifiedError):
        people.sign_in("ann@example.com", code=shown)
    assert "wrong code" in people.last("login.failed").detail


def test_recovery_codes_work_once(people: People) -> None:
    _, codes = enrolled(people)
    ann = people.directory.users.get("ann@example.com").user_id
    for one in codes:
        assert one.encode() not in people.content()
    assert people.sign_in("ann@example.com", code=codes[3].upper().replace("-", " "))
    assert people.last("second_factor.recovery").object == "users/ann@example.com"
    assert people.directory.second_factors.codes_left(ann) == 9
    with pytest.raises(UnidentifiedError):
        people.sign_in("ann@example.com", code=codes[3])
    new = people.directory.second_factors.renew_codes(actor(people), PASSWORD)
    assert not set(new) & set(codes)
    with pytest.raises(UnidentifiedError):
        people.sign_in("ann@example.com", code=codes[4])
    assert people.sign_in("ann@example.com", code=new[0])


def test_the_right_password_alone_doesnt_forgive(people: People) -> None:
    enrolled(people)
    for number in range(3):
        with pytest.raises(UnidentifiedError):
            people.sign_in("ann@example.com", code=f"00000{number}", address="192.0.2.1")
        people.clock.advance(100)
        assert people.directory.logins.sign_in(Attempt("ann@example.com", PASSWORD)) is None
    with pytest.raises(UnidentifiedError):
        people.sign_in("ann@example.com", code="000009", address="192.0.2.2")
    assert "failure 4" in people.last("login.failed").detail


def test_turned_off(people: People) -> None:
    secret, _ = enrolled(people)
    factors = people.directory.second_factors
    with pytest.raises(ConflictError, match="in force"):
        factors.begin(actor(people), PASSWORD)
    with pytest.raises(ConfigurationError):
        factors.disable(actor(people), "something else")
    factors.disable(actor(people), PASSWORD)
    assert people.sign_in("ann@example.com")
    with pytest.raises(ConflictError):
        factors.disable(actor(people), PASSWORD)
    with pytest.raises(ConflictError, match="no second factor is in force"):
        factors.renew_codes(actor(people), PASSWORD)
    with pytest.raises(ConflictError, match="no second factor was begun"):
        factors.confirm(actor(people), code(people, secret))


def test_anothers_is_turned_off_by_who_holds_as_much(people: People) -> None:
    enrolled(people)
    by = people.principal(people.add("adam@example.com", "administrator"))
    with pytest.raises(ForbiddenError):
        people.directory.second_factors.remove(by, "ann@example.com")
    people.directory.second_factors.remove(MACHINE, "ann@example.com")
    assert people.sign_in("ann@example.com")
    assert people.last("second_factor.off").actor.name == "root"
