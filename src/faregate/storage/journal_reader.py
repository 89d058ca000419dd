"""Reading journals of living and dead workers, while they are written.

The format is described in `storage.journal`. Nothing here writes to a segment: any number of
readers may look at once, and only the clerk deletes.

A frame whose checksum is wrong is read again before it is believed: on some processors another
one may see the size before the payload. What can't be read is reported and stepped over, by one
frame where the next proves that the size was right, else to the next segment.
"""

import contextlib
import fcntl
import os
import re
import shutil
import struct
from pathlib import Path
from typing import Final, Literal
from zlib import crc32

from faregate.calllog.journal import SEGMENT_HEAD_BYTES, START, Damage, Position, Reading
from faregate.core.bounds import JOURNAL_FRAME_BYTES_MAX
from faregate.core.errors import StorageError
from faregate.storage.journal import (
    FINISH_BYTES,
    FINISHED,
    FRAME_HEAD_BYTES,
    LOCK_NAME,
    SEGMENT_HEAD,
    SEGMENT_MAGIC,
    UNBORN_PREFIX,
    segment_name,
)

READ_BYTES: Final = 1024 * 1024  # of frames, in one reading
CLAIM_NAME: Final = ".clerk.lock"

_CHUNK_BYTES: Final = 256 * 1024
_FINISH_MARK: Final = FINISHED.to_bytes(FINISH_BYTES, "little")  # the same in any byte order
_FRAME_HEAD: Final = struct.Struct("=II")
_SEGMENT_FILE: Final = re.compile(r"([0-9]{8,})\.journal")

_Verdict = Literal["more", "empty", "finished", "cut", "corrupt"]


