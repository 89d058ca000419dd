"""Four workers on the same limits: none is ever exceeded by one, and all are used."""

import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

import pytest
from tests.limits.oracles import most_in_a_window
from tests.tally.load_program import SLOTS, limits
from tests.valkey import ValkeyServer

PROGRAM = Path(__file__).with_name("load_program.py")
WORKERS = 4
WARM_S = 1.0  # the first windows fill
SECOND_NS = 1_000_000_000


def run_load(url: str, seconds: float, maximum: int) -> tuple[float, dict]:
    begin = time.monotonic() + 1.5
    processes = [
        subprocess.Popen(
            [sys.executable, PROGRAM, url, f"w{n}", str(begin), str(seconds), str(maximum)],
            stdout=subprocess.PIPE,
            text=True,
            env={"PYTHONPATH": str(Path(__file__).parents[2])},
        )
        for n in range(WORKERS)
    ]
    taken = defaultdict(list)
    for process in processes:
        output, _ = process.communicate(timeout=seconds + 30)
        assert process.returncode == 0
        for line in output.splitlines():
            name, *numbers = line.split()
            taken[name].append(tuple(map(int, numbers)))
    return begin, {name: sorted(entries) for name, entries in taken.items()}


def most_at_once(calls: list[tuple[int, int, int]]) -> int:
    changes = [(at, 1) for at, _, _ in calls] + [(end, -1) for _, _, end in calls]
    most = running = 0
    for _, change in sorted(changes):
        running += change
        most = max(most, running)
    return most


def check_load(url: str, seconds: float, maximum: int) -> None:
    begin, taken = run_load(url, seconds, maximum)
    questions = sum(entry[0] for entry in taken.pop("questions"))
    total = sum(map(len, taken.values()))
    print(f"\n{total} admissions, {questions} of them asked the server")
    first = int((begin + WARM_S) * 1e9)
    last = int((begin + seconds) * 1e9)
    shares = {}
    for spec in limits(maximum)[:-1]:
        entries = [(at, cost) for at, cost, _ in taken[spec.name]]
        most = most_in_a_window(entries, SECOND_NS)
        used = sum(cost for at, cost in entries if first <= at < last)
        shares[spec.name] = used / (spec.maximum * (seconds - WARM_S))
        allowed = spec.maximum + (spec.burst or 0)
        print(f"{spec.name}: at most {most} of {allowed} in a window, {shares[spec.name]:.1%} used")
        assert most <= allowed
    most = most_at_once(taken["calls"])
    busy = sum(end - at for at, _, end in taken["calls"]) / (seconds * SECOND_NS * SLOTS)
    print(f"calls: at most {most} of {SLOTS} at once, {busy:.1%} busy")
    assert most <= SLOTS
    assert {name: share for name, share in shares.items() if share < 0.97} == {}


def test_no_window_holds_more_and_all_is_used(valkey: ValkeyServer):
    check_load(valkey.url, 4.0, 1_000)
    assert valkey.client().dbsize() > 0


@pytest.mark.soak
@pytest.mark.parametrize("maximum", [200, 1_000, 3_000])
def test_no_window_holds_more_for_long(valkey: ValkeyServer, maximum: int):
    check_load(valkey.url, 30.0, maximum)
    assert valkey.client().dbsize() > 0
