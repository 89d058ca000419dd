"""Ledgers with books and calls, for tests that run with SQLite and PostgreSQL."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import msgspec
import pytest
from tests.calllog.calls import call_id, charge, settled, started

from faregate.calllog.frames import CallRecord
from faregate.calllog.records import WorkerCalls
from faregate.core.clock import ManualClock
from faregate.ledger.memory import MemoryLedger
from faregate.ledger.purses import DrawRequest, PurseSpec, Unit, wallet_purse_id
from faregate.storage.ledger_books import Books
from faregate.storage.ledger_database import LedgerDatabase

WORKER = "0-1-1"
DAY_S = 86_400


class ChargedLedger:
    """A ledger, its books, and calls that are charged to it."""

    def __init__(self, database: LedgerDatabase, clock: ManualClock) -> None:
        database.prepare()
        self.database = database
        self.clock = clock
        self.connection = database.connect()
        self.books = Books(self.connection, clock)
        self.source = database.source(WORKER, "node-1")
        self.posting = database.posting("node-1")
        self.memory = MemoryLedger(clock)  # the oracle, which is charged for the same calls
        self.called: list[str] = []
        self.refused = 0
        self._numbers = count(1)

    def close(self) -> None:
        """Let go of the database."""
        self.connection.close()
        self.source.close()
        self.posting.close()

    def call(self, amount_nano: int, wallet: str = "shop", **facts: str) -> str:
        """A call that was charged; gives its id."""
        number = next(self._numbers)
        purses = (wallet_purse_id(wallet),) if wallet else ()
        calls = WorkerCalls(WORKER)
        now_ns = self.clock.wall_ns()
        begin = started(number, started_ns=now_ns, **facts)
        end = settled(number, charge=charge(amount_nano, wallet, purses))
        served = msgspec.structs.replace(end.attempts[-1], upstream_model=begin.model_served)
        end = msgspec.structs.replace(end, attempts=(served,))
        records: list[CallRecord] = calls.add([begin, end]).closed
        self.posting.post(WORKER, records)
        self.memory.posting().post(WORKER, records)
        return call_id(number)

    def draw(self, amount: int, spec: PurseSpec | None = None) -> int:
        """What a worker gets of a purse, of the wallet `shop` by default."""
        wallet = PurseSpec("wallet:shop", "wallet", "shop", "shop", Unit.NANO, None)
        return self.source.draw([DrawRequest(spec or wallet, amount, 0)])[0].granted

    def run(self, statement: str, *values: object) -> None:
        """Change the database behind everybody's back."""
        self.connection.write(lambda session: session.run(statement, *values))


DATABASES = ("sqlite", "postgresql")


def open_charged(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ChargedLedger]:
    """An empty ledger in the database that is the fixture's parameter."""
    url = request.getfixturevalue("postgresql_url") if request.param == "postgresql" else None
    clock = ManualClock()
    made = ChargedLedger(LedgerDatabase(tmp_path / "ledger.db", url, clock), clock)
    yield made
    made.close()


def open_charged_sqlite(folder: Path) -> ChargedLedger:
    """An empty ledger in a file."""
    clock = ManualClock()
    return ChargedLedger(LedgerDatabase(folder / "ledger.db", None, clock), clock)
