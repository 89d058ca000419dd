"""A reader gives every whole frame, says what it can't read, and never gives what isn't there."""

import fcntl
import os
import shutil
import struct
from pathlib import Path
from zlib import crc32

import pytest

from faregate.calllog.journal import SEGMENT_HEAD_BYTES, Damage, Position, Reading
from faregate.core.errors import StorageError
from faregate.storage.journal import FINISHED, FRAME_HEAD_BYTES, LOCK_NAME, JournalWriter
from faregate.storage.journal_reader import JournalFolders, JournalReader, is_alive

WORKER = "0-1-1"
FRAMES = [bytes([65 + number]) * (1 + number * 7) for number in range(12)]


def write(root: Path, frames: list[bytes], *, segment_bytes: int = 4096) -> JournalWriter:
    """A journal that is still open, synced by nobody."""
    writer = JournalWriter(root, WORKER, sync="kernel", segment_bytes=segment_bytes)
    for frame in frames:
        writer.append(frame)
    return writer


def offsets(frames: list[bytes]) -> list[int]:
    """Where each frame begins, in one segment, and where the last one ends."""
    found = [SEGMENT_HEAD_BYTES]
    for frame in frames:
        found.append((found[-1] + FRAME_HEAD_BYTES + len(frame) + 3) & ~3)
    return found


def read(folder: Path, position: Position | None = None) -> Reading:
    """Everything in one reading."""
    reader = JournalReader(folder, position or Position())
    reading = reader.read(1 << 30)
    reader.close()
    return reading


def dead_copy(writer: JournalWriter, folder: Path) -> Path:
    """What would be left if the writer were killed now; gives the first segment."""
    folder.mkdir()
    for path in writer.folder.glob("*.journal"):
        shutil.copy(path, folder)
    return folder / "00000001.journal"


# -- following -------------------------------------------------------------------------------------


def test_reading_goes_on_where_it_stopped(tmp_path: Path):
    writer = write(tmp_path, FRAMES[:5])
    reader = JournalReader(writer.folder)
    first = reader.read()
    writer.append(FRAMES[5])
    second = reader.read()
    assert (first.frames, first.state) == (FRAMES[:5], "idle")
    assert (second.frames, second.state) == ([FRAMES[5]], "idle")
    assert reader.read().frames == []
    other = JournalReader(writer.folder, first.position).read()
    assert other.frames == [FRAMES[5]]
    writer.close()
    assert reader.read().state == "ended"
    reader.close()


def test_a_reading_is_bounded(tmp_path: Path):
    writer = write(tmp_path, [b"x" * 1000] * 2_000, segment_bytes=256 * 1024)
    reader = JournalReader(writer.folder)
    readings = [reader.read(100_000) for _ in range(3)]
    assert {reading.state for reading in readings} == {"more"}
    assert max(len(reading.frames) for reading in readings) < 600
    writer.close()
    reader.close()


def test_large_frames_are_read(tmp_path: Path):
    frames = [os.urandom(size) for size in (3_000_000, 10, 1_000_000, 262_136, 5)]
    writer = write(tmp_path, frames, segment_bytes=8 * 1024 * 1024)
    assert read(writer.folder).frames == frames
    writer.close()


def test_an_idle_reading_says_where_it_waits(tmp_path: Path):
    writer = write(tmp_path, FRAMES[:2])
    assert read(writer.folder).position == Position(1, offsets(FRAMES[:2])[-1])
    writer.close()
    assert read(writer.folder).position == Position(2)


def test_backlog_is_an_upper_bound(tmp_path: Path):
    writer = write(tmp_path, FRAMES)
    reader = JournalReader(writer.folder)
    assert reader.backlog_bytes() >= sum(map(len, FRAMES))
    writer.close()
    reader.read()
    assert reader.backlog_bytes() == 0
    reader.close()


def test_no_folder_is_an_end(tmp_path: Path):
    assert read(tmp_path / "gone") == Reading([], Position(), "ended", [])


