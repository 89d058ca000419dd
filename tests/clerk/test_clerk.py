"""Whatever is killed and whenever, each call is in the store once, and ended right."""

import asyncio
import logging
import random
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.calllog.calls import BEGIN_NS, call_id, closed, settled, started
from tests.children import in_child, kill
from tests.clerk.ledgers import empty_ledger

from faregate.calllog.frames import encode_frame
from faregate.clerk.clerk import CLAIM_TIMEOUT_S, COMPLAINT_INTERVAL_S, Clerk, Retention
from faregate.clerk.memory_store import MemoryCallStore
from faregate.core.clock import ManualClock
from faregate.core.errors import StorageError
from faregate.storage.call_store import CallStore
from faregate.storage.journal import JournalWriter, name_worker
from faregate.storage.journal_reader import JournalFolders

FOR_EVER = Retention(36_500, 10_000_000)
SEGMENT_BYTES = 16 * 1024
CLERK_KILLS = 20
CALLS = 10_000


def write_calls(writer: JournalWriter, worker: str, first: int, last: int) -> None:
    """Calls that overlap: each ends while the next two are on their way."""
    for number in range(first, last + 3):
        if number < last:
            writer.append(encode_frame(started(number, worker)))
        if first <= number - 3 < last:
            ended = settled(number - 3, worker, reply_bytes=number - 3)
            writer.append(encode_frame(ended))


def outcomes(path: Path) -> dict[str, int]:
    """How many calls of each outcome are in the store, with the ends that belong to them."""
    store = CallStore(path, writable=False)
    counts: dict[str, int] = {}
    for record in store.recent(1_000_000):
        outcome = record.outcome or "open"
        if outcome == "answered":
            assert record.reply_bytes == int(record.call_id[-8:], 16)
        counts[outcome] = counts.get(outcome, 0) + 1
    store.close()
    return counts


async def run_until(clerk: Clerk, condition: Callable[[], bool], timeout_s: float = 20.0) -> None:
    """Let it work until `condition`, then stop it in time."""
    task = asyncio.create_task(clerk.run())
    async with asyncio.timeout(timeout_s):
        while not condition() and not task.done():  # noqa: ASYNC110 - a thread's condition
            await asyncio.sleep(0.01)
    begun = time.monotonic()
    clerk.stop()
    await task
    assert time.monotonic() - begun < 2.0


# -- the loop --------------------------------------------------------------------------------------


async def test_all_workers_are_posted(tmp_path: Path):
    folders, store = JournalFolders(tmp_path), MemoryCallStore()
    writers = [JournalWriter(tmp_path, f"{n}-1-1", segment_bytes=SEGMENT_BYTES) for n in range(3)]
    for number, writer in enumerate(writers):
        write_calls(writer, f"a{number}", 0, 100)
    clerk = Clerk(folders, store, empty_ledger(), FOR_EVER)
    await run_until(clerk, lambda: clerk.metrics()["calls"] == 300)
    assert clerk.metrics()["frames"] == 600
    assert clerk.metrics()["lost_calls"] == clerk.metrics()["open_calls"] == 0
    for writer in writers:
        writer.close()


@pytest.mark.alone
async def test_what_is_written_is_posted_soon(tmp_path: Path):
    store = MemoryCallStore()
    writer = JournalWriter(tmp_path, "0-1-1")
    clerk = Clerk(JournalFolders(tmp_path), store, empty_ledger(), FOR_EVER)
    task = asyncio.create_task(clerk.run())
    for number in range(3):
        writer.append(encode_frame(closed(number)))
        async with asyncio.timeout(1.0):
            while store.find(call_id(number)) is None:  # noqa: ASYNC110 - a thread's work
                await asyncio.sleep(0.005)
    clerk.stop()
    await task
    writer.close()
    assert clerk.metrics()["calls"] == 3


async def test_the_last_words_of_workers_are_posted_when_it_stops(tmp_path: Path):
    store = MemoryCallStore()
    clerk = Clerk(JournalFolders(tmp_path), store, empty_ledger(), FOR_EVER, poll_interval_s=30.0)
    task = asyncio.create_task(clerk.run())
    await asyncio.sleep(0.05)
    writer = JournalWriter(tmp_path, "0-1-1")
    writer.append(encode_frame(closed(1)))
    writer.close()
    clerk.stop()
    async with asyncio.timeout(2.0):
        await task
    assert store.find(call_id(1)) is not None
    assert JournalFolders(tmp_path).workers() == []


async def test_one_clerk_at_a_time(tmp_path: Path):
    other = JournalFolders(tmp_path)
    assert other.claim()
    clerk = Clerk(
        JournalFolders(tmp_path), MemoryCallStore(), empty_ledger(), FOR_EVER, clock=_Hurried()
    )
    with pytest.raises(StorageError, match="another process"):
        await clerk.run()
    other.release()
    clerk = Clerk(JournalFolders(tmp_path), MemoryCallStore(), empty_ledger(), FOR_EVER)
    await run_until(clerk, lambda: True)


