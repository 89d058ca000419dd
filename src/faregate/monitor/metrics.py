"""What each process counts, and how several counts become one.

Contract: counting happens on the way of every call, so it is attributes, lists and dictionaries
of one process: no lock, no label object, no string building. Once a second `snapshot()` turns
the counts into plain lists that travel as JSON; `merge()` adds snapshots up. Counters of a dead
process are kept by whoever merges (`retire()`), so that no sum ever goes back.

Label values are bounded: a name that callers can choose (a model) is counted on its own up to a
bound, then as "other".
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from math import fsum
from typing import Any, Final, Literal, NamedTuple, get_args

from faregate.core.money import NANO
from faregate.ledger.events import EventKind

Type = Literal["counter", "gauge", "histogram"]
Snapshot = dict[str, dict[str, list[list[Any]]]]
"""{"counters" | "gauges" | "histograms": {metric: [[label values, value], ...]}}

The value of a histogram is [sum, count of each bucket ..., count above the last bound].
"""


class Metric(NamedTuple):
    """One metric as users see it; `merged` is how workers' gauges add up."""

    name: str
    type: Type
    labels: tuple[str, ...]
    help: str
    merged: Literal["sum", "min"] = "sum"


METRICS: Final[tuple[Metric, ...]] = (
    Metric(
        "faregate_calls_total", "counter", ("route", "outcome", "status"),
        "Calls that ended, by route, outcome (answered, refused, failed, cancelled) and HTTP "
        "status.",
    ),
    Metric("faregate_refusals_total", "counter", ("code",), "Refused calls, by refusal code."),
    Metric(
        "faregate_guesses_total", "counter", ("code",),
        "Keys, tokens and signatures that were sent and are none of this gateway's, by code.",
    ),
    Metric(
        "faregate_call_duration_seconds", "histogram", (),
        "Time from a call's first byte to the last byte of its reply.",
    ),
    Metric(
        "faregate_first_byte_seconds", "histogram", (),
        "Time from a call's first byte to the first byte of the upstream's reply.",
    ),
    Metric(
        "faregate_overhead_seconds", "histogram", (),
        "Time that the gate itself added to a call, waiting for the upstream left out.",
    ),
    Metric(
        "faregate_tokens_total", "counter", ("kind", "provider", "model"),
        "Tokens as providers count them; kind is input, output, cached or reasoning (cached is a "
        "part of input, reasoning a part of output).",
    ),
    Metric("faregate_stream_events_total", "counter", (), "Events of streams sent to callers."),
    Metric(
        "faregate_bytes_total", "counter", ("direction",),
        "Bytes of bodies received from callers and sent to them.",
    ),
    Metric(
        "faregate_connections", "gauge", ("state",),
        "Connections of callers: open, and active (a call is under way on it).",
    ),
    Metric("faregate_connections_accepted_total", "counter", (), "Connections that were accepted."),
    Metric(
        "faregate_upstream_connections", "gauge", ("provider", "state"),
        "Connections to providers: open, idle (a part of open), and calls waiting for one.",
    ),
    Metric(
        "faregate_upstream_failures_total", "counter", ("provider", "kind"),
        "Attempts at a provider that failed, by kind: a class of provider refusal or a refusal "
        "code.",
    ),
    Metric(
        "faregate_provider_events_total", "counter", ("provider", "kind"),
        "What became of accounts, by kind: benched, broken, back, breaker_opened, "
        "breaker_closed, balance_low, balance_out, balance_runs_out, budget_low, budget_out, "
        "budget_back.",
    ),
    Metric(
        "faregate_shadow_calls_total", "counter", ("model", "result"),
        "Copies of calls that were sent to a shadow model, by how they ended: ok, failed.",
    ),
    Metric(
        "faregate_configuration_revision", "gauge", (),
        "Revision of the configuration in use; the oldest, while workers differ.", "min",
    ),
    Metric("faregate_journal_full", "gauge", (), "Workers whose journal has no room left."),
    Metric(
        "faregate_journal_backlog_bytes", "gauge", (),
        "Bytes of the journals that the clerk has not read yet.",
    ),
    Metric("faregate_clerk_frames_total", "counter", (), "Journal frames that the clerk read."),
    Metric("faregate_clerk_calls_total", "counter", (), "Calls that the clerk stored."),
    Metric(
        "faregate_clerk_lost_calls_total", "counter", (),
        "Calls whose worker died before their end was known.",
    ),
    Metric(
        "faregate_clerk_damage_total", "counter", ("kind",),
        "Journal damage that the clerk met: torn (the end of a segment), corrupt (a frame), "
        "missing (a segment).",
    ),
    Metric(
        "faregate_clerk_failures_total", "counter", (),
        "Rounds of the clerk that failed, as with a full disk; each is tried again.",
    ),
    Metric(
        "faregate_clerk_pruned_calls_total", "counter", (),
        "Calls that left the store because they were too old or too many.",
    ),
    Metric(
        "faregate_charged_dollars_total", "counter", (),
        "What callers were charged for the calls that the clerk posted.",
    ),
    Metric(
        "faregate_cost_dollars_total", "counter", (),
        "What providers bill for them, where their prices are known.",
    ),
    Metric(
        "faregate_shortfall_dollars_total", "counter", (),
        "What calls cost beyond what was held for them and could be had: the operator bears it.",
    ),
    Metric(
        "faregate_ledger_events_total", "counter", ("kind",),
        "What happened in the ledger: budget_threshold, wallet_empty, credit_expired, "
        "worker_vanished, shortfall, provider_event.",
    ),
    Metric(
        "faregate_clerk_ledger_lag_seconds", "gauge", (),
        "How long charges may have been waiting for a ledger that can't be reached; 0 when it can.",
    ),
    Metric(
        "faregate_clerk_open_calls", "gauge", (), "Calls whose end the clerk has not read yet.",
    ),
    Metric(
        "faregate_limits_degraded", "gauge", (),
        "Workers that can't reach the counters of the limits that they share.",
    ),
    Metric(
        "faregate_workers", "gauge", ("role", "state"),
        "Processes, by role (gate, clerk, model, valkey) and state (starting, ready, draining, "
        "restarting).",
    ),
    Metric(
        "faregate_worker_restarts_total", "counter", ("role",),
        "Processes that died and were started again.",
    ),
    Metric("faregate_build_info", "gauge", ("version",), "Always 1; the version is its label."),
)  # fmt: skip

