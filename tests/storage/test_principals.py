"""A token means somebody while it lasts; uses are noted, and guesses are slowed."""

from pathlib import Path

import pytest
from tests.storage.directories import ADDRESS, MACHINE, People

from faregate.core.errors import WaitError
from faregate.identity.tokens import new_token
from faregate.storage import directory_tables as tables

HOUR = 3_600


@pytest.fixture
def people(tmp_path: Path) -> People:
    made = People(tmp_path)
    made.add("ann@example.com", "owner")
    return made


def test_a_session_in_use_lasts_to_its_total(people: People) -> None:
    token = people.sign_in("ann@example.com").token
    principals = people.directory.principals
    for _ in range(71):
        people.clock.advance(HOUR)
        assert principals.of_session(token) is not None
    people.clock.advance(HOUR)
    assert principals.of_session(token) is None


def test_an_idle_session_ends(people: People) -> None:
    token = people.sign_in("ann@example.com").token
    people.clock.advance(8 * HOUR)
    assert people.directory.principals.of_session(token) is None
    assert people.directory.principals.of_session(new_token("session")) is None


def test_uses_are_written_once_a_minute(people: People) -> None:
    token = people.sign_in("ann@example.com").token
    written = people.rows(tables.sessions)[0].used_ns
    people.clock.advance(59)
    people.directory.principals.of_session(token)
    assert people.rows(tables.sessions)[0].used_ns == written
    people.clock.advance(1)
    people.directory.principals.of_session(token)
    assert people.rows(tables.sessions)[0].used_ns == people.clock.wall_ns()


def test_an_expired_token_is_told_once(people: People) -> None:
    ann = people.directory.users.get("ann@example.com").user_id
    expires_ns = people.clock.wall_ns() + HOUR * 10**9
    made = people.directory.tokens.create_personal(MACHINE, ann, "t", None, expires_ns)
    principals = people.directory.principals
    assert principals.of_token(made.secret, ADDRESS) is not None
    used = people.directory.tokens.of_user(ann)[0]
    assert (used.used_ns, used.used_address) == (people.clock.wall_ns(), ADDRESS)
    people.clock.advance(HOUR)
    for _ in range(3):
        assert principals.of_token(made.secret, ADDRESS) is None
    acts = people.acts()
    assert (acts.count("tokens.first_use"), acts.count("tokens.expired_use")) == (1, 1)
    assert people.last("tokens.expired_use").actor.address == ADDRESS


def test_guesses_at_tokens_are_slowed_and_told(people: People) -> None:
    principals = people.directory.principals
    made = people.directory.tokens.create_personal(
        MACHINE, people.directory.users.get("ann@example.com").user_id, "t"
    )
    for _ in range(20):
        assert principals.of_token(new_token("personal"), ADDRESS) is None
    with pytest.raises(WaitError):
        principals.of_token(new_token("personal"), ADDRESS)
    assert principals.of_token(made.secret, ADDRESS) is not None
    assert principals.of_token(new_token("personal"), "192.0.2.200") is None
    assert people.sign_in("ann@example.com", address=ADDRESS)
    assert people.acts().count("tokens.unknown") == 2


def test_a_disabled_program_is_out(people: People) -> None:
    people.directory.service_accounts.create(MACHINE, None, "ci", "auditor")
    made = people.directory.tokens.create_for_account(MACHINE, None, "ci", "t")
    found = people.directory.principals.of_token(made.secret)
    assert found is not None
    assert (found.user_id, found.principal.actor.kind) == (None, "service_account")
    assert found.principal.may("audit.read", "sales")
    people.directory.service_accounts.remove(MACHINE, None, "ci")
    assert people.directory.principals.of_token(made.secret) is None
