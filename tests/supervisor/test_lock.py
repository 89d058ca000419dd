"""One service a home: a second is told who holds it; no dead process ever does."""

import os
import subprocess
import sys

import pytest

from faregate.core.errors import FaregateError
from faregate.supervisor.lock import HomeLock, holder


def test_a_second_lock_is_an_error_that_names_the_process(tmp_path) -> None:
    lock = HomeLock(tmp_path)
    with pytest.raises(FaregateError, match=str(os.getpid())) as caught:
        HomeLock(tmp_path)
    assert "\n" not in caught.value.message
    assert caught.value.fix is not None
    lock.release()
    HomeLock(tmp_path).release()


def test_the_holder_says_what_it_is(tmp_path) -> None:
    assert holder(tmp_path) is None
    lock = HomeLock(tmp_path)
    lock.describe({"url": "http://127.0.0.1:8402", "longer": "x" * 100})
    lock.describe({"url": "http://127.0.0.1:1"})
    assert holder(tmp_path) == {"pid": os.getpid(), "url": "http://127.0.0.1:1"}
    lock.release()
    assert holder(tmp_path) is None


def test_a_killed_holder_holds_nothing(tmp_path) -> None:
    program = (
        "import sys, pathlib; from faregate.supervisor.lock import HomeLock;"
        f"lock = HomeLock(pathlib.Path({str(tmp_path)!r})); print('held', flush=True);"
        "sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout.readline() == "held\n"
        assert holder(tmp_path)["pid"] == process.pid
        process.kill()
    assert holder(tmp_path) is None
    HomeLock(tmp_path).release()