class _Hurried(ManualClock):
    """A clock that lets every deadline pass at the second look."""

    def monotonic(self) -> float:
        self.advance(CLAIM_TIMEOUT_S)
        return super().monotonic()


async def test_it_waits_for_a_clerk_that_ends(tmp_path: Path):
    other = JournalFolders(tmp_path)
    other.claim()
    asyncio.get_running_loop().call_later(0.2, other.release)
    store = MemoryCallStore()
    clerk = Clerk(JournalFolders(tmp_path), store, empty_ledger(), FOR_EVER)
    JournalWriter(tmp_path, "0-1-1").close()
    await run_until(clerk, lambda: JournalFolders(tmp_path).workers() == [])
    assert store.positions() == {}


# -- failures --------------------------------------------------------------------------------------


async def test_a_full_disk_loses_nothing_and_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    store = MemoryCallStore()
    writer = JournalWriter(tmp_path, "0-1-1", segment_bytes=SEGMENT_BYTES)
    clerk = Clerk(
        JournalFolders(tmp_path), store, empty_ledger(), FOR_EVER, failure_interval_s=0.01
    )
    store.full = True

    def heal() -> bool:
        if clerk.metrics()["failures"] >= 5:
            store.full = False
        return clerk.metrics()["calls"] == 500

    with caplog.at_level(logging.ERROR):
        write_calls(writer, "a0", 0, 500)
        await run_until(clerk, heal)
    assert [record.message.count("can't be posted") for record in caplog.records] == [1]
    assert clerk.metrics()["lost_calls"] == 0
    writer.close()


def test_a_full_disk_is_told_again_after_a_minute(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    store, clock = MemoryCallStore(), ManualClock()
    JournalWriter(tmp_path, "0-1-1").close()
    writer = JournalWriter(tmp_path, "0-2-1")
    writer.append(encode_frame(closed(1)))
    store.full = True
    clerk = Clerk(JournalFolders(tmp_path), store, empty_ledger(), FOR_EVER, clock=clock)
    with caplog.at_level(logging.ERROR):
        for _ in range(4):
            clerk._step_or_complain()
            clock.advance(COMPLAINT_INTERVAL_S / 2)
    assert len(caplog.records) == 2
    writer.close()


def test_a_journal_that_was_deleted_by_hand(tmp_path: Path):
    store = MemoryCallStore()
    folders = JournalFolders(tmp_path)
    writer = JournalWriter(tmp_path, "0-1-1")
    writer.append(encode_frame(started(1)))
    clerk = Clerk(folders, store, empty_ledger(), FOR_EVER)
    clerk.step()
    folders.delete("0-1-1")
    clerk.step()
    assert getattr(store.find(call_id(1)), "outcome", None) == "lost"
    assert store.positions() == {}
    writer.close()


def test_a_journal_that_was_deleted_while_no_clerk_ran(tmp_path: Path):
    store = MemoryCallStore()
    folders = JournalFolders(tmp_path)
    writer = JournalWriter(tmp_path, "0-1-1")
    writer.append(encode_frame(started(1)))
    Clerk(folders, store, empty_ledger(), FOR_EVER).step()
    folders.delete("0-1-1")
    Clerk(folders, store, empty_ledger(), FOR_EVER).step()
    assert getattr(store.find(call_id(1)), "outcome", None) == "lost"
    assert store.positions() == {}
    writer.close()


# -- house -----------------------------------------------------------------------------------------


def test_old_calls_leave_and_a_clock_that_jumps_removes_none(tmp_path: Path):
    store, clock = MemoryCallStore(), ManualClock(BEGIN_NS)
    writer = JournalWriter(tmp_path, "0-1-1")
    for number in range(5):
        writer.append(encode_frame(closed(number)))
    clerk = Clerk(JournalFolders(tmp_path), store, empty_ledger(), Retention(1, 1_000), clock=clock)
    clerk.step()
    clock.jump_wall(86_400.0 * 365)
    clock.advance(61.0)
    clerk.step()
    assert clerk.metrics()["pruned_calls"] == 0
    clock.advance(86_400.0 + 61.0)
    while clerk.step():
        pass
    assert clerk.metrics()["pruned_calls"] == 5
    writer.close()


def test_keeping_for_longer_than_there_were_clocks(tmp_path: Path):
    store = CallStore(tmp_path / "calls.db")
    clerk = Clerk(
        JournalFolders(tmp_path / "journal"), store, empty_ledger(), Retention(10**9, 10**9)
    )
    assert not clerk.step()
    store.close()


def test_retention_may_change(tmp_path: Path):
    store, clock = MemoryCallStore(), ManualClock(BEGIN_NS)
    writer = JournalWriter(tmp_path, "0-1-1")
    for number in range(5):
        writer.append(encode_frame(closed(number)))
    clerk = Clerk(JournalFolders(tmp_path), store, empty_ledger(), FOR_EVER, clock=clock)
    clerk.step()
    clerk.retention = Retention(30, 2)
    clock.advance(61.0)
    while clerk.step():
        pass
    assert [n for n in range(5) if store.find(call_id(n))] == [3, 4]
    writer.close()


# -- kills -----------------------------------------------------------------------------------------


class _Killed(BaseException):
    """The process ends here."""


class _Mortal:
    """A port whose user dies at the n-th call of one of its methods, before or after it."""

    def __init__(self, port: Any, countdown: Iterator[int], at: int, *, after: bool) -> None:
        self._port = port
        self._countdown = countdown
        self._at = at
        self._after = after

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)

        def call(*arguments: Any) -> Any:
            fatal = next(self._countdown) == self._at
            if fatal and not self._after:
                raise _Killed
            result = method(*arguments)
            if fatal:
                raise _Killed
            if name == "reader":
                return _Mortal(result, self._countdown, self._at, after=self._after)
            return result

        return call


