"""Workers and clerks are killed for minutes; at the end each call is there once.

    python -m tests.soak.journal_kills [--seconds 60] [--workers 3] [--folder FOLDER] [--fill]

With `--fill` and a folder on a file system of its own (a tmpfs, say) it also meets a full disk,
again and again. Never use that on a disk that others need.
"""

import argparse
import asyncio
import logging
import os
import random
import struct
import sys
import tempfile
import time
from collections import Counter
from itertools import count
from mmap import mmap
from pathlib import Path
from typing import NamedTuple

from tests.calllog.calls import call_id, settled, started
from tests.children import in_child, kill
from tests.clerk.ledgers import empty_ledger

from faregate.calllog.frames import encode_frame
from faregate.calllog.records import decode_record
from faregate.clerk.clerk import Clerk, Retention
from faregate.gate.ports import JournalFull
from faregate.storage.call_store import CallStore
from faregate.storage.journal import JournalWriter, name_worker
from faregate.storage.journal_reader import JournalFolders

FOR_EVER = Retention(3_650_000, 100_000_000)
SEGMENT_BYTES = 1024 * 1024
IN_FLIGHT = 4


class Worker(NamedTuple):
    """A writing child; it tells in shared memory how many of its calls began and ended."""

    pid: int
    letter: str
    told: mmap


def keep(writer: JournalWriter, frame: bytes) -> None:
    """Append, however long the disk is full: the end of a call that was made."""
    while True:
        try:
            writer.append(frame)
        except JournalFull:
            time.sleep(0.01)
        else:
            return


def write(root: Path, number: int, letter: str, told: mmap) -> None:
    """Calls until killed."""
    writer = JournalWriter(
        root, name_worker(0, time.time_ns(), number), segment_bytes=SEGMENT_BYTES
    )
    begun = ended = 0
    while True:
        try:
            writer.append(encode_frame(started(begun, letter)))
        except JournalFull:
            time.sleep(0.01)
            continue
        begun += 1
        if begun - ended > IN_FLIGHT:
            keep(writer, encode_frame(settled(ended, letter, reply_bytes=ended)))
            ended += 1
        told[:16] = struct.pack("=QQ", begun, ended)
        if begun % 20 == 0:
            time.sleep(0.01)


def post(root: Path, database: Path) -> None:
    """Be the clerk until killed."""
    asyncio.run(Clerk(JournalFolders(root), CallStore(database), empty_ledger(), FOR_EVER).run())


class Soak:
    """A few workers and a clerk, some of which die every moment."""

    def __init__(self, folder: Path, workers: int, *, fills: bool) -> None:
        self._fills = fills
        self.root, self.database = folder / "journal", folder / "calls.db"
        self.dead: list[Worker] = []
        self.clerks_killed = 0
        self._random = random.Random()
        self._numbers = count()
        self._living = [self._start() for _ in range(workers)]
        self._clerk = in_child(lambda: post(self.root, self.database))

    def _start(self) -> Worker:
        number = next(self._numbers)
        letter, told = f"{number:x}", mmap(-1, 16)
        pid = in_child(lambda: write(self.root, number, letter, told))
        return Worker(pid, letter, told)

    def run(self, seconds: float) -> None:
        """Kill and start again for so long."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            time.sleep(self._random.random() * 0.3)
            if self._fills and self._random.random() < 0.2:
                self._fill_disk()
            if self._random.random() < 0.5:
                at = self._random.randrange(len(self._living))
                kill(self._living[at].pid)
                self.dead.append(self._living[at])
                self._living[at] = self._start()
            else:
                kill(self._clerk)
                self.clerks_killed += 1
                self._clerk = in_child(lambda: post(self.root, self.database))

    def _fill_disk(self) -> None:
        """Take all room for a while, so that both the journals and the store have none."""
        path = self.root.with_name("balloon")
        step = 1024 * 1024
        with path.open("wb") as file:
            try:
                for at in count(0, step):
                    os.posix_fallocate(file.fileno(), at, step)
            except OSError:
                time.sleep(0.5 + self._random.random())
        path.unlink()

    def kill_all(self) -> None:
        """Leave nothing running."""
        for worker in self._living:
            kill(worker.pid)
        self.dead += self._living
        self._living = []
        kill(self._clerk)

    def end(self) -> None:
        """Post what is left."""
        store = CallStore(self.database)
        clerk = Clerk(JournalFolders(self.root), store, empty_ledger(), FOR_EVER)
        while clerk.step() or JournalFolders(self.root).workers():
            pass
        store.close()

    def _ends(self) -> dict[str, tuple[str, int]]:
        store = CallStore(self.database, writable=False)
        ends: dict[str, tuple[str, int]] = {}
        sequence = 0
        while page := store.posted_after(sequence, 10_000):
            sequence = page[-1].sequence
            for call in page:
                record = decode_record(call.data)
                ends[call.call_id] = (record.outcome or "open", record.reply_bytes)
        store.close()
        return ends

    def problems(self) -> list[str]:
        """What isn't as it must be."""
        found = []
        ends = self._ends()
        total: Counter[str] = Counter()
        for worker in self.dead:
            begun, ended = struct.unpack("=QQ", worker.told[:16])
            for number in range(begun):
                outcome, reply_bytes = ends.pop(call_id(number, worker.letter), ("missing", 0))
                total[outcome] += 1
                ended_right = outcome == "answered" and reply_bytes == number
                if not ended_right and (number < ended or outcome != "lost"):
                    found.append(f"call {number} of worker {worker.letter}: {outcome}")
            # Killed after its start was kept, and before that was told.
            ends.pop(call_id(begun, worker.letter), None)
        found += [f"call {one} was never made" for one in ends]
        print(f"{len(self.dead)} workers and {self.clerks_killed} clerks killed; {dict(total)}")
        return found


def main() -> int:
    """Run; the status is 1 where a call is missing or wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--folder", help="where to work; a temporary folder by default")
    parser.add_argument("--fill", action="store_true", help="fill the disk now and then")
    options = parser.parse_args()
    logging.basicConfig(level=logging.CRITICAL)
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="soak-") as folder:
        soak = Soak(Path(folder), options.workers, fills=options.fill)
        try:
            soak.run(options.seconds)
        finally:
            soak.kill_all()
        soak.end()
        problems = soak.problems()
    for problem in problems[:20]:
        print(problem, file=sys.stderr)
    print("each call is there once" if not problems else f"{len(problems)} calls are wrong")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
