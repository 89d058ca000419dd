"""A ledger under test: the plain one in memory and those in SQL, behind the same few methods."""

import atexit
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from tests.calllog.calls import call_id

from faregate.calllog.frames import CallRecord, Charge, Usage
from faregate.clerk.ports import Ledger
from faregate.core.clock import ManualClock
from faregate.core.errors import FaregateError
from faregate.gate.ports import LedgerSource
from faregate.ledger import reckoning
from faregate.ledger.bookkeeping import GrantKind
from faregate.ledger.memory import MemoryLedger
from faregate.ledger.purses import PurseKind, PurseSpec, Unit, wallet_purse_id
from faregate.storage.ledger_books import Books
from faregate.storage.ledger_connection import Session
from faregate.storage.ledger_database import LedgerDatabase

DAY_NS = 86_400_000_000_000
WALLET = PurseSpec("wallet:acme", "wallet", "acme", "acme", Unit.NANO, None)


class State(NamedTuple):
    """All that a ledger keeps and that has to be the same in every kind of it."""

    accounts: dict[str, int]
    lots: dict[str, list[tuple[bool, int, int | None]]]
    purses: dict[str, tuple[int, int, int, int]]  # cap, carried, spent now, drawn
    draws: dict[tuple[str, str], tuple[int, int, int]]
    workers: dict[str, bool]
    transfers: Counter[tuple[str, str, str, int]]
    events: Counter[tuple[str, str, int | None]]


class AnyLedger(Protocol):
    """What tests do with a ledger."""

    clock: ManualClock

    def source(self, worker: str, node: str = "node-1") -> LedgerSource: ...
    def posting(self, node: str = "node-1") -> Ledger: ...
    def grant(
        self,
        wallet: str,
        amount_nano: int,
        *,
        promotional: bool = False,
        expires_ns: int | None = None,
        reference: str | None = None,
    ) -> bool: ...
    def adjust(self, wallet: str, amount_nano: int) -> bool:
        """Whether it was done."""

    def state(self) -> State: ...


