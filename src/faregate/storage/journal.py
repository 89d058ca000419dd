"""The journal of one worker, as it writes it.

On disk
  A worker's folder is named `<index>-<start>-<process>` and is used by one process, once. It
  holds `lock`, held with flock for as long as the writer lives, and the segments
  `00000001.journal`, `00000002.journal` and so on. A segment begins with 16 bytes (magic,
  capacity, number); then come frames, each at a multiple of 4: u32 size, u32 CRC-32 of the
  payload, the payload. A size of 0 is where nothing is written yet; a size of 0xFFFFFFFF ends a
  finished segment. Numbers are in the byte order of the machine, which a journal doesn't leave.

Why nothing is lost when the process is killed
  Segments are mapped files: what is stored in the mapping belongs to the kernel, whatever
  becomes of the process. The payload and its checksum are stored first and the size last, by
  one aligned store of 32 bits, so that a frame is there wholly or not at all. Blocks are
  reserved before a segment is used: a full disk is an error of that reservation, never a
  signal in the middle of a store. No store is a system call.

The end of the disk
  A segment that is three quarters full has its successor made by a thread. Where that fails,
  the last quarter is kept for the ends of calls in flight, every other frame is refused with
  `JournalFull`, and the successor is tried again once a second at most.

Warning
  A file system that copies on write (btrfs, ZFS) can run out of room under a reserved block,
  and a segment that is truncated by hand under a running worker ends it with SIGBUS.
"""

import errno
import fcntl
import logging
import mmap
import os
import shutil
import struct
import threading
from collections import deque
from pathlib import Path
from typing import Final, Literal
from zlib import crc32

from faregate.calllog.frames import ends_call
from faregate.calllog.journal import SEGMENT_HEAD_BYTES, JournalFull
from faregate.core.bounds import JOURNAL_FRAME_BYTES_MAX, JOURNAL_SEGMENT_BYTES
from faregate.core.clock import Clock, SystemClock
from faregate.core.errors import StorageError

SEGMENT_MAGIC: Final = b"FGJRNL1\n"
SEGMENT_HEAD: Final = struct.Struct("=8sII")  # magic, capacity, number
SEGMENT_SUFFIX: Final = ".journal"
FRAME_HEAD_BYTES: Final = 8
FINISHED: Final = 0xFFFFFFFF
FINISH_BYTES: Final = 4
LOCK_NAME: Final = "lock"
UNBORN_PREFIX: Final = "."  # of a folder whose lock isn't held yet

SYNC_INTERVAL_S: Final = 0.1
RETRY_INTERVAL_S: Final = 1.0
_CLAIM_ATTEMPTS_MAX: Final = 10

SyncPolicy = Literal["call", "interval", "kernel"]

_log = logging.getLogger(__name__)


class FrameTooLarge(ValueError):  # noqa: N818 - named for what is wrong with the frame
    """The frame is empty or above the size that a journal takes."""


def name_worker(index: int, started_ns: int, pid: int) -> str:
    """The name of a worker's incarnation; none is ever used twice."""
    return f"{index}-{started_ns:x}-{pid}"


def segment_name(number: int) -> str:
    """The file name of a segment."""
    return f"{number:08d}{SEGMENT_SUFFIX}"


class _Segment:
    """One mapped file with its blocks reserved; its file bears no segment's name yet."""

    def __init__(self, folder: Path, number: int, capacity: int) -> None:
        self.number = number
        self.capacity = capacity
        self.path = folder / f"{number:08d}.preparing"
        self.path.unlink(missing_ok=True)
        self.fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(self.fd, 0, capacity)
            self.memory = mmap.mmap(self.fd, capacity, mmap.MAP_SHARED)
        except OSError:
            os.close(self.fd)
            self.path.unlink(missing_ok=True)
            raise
        # Stores of one aligned word: struct.pack_into would store byte by byte.
        self.words = memoryview(self.memory).cast("I")
        SEGMENT_HEAD.pack_into(self.memory, 0, SEGMENT_MAGIC, capacity, number)

    def publish(self) -> None:
        """Take its name, so that readers see it."""
        path = self.path.with_name(segment_name(self.number))
        self.path.rename(path)
        self.path = path

    def finish(self, at: int) -> None:
        """Mark that nothing follows in this segment."""
        self.words[at >> 2] = FINISHED

    def sync(self) -> None:
        """Wait until the disk has it."""
        os.fdatasync(self.fd)

    def close(self) -> None:
        self.words.release()
        self.memory.close()
        os.close(self.fd)


