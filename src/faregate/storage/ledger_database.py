"""The ledger of an installation: where it is, and who uses it how.

`open_ledger(home, url)` is cheap and touches nothing; `prepare` makes the tables or brings them to
this release. Each of `source`, `posting` and `connect` has a connection of its own.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Final

from faregate.core.clock import Clock, SystemClock
from faregate.core.errors import StorageError
from faregate.storage.home import Home
from faregate.storage.ledger_connection import (
    SCHEMA_HEAD,
    LedgerConnection,
    SqliteLedgerConnection,
)
from faregate.storage.ledger_draws import LedgerDraws
from faregate.storage.ledger_postgresql import PostgresqlLedgerConnection
from faregate.storage.ledger_posting import LedgerPosting

if TYPE_CHECKING:
    import sqlalchemy as sa
    from alembic.config import Config

_MIGRATIONS: Final = Path(__file__).parent / "migrations" / "ledger"
_LOCK: Final = 8402_0003  # of all who migrate a PostgreSQL database, for as long as that takes


class LedgerDatabase:
    """The ledger in the file at `path`, or in PostgreSQL at `url`."""

    def __init__(self, path: Path, url: str | None = None, clock: Clock | None = None) -> None:
        self._path = path
        self._url = url
        self._clock = SystemClock() if clock is None else clock

    def prepare(self) -> bool:
        """Bring the tables to this release; whether there was anything to do.

        Two processes may do it at once. Costs one query when there is nothing to do.
        """
        connection = self.connect()
        try:
            if connection.version() == SCHEMA_HEAD:
                return False
            if isinstance(connection, SqliteLedgerConnection):
                connection.make_file()
                self._upgrade(_sqlite_engine(self._path))
            elif isinstance(connection, PostgresqlLedgerConnection):
                self._upgrade(_postgresql_engine(connection), connection)
        finally:
            connection.close()
        return True

    def connect(self) -> LedgerConnection:
        """A connection, which is made when it is first used."""
        if self._url is not None:
            return PostgresqlLedgerConnection(self._url)
        return SqliteLedgerConnection(self._path)

    def source(self, worker: str, node: str) -> LedgerDraws:
        """A worker's side; `worker` is unique over all nodes and starts."""
        return LedgerDraws(self.connect(), worker, node, self._clock)

    def posting(self, node: str) -> LedgerPosting:
        """The side of a node's clerk."""
        return LedgerPosting(self.connect(), node, self._clock)

    def _upgrade(
        self, engine: "sa.Engine", postgresql: PostgresqlLedgerConnection | None = None
    ) -> None:
        # Alembic takes as long to load as all the rest, and is needed once a release.
        import alembic.command
        import alembic.util
        import sqlalchemy as sa

        from faregate.storage.sqlite_errors import explain

        config = migrations()
        try:
            with engine.connect() as connection, connection.begin():
                config.attributes["connection"] = connection
                alembic.command.upgrade(config, "head")
        except alembic.util.CommandError as error:
            raise StorageError(
                "the ledger was made by a newer release of Faregate",
                fix="install that release, or restore a backup from before the upgrade",
            ) from error
        except sa.exc.DBAPIError as error:
            cause = error.orig or error
            explained = postgresql.explain(cause) if postgresql else explain(self._path, cause)
            raise explained from None
        finally:
            engine.dispose()


def open_ledger(home: Home, url: str | None = None, clock: Clock | None = None) -> LedgerDatabase:
    """The ledger of `home`, or that at `url` (settings.ledger.url)."""
    return LedgerDatabase(home.ledger_database, url, clock)


def migrations() -> "Config":
    """Alembic's configuration, without a file."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    return config


def _sqlite_engine(path: Path) -> "sa.Engine":
    import sqlalchemy as sa

    from faregate.storage.sqlite_errors import BUSY_SECONDS

    engine = sa.create_engine(
        sa.URL.create("sqlite", database=str(path)), connect_args={"timeout": BUSY_SECONDS}
    )

    # Transactions are begun here, not by the driver, which would leave tables out of them.
    @sa.event.listens_for(engine, "connect")
    def _prepare(connection: "sa.engine.interfaces.DBAPIConnection", _: object) -> None:
        connection.isolation_level = None

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _postgresql_engine(ledger: PostgresqlLedgerConnection) -> "sa.Engine":
    import sqlalchemy as sa
    from sqlalchemy.pool import NullPool

    engine = sa.create_engine(
        "postgresql+psycopg://",
        creator=lambda: ledger.connect(autocommit=False),
        poolclass=NullPool,
    )

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")

    return engine