class InMemory:
    """`MemoryLedger` under test."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.ledger = MemoryLedger(self.clock)
        self.source = self.ledger.source
        self.posting = self.ledger.posting
        self.grant = self.ledger.grant

    def adjust(self, wallet: str, amount_nano: int) -> bool:
        try:
            self.ledger.adjust(wallet, amount_nano)
        except ValueError:
            return False
        return True

    def state(self) -> State:
        books, now_ns = self.ledger.books, self.clock.wall_ns()
        return State(
            accounts={name: balance for name, balance in books.accounts.items() if balance},
            lots={
                wallet: sorted_lots(
                    (lot.promotional, lot.remaining_nano, lot.expires_ns) for lot in lots
                )
                for wallet, lots in books.lots.items()
            },
            purses={
                purse.purse_id: (purse.cap, purse.carried, books.spent(purse, now_ns), purse.drawn)
                for purse in books.purses.values()
                if purse.kind != "wallet" or purse.drawn
            },
            draws={
                key: (draw.amount, draw.settled, draw.posted) for key, draw in books.draws.items()
            },
            workers={name: worker.vanished for name, worker in books.workers.items()},
            transfers=Counter(
                (one.kind, one.debit, one.credit, one.amount_nano) for one in books.transfers
            ),
            events=Counter((one.kind, one.purse_id, one.percent) for one in books.events),
        )


@lru_cache(maxsize=1)
def _prepared_file() -> Path:
    """A ledger without anything in it, made once."""
    folder = Path(tempfile.mkdtemp(prefix="faregate-ledger-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    LedgerDatabase(folder / "ledger.db").prepare()
    return folder / "ledger.db"


class InSql:
    """A ledger in a database under test; that at `url` has its tables."""

    def __init__(self, path: Path, url: str | None = None) -> None:
        self.clock = ManualClock()
        if url is None:
            shutil.copy(_prepared_file(), path / "ledger.db")
        self.database = LedgerDatabase(path / "ledger.db", url, self.clock)
        self.connection = self.database.connect()
        self.books = Books(self.connection, self.clock)
        self._opened: list[Any] = [self.connection]

    def source(self, worker: str, node: str = "node-1") -> LedgerSource:
        source = self.database.source(worker, node)
        self._opened.append(source)
        return source

    def posting(self, node: str = "node-1") -> Ledger:
        posting = self.database.posting(node)
        self._opened.append(posting)
        return posting

    def grant(
        self,
        wallet: str,
        amount_nano: int,
        *,
        promotional: bool = False,
        expires_ns: int | None = None,
        reference: str | None = None,
    ) -> bool:
        kind: GrantKind = "promotional" if promotional else "paid"
        _, new = self.books.grant(wallet, amount_nano, kind, "ann", "test", expires_ns, reference)
        return new

    def adjust(self, wallet: str, amount_nano: int) -> bool:
        try:
            self.books.adjust(wallet, amount_nano, "ann", "test")
        except FaregateError:
            return False
        return True

    def state(self) -> State:
        return self.connection.read(lambda session: read_state(session, self.clock.wall_ns()))

    def close(self) -> None:
        for one in self._opened:
            one.close()


@contextmanager
def sqlite_ledger(path: Path) -> Iterator[InSql]:
    """A ledger in a file."""
    ledger = InSql(path)
    try:
        yield ledger
    finally:
        ledger.close()


@contextmanager
def postgresql_ledger(path: Path, url: str) -> Iterator[InSql]:
    """A ledger in a PostgreSQL database."""
    ledger = InSql(path, url)
    try:
        yield ledger
    finally:
        ledger.close()


def sorted_lots(lots: Any) -> list[tuple[bool, int, int | None]]:
    """Lots that are not empty, in an order that is the same for all."""
    return sorted((lot for lot in lots if lot[1]), key=lambda lot: (lot[0], lot[2] or 0, lot[1]))


def read_state(session: Session, now_ns: int) -> State:
    """What the tables say."""
    lots: dict[str, list[tuple[bool, int, int | None]]] = {}
    for wallet, kind, remaining_nano, expires_ns in session.rows(
        "SELECT wallet, kind, remaining_nano, expires_ns FROM grants"
    ):
        lots.setdefault(wallet, []).append((kind == "promotional", remaining_nano, expires_ns))
    buckets: dict[str, dict[int, int]] = {}
    for purse_id, starts_ns, spent in session.rows(
        "SELECT purse_id, starts_ns, spent FROM purse_buckets"
    ):
        buckets.setdefault(purse_id, {})[starts_ns] = spent
    purses = {}
    for purse_id, cap, carried, spent, drawn, rolling_ns in session.rows(
        "SELECT purse_id, cap, carried, spent, drawn, rolling_ns FROM purses"
    ):
        if rolling_ns is not None:
            frees = reckoning.frees(buckets.get(purse_id, {}), rolling_ns, now_ns)
            spent = sum(amount for _, amount in frees)
        # Rows of wallets are made as they are needed, to be locked.
        if not purse_id.startswith("wallet:") or drawn:
            purses[purse_id] = (cap, carried, spent, drawn)
    return State(
        accounts=dict(
            session.rows("SELECT account, balance_nano FROM accounts WHERE balance_nano <> 0")
        ),
        lots={wallet: sorted_lots(of_wallet) for wallet, of_wallet in lots.items()},
        purses=purses,
        draws={
            (worker, purse_id): (amount, settled, posted)
            for worker, purse_id, amount, settled, posted in session.rows(
                "SELECT worker, purse_id, amount, settled, posted FROM draws"
            )
        },
        workers=dict(session.rows("SELECT worker, vanished_ns IS NOT NULL FROM workers")),
        transfers=Counter(session.rows("SELECT kind, debit, credit, amount_nano FROM transfers")),
        events=Counter(session.rows("SELECT kind, purse_id, percent FROM events")),
    )


def purse(
    purse_id: str = "budget:month:app",
    cap: int = 1_000,
    kind: PurseKind = "budget",
    unit: Unit = Unit.NANO,
    **facts: Any,
) -> PurseSpec:
    """A purse that isn't a wallet."""
    return PurseSpec(purse_id, kind, "month", "app", unit, cap, **facts)


def wallet(name: str) -> PurseSpec:
    """The purse of a wallet."""
    return PurseSpec(wallet_purse_id(name), "wallet", name, name, Unit.NANO, None)


def record(
    number: int,
    used: dict[str, int] | None = None,
    *,
    worker: str = "a0",
    charge_nano: int | None = None,
    shortfall_nano: int = 0,
    started_ns: int = 0,
    **changes: Any,
) -> CallRecord:
    """A closed call that used so much of each purse; a wallet among them pays for it."""
    used = {WALLET.purse_id: 100} if used is None else used
    paying = next((one for one in used if one.startswith("wallet:")), None)
    charged = used.get(paying or "", 0) if charge_nano is None else charge_nano
    values: dict[str, Any] = {
        "call_id": call_id(number, worker),
        "worker": worker,
        "state": "closed",
        "started_ns": started_ns,
        "revision": 1,
        "key_id": "key_1",
        "key_name": "billing",
        "method": "POST",
        "path": "/v1/chat/completions",
        "client_address": "127.0.0.1",
        "user_agent": "test/1",
        "model_asked": "small",
        "model_served": "small-2",
        "provider": "acme",
        "outcome": "answered",
        "status": 200,
        "total_us": 1_000,
        "usage": Usage(10, 20),
        "application": "shop",
        "charge": Charge(
            (paying or "").removeprefix("wallet:"),
            tuple(used),
            tuple(used.values()),
            charged,
            charged // 2,
            shortfall_nano,
            "stated",
        ),
    }
    return CallRecord(**(values | changes))