# -- torn ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("finished", [False, True])
def test_a_file_cut_anywhere(tmp_path: Path, finished: bool):
    writer = write(tmp_path, FRAMES, segment_bytes=2048)
    if finished:
        writer.close()
    segment = dead_copy(writer, tmp_path / "dead")
    whole = segment.read_bytes()
    begins = offsets(FRAMES)
    for size in range(len(whole) + 1):
        segment.write_bytes(whole[:size])
        reading = read(segment.parent)
        kept = [
            frame
            for frame, begin in zip(FRAMES, begins, strict=False)
            if begin + FRAME_HEAD_BYTES + len(frame) <= size
        ]
        assert reading.frames == kept, size
        assert reading.state == "ended"
        # A cut behind the last frame of a segment that wasn't finished takes only zeros away.
        kinds = [damage.kind for damage in reading.damage]
        unharmed = size == len(whole) or (not finished and size >= begins[-1] + 4)
        assert kinds == ([] if unharmed else ["torn"]), size
    writer.close()


def test_a_frame_without_its_size(tmp_path: Path):
    writer = write(tmp_path, FRAMES[:3])
    segment = dead_copy(writer, tmp_path / "dead")
    at = offsets(FRAMES[:3])[-1]
    with segment.open("r+b") as file:
        file.seek(at + 4)
        file.write(struct.pack("=I", crc32(b"half")) + b"half")
    reading = read(segment.parent)
    assert reading.frames == FRAMES[:3]
    assert reading.damage == [Damage("torn", Position(1, at))]
    assert reading.state == "ended"
    assert read(writer.folder).damage == []
    writer.close()


def test_a_dead_writer_that_stopped_between_frames(tmp_path: Path):
    writer = write(tmp_path, FRAMES)
    segment = dead_copy(writer, tmp_path / "dead")
    assert read(segment.parent) == Reading(FRAMES, Position(2), "ended", [])
    writer.close()


def test_killed_between_naming_a_segment_and_finishing_the_one_before(tmp_path: Path):
    writer = write(tmp_path, FRAMES[:3])
    segment = dead_copy(writer, tmp_path / "dead")
    writer.close()
    other = write(tmp_path / "other", [])
    head = (other.folder / "00000001.journal").read_bytes()[:12] + struct.pack("=I", 2)
    (segment.parent / "00000002.journal").write_bytes(head + bytes(100))
    other.close()
    assert read(segment.parent) == Reading(FRAMES[:3], Position(3), "ended", [])


# -- corrupt ---------------------------------------------------------------------------------------


def overwrite(path: Path, offset: int, data: bytes) -> None:
    """Change bytes of a file in place, under whoever has it open."""
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(data)


@pytest.mark.parametrize("alive", [True, False])
@pytest.mark.parametrize("number", [0, 5, 11])
def test_one_changed_frame_costs_one_frame(tmp_path: Path, number: int, alive: bool):
    writer = write(tmp_path, FRAMES)
    at = offsets(FRAMES)[number]
    overwrite(writer.folder / "00000001.journal", at + FRAME_HEAD_BYTES, b"\xff")
    if not alive:
        writer.close()
    reading = read(writer.folder)
    assert reading.frames == FRAMES[:number] + FRAMES[number + 1 :]
    assert reading.damage == [Damage("corrupt", Position(1, at))]
    writer.close()


@pytest.mark.parametrize("size", [77, 2_000, 0x7FFFFFFF, FINISHED - 1])
def test_a_changed_size_costs_a_segment(tmp_path: Path, size: int):
    frames = [bytes([number]) * 300 for number in range(1, 30)]
    writer = write(tmp_path, frames)
    segment = writer.folder / "00000001.journal"
    in_first = len(read(writer.folder, Position(1)).frames) - len(
        read(writer.folder, Position(2)).frames
    )
    overwrite(segment, offsets(frames)[5], struct.pack("=I", size))
    writer.append(b"later")
    reading = read(writer.folder)
    assert reading.frames == [*frames[:5], *frames[in_first:], b"later"]
    assert [damage.kind for damage in reading.damage] == ["corrupt"]
    writer.close()


