"""Who is logged in shows the password again; wrong ones are counted."""

from pathlib import Path

import msgspec
import pytest
from tests.storage.directories import CHEAP, PASSWORD, People

from faregate.core.errors import ConfigurationError, MissingError, WaitError
from faregate.identity.actors import Actor
from faregate.storage import directory_tables as tables
from faregate.storage.own_password import OwnPassword
from faregate.storage.password_hashes import PasswordHashes


@pytest.fixture
def people(tmp_path: Path) -> People:
    made = People(tmp_path)
    made.add("ann@example.com", "owner")
    return made


def test_right_and_wrong(people: People) -> None:
    own = OwnPassword(people.database, people.clock, PasswordHashes(CHEAP))
    actor = people.principal(people.directory.users.get("ann@example.com").user_id).actor
    assert own.require(actor, PASSWORD).email == "ann@example.com"
    assert {row.failures for row in people.rows(tables.guesses)} == {0}
    for _ in range(3):
        with pytest.raises(ConfigurationError, match="current_password: it is wrong"):
            own.require(actor, "something else")
    with pytest.raises(WaitError):
        own.require(actor, PASSWORD)
    assert "1 s" in people.last("password.wrong").detail
    people.clock.advance(1)
    assert own.require(actor, PASSWORD)
    with pytest.raises(MissingError):
        own.require(msgspec.structs.replace(actor, id=None), PASSWORD)


def test_who_has_none(people: People) -> None:
    own = OwnPassword(people.database, people.clock, PasswordHashes(CHEAP))
    with people.database.writing() as connection:
        connection.execute(tables.users.update().values(password_hash=None))
    user_id = people.directory.users.get("ann@example.com").user_id
    with pytest.raises(ConfigurationError):
        own.require(Actor("user", "ann@example.com", user_id), "")
