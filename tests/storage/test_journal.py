"""A frame whose append returned is read back: in order, once, whatever ends the writer."""

import os
import random
import resource
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from mmap import mmap
from pathlib import Path

import pytest
from tests.calllog.calls import settled, started
from tests.children import in_child, kill
from tests.storage.journal_contract import JournalContract

from faregate.calllog.frames import encode_frame
from faregate.calllog.journal import SEGMENT_HEAD_BYTES
from faregate.core.clock import ManualClock
from faregate.core.errors import StorageError
from faregate.gate.ports import JournalFull
from faregate.storage.journal import (
    FRAME_HEAD_BYTES,
    FrameTooLarge,
    JournalWriter,
    SyncPolicy,
    name_worker,
)
from faregate.storage.journal_reader import JournalReader, is_alive, segment_numbers

WORKER = "0-1-1"
KILLS = 30


def read_all(folder: Path) -> list[bytes]:
    """All frames of a folder; fails on any damage."""
    reader = JournalReader(folder)
    frames: list[bytes] = []
    state = "more"
    while state == "more":
        reading = reader.read()
        assert reading.damage == []
        frames += reading.frames
        state = reading.state
    reader.close()
    return frames


@contextmanager
def no_room() -> Iterator[None]:
    """A limit of the kernel on the size of files: preallocation fails as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def fill_three_quarters(writer: JournalWriter, segment_bytes: int) -> None:
    """Frames that begin with a dot, until the successor is due."""
    for _ in range(segment_bytes * 3 // 4 // 1024 + 1):
        writer.append(b"." * 1016)


class TestJournalWriter(JournalContract):
    SEGMENT_BYTES = 64 * 1024

    @pytest.fixture
    def clock(self) -> ManualClock:
        return ManualClock()

    @pytest.fixture
    def journal(self, tmp_path: Path, clock: ManualClock) -> Iterator[JournalWriter]:
        writer = JournalWriter(tmp_path, WORKER, segment_bytes=self.SEGMENT_BYTES, clock=clock)
        yield writer
        writer.close()

    @pytest.fixture
    def read(self, journal: JournalWriter) -> Callable[[], list[bytes]]:
        return lambda: read_all(journal.folder)

    @pytest.fixture
    def full(
        self, journal: JournalWriter, clock: ManualClock
    ) -> Callable[[], AbstractContextManager[None]]:
        @contextmanager
        def fill() -> Iterator[None]:
            with no_room():
                fill_three_quarters(journal, self.SEGMENT_BYTES)
                wait_until(lambda: journal.full)
                yield
            clock.advance(1.0)

        return fill


def wait_until(condition: Callable[[], bool], timeout_s: float = 10.0) -> None:
    """Give the journal's thread its time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


# -- segments --------------------------------------------------------------------------------------


@pytest.mark.parametrize("sync", ["call", "interval", "kernel"])
def test_segments_roll(tmp_path: Path, sync: SyncPolicy):
    writer = JournalWriter(tmp_path, WORKER, sync=sync, segment_bytes=4096)
    frames = [os.urandom(1 + number % 700) for number in range(300)]
    for frame in frames:
        writer.append(frame)
    assert len(segment_numbers(writer.folder)) > 10
    assert read_all(writer.folder) == frames
    writer.close()
    assert read_all(writer.folder) == frames


def test_the_successor_is_made_ahead(tmp_path: Path):
    writer = JournalWriter(tmp_path, WORKER, segment_bytes=64 * 1024)
    fill_three_quarters(writer, 64 * 1024)
    wait_until((writer.folder / "00000002.preparing").exists)
    assert segment_numbers(writer.folder) == [1]
    writer.close()
    assert sorted(os.listdir(writer.folder)) == ["00000001.journal", "lock"]


def test_closing_cuts_the_last_segment(tmp_path: Path):
    writer = JournalWriter(tmp_path, WORKER, segment_bytes=64 * 1024)
    writer.append(b"x" * 100)
    writer.close()
    size = (writer.folder / "00000001.journal").stat().st_size
    assert size == SEGMENT_HEAD_BYTES + FRAME_HEAD_BYTES + 100 + 4
    assert not is_alive(writer.folder)


@pytest.mark.parametrize("size", [0, 4096])
def test_sizes_that_are_never_taken(tmp_path: Path, size: int):
    writer = JournalWriter(tmp_path, WORKER, segment_bytes=4096)
    with pytest.raises(FrameTooLarge):
        writer.append(b"x" * size)
    writer.append(b"x" * (4096 - SEGMENT_HEAD_BYTES - FRAME_HEAD_BYTES - 4))
    writer.append(b"y")
    writer.close()
    assert [len(frame) for frame in read_all(writer.folder)] == [4068, 1]


def test_a_worker_is_alive_until_it_closes(tmp_path: Path):
    writer = JournalWriter(tmp_path, WORKER)
    assert is_alive(writer.folder)
    writer.close()
    assert not is_alive(writer.folder)


def test_a_name_is_used_once(tmp_path: Path):
    JournalWriter(tmp_path, WORKER).close()
    with pytest.raises(StorageError):
        JournalWriter(tmp_path, WORKER)
    assert os.listdir(tmp_path) == [WORKER]


def test_names_of_workers():
    assert name_worker(2, 255, 77) == "2-ff-77"


