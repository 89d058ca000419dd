"""The child process says its port, and goes with its parent."""

import json
import subprocess
import sys

PROGRAM = [sys.executable, "-m", "faregate.simulator"]


def test_it_ends_with_its_standard_input():
    child = subprocess.Popen(PROGRAM, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdin is not None
    assert json.loads(child.stdout.readline())["port"] > 0
    child.stdin.close()
    assert child.wait(10) == 0
    child.stdout.close()


def test_a_mistake_is_one_line():
    made = subprocess.run(
        [*PROGRAM, "--script", "nonsense=1"], capture_output=True, text=True, timeout=20
    )
    assert made.returncode == 1
    assert made.stderr.startswith("error: The simulator has no option 'nonsense'.")
    assert made.stderr.count("\n") == 1
