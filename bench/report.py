"""The results as values, and as the text of RESULTS.md."""

import statistics
from dataclasses import dataclass, field
from pathlib import Path

import load
import machine
from footprint import Footprint
from goals import goals
from load import Round
from vendor import EVENTS_PER_CALL

_ALL = "key, alias, two limits, two budgets, wallet, price, usage, journal, metrics, ledger, clerk"
_TITLES = {
    ("nginx", "call"): "nginx proxy_pass, no logic",
    ("envoy", "call"): "Envoy, one worker, plain proxy, no logic",
    ("faregate", "call"): f"**Faregate**: {_ALL}",
    ("faregate-shared", "call"): "**Faregate**: the same, ledger in PostgreSQL, limits in Valkey",
    ("faregate", "call-anthropic"): "Faregate, OpenAI -> Anthropic",
    ("faregate", "call-gemini"): "Faregate, OpenAI -> Gemini",
    ("faregate", "call-routed"): (
        "Faregate, equal dialects, a route of three healthy targets (weighted)"
    ),
    ("faregate", "unknown-model"): "Faregate, refusal 404 (unknown model)",
    ("faregate", "unknown-key"): "Faregate, refusal 401 (unknown key)",
    ("faregate", "unpaid"): "Faregate, refusal 402 (wallet empty)",
    ("faregate", "limited"): "Faregate, refusal 429 (limit used up)",
    ("faregate-shared", "unpaid"): "the same, refusal 402, ledger in PostgreSQL",
    ("faregate-shared", "limited"): "the same, refusal 429, limits in Valkey",
    ("litellm", "call"): "LiteLLM proxy, one worker, no database",
    ("portkey", "call"): "Portkey gateway (Node.js)",
    ("nginx", "stream"): "nginx proxy_pass, proxy_buffering off",
    ("envoy", "stream"): "Envoy, one worker, plain proxy",
    ("faregate", "stream"): "**Faregate**: events counted, usage read, holds and charges",
    ("faregate", "stream-anthropic"): "Faregate, OpenAI -> Anthropic",
    ("faregate", "stream-gemini"): "Faregate, OpenAI -> Gemini",
}
_OTHERS = {
    "faregate": "the supervisor, and the clerk, which reads the journal behind the calls",
    "faregate-shared": "the supervisor, the clerk, PostgreSQL and Valkey",
}
_MIB = 2**20
_PROJECT = Path(__file__).resolve().parent.parent
# Beyond it a row is said to be disturbed; interrupts and the idle candidates take a few percent.
_DISTURBED_SHARE = 0.08


@dataclass
class Row:
    """One candidate under one kind of call, and its rounds."""

    stage: str
    candidate: str
    kind: str
    rounds: list[Round] = field(default_factory=list)

    @property
    def title(self) -> str:
        """What stands in the first column."""
        return _TITLES.get((self.candidate, self.kind), f"{self.candidate}, {self.kind}")

    def median(self, name: str) -> float:
        """Median over the rounds of a field of `Round`."""
        values: list[float] = [getattr(round_, name) for round_ in self.rounds]
        return statistics.median(values)


@dataclass(frozen=True)
class Added:
    """Latency through a candidate, and how much of it the candidate added."""

    candidate: str
    connections: int
    rate: float
    p50_us: float
    p99_us: float
    p50_added_us: float
    p99_added_us: float


@dataclass
class Results:
    """All that one run found."""

    rounds: int
    seconds: int
    rows: list[Row] = field(default_factory=list)
    latencies: list[Added] = field(default_factory=list)
    footprints: list[Footprint] = field(default_factory=list)
    starts: list[float] = field(default_factory=list)
    # What the ledgers say of the calls.
    charged: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds_in_all: float = 0.0
    # Whether Faregate was there to be measured.
    measured_faregate: bool = False

    def note(self, text: str) -> None:
        """Keep a note once, without the folder that this machine keeps the project in."""
        text = text.replace(f"{_PROJECT}/", "")
        if text not in self.notes:
            self.notes.append(text)

    def row(self, candidate: str, kind: str) -> Row | None:
        """The row of a candidate and a kind that has been measured."""
        for row in self.rows:
            if (row.candidate, row.kind) == (candidate, kind) and row.rounds:
                return row
        return None

    def cost_us(self, candidate: str, kind: str) -> float | None:
        """Median of the CPU time of a call; None where it wasn't measured."""
        row = self.row(candidate, kind)
        return row.median("cpu_us_per_call") if row is not None else None

    def rest_bytes(self) -> int | None:
        """Memory of a gate worker at rest."""
        return self.footprints[0].memory.rss_bytes if self.footprints else None

    def start_s(self) -> float | None:
        """Time from start to ready."""
        return statistics.median(self.starts) if self.starts else None


def markdown(results: Results) -> str:
    """The whole report."""
    parts = [
        "# Results",
        f"{machine.today()}; {machine.description()}.",
        f"Written by `bench/run.py` in {results.seconds_in_all:.0f} s: medians of {results.rounds} "
        f"rounds of {results.seconds} s, the rows taken in turn. The method is in "
        "[README.md](README.md). Machines differ and one machine drifts within the hour: "
        "compare ratios within this run only.",
        *_goals(results),
        *_calls(results),
        *_streams(results),
        *_latencies(results),
        *_footprints(results),
        *_starts(results),
    ]
    for row in results.rows:
        others = row.median("gateway_core_share") - row.median("gateway_share")
        if others > _DISTURBED_SHARE:
            results.note(
                f"{row.candidate}, {row.kind}: others had {others:.0%} of the gateway's core: "
                "this machine was not quiet"
            )
    if results.notes:
        parts += ["## Notes", "\n".join(f"- {note}" for note in results.notes)]
    return "\n\n".join(parts) + "\n"


