"""Workers that draw, call and write, and clerks that post; each is killed again and again.

All are real processes with a ledger, a call store and journals on the disk. What a worker has
written is counted in memory that it shares, after each call: so much must have been charged.
"""

import asyncio
import contextlib
import mmap
import os
import random
import sqlite3
import struct
import time
from pathlib import Path

from tests.calllog.calls import call_id, charge, settled, started
from tests.children import in_child, kill

from faregate.calllog.frames import encode_frame
from faregate.clerk.clerk import Clerk, Retention
from faregate.ledger.purses import DrawRequest, PurseSpec, Unit
from faregate.storage.call_store import CallStore
from faregate.storage.home import Home
from faregate.storage.journal import JournalWriter, name_worker
from faregate.storage.journal_reader import JournalFolders
from faregate.storage.ledger_books import open_books
from faregate.storage.ledger_database import open_ledger

FOR_EVER = Retention(36_500, 10_000_000)
GRANTED_NANO = 10**12
SLICE_NANO = 200_000
NODE = "node-1"
WORKERS = 2
PAUSE_S = 0.002  # of a worker, after twenty calls
WALLET = PurseSpec("wallet:acme", "wallet", "acme", "acme", Unit.NANO, None)
PURSES = (WALLET, PurseSpec("budget:team:web", "budget", "team", "web", Unit.NANO, 10**12))
_COUNT = struct.Struct("=Q")


def amount_of(number: int) -> int:
    """What the call of this number costs; some are free."""
    return number * 7_919 % 5_003 * (number % 7 > 0)


class Trial:
    """Rounds of kills in `root`, and what must be true after them."""

    def __init__(self, root: Path, seed: int) -> None:
        self.home = Home(root)
        self.written: dict[str, mmap.mmap] = {}
        self.clerks_killed = self.workers_killed = 0
        self.calls = 0
        self._chance = random.Random(seed)
        self._running: dict[str, int] = {}
        with open_books(self.home, None) as books:
            books.grant("acme", GRANTED_NANO, "paid", "test")

    def run(self, rounds: int) -> None:
        """Kill a clerk in every round, and a worker in every third."""
        try:
            for number in range(rounds):
                while len(self._running) < WORKERS:
                    self._begin_worker()
                clerk = in_child(self._post)
                time.sleep(0.05 + self._chance.random() * 0.2)
                kill(clerk)
                self.clerks_killed += 1
                if number % 3 == 2:
                    self._kill_worker()
        finally:
            while self._running:
                self._kill_worker()
        self._finish()

    # -- processes -------------------------------------------------------------------------------

    def _begin_worker(self) -> None:
        index = len(self.written) + 1
        name = name_worker(index, time.time_ns(), os.getpid())
        shared = mmap.mmap(-1, mmap.PAGESIZE)
        self.written[f"{index:x}"] = shared
        self._running[name] = in_child(lambda: self._work(name, f"{index:x}", shared))

    def _work(self, name: str, prefix: str, shared: mmap.mmap) -> None:
        writer = JournalWriter(self.home.journal, name, sync="kernel", segment_bytes=32 * 1024)
        source = open_ledger(self.home).source(name, NODE)
        free = spent = 0
        for number in range(10**6):
            amount = amount_of(number)
            if free < amount:
                requests = [DrawRequest(spec, SLICE_NANO, spent) for spec in PURSES]
                free += min(drawn.granted for drawn in source.draw(requests))
            free -= amount
            spent += amount
            moved = charge(amount, "acme", tuple(spec.purse_id for spec in PURSES))
            writer.append(encode_frame(started(number, prefix)))
            writer.append(encode_frame(settled(number, prefix, charge=moved)))
            _COUNT.pack_into(shared, 0, number + 1)
            if number % 20 == 19:
                time.sleep(PAUSE_S)

    def _post(self) -> None:
        asyncio.run(self._clerk().run())

    def _clerk(self) -> Clerk:
        return Clerk(
            JournalFolders(self.home.journal),
            CallStore(self.home.calls_database),
            open_ledger(self.home).posting(NODE),
            FOR_EVER,
            poll_interval_s=0.001,
        )

    def _kill_worker(self) -> None:
        name = self._chance.choice(sorted(self._running))
        kill(self._running.pop(name))
        self.workers_killed += 1

    def _finish(self) -> None:
        """A clerk that is left alone comes to the end."""
        clerk = self._clerk()
        deadline = time.monotonic() + 120
        while clerk.step() or JournalFolders(self.home.journal).workers():
            assert time.monotonic() < deadline
        clerk.step()

    # -- what came of it -------------------------------------------------------------------------

    def check(self) -> None:
        """Every charge is posted once, to the nano-dollar, and nothing is left drawn."""
        posted = self._transfers()
        expected = {
            call_id(number, prefix): amount_of(number)
            for prefix, shared in self.written.items()
            for number in range(_COUNT.unpack_from(shared)[0])
        }
        missing = expected.keys() - posted.keys()
        assert not missing, f"{len(missing)} of {len(expected)} charges are missing"
        # A worker may have been killed between a frame and its count.
        assert len(posted) - len(expected) <= self.workers_killed
        assert all(posted[call] == amount for call, amount in expected.items())
        assert posted == self._recorded()
        with open_books(self.home, None) as books:
            balance_nano = books.wallet("acme").balance_nano
            assert books.verify().discrepancies == ()
        assert balance_nano == GRANTED_NANO - sum(posted.values())
        with contextlib.closing(open_ledger(self.home).posting(NODE)) as ledger:
            assert ledger.drawing_workers() == []
        self.calls = len(posted)

    def _transfers(self) -> dict[str, int]:
        with contextlib.closing(sqlite3.connect(self.home.ledger_database)) as connection:
            charges = "SELECT transfer_id, amount_nano FROM transfers WHERE kind = 'charge'"
            rows = connection.execute(charges).fetchall()
            drawn = connection.execute("SELECT purse_id, spent, drawn FROM purses").fetchall()
            short = "SELECT count(*) FROM transfers WHERE kind = 'shortfall'"
            assert connection.execute(short).fetchone() == (0,)
        assert len(rows) == len(dict(rows))
        budget = {purse_id: spent for purse_id, spent, _ in drawn}[PURSES[1].purse_id]
        assert budget == sum(dict(rows).values())
        assert {left for _, _, left in drawn} == {0}
        return dict(rows)

    def _recorded(self) -> dict[str, int]:
        with contextlib.closing(CallStore(self.home.calls_database, writable=False)) as store:
            records = store.recent(10**7)
            assert store.positions() == {}
        assert {record.state for record in records} == {"closed"}
        return {
            record.call_id: record.charge.charge_nano
            for record in records
            if record.charge is not None
        }
