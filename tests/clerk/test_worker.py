"""The clerk's process reports, obeys, and leaves when its supervisor is gone."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.calllog.calls import closed, settled, started
from tests.clerk.ledgers import empty_ledger

from faregate.calllog.frames import Charge, encode_frame
from faregate.clerk import charging, worker
from faregate.clerk.clerk import Clerk, Retention
from faregate.clerk.memory_store import MemoryCallStore
from faregate.clerk.worker import ClerkWorker
from faregate.core.errors import StorageError
from faregate.storage.journal import JournalWriter
from faregate.storage.journal_reader import JournalFolders


class Supervisor:
    """The other end of the channel, with the clerk's process as a task."""

    def __init__(self, root: Path, own: socket.socket, childs: socket.socket) -> None:
        self.retention = Retention(30, 1_000)
        self.clerk = Clerk(JournalFolders(root), MemoryCallStore(), empty_ledger(), self.retention)
        self._own = own
        poll = lambda: (0.01, {"openai": 7})  # noqa: E731
        process = ClerkWorker(self.clerk, self.read_retention, childs.detach(), poll)
        self.task = asyncio.create_task(process.run())
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    def read_retention(self) -> Retention:
        if self.retention.keep_days == 0:
            raise StorageError("the database can't be read")
        return self.retention

    async def heard(self, kind: str) -> dict[str, Any]:
        """The next message of this kind."""
        if self._reader is None:
            self._reader, self._writer = await asyncio.open_connection(sock=self._own)
        async with asyncio.timeout(10):
            while True:
                message: dict[str, Any] = json.loads(await self._reader.readline())
                if message["type"] == kind:
                    return message

    def say(self, kind: str) -> None:
        assert self._writer is not None
        self._writer.write(json.dumps({"type": kind}).encode() + b"\n")

    def leave(self) -> None:
        assert self._writer is not None
        self._writer.close()


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[JournalWriter]:
    writer = JournalWriter(tmp_path, "0-1-1")
    yield writer
    writer.close()


@pytest.fixture
async def supervisor(tmp_path: Path, writer: JournalWriter) -> AsyncIterator[Supervisor]:
    supervisor = Supervisor(tmp_path, *socket.socketpair())
    yield supervisor
    supervisor.clerk.stop()
    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(supervisor.task, 5)


async def test_it_is_ready_counts_and_drains(supervisor: Supervisor, writer: JournalWriter):
    await supervisor.heard("ready")
    writer.append(encode_frame(closed(1)))
    supervisor.say("drain")
    counters = (await supervisor.heard("metrics"))["data"]["counters"]
    while not counters["faregate_clerk_calls_total"][0][1]:
        counters = (await supervisor.heard("metrics"))["data"]["counters"]
    await supervisor.heard("drained")
    await asyncio.wait_for(supervisor.task, 2)
    assert counters["faregate_clerk_frames_total"] == [[[], 1]]


async def test_it_reports_when_asked(supervisor: Supervisor):
    await supervisor.heard("ready")
    supervisor.say("metrics")
    data = (await supervisor.heard("metrics"))["data"]
    assert data["gauges"]["faregate_journal_backlog_bytes"] == [[[], 0]]


async def test_it_leaves_when_the_supervisor_is_gone(supervisor: Supervisor):
    await supervisor.heard("ready")
    supervisor.leave()
    await asyncio.wait_for(supervisor.task, 2)
    assert supervisor.task.exception() is None


async def test_it_leaves_on_a_signal(supervisor: Supervisor):
    await supervisor.heard("ready")
    os.kill(os.getpid(), signal.SIGTERM)
    await supervisor.heard("drained")
    await asyncio.wait_for(supervisor.task, 2)
    assert supervisor.task.exception() is None


async def test_retention_is_read_again_and_a_failure_keeps_it(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
):
    supervisor.retention = Retention(7, 500)
    monkeypatch.setattr(worker, "_RETENTION_SECONDS", 0.01)
    await supervisor.heard("ready")
    async with asyncio.timeout(10):
        while supervisor.clerk.retention.keep_days != 7:  # noqa: ASYNC110 - a thread's work
            await asyncio.sleep(0.01)
    supervisor.retention = Retention(0, 1)
    await asyncio.sleep(0.05)
    assert supervisor.clerk.retention == Retention(7, 500)
    assert not supervisor.task.done()


async def test_balances_are_told_again_and_again(supervisor: Supervisor):
    for _ in range(2):
        assert (await supervisor.heard("balances"))["data"] == {"openai": 7}


async def test_what_is_spent_is_told_when_it_has_changed(
    supervisor: Supervisor, writer: JournalWriter, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(charging, "LOOK_INTERVAL_S", 0.01)
    monkeypatch.setattr(worker, "_SPENT_SECONDS", 0.01)
    await supervisor.heard("ready")
    for number, cost_nano in ((1, 7), (2, 4)):
        paid = Charge("", (), (), 0, cost_nano, 0, "stated")
        for frame in (started(number, started_ns=time.time_ns()), settled(number, charge=paid)):
            writer.append(encode_frame(frame))
        told = (await supervisor.heard("spent"))["data"]
        assert list(told) == ["acme"]
        assert told["acme"]["year"][1] == (7 if number == 1 else 11)
