"""The benchmark: `python bench/run.py` measures everything and writes bench/RESULTS.md.

`--peers` adds LiteLLM and Portkey. `--stages`, `--only`, `--rounds` and `--seconds` take a part,
which is printed but not written. See bench/README.md for what is measured and why so.
"""

import argparse
import contextlib
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import gateways
import load
import machine
import paced
import processes
import report
import vendor
from books import Books, agreed
from calls import (
    CALL,
    CALLS_ELSEWHERE,
    LIMITED,
    REFUSALS,
    STREAM,
    STREAMS_ELSEWHERE,
    UNPAID,
    Kind,
)
from faregate_gate import Installation
from footprint import footprints
from paced import Latency
from processes import Candidate
from report import Added, Results, Row
from stores import stores
from unavailable import Unavailable

STAGES = ("startup", "memory", "calls", "refusals", "streams", "latency")
COMPARED = ("nginx", "envoy", "faregate")
PLAIN = (*COMPARED, "faregate-shared")
PEERS = ("litellm", "portkey")
RESULTS = Path(__file__).resolve().parent / "RESULTS.md"

STARTS = 5
WARM_SECONDS = 1
LATENCY_CONNECTIONS = (1, 64, 512)
# One caller after the other: slow enough that calls hardly ever meet.
LATENCY_RATE_SINGLE = 500.0
# Where the maximum wasn't measured in this run.
LATENCY_RATE_DEFAULT = 5_000.0


def main() -> int:
    """Measure what was asked for; returns the exit status."""
    arguments = _arguments()
    try:
        with processes.alone():
            return _run(arguments)
    except Unavailable as unavailable:
        print(f"error: {unavailable}", file=sys.stderr)
        return 1


def _run(arguments: argparse.Namespace) -> int:
    if not {machine.GATEWAY_CORE, machine.LOAD_CORE} <= os.sched_getaffinity(0):
        print("error: two cores are needed, one for the gateway and one for the load")
        return 1
    os.sched_setaffinity(0, {machine.LOAD_CORE})
    machine.raise_open_files(20_000)
    results = Results(arguments.rounds, arguments.seconds)
    if missing := processes.missing({"nginx": "nginx", "wrk": "wrk", "cc": "gcc"}):
        print(f"not measured for want of tools: apt-get install {' '.join(missing)}")
    began = time.monotonic()
    with _noted(results), contextlib.ExitStack() as stack:
        _measure(arguments, stack.enter_context(vendor.upstream()), results, stack)
    results.seconds_in_all = time.monotonic() - began
    text = report.markdown(results)
    print(text)
    if "faregate" in arguments.only and not results.measured_faregate:
        print("error: Faregate could not be measured; see the notes", file=sys.stderr)
        return 1
    if arguments.write and not missing:
        RESULTS.write_text(text)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure Faregate beside others.")
    parser.add_argument("--peers", action="store_true", help="LiteLLM and Portkey as well")
    parser.add_argument("--stages", type=_names(STAGES), help=f"of {','.join(STAGES)}")
    parser.add_argument("--only", type=_names(PLAIN + PEERS), help=f"of {','.join(PLAIN + PEERS)}")
    parser.add_argument("--rounds", type=int, default=3, help="of which the median counts (3)")
    parser.add_argument("--seconds", type=int, default=5, help="of load in every round (5)")
    parser.add_argument("--write", action="store_true", help="write RESULTS.md from a part, too")
    arguments = parser.parse_args()
    if not arguments.stages and not arguments.only:
        arguments.write = True
    arguments.stages = arguments.stages or STAGES
    arguments.only = arguments.only or PLAIN + (PEERS if arguments.peers else ())
    return arguments


def _names(known: Sequence[str]) -> Callable[[str], tuple[str, ...]]:
    def parse(text: str) -> tuple[str, ...]:
        names = tuple(text.split(","))
        if unknown := [name for name in names if name not in known]:
            raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: not one of {', '.join(known)}")
        return names

    return parse


@contextlib.contextmanager
def _noted(results: Results) -> Iterator[None]:
    """What can't be measured here becomes a note, not the end of the run."""
    try:
        yield
    except Unavailable as unavailable:
        results.note(str(unavailable))


def _measure(
    arguments: argparse.Namespace,
    upstream_port: int,
    results: Results,
    stack: contextlib.ExitStack,
) -> None:
    stages = arguments.stages
    candidates: dict[str, Candidate] = {}
    if "faregate" in arguments.only:
        with _noted(results):
            installation = Installation(upstream_port)
            if "startup" in stages:
                _progress("start-up")
                results.starts = [installation.seconds_to_ready() for _ in range(STARTS)]
            candidates["faregate"] = stack.enter_context(installation.serve())
            results.measured_faregate = True
            if "memory" in stages:
                _progress("memory")
                results.footprints = footprints(candidates["faregate"])
    if "faregate-shared" in arguments.only:
        with _noted(results):
            shared = Installation(upstream_port, stack.enter_context(stores()))
            candidates["faregate-shared"] = stack.enter_context(shared.serve())
    for name in arguments.only:
        if not name.startswith("faregate"):
            with _noted(results):
                candidates[name] = stack.enter_context(getattr(gateways, name)(upstream_port))
    with _charged(candidates, results):
        _measure_load(arguments, candidates, results)
    if "latency" in stages:
        _measure_latency(arguments, upstream_port, candidates, results)