def is_alive(folder: Path) -> bool:
    """Whether the writer of this folder lives: it holds the lock."""
    try:
        fd = os.open(folder / LOCK_NAME, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(fd)


def segment_numbers(folder: Path) -> list[int]:
    """The segments that are there, in order."""
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return []
    return sorted(int(found[1]) for name in names if (found := _SEGMENT_FILE.fullmatch(name)))


class JournalReader:
    """Follows one worker's journal from `position`."""

    def __init__(self, folder: Path, position: Position = START) -> None:
        self._folder = folder
        self._position = position
        self._fd: int | None = None

    @property
    def position(self) -> Position:
        """Where the next reading begins."""
        return self._position

    def close(self) -> None:
        """Let go of the segment."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def read(self, bytes_max: int = READ_BYTES) -> Reading:
        """The next frames, about `bytes_max` of them."""
        # Before the frames, not after: what a writer adds before it dies must be seen.
        alive = is_alive(self._folder)
        frames: list[bytes] = []
        damage: list[Damage] = []
        left = bytes_max
        while left > 0:
            if not self._open():
                if self._skip_missing(damage):
                    continue
                return self._reading(frames, "idle" if alive else "ended", damage)
            begun = self._position
            verdict = self._scan(frames, left)
            if self._position.segment == begun.segment:
                left -= self._position.offset - begun.offset
            if verdict == "more":
                continue
            if verdict == "finished":
                self._go_on()
            elif verdict == "corrupt":
                damage.append(Damage("corrupt", self._position))
                if not self._step_over():
                    self._go_on()
            elif alive:
                if not self._was_left():
                    return self._reading(frames, "idle", damage)
                damage.append(Damage("corrupt", self._position))
                self._go_on()
            else:
                if verdict == "cut" or self._has_rest():
                    damage.append(Damage("torn", self._position))
                self._go_on()
        return self._reading(frames, "more", damage)

    def backlog_bytes(self) -> int:
        """At most this much is unread: reserved blocks count as written."""
        total = 0
        for number in segment_numbers(self._folder):
            if number >= self._position.segment:
                with contextlib.suppress(FileNotFoundError):
                    total += (self._folder / segment_name(number)).stat().st_size
        return max(0, total - self._position.offset)

    # -- segments --------------------------------------------------------------------------------

    def _reading(
        self,
        frames: list[bytes],
        state: Literal["more", "idle", "ended"],
        damage: list[Damage],
    ) -> Reading:
        return Reading(frames, self._position, state, damage)

    def _open(self) -> bool:
        if self._fd is None:
            path = self._folder / segment_name(self._position.segment)
            try:
                self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                return False
        return True

    def _go_on(self) -> None:
        self.close()
        self._position = Position(self._position.segment + 1)

    def _skip_missing(self, damage: list[Damage]) -> bool:
        """Whether there are later segments; then reading goes on in the first of them."""
        later = [n for n in segment_numbers(self._folder) if n >= self._position.segment]
        if not later:
            return False
        if later[0] > self._position.segment:
            damage.append(Damage("missing", self._position))
            self._position = Position(later[0])
        return True

    # -- frames ----------------------------------------------------------------------------------

    def _pread(self, size: int, offset: int) -> bytes:
        if self._fd is None:
            return b""
        return os.pread(self._fd, size, offset)

    def _scan(self, frames: list[bytes], bytes_max: int) -> _Verdict:
        """Take frames from here on; the position is left after the last good one."""
        segment, offset = self._position
        if offset == SEGMENT_HEAD_BYTES:
            verdict = self._judge_head(segment)
            if verdict is not None:
                return verdict
        stop = offset + bytes_max
        verdict = "more"
        while verdict == "more" and offset < stop:
            chunk = self._pread(_CHUNK_BYTES, offset)
            taken, verdict = _take(chunk, frames)
            if taken == 0 and verdict in ("cut", "corrupt"):
                taken, verdict = self._take_again(offset, frames)
            if taken > 0 and verdict in ("cut", "corrupt"):
                verdict = "more"  # to be looked at from where it begins
            offset += taken
            self._position = Position(segment, offset)
        return verdict

    def _judge_head(self, segment: int) -> _Verdict | None:
        head = self._pread(SEGMENT_HEAD_BYTES, 0)
        if len(head) < SEGMENT_HEAD_BYTES:
            return "cut"
        magic, _, number = SEGMENT_HEAD.unpack(head)
        return None if (magic, number) == (SEGMENT_MAGIC, segment) else "corrupt"

    def _take_again(self, offset: int, frames: list[bytes]) -> tuple[int, _Verdict]:
        """A look at one frame alone, whatever its size, that is believed."""
        chunk = self._pread(FRAME_HEAD_BYTES + JOURNAL_FRAME_BYTES_MAX, offset)
        return _take(chunk, frames)

    def _step_over(self) -> bool:
        """Pass one corrupt frame; whether what follows shows that its size was right."""
        segment, offset = self._position
        head = self._pread(FRAME_HEAD_BYTES, offset)
        if self._judge_head(segment) is not None or len(head) < FRAME_HEAD_BYTES:
            return False
        size = _FRAME_HEAD.unpack(head)[0]
        if not 0 < size <= JOURNAL_FRAME_BYTES_MAX:
            return False
        after = (offset + FRAME_HEAD_BYTES + size + 3) & ~3
        taken, verdict = _take(self._pread(FRAME_HEAD_BYTES + JOURNAL_FRAME_BYTES_MAX, after), [])
        if not taken and verdict not in ("empty", "finished"):
            return False
        self._position = Position(segment, after)
        return True

    def _was_left(self) -> bool:
        """Whether a living writer is beyond this segment without having finished it here.

        It writes frames of the next segment only after the mark that ends this one.
        """
        segment, offset = self._position
        path = self._folder / segment_name(segment + 1)
        try:
            with path.open("rb") as file:
                file.seek(SEGMENT_HEAD_BYTES)
                begun = any(file.read(4))
        except FileNotFoundError:
            return False
        return begun and not any(self._pread(4, offset))

    def _has_rest(self) -> bool:
        """Whether anything but zeros follows: a frame that was begun."""
        offset = self._position.offset
        while chunk := self._pread(_CHUNK_BYTES, offset):
            if chunk.count(0) != len(chunk):
                return True
            offset += len(chunk)
        return False


def _take(chunk: bytes, frames: list[bytes]) -> tuple[int, _Verdict]:
    """Frames at the start of `chunk`: the bytes they take, and what stopped it.

    "cut" also means that the rest of a frame is beyond the chunk.
    """
    at = 0
    length = len(chunk)
    while at + FRAME_HEAD_BYTES <= length:
        size, checksum = _FRAME_HEAD.unpack_from(chunk, at)
        if size == 0:
            return at, "empty"
        if size == FINISHED:
            return at, "finished"
        if size > JOURNAL_FRAME_BYTES_MAX:
            return at, "corrupt"
        begin = at + FRAME_HEAD_BYTES
        end = begin + size
        if end > length:
            return at, "cut"
        frame = chunk[begin:end]
        if crc32(frame) != checksum:
            return at, "corrupt"
        frames.append(frame)
        at = (end + 3) & ~3
    # The mark of a finished segment is four bytes, with nothing after it when that was closed.
    tail = chunk[at : at + FINISH_BYTES]
    if tail == _FINISH_MARK:
        return at, "finished"
    if tail == bytes(FINISH_BYTES):
        return at, "empty"
    return min(at, length), "cut"


class JournalFolders:
    """All journals below `root`, as the clerk keeps house of them."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._claim_fd: int | None = None

    def claim(self) -> bool:
        """Be the one who posts and deletes; False while another process is."""
        if self._claim_fd is not None:
            return True
        try:
            self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
            fd = os.open(self._root / CLAIM_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _unreadable(self._root, error) from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return False
        self._claim_fd = fd
        return True

    def release(self) -> None:
        """Let another process claim them."""
        if self._claim_fd is not None:
            os.close(self._claim_fd)
            self._claim_fd = None

    def workers(self) -> list[str]:
        """The names of the workers that left anything, the oldest first."""
        try:
            with os.scandir(self._root) as entries:
                names = [
                    entry.name
                    for entry in entries
                    if not entry.name.startswith(UNBORN_PREFIX) and entry.is_dir()
                ]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise _unreadable(self._root, error) from error
        return sorted(names, key=_age_of_worker)

    def reader(self, worker: str, position: Position = START) -> JournalReader:
        """A reader of one worker's journal."""
        return JournalReader(self._root / worker, position)

    def delete_before(self, worker: str, segment: int) -> None:
        """Delete the segments that come before `segment`."""
        folder = self._root / worker
        for number in segment_numbers(folder):
            if number < segment:
                (folder / segment_name(number)).unlink(missing_ok=True)

    def delete(self, worker: str) -> bool:
        """Delete a dead worker's folder; whether it is gone."""
        folder = self._root / worker
        shutil.rmtree(folder, ignore_errors=True)
        return not folder.exists()

    def sweep(self) -> None:
        """Delete folders whose makers died before they had a name."""
        for folder in self._root.glob(f"{UNBORN_PREFIX}*/"):
            _delete_unborn(folder)


def _delete_unborn(folder: Path) -> None:
    """Delete a folder while holding its lock: its maker, if it lives, then makes it again."""
    lock = folder / LOCK_NAME
    with contextlib.suppress(OSError):
        if lock.exists():
            fd = os.open(lock, os.O_RDWR | os.O_CLOEXEC)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                lock.unlink()
            finally:
                os.close(fd)
        folder.rmdir()


def _age_of_worker(name: str) -> tuple[int, str]:
    """Order by the start that is in the name."""
    parts = name.split("-")
    try:
        return int(parts[1], 16), name
    except (IndexError, ValueError):
        return 0, name


def _unreadable(folder: Path, error: OSError) -> StorageError:
    return StorageError(
        f"the journals in {folder} can't be read: {error.strerror or error}",
        fix="let the user that runs faregate read and write the data folder",
    )
