"""Ending with the parent: even when it is killed, or when it says so."""

import ctypes
import json
import os
import signal
import socket
import sys
from typing import Final

_PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h


def end_with_parent(parent_pid: int) -> None:
    """Have the kernel kill this process when its parent dies; Linux only.

    `parent_pid` is the parent that started it: where that one died before the kernel was asked,
    this process ends right here.
    """
    if not sys.platform.startswith("linux"):
        return
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent_pid:
        os._exit(1)


def wait_for_drain(control: socket.socket) -> None:
    """Return at a drain, or when the supervisor is gone; closes `control`."""
    with control, control.makefile("rb") as messages:
        for line in messages:
            if json.loads(line).get("type") == "drain":
                return
