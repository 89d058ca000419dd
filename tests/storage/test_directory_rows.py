"""What all stores of people share: names, versions, teams and the last owner."""

from pathlib import Path

import pytest
from tests.storage.directories import MACHINE, People

from faregate.core.errors import ConfigurationError, ConflictError, MissingError, StaleError
from faregate.identity.permissions import BUILT_IN_ROLES
from faregate.storage import directory_rows as rows
from faregate.storage import directory_tables as tables


@pytest.fixture
def people(tmp_path: Path) -> People:
    return People(tmp_path)


def test_fields_are_named() -> None:
    with pytest.raises(ConfigurationError) as caught, rows.naming("password"):
        raise ConfigurationError("too short", fix="longer")
    assert (caught.value.message, caught.value.fix) == ("password: too short", "longer")
    assert rows.checked_text("name", " Ann ") == "Ann"
    for text in ("", "x" * 101, "a\tb"):
        with pytest.raises(ConfigurationError, match="name: "):
            rows.checked_text("name", text)


def test_versions() -> None:
    rows.refuse_stale(None, 3, "it")
    rows.refuse_stale("3", 3, "it")
    with pytest.raises(StaleError, match="it was changed meanwhile"):
        rows.refuse_stale("2", 3, "it")


def test_roles_and_teams(people: People) -> None:
    with people.database.reading() as connection:
        assert rows.read_roles(connection) == BUILT_IN_ROLES
        assert rows.team_names(connection) == ["sales", "care"]
        rows.refuse_unknown_team(connection, None)
        with pytest.raises(MissingError, match="no team 'x'"):
            rows.refuse_unknown_team(connection, "x")
        with pytest.raises(ConfigurationError, match="role: there is no role 'ownr'"):
            rows.find_role(connection, "ownr")


def test_who_may_promise(people: People) -> None:
    ann = people.add("ann@example.com", "owner")
    with people.database.writing() as connection:
        found = rows.principal_of_inviter(connection, "user", "ann@example.com", ann)
        assert found is not None
        assert found.may("owners.write")
        assert rows.principal_of_inviter(connection, "user", "x", "usr_none") is None
        assert rows.principal_of_inviter(connection, "service_account", "x", "sva_none") is None
        assert rows.principal_of_inviter(connection, "service_account", "x", None) is None


def test_the_last_owner_is_one_who_can_log_in(people: People) -> None:
    ann, bob = people.add("ann@example.com", "owner"), people.add("bob@example.com", "owner")
    with people.database.writing() as connection:
        rows.refuse_without_owner(connection, rows.require_user(connection, ann))
    people.directory.users.set_state(MACHINE, bob, "disabled")
    with people.database.writing() as connection:
        with pytest.raises(ConflictError):
            rows.refuse_without_owner(connection, rows.require_user(connection, ann))
        rows.refuse_without_owner(connection, rows.require_user(connection, bob))


def test_many_users_are_read_at_once(people: People) -> None:
    for number in range(30):
        people.add(f"u{number:02}@example.com", "auditor", sales="team-viewer")
    with people.database.reading() as connection:
        found = rows.read_users(connection, tables.users.c.state == "active")
    assert [one.email for one in found[:2]] == ["u00@example.com", "u01@example.com"]
    assert {one.teams["sales"] for one in found} == {("team-viewer",)}
