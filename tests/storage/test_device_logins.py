"""A command is let in by a person, once, with a token of theirs."""

from pathlib import Path

import pytest
from tests.storage.directories import ADDRESS, MACHINE, People

from faregate.core.errors import ForbiddenError, MissingError, WaitError
from faregate.identity.actors import Actor
from faregate.identity.permissions import machine_principal
from faregate.storage import device_logins as module
from faregate.storage.device_logins import DeviceLogins, new_user_code, plain_user_code

NS = 1_000_000_000


@pytest.fixture
def people(tmp_path: Path) -> People:
    made = People(tmp_path)
    made.add("ann@example.com", "owner")
    return made


@pytest.fixture
def logins(people: People) -> DeviceLogins:
    return DeviceLogins(people.database, people.box, people.directory.tokens, people.clock)


def test_a_login(people: People, logins: DeviceLogins) -> None:
    bob = people.add("bob@example.com", "auditor")
    codes = logins.begin("faregate on  laptop\n", "10.0.0.9")
    assert logins.poll(codes.device_code).state == "pending"
    asked = logins.find(codes.user_code.lower().replace("-", " "))
    assert (asked.client, asked.address, asked.state) == (
        "faregate on laptop",
        "10.0.0.9",
        "pending",
    )
    logins.approve(people.principal(bob), codes.user_code, ["keys.read"])
    told = logins.poll(codes.device_code)
    assert (told.state, told.name) == ("approved", "bob@example.com")
    assert told.token not in repr(told)
    found = people.directory.principals.of_token(told.token, ADDRESS)
    assert found is not None
    assert (found.user_id, found.token_id) == (bob, told.token_id)
    assert found.principal.may("keys.read")
    assert not found.principal.may("audit.read")
    [token] = people.directory.tokens.of_user(bob)
    assert token.name.startswith("faregate on laptop (")
    assert token.expires_ns == told.expires_ns
    assert "device_logins.approve" in people.acts()
    # Once, and nothing of it is left.
    assert logins.poll(codes.device_code).state == "expired"
    for secret in (told.token, codes.device_code, codes.user_code):
        assert secret.encode() not in people.content()


def test_denied(people: People, logins: DeviceLogins) -> None:
    bob = people.add("bob@example.com", "auditor")
    codes = logins.begin("c", ADDRESS)
    logins.deny(people.principal(bob), codes.user_code)
    assert logins.poll(codes.device_code).state == "denied"
    assert people.directory.tokens.of_user(bob) == []
    assert people.acts()[-1] == "device_logins.deny"


def test_codes_that_do_not_wait(people: People, logins: DeviceLogins) -> None:
    bob = people.principal(people.add("bob@example.com", "auditor"))
    codes = logins.begin("c", ADDRESS)
    for wrong in ("", "BCDF-GHJK", codes.device_code, "x" * 10_000):
        with pytest.raises(MissingError, match="no login waits"):
            logins.find(wrong)
    assert logins.poll("nothing").state == "expired"
    logins.approve(bob, codes.user_code)
    for act in (logins.approve, logins.deny):
        with pytest.raises(MissingError):
            act(bob, codes.user_code)
    late = logins.begin("c", ADDRESS)
    people.clock.advance(module.VALID_S + 1)
    with pytest.raises(MissingError):
        logins.approve(bob, late.user_code)
    assert logins.poll(late.device_code).state == "expired"


def test_only_a_person_approves(logins: DeviceLogins) -> None:
    codes = logins.begin("c", ADDRESS)
    with pytest.raises(ForbiddenError, match="by a person"):
        logins.approve(MACHINE, codes.user_code)
    program = machine_principal(Actor("service_account", "robot", id="svc_1"))
    with pytest.raises(ForbiddenError, match="by a person"):
        logins.approve(program, codes.user_code)
    assert logins.find(codes.user_code).state == "pending"


def test_who_asks_too_often_is_slowed(people: People, logins: DeviceLogins) -> None:
    codes = logins.begin("c", ADDRESS)
    told = [logins.poll(codes.device_code) for _ in range(3)]
    assert [one.state for one in told] == ["pending", "slow_down", "slow_down"]
    assert [one.interval_s for one in told] == [5, 10, 15]
    people.clock.advance(20)
    assert logins.poll(codes.device_code).state == "pending"


def test_what_waits_is_bounded(
    people: People, logins: DeviceLogins, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PENDING_OF_ADDRESS_MAX", 2)
    monkeypatch.setattr(module, "PENDING_MAX", 3)
    for address in ("a", "a", "b"):
        logins.begin("c", address)
    for address in ("a", "d"):
        with pytest.raises(WaitError, match="too many"):
            logins.begin("c", address)
    people.clock.advance(module.VALID_S + 1)
    assert logins.begin("c", "a")


def test_codes_for_people() -> None:
    codes = {new_user_code() for _ in range(200)}
    assert len(codes) == 200
    assert all(len(code) == 9 and code[4] == "-" for code in codes)
    assert plain_user_code(" bcdf-ghjk\n") == "BCDFGHJK"
