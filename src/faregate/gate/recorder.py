"""Writes the frames of calls to the journal, which may be full."""

import logging
from collections import deque
from typing import Final, Literal

from faregate.calllog.frames import Frame, encode_frame
from faregate.gate.ports import Journal, JournalFull

_log = logging.getLogger(__name__)
_HELD_BACK_MAX: Final = 10_000  # frames in memory while the disk is full


class Recorder:
    """One worker's way to its journal.

    `when_full` says whether calls are refused or served unrecorded while the disk is full.
    """

    def __init__(self, journal: Journal, when_full: Literal["refuse", "serve"]) -> None:
        self._journal = journal
        self.when_full = when_full
        self.full = False
        self.frames_dropped = 0
        self._held_back: deque[bytes] = deque()

    def begins(self, frame: Frame) -> bool:
        """Record a call that is about to be sent; False: there is no room."""
        try:
            self._journal.append(encode_frame(frame))
        except JournalFull:
            self._is_full()
            return False
        if self.full:
            self._has_room()
        return True

    def ends(self, frame: Frame) -> None:
        """Record what can't be undone; kept in memory while there is no room."""
        data = encode_frame(frame)
        try:
            self._journal.append(data)
        except JournalFull:
            self._is_full()
            self._hold_back(data)

    def _hold_back(self, data: bytes) -> None:
        if len(self._held_back) < _HELD_BACK_MAX:
            self._held_back.append(data)
        else:
            self.frames_dropped += 1

    def retry(self) -> None:
        """Write what was held back; called about once a second."""
        while self._held_back:
            try:
                self._journal.append(self._held_back[0])
            except JournalFull:
                return
            self._held_back.popleft()
            if self.full:
                self._has_room()

    def _is_full(self) -> None:
        if not self.full:
            self.full = True
            what = "calls are refused" if self.when_full == "refuse" else "calls go unrecorded"
            _log.error("the journal has no room: %s until the disk has space", what)

    def _has_room(self) -> None:
        self.full = False
        _log.warning("the journal has room again; %d frames were dropped", self.frames_dropped)

    def close(self) -> None:
        """Write what can be written, and close."""
        self.retry()
        if self._held_back:
            _log.error("%d frames could not be written", len(self._held_back))
        self._journal.close()