class JournalWriter:
    """Writes the journal of `worker` below `root`; a `Journal` of the gate.

    `append` and `close` are called from one thread. `sync`: "call" waits for the disk with each
    frame, "interval" syncs every 100 ms in a thread, "kernel" leaves it to the kernel. Raises
    `StorageError` where the folder can't be made; a full disk alone doesn't, it refuses frames.
    """

    def __init__(
        self,
        root: Path,
        worker: str,
        *,
        sync: SyncPolicy = "interval",
        segment_bytes: int = JOURNAL_SEGMENT_BYTES,
        clock: Clock | None = None,
    ) -> None:
        self.folder = root / worker
        self._segment_bytes = segment_bytes & ~3
        room = self._segment_bytes - SEGMENT_HEAD_BYTES - FRAME_HEAD_BYTES - FINISH_BYTES
        self._frame_bytes_max = min(JOURNAL_FRAME_BYTES_MAX, room)
        self._sync: SyncPolicy = sync
        self._sync_each = sync == "call"
        self._clock: Clock = clock or SystemClock()
        self._lock_fd = _claim_folder(root, worker)

        # The segment that is written. `_mark` is where `append` must stop and think: three
        # quarters, then the whole, and 0 as long as no successor can be made.
        self._segment: _Segment | None = None
        self._memory: mmap.mmap = mmap.mmap(-1, 4)
        self._words = memoryview(self._memory).cast("I")
        self._at = 0
        self._mark = 0

        # The successor, made under the lock by the thread or, where that is late, by `append`.
        self._lock = threading.Lock()
        self._next: _Segment | None = None
        self._number = 1
        self._retry_at = 0.0
        self._failure: OSError | None = None

        self._retired: deque[_Segment] = deque()
        self._wake = threading.Event()
        self._closing = False
        self._sync_failed = False
        self._make_room(0, b"")
        self._keeper = threading.Thread(target=self._keep, name="journal", daemon=True)
        self._keeper.start()

    @property
    def full(self) -> bool:
        """Whether frames are refused for want of room."""
        return self._failure is not None

    def append(self, frame: bytes) -> None:
        """Keep `frame`; it survives a kill of this process once this returns.

        Raises `JournalFull` where it can't be kept, `FrameTooLarge` where it never could.
        """
        size = len(frame)
        if not 0 < size <= self._frame_bytes_max:
            raise FrameTooLarge(f"{size} bytes; from 1 to {self._frame_bytes_max} are taken")
        at = self._at
        end = at + FRAME_HEAD_BYTES + size
        if end > self._mark:
            self._make_room(FRAME_HEAD_BYTES + size, frame)
            at = self._at
            end = at + FRAME_HEAD_BYTES + size
        # This order is the promise: see "Why nothing is lost" above.
        self._memory[at + FRAME_HEAD_BYTES : end] = frame
        word = at >> 2
        self._words[word + 1] = crc32(frame)
        self._words[word] = size
        self._at = (end + 3) & ~3
        if self._sync_each:
            self._sync_now()

    def close(self) -> None:
        """Sync, cut the last segment to what is used, let go of the lock."""
        if self._closing:
            return
        self._closing = True
        self._wake.set()
        self._keeper.join()
        if self._next is not None:
            self._next.path.unlink(missing_ok=True)
            self._next.close()
        if self._segment is not None:
            self._segment.finish(self._at)
            os.ftruncate(self._segment.fd, self._at + FINISH_BYTES)
            self._retire(self._segment)
        os.close(self._lock_fd)

    # -- room ------------------------------------------------------------------------------------

    def _make_room(self, needed: int, frame: bytes) -> None:
        """Called beyond the mark: see to it that `needed` bytes fit, or raise `JournalFull`."""
        with self._lock:
            if self._segment is not None and self._next is None and self._failure is None:
                self._wake.set()
                self._mark = self._hard_mark
            if self._failure is not None and self._clock.monotonic() >= self._retry_at:
                self._prepare()
            fits = self._segment is not None and self._at + needed <= self._hard_mark
            if fits and (self._failure is None or ends_call(frame)):
                return
            if self._next is None and self._failure is None:
                self._prepare()
            if self._next is None:
                if frame:
                    raise JournalFull from self._failure
                return
            self._roll(self._next)

    @property
    def _hard_mark(self) -> int:
        return self._segment_bytes - FINISH_BYTES

    def _prepare(self) -> None:
        """Make the successor, or note why it can't be made. Under the lock."""
        if self._next is not None:
            return
        try:
            self._next = _Segment(self.folder, self._number, self._segment_bytes)
        except OSError as error:
            self._fail(error)
        else:
            if self._failure is not None:
                _log.warning("the journal %s has room again", self.folder)
            self._failure = None
            self._number += 1
            self._mark = self._hard_mark if self._segment is not None else 0

    def _fail(self, error: OSError) -> None:
        if self._failure is None:
            reason = error.strerror or error
            _log.error("the journal %s takes no more calls: %s", self.folder, reason)
        self._failure = error
        self._retry_at = self._clock.monotonic() + RETRY_INTERVAL_S
        self._mark = 0

    def _roll(self, segment: _Segment) -> None:
        """Go on in the successor. Under the lock."""
        try:
            segment.publish()
        except OSError as error:
            self._fail(error)
            raise JournalFull from error
        self._next = None
        # The mark comes after the name: a reader that finds it finds the next segment as well.
        if self._segment is not None:
            self._segment.finish(self._at)
            self._retired.append(self._segment)
            self._wake.set()
        self._segment = segment
        self._memory = segment.memory
        self._words = segment.words
        self._at = SEGMENT_HEAD_BYTES
        self._mark = self._segment_bytes * 3 // 4

    # -- the disk --------------------------------------------------------------------------------

    def _keep(self) -> None:
        """The thread: syncs every 100 ms, closes what is finished, makes successors."""
        interval = SYNC_INTERVAL_S if self._sync == "interval" else None
        synced: tuple[int, int] | None = None
        while not self._closing:
            self._wake.wait(interval)
            self._wake.clear()
            while self._retired:
                self._retire(self._retired.popleft())
            segment, at = self._segment, self._at
            if interval is not None and segment is not None and (segment.number, at) != synced:
                self._sync_quietly(segment)
                synced = (segment.number, at)
            with self._lock:
                beyond = self._mark == self._hard_mark
                if not self._closing and self._segment is not None and beyond:
                    self._prepare()
        while self._retired:
            self._retire(self._retired.popleft())

    def _retire(self, segment: _Segment) -> None:
        if self._sync != "kernel":
            self._sync_quietly(segment)
        segment.close()

    def _sync_quietly(self, segment: _Segment) -> None:
        try:
            segment.sync()
        except OSError as error:
            if not self._sync_failed:
                _log.error("the journal %s can't be synced: %s", self.folder, error.strerror)
            self._sync_failed = True
        else:
            self._sync_failed = False

    def _sync_now(self) -> None:
        if self._segment is None:
            return
        try:
            self._segment.sync()
        except OSError as error:
            raise JournalFull from error


