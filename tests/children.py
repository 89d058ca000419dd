"""Child processes of tests: what is done in one ends with it, and one is killed by its id."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable


def in_child(work: Callable[[], None]) -> int:
    """Do `work` in a process of its own, which ends with it; gives its id."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(1)
    return child


def kill(child: int) -> None:
    """End a child without a chance, as the kernel does when there is no memory left."""
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def replacement_s_max() -> float:
    """Seconds that a worker may take to be replaced: a second, and what a busy machine adds.

    It adds what it takes to load a worker's code at this moment.
    """
    begun = time.monotonic()
    load = [sys.executable, "-O", "-P", "-c", "import faregate.gate.worker"]
    subprocess.run(load, check=True, timeout=60)
    return 1.0 + 3 * (time.monotonic() - begun)
