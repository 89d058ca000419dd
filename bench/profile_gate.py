"""Where the gate's microseconds go: `python bench/profile_gate.py` runs it under full load.

Two views of the same worker, one after the other:

- py-spy (installed into bench/.work at the first run) samples Python's frames from outside:
  lines by own time and functions by time in all. `--native` shows frames of C as well.
- perf, where it is installed, samples the processor: interpreter, libraries and kernel.

Shares, not microseconds: multiply by the row of `bench/run.py`.
"""

import argparse
import collections
import contextlib
import subprocess
import sys
from concurrent import futures
from pathlib import Path

import gateways
import load
import machine
import processes
import vendor
from calls import CALL, CALLS_ELSEWHERE, REFUSALS, STREAM, STREAMS_ELSEWHERE
from faregate_gate import Installation
from processes import Candidate
from stores import stores
from unavailable import Unavailable

_KINDS = {
    kind.name: kind for kind in (CALL, *CALLS_ELSEWHERE, STREAM, *STREAMS_ELSEWHERE, *REFUSALS)
}
_SAMPLES_PER_SECOND = 400
_LINES = 40
_SETTLE_SECONDS = 2


def main() -> int:
    """Profile what was asked for; returns the exit status."""
    parser = argparse.ArgumentParser(description="Profile the gate worker under load.")
    parser.add_argument("--kind", choices=_KINDS, default=CALL.name, help="what is called")
    parser.add_argument("--seconds", type=int, default=8, help="of each view (8)")
    parser.add_argument("--native", action="store_true", help="frames of C in py-spy's view")
    parser.add_argument("--shared", action="store_true", help="with PostgreSQL and Valkey")
    arguments = parser.parse_args()
    try:
        with processes.alone(), vendor.upstream() as port, contextlib.ExitStack() as stack:
            shared = stack.enter_context(stores()) if arguments.shared else None
            _profile(stack.enter_context(Installation(port, shared).serve()), arguments)
    except Unavailable as unavailable:
        print(f"error: {unavailable}", file=sys.stderr)
        return 1
    return 0


def _profile(candidate: Candidate, arguments: argparse.Namespace) -> None:
    kind = _KINDS[arguments.kind]
    load.check(candidate, kind)
    seconds = 2 * arguments.seconds + 3 * _SETTLE_SECONDS
    pid = candidate.pids()[0]
    with futures.ThreadPoolExecutor(1) as thread:
        loading = thread.submit(load.full_load, candidate, kind, seconds)
        print(_python_view(pid, arguments.seconds, arguments.native))
        print(_processor_view(pid, arguments.seconds))
        print(f"{loading.result().cpu_us_per_call:.1f} µs a call while it was watched")


def _python_view(pid: int, seconds: int, native: bool) -> str:
    program = gateways.environment("profiler", "py-spy", "py-spy")
    stacks = processes.RUN / "profile.txt"
    command = [str(program), "record", "--pid", str(pid), "--format", "raw", "--nonblocking"]
    command += ["--duration", str(seconds), "--rate", str(_SAMPLES_PER_SECOND)]
    command += ["--output", str(stacks), *(["--native"] if native else [])]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    if finished.returncode != 0:
        return f"py-spy: {(finished.stderr or finished.stdout).strip()[-300:]}"
    return _summary(stacks)


def _summary(stacks: Path) -> str:
    """Own and total shares of the frames in collapsed stacks (`a;b;c 12`)."""
    own: collections.Counter[str] = collections.Counter()
    total: collections.Counter[str] = collections.Counter()
    for line in stacks.read_text().splitlines():
        stack, _, count = line.rpartition(" ")
        frames = stack.split(";")
        own[frames[-1]] += int(count)
        for function in {frame.rpartition(":")[0] or frame for frame in frames}:
            total[function] += int(count)
    samples = own.total() or 1
    text = [f"-- Python, {samples} samples (stacks: {stacks}); own time by line:"]
    text += [f"{count / samples:7.1%}  {frame}" for frame, count in own.most_common(_LINES)]
    text += ["-- time in all, by function:"]
    text += [f"{count / samples:7.1%}  {frame}" for frame, count in total.most_common(_LINES)]
    return "\n".join(text)


def _processor_view(pid: int, seconds: int) -> str:
    try:
        perf = processes.needed("perf", "linux-perf")
    except Unavailable as unavailable:
        return str(unavailable)
    data = processes.RUN / "profile.perf"
    record = [perf, "record", "-q", "-e", "cpu-clock", "-F", "2000", "-p", str(pid)]
    record += ["-o", str(data), "--", "sleep", str(seconds)]
    subprocess.run(record, capture_output=True, check=False)
    text = [f"-- processor (samples: {data}); by program, then by symbol:"]
    for order in ("dso", "dso,symbol"):
        report = [perf, "report", "-i", str(data), "--stdio", "--sort", order]
        report += ["--percent-limit", "0.5"]
        finished = subprocess.run(report, capture_output=True, text=True, check=False)
        lines = [line for line in finished.stdout.splitlines() if line and line[0] != "#"]
        text += lines[:_LINES]
    return "\n".join(text)


if __name__ == "__main__":
    machine.raise_open_files(20_000)
    sys.exit(main())