@pytest.mark.parametrize("after", [False, True])
def test_killed_between_any_two_steps(tmp_path: Path, after: bool):
    for at in range(1_000):
        root = tmp_path / f"{at}"
        writer = JournalWriter(root, "0-1-1", sync="kernel", segment_bytes=4096)
        write_calls(writer, "a0", 0, 20)
        writer.append(encode_frame(started(20)))
        folders, store = JournalFolders(root), MemoryCallStore()
        steps = iter(range(1, 10_000))
        mortal_folders = _Mortal(folders, steps, at + 1, after=after)
        mortal_store = _Mortal(store, steps, at + 1, after=after)
        survived = True
        clerk = Clerk(mortal_folders, mortal_store, empty_ledger(), FOR_EVER)
        try:
            clerk.step()
            writer.close()
            while clerk.step():
                pass
        except _Killed:
            survived = False
            writer.close()
        successor = Clerk(folders, store, empty_ledger(), FOR_EVER)
        for _ in range(3):
            successor.step()
        found = [getattr(store.find(call_id(n)), "outcome", "none") for n in range(21)]
        assert found == ["answered"] * 20 + ["lost"]
        assert folders.workers() == []
        assert store.positions() == {}
        if survived:
            break
    assert at > 15


def test_clerks_are_killed_while_a_worker_writes(tmp_path: Path):
    root, path = tmp_path / "journal", tmp_path / "calls.db"
    chooser = random.Random(1)

    def write() -> None:
        writer = JournalWriter(root, "0-1-1", segment_bytes=SEGMENT_BYTES)
        for first in range(0, CALLS, 100):
            write_calls(writer, "a0", first, first + 100)
            time.sleep(0.01)
        writer.append(encode_frame(started(CALLS)))
        time.sleep(60)

    def post() -> None:
        store = CallStore(path)
        asyncio.run(
            Clerk(
                JournalFolders(root), store, empty_ledger(), FOR_EVER, poll_interval_s=0.001
            ).run()
        )

    worker = in_child(write)
    for _ in range(CLERK_KILLS):
        clerk = in_child(post)
        time.sleep(0.02 + chooser.random() * 0.1)
        kill(clerk)
    store = CallStore(path)
    clerk = Clerk(JournalFolders(root), store, empty_ledger(), FOR_EVER)
    deadline = time.monotonic() + 20
    while store.find(call_id(CALLS)) is None and time.monotonic() < deadline:
        clerk.step()
    assert outcomes(path) == {"answered": CALLS, "open": 1}
    kill(worker)
    clerk.step()
    store.close()
    assert outcomes(path) == {"answered": CALLS, "lost": 1}
    assert clerk.metrics()["corrupt_frames"] == clerk.metrics()["torn_tails"] == 0
    assert JournalFolders(root).workers() == []
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM positions").fetchone() == (0,)


def test_workers_are_killed_while_the_clerk_posts(tmp_path: Path):
    store = CallStore(tmp_path / "calls.db")
    folders = JournalFolders(tmp_path / "journal")
    clerk = Clerk(folders, store, empty_ledger(), FOR_EVER)
    chooser = random.Random(2)

    def write(worker: str, index: int) -> None:
        writer = JournalWriter(tmp_path / "journal", worker, segment_bytes=SEGMENT_BYTES)
        for first in range(0, 1_000_000, 100):
            write_calls(writer, f"b{index}", first, first + 100)
            time.sleep(0.005)

    for index in range(8):
        worker = name_worker(0, index + 1, 1)
        child = in_child(lambda worker=worker, index=index: write(worker, index))
        deadline = time.monotonic() + 0.02 + chooser.random() * 0.1
        while time.monotonic() < deadline:
            clerk.step()
        kill(child)
    while clerk.step() or folders.workers():
        pass
    metrics = clerk.metrics()
    counts = outcomes(tmp_path / "calls.db")
    store.close()
    assert counts.get("lost", 0) == metrics["lost_calls"] <= 8 * 4
    assert sum(counts.values()) == metrics["calls"] > 8
    assert set(counts) <= {"answered", "lost"}
    assert metrics["corrupt_frames"] == metrics["missing_segments"] == 0