BUCKETS_S: Final = (
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
    1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0,
)  # fmt: skip
SERIES_MAX: Final = 500  # of one metric in one process, then "other"
OTHER: Final = "other"


class Histogram:
    """Durations by bucket; `BUCKETS_S` are upper bounds, inclusive.

    `observe(seconds)` only notes; they are sorted into buckets together when they are asked
    for, about once a second, which costs a tenth.
    """

    __slots__ = ("_counts", "_noted", "_total_s", "observe")

    def __init__(self) -> None:
        self._counts = [0] * (len(BUCKETS_S) + 1)
        self._total_s = 0.0
        self._noted: list[float] = []
        self.observe = self._noted.append

    @property
    def counts(self) -> list[int]:
        """Durations in each bucket, and above the last."""
        self._sort()
        return self._counts

    @property
    def total_s(self) -> float:
        """The sum of all durations."""
        self._sort()
        return self._total_s

    def _sort(self) -> None:
        noted = sorted(self._noted)
        self._noted.clear()
        self._total_s += fsum(noted)
        below = 0
        for place, bound in enumerate(BUCKETS_S):
            up_to = bisect_right(noted, bound)
            self._counts[place] += up_to - below
            below = up_to
        self._counts[-1] += len(noted) - below


class GateMetrics:
    """All that one gate worker counts, in place."""

    __slots__ = (
        "_calls", "_events", "_failures", "_guesses", "_note_duration", "_note_first_byte",
        "_note_overhead", "_refusals", "_shadows", "_tokens", "_upstreams",
        "bytes_received", "bytes_sent", "connections_accepted", "connections_active",
        "connections_open", "duration", "first_byte", "journal_full", "limits_degraded",
        "overhead", "revision",
        "stream_events",
    )  # fmt: skip

    def __init__(self) -> None:
        # For the life of the worker: these only grow.
        self.duration = Histogram()
        self.first_byte = Histogram()
        self.overhead = Histogram()
        self._note_duration = self.duration.observe
        self._note_first_byte = self.first_byte.observe
        self._note_overhead = self.overhead.observe
        self.stream_events = 0
        self.bytes_received = 0
        self.bytes_sent = 0
        self.connections_accepted = 0
        self._calls: dict[tuple[str, str, int], int] = {}
        self._refusals: dict[str, int] = {}
        self._guesses: dict[str, int] = {}
        self._tokens: dict[tuple[str, str], list[int]] = {}
        self._failures: dict[tuple[str, str], int] = {}
        self._events: dict[tuple[str, str], int] = {}
        self._shadows: dict[tuple[str, str], int] = {}
        # As things stand now.
        self.connections_open = 0
        self.connections_active = 0
        self.revision = 0
        self.journal_full = False
        self.limits_degraded = False
        self._upstreams: dict[str, tuple[int, int, int]] = {}

    def call_timed(self, total_s: float, first_byte_s: float, overhead_s: float) -> None:
        """Count the durations of one answered call."""
        self._note_duration(total_s)
        self._note_first_byte(first_byte_s)
        self._note_overhead(overhead_s)

    def call_ended(self, route: str, outcome: str, status: int) -> None:
        """Count a call; `route` is a name of ours, never a caller's path."""
        key = (route, outcome, status)
        try:
            self._calls[key] += 1
        except KeyError:
            if len(self._calls) >= SERIES_MAX:
                key = (OTHER, outcome, status // 100 * 100)
            self._calls[key] = self._calls.get(key, 0) + 1

    def call_refused(self, code: str) -> None:
        """Count a refusal by its code."""
        self._refusals[code] = self._refusals.get(code, 0) + 1

    def guessed(self, code: str) -> None:
        """Count credentials that are none of ours, by the refusal's code."""
        self._guesses[code] = self._guesses.get(code, 0) + 1

    def tokens_used(
        self,
        provider: str,
        model: str,
        input_tokens: int | None = None,
        output_tokens: int | None = None,
        cached_tokens: int | None = None,
        reasoning_tokens: int | None = None,
    ) -> None:
        """Add the usage of one call."""
        counts = self._tokens.get((provider, model))
        if counts is None:
            key = (provider, model) if len(self._tokens) < SERIES_MAX else (OTHER, OTHER)
            counts = self._tokens.setdefault(key, [0, 0, 0, 0])
        if input_tokens:
            counts[0] += input_tokens
        if output_tokens:
            counts[1] += output_tokens
        if cached_tokens:
            counts[2] += cached_tokens
        if reasoning_tokens:
            counts[3] += reasoning_tokens

    def upstream_failed(self, provider: str, kind: str) -> None:
        """Count an attempt that failed."""
        key = (provider, kind)
        if key not in self._failures and len(self._failures) >= SERIES_MAX:
            key = (OTHER, kind)
        self._failures[key] = self._failures.get(key, 0) + 1

    def provider_event(self, provider: str, kind: str) -> None:
        """Count what became of an account: benched, back, broken, running out."""
        key = (provider, kind)
        if key not in self._events and len(self._events) >= SERIES_MAX:
            key = (OTHER, kind)
        self._events[key] = self._events.get(key, 0) + 1

    def shadow_ended(self, model: str, result: str) -> None:
        """Count a copy of a call."""
        key = (model, result)
        if key not in self._shadows and len(self._shadows) >= SERIES_MAX:
            key = (OTHER, result)
        self._shadows[key] = self._shadows.get(key, 0) + 1

    def upstreams_are(self, states: Iterable[tuple[str, int, int, int]]) -> None:
        """Set each provider's (name, open connections, idle, waiting calls)."""
        self._upstreams = {name: (opened, idle, waiting) for name, opened, idle, waiting in states}

    def snapshot(self) -> Snapshot:
        """Everything as plain lists, ready for JSON."""
        return {
            "counters": {
                "faregate_calls_total": [
                    [[route, outcome, str(status)], count]
                    for (route, outcome, status), count in self._calls.items()
                ],
                "faregate_refusals_total": [[[code], n] for code, n in self._refusals.items()],
                "faregate_guesses_total": [[[code], n] for code, n in self._guesses.items()],
                "faregate_tokens_total": [
                    [[kind, provider, model], count]
                    for (provider, model), counts in self._tokens.items()
                    for kind, count in zip(_TOKEN_KINDS, counts, strict=True)
                ],
                "faregate_stream_events_total": [[[], self.stream_events]],
                "faregate_bytes_total": [
                    [["received"], self.bytes_received],
                    [["sent"], self.bytes_sent],
                ],
                "faregate_connections_accepted_total": [[[], self.connections_accepted]],
                "faregate_upstream_failures_total": [
                    [list(key), count] for key, count in self._failures.items()
                ],
                "faregate_shadow_calls_total": [
                    [list(key), count] for key, count in self._shadows.items()
                ],
                "faregate_provider_events_total": [
                    [list(key), count] for key, count in self._events.items()
                ],
            },
            "gauges": {
                "faregate_connections": [
                    [["open"], self.connections_open],
                    [["active"], self.connections_active],
                ],
                "faregate_upstream_connections": [
                    [[provider, state], count]
                    for provider, counts in self._upstreams.items()
                    for state, count in zip(_UPSTREAM_STATES, counts, strict=True)
                ],
                "faregate_configuration_revision": [[[], self.revision]],
                "faregate_journal_full": [[[], int(self.journal_full)]],
                "faregate_limits_degraded": [[[], int(self.limits_degraded)]],
            },
            "histograms": {
                "faregate_call_duration_seconds": [_histogram_row(self.duration)],
                "faregate_first_byte_seconds": [_histogram_row(self.first_byte)],
                "faregate_overhead_seconds": [_histogram_row(self.overhead)],
            },
        }


_TOKEN_KINDS: Final = ("input", "output", "cached", "reasoning")
_UPSTREAM_STATES: Final = ("open", "idle", "waiting")
_GAUGES_BY_MINIMUM: Final = frozenset(metric.name for metric in METRICS if metric.merged == "min")


def clerk_snapshot(counted: Mapping[str, int]) -> Snapshot:
    """The clerk's counters, by its names for them; a missing one is 0."""

    def row(name: str, *labels: str, scale: int = 1) -> list[Any]:
        number = counted.get(name, 0)
        return [list(labels), number if scale == 1 else number / scale]

    return {
        "counters": {
            "faregate_clerk_frames_total": [row("frames")],
            "faregate_clerk_calls_total": [row("calls")],
            "faregate_clerk_lost_calls_total": [row("lost_calls")],
            "faregate_clerk_failures_total": [row("failures")],
            "faregate_clerk_pruned_calls_total": [row("pruned_calls")],
            "faregate_clerk_damage_total": [
                row("torn_tails", "torn"),
                row("corrupt_frames", "corrupt"),
                row("missing_segments", "missing"),
            ],
            "faregate_charged_dollars_total": [row("charged_nano", scale=NANO)],
            "faregate_cost_dollars_total": [row("cost_nano", scale=NANO)],
            "faregate_shortfall_dollars_total": [row("shortfall_nano", scale=NANO)],
            "faregate_ledger_events_total": [row(kind, kind) for kind in get_args(EventKind)],
        },
        "gauges": {
            "faregate_clerk_open_calls": [row("open_calls")],
            "faregate_clerk_ledger_lag_seconds": [row("ledger_lag_ms", scale=1_000)],
            "faregate_journal_backlog_bytes": [row("backlog_bytes")],
        },
    }


def _histogram_row(histogram: Histogram) -> list[Any]:
    return [[], [histogram.total_s, *histogram.counts]]


def _merge_rows(name: str, rows: Iterable[list[Any]]) -> list[list[Any]]:
    merged: dict[tuple[str, ...], Any] = {}
    for labels, value in rows:
        key = tuple(labels)
        known = merged.get(key)
        if known is None:
            merged[key] = value
        elif isinstance(value, list):
            merged[key] = [a + b for a, b in zip(known, value, strict=True)]
        elif name in _GAUGES_BY_MINIMUM:
            merged[key] = min(known, value)
        else:
            merged[key] = known + value
    return [[list(key), value] for key, value in merged.items()]


def merge(snapshots: Iterable[Snapshot]) -> Snapshot:
    """One snapshot that adds all of them up."""
    gathered: dict[str, dict[str, list[list[Any]]]] = {}
    for snapshot in snapshots:
        for section, metrics in snapshot.items():
            names = gathered.setdefault(section, {})
            for name, rows in metrics.items():
                names.setdefault(name, []).extend(rows)
    return {
        section: {name: _merge_rows(name, rows) for name, rows in metrics.items()}
        for section, metrics in gathered.items()
    }


def retire(snapshot: Snapshot) -> Snapshot:
    """What stays of a process that died: its counts, not how it stood."""
    return {section: rows for section, rows in snapshot.items() if section != "gauges"}