def _claim_folder(root: Path, worker: str) -> int:
    """Make the worker's folder with its lock held; gives the lock's descriptor.

    The folder takes its name once the lock is held, so nobody ever sees it with no owner. Until
    then the clerk may take it for a leftover and delete it: then it is made again.
    """
    unborn = root / f"{UNBORN_PREFIX}{worker}"
    for _ in range(_CLAIM_ATTEMPTS_MAX):
        fd = -1
        try:
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
            unborn.mkdir(mode=0o700, exist_ok=True)
            fd = os.open(unborn / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(fd, fcntl.LOCK_EX)
            unborn.rename(root / worker)
        except FileNotFoundError:
            if fd >= 0:
                os.close(fd)
        except OSError as error:
            if fd >= 0:
                os.close(fd)
            shutil.rmtree(unborn, ignore_errors=True)
            raise _unusable(root / worker, error) from error
        else:
            return fd
    raise StorageError(
        f"the journal folder {root / worker} can't be made: it is deleted again and again",
        fix="stop whatever deletes files below the data folder",
    )


def _unusable(folder: Path, error: OSError) -> StorageError:
    fix = "make the data folder writable for the user that runs faregate"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        fix = "free space on the disk of the data folder"
    elif error.errno in (errno.ENOTEMPTY, errno.EEXIST):
        fix = "every start of a worker needs a name of its own"
    return StorageError(
        f"the journal folder {folder} can't be made: {error.strerror or error}", fix=fix
    )