def test_a_size_that_became_zero_under_a_living_writer(tmp_path: Path):
    frames = [bytes([number]) * 300 for number in range(1, 30)]
    writer = write(tmp_path, frames[:8])
    overwrite(writer.folder / "00000001.journal", offsets(frames)[5], bytes(4))
    assert read(writer.folder).damage == []
    for frame in frames[8:]:
        writer.append(frame)
    reading = read(writer.folder)
    assert reading.damage == [Damage("corrupt", Position(1, offsets(frames)[5]))]
    assert reading.frames[:5] == frames[:5]
    assert reading.frames[-1] == frames[-1]
    writer.close()


def test_a_head_that_was_changed_costs_a_segment(tmp_path: Path):
    frames = [bytes([number]) * 300 for number in range(1, 30)]
    writer = write(tmp_path, frames)
    expected = read(writer.folder, Position(2)).frames
    overwrite(writer.folder / "00000001.journal", 0, b"?")
    reading = read(writer.folder)
    assert (reading.frames, reading.damage) == (expected, [Damage("corrupt", Position(1))])
    writer.close()


def test_a_missing_segment_is_reported(tmp_path: Path):
    frames = [bytes([number]) * 300 for number in range(1, 60)]
    writer = write(tmp_path, frames)
    expected = read(writer.folder, Position(4)).frames
    for number in (1, 2, 3):
        (writer.folder / f"0000000{number}.journal").unlink()
    reading = read(writer.folder)
    assert (reading.frames, reading.damage) == (expected, [Damage("missing", Position(1))])
    writer.close()


# -- folders ---------------------------------------------------------------------------------------


def test_workers_are_told_by_age(tmp_path: Path):
    for name in ("0-ff-9", "1-a-8", "0-10-7"):
        JournalWriter(tmp_path, name).close()
    (tmp_path / "file").write_text("")
    assert JournalFolders(tmp_path).workers() == ["1-a-8", "0-10-7", "0-ff-9"]
    assert JournalFolders(tmp_path / "gone").workers() == []


def test_posted_segments_are_deleted(tmp_path: Path):
    frames = [bytes([number]) * 300 for number in range(1, 60)]
    writer = write(tmp_path, frames)
    folders = JournalFolders(tmp_path)
    expected = folders.reader(WORKER, Position(3)).read().frames
    folders.delete_before(WORKER, 3)
    assert folders.reader(WORKER, Position(3)).read().frames == expected
    assert not (writer.folder / "00000002.journal").exists()
    writer.close()
    assert folders.delete(WORKER)
    assert folders.workers() == []
    assert folders.delete(WORKER)


def test_one_claim_at_a_time(tmp_path: Path):
    first, second = JournalFolders(tmp_path / "journal"), JournalFolders(tmp_path / "journal")
    assert first.claim()
    assert first.claim()
    assert not second.claim()
    first.release()
    assert second.claim()
    second.release()


def test_folders_that_cannot_be_read(tmp_path: Path):
    (tmp_path / "journal").write_text("")
    with pytest.raises(StorageError):
        JournalFolders(tmp_path / "journal").workers()
    with pytest.raises(StorageError):
        JournalFolders(tmp_path / "journal").claim()


def test_leftovers_of_starts_are_swept_and_living_ones_are_not(tmp_path: Path):
    for name in (".0-1-1", ".0-2-2", ".0-3-3"):
        (tmp_path / name).mkdir()
    (tmp_path / ".0-2-2" / LOCK_NAME).write_text("")
    living = os.open(tmp_path / ".0-3-3" / LOCK_NAME, os.O_RDWR | os.O_CREAT)
    fcntl.flock(living, fcntl.LOCK_EX)
    JournalFolders(tmp_path).sweep()
    assert os.listdir(tmp_path) == [".0-3-3"]
    assert is_alive(tmp_path / ".0-3-3")
    os.close(living)
