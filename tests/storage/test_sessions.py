"""Logins end by themselves, by their user, and by who manages users."""

from pathlib import Path

import pytest
from tests.storage.directories import MACHINE, People

from faregate.core.errors import ForbiddenError, MissingError
from faregate.storage import directory_tables as tables
from faregate.storage import sessions as module


@pytest.fixture
def people(tmp_path: Path) -> People:
    made = People(tmp_path)
    made.add("ann@example.com", "owner")
    return made


def test_listed_and_ended(people: People) -> None:
    first = people.sign_in("ann@example.com")
    people.clock.advance(60)
    second = people.sign_in("ann@example.com", address="192.0.2.8")
    ann, sessions = first.user.user_id, people.directory.sessions
    assert [one.session_id for one in sessions.list(ann)] == [
        second.session.session_id,
        first.session.session_id,
    ]
    shown = sessions.list(ann)[0]
    assert (shown.address, shown.user_agent, shown.method) == ("192.0.2.8", "tests", "password")
    sessions.end(people.principal(ann), ann, first.session.session_id)
    assert people.directory.principals.of_session(first.token) is None
    assert people.directory.principals.of_session(second.token) is not None
    assert people.acts()[-1] == "sessions.end"
    with pytest.raises(MissingError):
        sessions.end(people.principal(ann), ann, first.session.session_id)


def test_all_but_one(people: People) -> None:
    kept = people.sign_in("ann@example.com")
    others = [people.sign_in("ann@example.com") for _ in range(3)]
    sessions, ann = people.directory.sessions, kept.user.user_id
    assert sessions.end_all(MACHINE, ann, kept.session.session_id) == 3
    assert [people.directory.principals.of_session(one.token) for one in others] == [None] * 3
    assert len(sessions.list(ann)) == 1


def test_only_owners_log_owners_out(people: People) -> None:
    signed_in = people.sign_in("ann@example.com")
    by = people.principal(people.add("adam@example.com", "administrator"))
    with pytest.raises(ForbiddenError):
        people.directory.sessions.end_all(by, signed_in.user.user_id)
    with pytest.raises(ForbiddenError):
        people.directory.sessions.end(by, signed_in.user.user_id, signed_in.session.session_id)
    assert len(people.directory.sessions.list(signed_in.user.user_id)) == 1


def test_the_idle_end(people: People) -> None:
    signed_in = people.sign_in("ann@example.com")
    sessions = people.directory.sessions
    people.clock.advance(8 * 3600 - 1)
    assert len(sessions.list(signed_in.user.user_id)) == 1
    people.clock.advance(1)
    assert sessions.list(signed_in.user.user_id) == []
    assert people.directory.principals.of_session(signed_in.token) is None


def test_the_oldest_of_too_many_end(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "OPEN_MAX", 3)
    tokens = []
    for _ in range(4):
        tokens.append(people.sign_in("ann@example.com").token)
        people.clock.advance(1)
    found = [people.directory.principals.of_session(token) is not None for token in tokens]
    assert found == [False, True, True, True]


def test_what_ended_long_ago_is_forgotten(people: People) -> None:
    people.sign_in("ann@example.com")
    people.clock.advance(40 * 86_400)
    people.sign_in("ann@example.com")
    assert len(people.rows(tables.sessions)) == 1


def test_only_the_hash_is_kept(people: People) -> None:
    signed_in = people.sign_in("ann@example.com")
    assert signed_in.token.encode() not in people.content()
    assert signed_in.token not in repr(signed_in)
