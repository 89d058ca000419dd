"""Logging in tells nothing to those who can't, and slows those who guess."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

import pytest
from tests.storage.directories import ADDRESS, CHEAP, MACHINE, PASSWORD, People

from faregate.core.errors import UnidentifiedError, WaitError
from faregate.storage import directory_tables as tables
from faregate.storage.directory import Directory
from faregate.storage.logins import Attempt
from faregate.storage.password_hashes import Cost, PasswordHashes


@pytest.fixture
def people(tmp_path: Path) -> People:
    made = People(tmp_path)
    made.add("ann@example.com", "owner")
    return made


def wrong(people: People, email: str = "ann@example.com", address: str = ADDRESS) -> str:
    """What a wrong password is told."""
    with pytest.raises(UnidentifiedError) as caught:
        people.directory.logins.sign_in(Attempt(email, "wrong password", None, address))
    return f"{caught.value} {caught.value.fix}"


def test_a_login(people: People) -> None:
    signed_in = people.sign_in("ANN@example.com ")
    found = people.directory.principals.of_session(signed_in.token, ADDRESS)
    assert found is not None
    assert found.principal.actor.name == "ann@example.com"
    assert found.principal.may("owners.write")
    assert people.directory.users.get("ann@example.com").login_ns == people.clock.wall_ns()
    entry = people.last("login")
    assert (entry.actor.address, entry.object) == (ADDRESS, "users/ann@example.com")
    assert signed_in.token[:10] not in str(entry)


def test_nothing_tells_whether_an_account_exists(people: People) -> None:
    people.add("lou@example.com")
    people.directory.users.set_state(MACHINE, "lou@example.com", "locked")
    people.directory.invitations.create(MACHINE, "ivy@example.com", "auditor", None)
    said = {
        wrong(people, email, f"192.0.2.{number}")
        for number, email in enumerate(
            ("ann@example.com", "nobody@example.com", "lou@example.com", "ivy@example.com", "x")
        )
    }
    assert len(said) == 1
    with pytest.raises(UnidentifiedError) as caught:
        people.sign_in("lou@example.com", address="192.0.2.99")
    assert f"{caught.value} {caught.value.fix}" in said
    assert "the user is locked" in people.last("login.failed").detail


def test_time_tells_nothing(people: People) -> None:
    cost = Cost(2, 16 * 1024, 1)
    directory = Directory(people.database, people.box, people.clock, None, cost)
    stored = PasswordHashes(cost).hash(PASSWORD)
    with people.database.writing() as connection:
        connection.execute(tables.users.update().values(password_hash=stored))
    found: dict[str, list[float]] = {"ann@example.com": [], "nobody@example.com": []}
    for number in range(12):
        for email, times in found.items():
            attempt = Attempt(email, "wrong password", None, f"192.0.2.{number}")
            begun = time.perf_counter()
            with pytest.raises(UnidentifiedError):
                directory.logins.sign_in(attempt)
            times.append(time.perf_counter() - begun)
            people.clock.advance(3_600)
    known, unknown = (median(times[2:]) for times in found.values())
    assert 0.6 < known / unknown < 1.7, (known, unknown)


@pytest.mark.parametrize("email", ["ann@example.com", "nobody@example.com"])
def test_ten_failures_lock_for_a_quarter_of_an_hour(people: People, email: str) -> None:
    before, waits = people.mark(), []
    for number in range(10):
        wrong(people, email, f"192.0.2.{number}")
        if number < 2:
            continue
        with pytest.raises(WaitError) as caught:
            people.sign_in(email)
        waits.append(caught.value.wait_s)
        people.clock.advance(caught.value.wait_s if number < 9 else 899)
    assert waits == [1, 2, 4, 8, 16, 32, 64, 900]
    acts = people.acts(before)
    assert acts.count("login.failed") == 10
    assert acts[-1] == "login.locked"
    assert "locked for 900 s" in people.last("login.locked").detail
    assert "next try may be made in 900 s" in people.last("login.failed").detail
    with pytest.raises(WaitError):
        people.sign_in(email)
    people.clock.advance(1)
    if email == "ann@example.com":
        assert people.sign_in(email).token
    else:
        wrong(people, email)


def test_an_address_that_guesses_at_many_waits_too(people: People) -> None:
    for number in range(20):
        wrong(people, f"u{number}@example.com")
    with pytest.raises(WaitError):
        people.sign_in("ann@example.com")
    assert people.sign_in("ann@example.com", address="198.51.100.9").token


def test_many_at_once_are_no_more_than_one_after_another(people: People) -> None:
    def attempt(number: int) -> str:
        try:
            people.directory.logins.sign_in(
                Attempt("ann@example.com", f"guess {number}", None, f"192.0.2.{number}")
            )
        except (UnidentifiedError, WaitError) as error:
            return type(error).__name__
        return "in"

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(attempt, range(24)))
    assert found.count("UnidentifiedError") == 3
    assert found.count("WaitError") == 21


def test_passwords_in_the_wrong_field_are_not_written(people: People) -> None:
    secret = "my secret pass phrase"
    wrong(people, secret)
    assert secret.encode() not in people.content()
    wrong(people, "nobody@example.com")
    assert people.last("login.failed").actor.name == "nobody@example.com"


def test_a_hash_that_changed_meanwhile(people: People) -> None:
    real = people.directory.logins._hashes.verify

    def slow(stored: str | None, password: str) -> bool:
        right = real(stored, password)
        people.directory.passwords.one_time(MACHINE, "ann@example.com")
        return right

    people.directory.logins._hashes.verify = slow  # type: ignore[method-assign]
    with pytest.raises(UnidentifiedError):
        people.sign_in("ann@example.com")
    assert repr(Attempt("a", "secret-word")) == "Attempt('a')"


def test_the_password_is_nowhere_on_the_disk(people: People) -> None:
    people.sign_in("ann@example.com")
    assert PASSWORD.encode() not in people.content()
    assert CHEAP.memory_kib < Cost().memory_kib