@contextlib.contextmanager
def _charged(candidates: dict[str, Candidate], results: Results) -> Iterator[None]:
    """Compare the ledgers with the calls of the block; rows that were not charged are dropped."""
    before: dict[str, Books] = {}
    for name, candidate in list(candidates.items()):
        if candidate.books is not None:
            try:
                before[name] = candidate.books()
            except Unavailable as unavailable:
                results.note(str(unavailable))
                del candidates[name]
    yield
    for name, books in before.items():
        _progress(f"ledger of {name}")
        candidate = candidates[name]
        try:
            assert candidate.books is not None
            results.charged.append(agreed(name, books, candidate.books(), candidate.served))
        except Unavailable as unavailable:
            results.note(str(unavailable))
            results.rows = [row for row in results.rows if row.candidate != name]


def _measure_load(
    arguments: argparse.Namespace, candidates: dict[str, Candidate], results: Results
) -> None:
    rows: list[tuple[str, Candidate, Kind]] = []
    # In the order that was asked for: the rounds go through all rows, again and again.
    named = [(name, candidates[name]) for name in arguments.only if name in candidates]
    # Others relay what they are given: they know nothing of a target's dialect.
    alone = [candidate for name, candidate in named if name == "faregate"]
    if "calls" in arguments.stages:
        rows += [("calls", candidate, CALL) for _, candidate in named]
        rows += [("calls", faregate, kind) for faregate in alone for kind in CALLS_ELSEWHERE]
    if "refusals" in arguments.stages:
        refused = {"faregate": REFUSALS, "faregate-shared": (UNPAID, LIMITED)}
        for name, candidate in named:
            rows += [("calls", candidate, kind) for kind in refused.get(name, ())]
    if "streams" in arguments.stages:
        rows += [("streams", candidate, STREAM) for name, candidate in named if name in COMPARED]
        rows += [("streams", faregate, kind) for faregate in alone for kind in STREAMS_ELSEWHERE]
    for stage, candidate, kind in rows:
        with _noted(results):
            load.check(candidate, kind)
            load.full_load(candidate, kind, WARM_SECONDS)
            results.rows.append(Row(stage, candidate.name, kind.name))
    kinds = {(candidate.name, kind.name): (candidate, kind) for _, candidate, kind in rows}
    for number in range(arguments.rounds):
        for row in list(results.rows):
            _progress(f"round {number + 1}: {row.candidate}, {row.kind}")
            try:
                row.rounds.append(
                    load.full_load(*kinds[row.candidate, row.kind], arguments.seconds)
                )
            except Unavailable as unavailable:
                results.note(str(unavailable))
                results.rows.remove(row)


def _measure_latency(
    arguments: argparse.Namespace,
    upstream_port: int,
    candidates: dict[str, Candidate],
    results: Results,
) -> None:
    direct = Candidate("direct", upstream_port, upstream_port, list)
    compared = [direct] + [candidates[name] for name in COMPARED if name in candidates]
    full = results.row("faregate", CALL.name)
    rate = full.median("calls_per_second") / 2 if full else LATENCY_RATE_DEFAULT
    seconds = max(arguments.seconds / 2, 1.0)
    for connections in LATENCY_CONNECTIONS:
        pace = LATENCY_RATE_SINGLE if connections == 1 else rate
        found: dict[str, list[Latency]] = {candidate.name: [] for candidate in compared}
        for _ in range(arguments.rounds):
            for candidate in compared:
                _progress(f"latency at {connections} connections: {candidate.name}")
                with _noted(results):
                    found[candidate.name].append(paced.paced(candidate, connections, pace, seconds))
        for candidate in compared:
            if found[candidate.name] and found["direct"]:
                results.latencies.append(_added(candidate.name, connections, pace, found))


def _added(name: str, connections: int, rate: float, found: dict[str, list[Latency]]) -> Added:
    def median(of: str, field: str) -> float:
        values: list[float] = [getattr(latency, field) for latency in found[of]]
        return statistics.median(values)

    p50_us, p99_us = median(name, "p50_us"), median(name, "p99_us")
    return Added(
        name,
        connections,
        rate,
        p50_us,
        p99_us,
        p50_us - median("direct", "p50_us"),
        p99_us - median("direct", "p99_us"),
    )


def _progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