def test_a_folder_that_cannot_be_made(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="can't be made"):
        JournalWriter(tmp_path / "file", WORKER)


def test_everything_is_closed_to_others(tmp_path: Path):
    writer = JournalWriter(tmp_path / "journal", WORKER)
    writer.close()
    modes = {path.stat().st_mode & 0o077 for path in (tmp_path / "journal").rglob("*")}
    assert modes == {0}


# -- no room ---------------------------------------------------------------------------------------


def test_a_disk_that_is_full_from_the_start(tmp_path: Path):
    clock = ManualClock()
    with no_room():
        writer = JournalWriter(tmp_path, WORKER, segment_bytes=64 * 1024, clock=clock)
        for _ in range(3):
            with pytest.raises(JournalFull):
                writer.append(encode_frame(started(1)))
            with pytest.raises(JournalFull):
                writer.append(encode_frame(settled(1)))
    with pytest.raises(JournalFull):
        writer.append(b"before a second has passed")
    clock.advance(1.0)
    writer.append(b"after")
    writer.close()
    assert read_all(writer.folder) == [b"after"]


def test_the_last_quarter_is_kept_for_ends(tmp_path: Path):
    writer = JournalWriter(tmp_path, WORKER, segment_bytes=64 * 1024, clock=ManualClock())
    end = encode_frame(settled(1))
    with no_room():
        fill_three_quarters(writer, 64 * 1024)
        wait_until(lambda: writer.full)
        kept = _append_until_full(writer, end)
    assert kept * (len(end) + FRAME_HEAD_BYTES + 3) > 14 * 1024
    writer.close()
    assert read_all(writer.folder).count(end) == kept


def _append_until_full(writer: JournalWriter, frame: bytes) -> int:
    for kept in range(10_000):
        try:
            writer.append(frame)
        except JournalFull:
            return kept
    raise AssertionError("there is no end to the room")


def test_the_disk_is_asked_once_a_second(tmp_path: Path):
    clock = ManualClock()
    with no_room():
        writer = JournalWriter(tmp_path, WORKER, segment_bytes=64 * 1024, clock=clock)
    begun = time.monotonic()
    for _ in range(20_000):
        with pytest.raises(JournalFull):
            writer.append(b"x")
    assert time.monotonic() - begun < 5.0
    assert os.listdir(writer.folder) == ["lock"]
    writer.close()


def test_a_wall_clock_that_jumps_changes_nothing(tmp_path: Path):
    clock = ManualClock()
    writer = JournalWriter(tmp_path, WORKER, segment_bytes=4096, clock=clock)
    frames = [b"%d" % number * 100 for number in range(100)]
    for number, frame in enumerate(frames):
        clock.jump_wall(86_400.0 * (-1) ** number * number)
        writer.append(frame)
    writer.close()
    assert read_all(writer.folder) == frames


# -- kills -----------------------------------------------------------------------------------------


def _write_until_killed(root: Path, worker: str, sync: SyncPolicy, told: mmap) -> None:
    """In a child: append numbered frames, and say in shared memory which append returned."""
    writer = JournalWriter(root, worker, sync=sync, segment_bytes=32 * 1024)
    chooser = random.Random(worker)
    number = 0
    while True:
        number += 1
        writer.append(struct.pack("=Q", number) + b"x" * chooser.randrange(600))
        told[:8] = struct.pack("=Q", number)


@pytest.mark.parametrize("sync", ["interval", "kernel", "call"])
def test_kills_at_any_moment_lose_nothing(tmp_path: Path, sync: SyncPolicy):
    chooser = random.Random(sync)
    for attempt in range(KILLS // 3):
        told = mmap(-1, 8)
        worker = name_worker(0, attempt, 1)
        child = in_child(partial(_write_until_killed, tmp_path, worker, sync, told))
        wait_until(lambda told=told: any(told[:8]))
        time.sleep(chooser.random() * 0.02)
        kill(child)
        returned = struct.unpack("=Q", told[:8])[0]
        frames = _read_with_torn_tail(tmp_path / worker)
        numbers = [struct.unpack_from("=Q", frame)[0] for frame in frames]
        # One more may be whole: killed after the append, before it was told.
        assert numbers == list(range(1, len(numbers) + 1))
        assert returned <= len(numbers) <= returned + 1


def _read_with_torn_tail(folder: Path) -> list[bytes]:
    reader = JournalReader(folder)
    frames: list[bytes] = []
    damage = []
    state = "more"
    while state != "ended":
        reading = reader.read()
        frames += reading.frames
        damage += reading.damage
        state = reading.state
    reader.close()
    assert [kind for kind, _ in damage] in ([], ["torn"])
    return frames


def test_a_reader_follows_a_writer(tmp_path: Path):
    count = 20_000
    writer = JournalWriter(tmp_path, WORKER, segment_bytes=64 * 1024)

    def write() -> None:
        for number in range(count):
            writer.append(struct.pack("=Q", number) * (1 + number % 40))
        writer.close()

    thread = threading.Thread(target=write)
    reader = JournalReader(writer.folder)
    numbers: list[int] = []
    thread.start()
    state = "idle"
    while state != "ended":
        reading = reader.read()
        assert reading.damage == []
        numbers += [struct.unpack_from("=Q", frame)[0] for frame in reading.frames]
        state = reading.state
    thread.join()
    reader.close()
    assert numbers == list(range(count))
