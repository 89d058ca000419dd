"""Child processes of tests: what is done in one ends with it, and one is killed by its id."""

import os
import signal
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
