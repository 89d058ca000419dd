"""Many at once never get more than there is; who is killed within a transaction did nothing."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.postgresql import ledger_url, postgresql_server  # noqa: F401
from tests.storage.ledger_contract import request
from tests.storage.ledgers import (
    InSql,
    postgresql_ledger,
    purse,
    record,
    sqlite_ledger,
)

from faregate.ledger.purses import DrawRequest, Return, Unit
from faregate.storage.ledger_connection import Session

# A worker in a process of its own: draws, gives a part back, and posts what it used.
WORKER = """
import sys, pathlib
from tests.storage.ledgers import WALLET, purse, record
from faregate.ledger.purses import DrawRequest, Return
from faregate.storage.ledger_database import LedgerDatabase

name, path, url = sys.argv[1:]
ledger = LedgerDatabase(pathlib.Path(path), url or None)
source, posting = ledger.source(name, "node-1"), ledger.posting("node-1")
source.beat()
print("ready", flush=True)
sys.stdin.readline()
budget = purse("budget:all", 700)
used = 0
for number in range(40):
    drawn = source.draw([DrawRequest(one, 9, used) for one in (WALLET, budget)])
    amount = min(one.granted for one in drawn)
    amounts = {WALLET.purse_id: amount, budget.purse_id: amount}
    if amount > 1 and number % 3 == 0:
        amounts = {purse_id: amount - 1 for purse_id in amounts}
    used += amounts[WALLET.purse_id]
    source.give_back([
        Return(spec.purse_id, one.granted - amounts[spec.purse_id], used)
        for spec, one in zip((WALLET, budget), drawn, strict=True)
    ])
    posting.post(name, [record(number, amounts, worker=name)])
print(used, flush=True)
"""

# One that stops within its transaction, after it has written.
STUCK = """
import sys, pathlib, time
from faregate.storage.ledger_database import LedgerDatabase

path, url = sys.argv[1:]
connection = LedgerDatabase(pathlib.Path(path), url or None).connect()

def work(session):
    session.run("UPDATE accounts SET balance_nano = 0 WHERE account = 'wallet:acme'")
    session.run("DELETE FROM grants")
    print("within", flush=True)
    time.sleep(60)

connection.write(work)
"""


def child(program: str, *arguments: str) -> "subprocess.Popen[str]":
    """A process of its own; its first line is read."""
    process = subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert process.stdout is not None
    process.stdout.readline()
    return process


class Together:
    """Subclasses give the fixtures `ledger` and `place`, its path and url as texts."""

    def test_workers_in_processes_never_get_more_than_there_is(
        self, ledger: InSql, place: tuple[str, str]
    ):
        ledger.grant("acme", 500)
        workers = [child(WORKER, f"{number}", *place) for number in range(3)]
        used = []
        for worker in workers:
            assert worker.stdin is not None
            worker.stdin.write("\n")
            worker.stdin.flush()
        for worker in workers:
            used.append(int(worker.communicate(timeout=90)[0]))
        state = ledger.state()
        # All of it was had: 500, for the budget lets through more.
        assert state.accounts == {
            key: value
            for key, value in {
                "funding": -500,
                "revenue": sum(used),
                "wallet:acme": 500 - sum(used),
            }.items()
            if value
        }
        assert sum(used) == 500
        assert state.purses["budget:all"] == (700, 0, 500, 0)
        assert not state.events["shortfall", "wallet:acme", None]

    def test_threads_never_get_more_than_there_is(self, ledger: InSql):
        ledger.grant("acme", 1_000)
        barrier = threading.Barrier(8)
        sources = [ledger.source(f"w{number}") for number in range(8)]

        def draw(number: int) -> int:
            barrier.wait(30)
            got = 0
            for _ in range(20):
                one, other = sources[number].draw([request(10), request(10, purse(cap=900))])
                got += one.granted
                assert one.granted <= 10
                assert other.standing.drawn <= 900
            return got

        with ThreadPoolExecutor(8) as pool:
            got = sum(pool.map(draw, range(8)))
        assert got == 1_000
        assert ledger.state().purses["wallet:acme"][3] == 1_000
        assert ledger.state().purses["budget:month:app"][3] == 900

    def test_two_clerks_with_the_same_calls_post_them_once(self, ledger: InSql):
        ledger.grant("acme", 10_000)
        ledger.source("a").draw([request(5_000)])
        records = [record(number) for number in range(40)]
        postings = [ledger.posting() for _ in range(4)]
        cuts = [slice(0, 40), slice(20, 40), slice(0, 25), slice(10, 30)]
        with ThreadPoolExecutor(4) as pool:
            for _ in pool.map(
                lambda pair: pair[0].post("a", records[pair[1]]),
                zip(postings, cuts, strict=True),
            ):
                pass
        assert ledger.state().accounts["wallet:acme"] == 10_000 - 40 * 100
        assert ledger.state().draws["a", "wallet:acme"] == (1_000, 0, 4_000)

    def test_a_kill_within_a_transaction_undoes_it(self, ledger: InSql, place: tuple[str, str]):
        ledger.grant("acme", 100)
        before = ledger.state()
        stuck = child(STUCK, *place)
        stuck.send_signal(signal.SIGKILL)
        assert stuck.wait(30) == -signal.SIGKILL
        assert ledger.state() == before
        assert ledger.source("a").draw([request(60)])[0].granted == 60

    def test_a_failure_within_a_transaction_undoes_it(self, ledger: InSql):
        ledger.grant("acme", 100)
        before = ledger.state()

        def work(session: Session) -> None:
            session.run("DELETE FROM grants")
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            ledger.connection.write(work)
        assert ledger.state() == before

    def test_draws_and_purses_opened_at_once(self, ledger: InSql):
        specs = [purse(f"budget:{number}", 50, unit=Unit.TOKENS) for number in range(12)]

        def draw(number: int) -> list[int]:
            order = specs[number:] + specs[:number]
            source = ledger.source(f"w{number}")
            drawn = source.draw([DrawRequest(spec, 30, 0) for spec in order])
            source.give_back([Return(spec.purse_id, 0, 0) for spec in order])
            return [one.granted for one in drawn]

        with ThreadPoolExecutor(4) as pool:
            granted = list(pool.map(draw, range(4)))
        assert sum(map(sum, granted)) == 12 * 50


class TestOnSqlite(Together):
    @pytest.fixture
    def ledger(self, tmp_path: Path) -> Iterator[InSql]:
        with sqlite_ledger(tmp_path) as ledger:
            yield ledger

    @pytest.fixture
    def place(self, tmp_path: Path) -> tuple[str, str]:
        return str(tmp_path / "ledger.db"), ""


class TestOnPostgresql(Together):
    @pytest.fixture
    def ledger(self, tmp_path: Path, ledger_url: str) -> Iterator[InSql]:  # noqa: F811
        with postgresql_ledger(tmp_path, ledger_url) as ledger:
            yield ledger

    @pytest.fixture
    def place(self, ledger_url: str) -> tuple[str, str]:  # noqa: F811
        return "unused", ledger_url
