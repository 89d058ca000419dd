"""A timer with nanoseconds that an epoll loop can wait for.

epoll itself counts in milliseconds, which would send two hundred paced messages in one burst.
The standard library has timerfd from Python 3.13 on; this is the same system call.
"""

import ctypes
import os
import time

_CLOCK_MONOTONIC = 1
_TFD_NONBLOCK = 0o4000
_TFD_TIMER_ABSTIME = 1
_NS_PER_S = 1_000_000_000


class _TimeSpec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _TimerSpec(ctypes.Structure):
    _fields_ = (("interval", _TimeSpec), ("value", _TimeSpec))


_libc = ctypes.CDLL(None, use_errno=True)


class Timer:
    """A file descriptor that becomes readable at a moment of `time.monotonic_ns`."""

    def __init__(self) -> None:
        self._fd: int = _libc.timerfd_create(_CLOCK_MONOTONIC, _TFD_NONBLOCK)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        self._spec = _TimerSpec()
        self._reference = ctypes.byref(self._spec)

    def fileno(self) -> int:
        """The descriptor to register for reading."""
        return self._fd

    def set(self, moment_ns: int | None) -> None:
        """Become readable at `moment_ns` (now, where it has passed); None: never.

        What was readable before isn't any more: nothing has to be read.
        """
        if moment_ns is None:
            moment_ns = 0
        elif moment_ns <= (now_ns := time.monotonic_ns()):
            moment_ns = now_ns + 1
        self._spec.value.seconds, self._spec.value.nanoseconds = divmod(moment_ns, _NS_PER_S)
        _libc.timerfd_settime(self._fd, _TFD_TIMER_ABSTIME, self._reference, None)

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self._fd)
