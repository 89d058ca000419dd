"""A gate begins, reloads and remembers keys of 1,000 teams x 50 applications x 4 keys in little.

Times are of this process alone, with room for a busy machine; what was measured is printed.
"""

import asyncio
import gc
import threading
import time
import tracemalloc
from collections.abc import Iterator

import pytest
from tests.configuration.test_tenancy_rules import big

from faregate.core.clock import SystemClock
from faregate.gate.gate import Gate
from faregate.gate.memory_journal import MemoryJournal
from faregate.identity.keys import KeyRecord
from faregate.ledger.memory import MemoryLedger
from faregate.policies.keys import KeyCheck, KeyEntry
from faregate.storage.database import Database
from faregate.storage.gate_reader import SqliteConfiguration, read_key
from faregate.storage.revisions import Revisions
from faregate.storage.secrets import SecretBox
from faregate.tally.memory import MemoryTally

TEAMS, APPLICATIONS, KEYS = 1_000, 50, 4
BOX = SecretBox(b"k" * 32)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqliteConfiguration]:
    """The configuration of so many teams, each with a model, a limit and a budget of its own."""
    path = tmp_path_factory.mktemp("scale") / "faregate.db"
    database = Database(path)
    database.upgrade()
    Revisions(database, BOX).apply(big(TEAMS, APPLICATIONS), "ann", "all of them")
    database.close()
    source = SqliteConfiguration(path, BOX)
    yield source
    source.close()


async def test_a_gate_begins_and_reloads(source: SqliteConfiguration) -> None:
    clock, loop = SystemClock(), asyncio.get_running_loop()
    key_check = KeyCheck(lambda _: _never(), clock)
    ledger, tally = MemoryLedger(clock, threading.Lock()), MemoryTally(clock.monotonic)
    began = time.process_time()
    state = source.latest()
    read_s = time.process_time() - began
    gate = Gate(loop, clock, MemoryJournal(), key_check, state, ledger.source("w"), tally)
    begun_s = time.process_time() - began
    began = time.process_time()
    gate.adopt(source.latest())
    reload_s = time.process_time() - began
    await gate.close(0.0)
    print(f"start {begun_s:.2f} s (of it reading {read_s:.2f} s), reload {reload_s:.2f} s")
    assert len(gate.snapshot.terms.applications) == TEAMS * APPLICATIONS
    assert begun_s < 4
    assert reload_s < 4


async def _never() -> KeyRecord | None:
    return None


def _row(number: int) -> tuple[object, ...]:
    team = f"team-{number % TEAMS:04}"
    application = f"{team}/app-{number // TEAMS % APPLICATIONS}"
    key_hash = number.to_bytes(32)
    times = (1_700_000_000_000_000_000 + number, None, None)
    return (f"key_{number:016x}", f"{application}-{number}", f"fg_{number:06}"[:9], key_hash, None,
            *times, str(application), str(team))  # fmt: skip


def test_a_key_at_rest_is_small() -> None:
    count = TEAMS * APPLICATIONS * KEYS // 10
    gc.collect()
    tracemalloc.start()
    known = {}
    for number in range(0, count * 10, 10):
        record = read_key(_row(number))
        known[record.hash] = KeyEntry(record)
    gc.collect()
    each_bytes = tracemalloc.get_traced_memory()[0] / count
    tracemalloc.stop()
    print(f"a key at rest takes {each_bytes:.0f} bytes")
    assert len(known) == count
    assert each_bytes < 1_000


def test_an_application_of_the_document_is_small(source: SqliteConfiguration) -> None:
    tracemalloc.start()
    state = source.latest()
    gc.collect()
    each_bytes = tracemalloc.get_traced_memory()[0] / len(state.document.applications)
    tracemalloc.stop()
    print(f"an application, with its part of the team's things, takes {each_bytes:.0f} bytes")
    assert each_bytes < 2_000