def _table(head: list[str], lines: list[list[str]]) -> str:
    rule = ["---"] + ["---:"] * (len(head) - 1)
    return "\n".join("| " + " | ".join(line) + " |" for line in [head, rule, *lines])


def _ratio(row: Row, results: Results, kind: str) -> str:
    base = results.row("nginx", kind)
    if base is None:
        return "-"
    return f"{row.median('cpu_us_per_call') / base.median('cpu_us_per_call'):.2f}"


def _shares(row: Row) -> list[str]:
    names = ("gateway_share", "gateway_core_share", "load_core_share")
    return [f"{row.median(name):.0%}" for name in names]


def _goals(results: Results) -> list[str]:
    lines = [goal.cells for goal in goals(results)]
    if not lines:
        return []
    return [
        "## Goals",
        _table(["", "measured", "goal", "at most", ""], lines),
    ]


def _calls(results: Results) -> list[str]:
    rows = [row for row in results.rows if row.stage == "calls" and row.rounds]
    if not rows:
        return []
    lines = []
    for row in rows:
        costs = [round_.cpu_us_per_call for round_ in row.rounds]
        lines.append(
            [
                row.title,
                f"{row.median('cpu_us_per_call'):.1f}",
                f"{min(costs):.1f}-{max(costs):.1f}",
                _ratio(row, results, "call"),
                f"{row.median('calls_per_second'):,.0f}",
                *_shares(row),
            ]
        )
    head = ["Gateway", "CPU µs a call", "rounds", "× nginx", "calls/s"]
    parts = [
        "## CPU time per call",
        "POST /v1/chat/completions, 250-byte request, 440-byte reply, "
        f"{load.CONNECTIONS} connections.",
        _table([*head, "gateway", "its core", "load's core"], lines),
    ]
    for name, others in _OTHERS.items():
        row = results.row(name, "call")
        if row is not None:
            parts.append(
                f"Beside the gate of {name}, its other processes took "
                f"{row.median('clerk_us_per_call'):.1f} µs a call until all was posted to the "
                f"ledger ({others}; on the load's core)."
            )
    if results.charged:
        parts.append(
            "Every call of these rows was charged to the wallet. " + " ".join(results.charged)
        )
    return parts


def _streams(results: Results) -> list[str]:
    rows = [row for row in results.rows if row.stage == "streams" and row.rounds]
    if not rows:
        return []
    lines = []
    for row in rows:
        costs = [round_.cpu_us_per_call / EVENTS_PER_CALL for round_ in row.rounds]
        lines.append(
            [
                row.title,
                f"{statistics.median(costs):.1f}",
                f"{min(costs):.1f}-{max(costs):.1f}",
                _ratio(row, results, "stream"),
                f"{row.median('calls_per_second') * EVENTS_PER_CALL:,.0f}",
                *_shares(row),
            ]
        )
    head = ["Gateway", "CPU µs an event", "rounds", "× nginx", "events/s"]
    return [
        "## CPU time per streamed event",
        f"{EVENTS_PER_CALL} events of 260 bytes a call, 2 ms apart, {load.CONNECTIONS} streams; "
        "the cost of the call itself is shared among its events.",
        _table([*head, "gateway", "its core", "load's core"], lines),
    ]


def _latencies(results: Results) -> list[str]:
    if not results.latencies:
        return []
    lines = [
        [
            f"{added.candidate}, {added.connections} connection{'s'[: added.connections > 1]}",
            f"{added.rate:,.0f}",
            f"{added.p50_us:,.0f}",
            f"{added.p99_us:,.0f}",
            "" if added.candidate == "direct" else f"{added.p50_added_us:,.0f}",
            "" if added.candidate == "direct" else f"{added.p99_added_us:,.0f}",
        ]
        for added in results.latencies
    ]
    return [
        "## Added latency",
        "At a steady rate, half of Faregate's maximum (one connection: 500 a second); "
        "added: the percentile's difference to calls straight to the upstream.",
        _table(["", "calls/s", "p50 µs", "p99 µs", "p50 added µs", "p99 added µs"], lines),
    ]


def _footprints(results: Results) -> list[str]:
    if not results.footprints:
        return []
    lines = [
        [
            found.state,
            f"{found.memory.rss_bytes / _MIB:.1f}",
            f"{found.memory.pss_bytes / _MIB:.1f}",
        ]
        for found in results.footprints
    ]
    return ["## Memory of a gate worker", _table(["", "RSS MiB", "PSS MiB"], lines)]


def _starts(results: Results) -> list[str]:
    if not results.starts:
        return []
    seconds = statistics.median(results.starts)
    return [
        "## Start-up",
        f"From the start of `faregate serve` to /readyz 200: {seconds * 1000:.0f} ms, median of "
        f"{len(results.starts)} ({min(results.starts) * 1000:.0f}-"
        f"{max(results.starts) * 1000:.0f}); without a local model.",
    ]
