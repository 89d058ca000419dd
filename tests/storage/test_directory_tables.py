"""The directory's tables are what the migrations make, and keep their promises."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from faregate.core.errors import StorageError
from faregate.storage import directory_tables as tables
from faregate.storage.database import Database

OURS = {name for name, value in vars(tables).items() if isinstance(value, sa.Table)}
USER = {
    "email": "Ann@x",
    "name": "Ann",
    "state": "active",
    "must_change_password": False,
    "factor_confirmed": False,
    "created_ns": 1,
    "version": 1,
}


@pytest.fixture
def database(tmp_path: Path) -> Database:
    database = Database(tmp_path / "faregate.db")
    database.upgrade()
    return database


def test_migrations_make_them(database: Database) -> None:
    known = {vars(tables)[name].name for name in OURS}
    assert len(known) == 12
    with database.reading() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_name": lambda name, kind, _: kind != "table" or name in known,
                "include_object": lambda one, name, kind, *_: kind != "table" or name in known,
            },
        )
        assert compare_metadata(context, tables.metadata) == []


def test_an_address_is_one_users(database: Database) -> None:
    with database.writing() as connection:
        connection.execute(tables.users.insert().values(user_id="a", email_key="ann@x", **USER))
    with pytest.raises(StorageError), database.writing() as connection:
        connection.execute(tables.users.insert().values(user_id="b", email_key="ann@x", **USER))


def test_what_is_a_users_goes_with_it(database: Database) -> None:
    with database.writing() as connection:
        connection.execute(tables.users.insert().values(user_id="a", email_key="ann@x", **USER))
        connection.execute(
            tables.memberships.insert().values(
                team="sales", user_id="a", role="team-owner", source="given", created_ns=1
            )
        )
        connection.execute(tables.users.delete())
        assert connection.execute(sa.select(tables.memberships)).all() == []


def test_a_token_has_one_owner(database: Database) -> None:
    with pytest.raises(StorageError), database.writing() as connection:
        connection.execute(
            tables.access_tokens.insert().values(
                token_id="t", name="n", prefix="fgp_", hash=b"x" * 32, created_ns=1
            )
        )
