"""A process that asked to end with its parent does, even when the parent is killed."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from faregate.supervisor.parentage import wait_for_drain

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a service of the Linux kernel")

CHILD = """
import os, sys, time
from faregate.supervisor.parentage import end_with_parent
end_with_parent(int(sys.argv[1]))
print(os.getpid(), flush=True)
time.sleep(60)
"""
PARENT = f"""
import os, subprocess, sys, time
subprocess.Popen([sys.executable, "-c", {CHILD!r}, str(os.getpid())])
time.sleep(60)
"""


def test_a_killed_parent_takes_the_child_along() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True)
    with parent:
        child = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 5
    while Path(f"/proc/{child}").exists() and _state(child) != "Z":
        assert time.monotonic() < deadline, "the child is still there"
        time.sleep(0.01)


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return "Z"


def test_a_parent_that_is_gone_already_counts() -> None:
    result = subprocess.run(
        [sys.executable, "-c", CHILD, str(os.getpid() + 1)], capture_output=True, timeout=20
    )
    assert result.returncode == 1
    assert result.stdout == b""


def test_a_drain_is_waited_for_past_all_else() -> None:
    ours, theirs = socket.socketpair()
    with ours:
        ours.sendall(b'{"type":"metrics"}\n{"type":"drain"}\n')
        wait_for_drain(theirs)
        assert theirs.fileno() == -1


def test_a_supervisor_that_is_gone_is_not_waited_for() -> None:
    ours, theirs = socket.socketpair()
    ours.sendall(b'{"type":"metrics"}\n')
    ours.close()
    wait_for_drain(theirs)
    assert theirs.fileno() == -1
