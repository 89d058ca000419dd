"""What the benchmark is to show: each goal next to what was measured in the same run."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from calls import (
    CALL,
    CALL_ANTHROPIC,
    CALL_GEMINI,
    REFUSALS,
    STREAM,
    STREAM_ANTHROPIC,
    STREAM_GEMINI,
)
from vendor import EVENTS_PER_CALL

_MIB = 2**20


class Rows(Protocol):
    """The results as goals look at them."""

    def cost_us(self, candidate: str, kind: str) -> float | None:
        """Median of the CPU time of a call; None where it wasn't measured."""

    def rest_bytes(self) -> int | None:
        """Memory of a gate worker at rest."""

    def start_s(self) -> float | None:
        """Time from start to ready."""


@dataclass(frozen=True)
class Goal:
    """A number that is to be small, and what it is."""

    what: str
    measured: float
    unit: str
    # What is aimed for, and what must not be exceeded.
    aim: float | None
    most: float | None

    @property
    def verdict(self) -> str:
        """In a word."""
        if self.most is not None and self.measured > self.most:
            return "**missed**"
        if self.aim is not None and self.measured > self.aim:
            return "within the most, not the goal"
        return "met"

    @property
    def cells(self) -> list[str]:
        """As a line of the table."""
        told = (self._told(value) for value in (self.measured, self.aim, self.most))
        return [self.what, *told, self.verdict]

    def _told(self, value: float | None) -> str:
        digits = {"×": 2, "µ": 1}.get(self.unit[0], 0)
        return "" if value is None else f"{value:.{digits}f} {self.unit}"


def goals(rows: Rows) -> list[Goal]:
    """Those whose rows were measured in this run."""
    return [*_ratios(rows), *_translations(rows), *_others(rows)]


def _ratios(rows: Rows) -> Iterator[Goal]:
    compared: Iterable[tuple[str, str, str, str, float | None, float]] = (
        ("A call with everything on", "faregate", CALL.name, "nginx", 2.8, 4.0),
        ("The same, next to Envoy", "faregate", CALL.name, "envoy", None, 1.0),
        (
            "The same with PostgreSQL and Valkey, next to without",
            *("faregate-shared", CALL.name, "faregate", None, 1.2),
        ),
        *(
            (f"Refusal {kind.status} ({kind.name}){among}", name, kind.name, "nginx", None, 1.7)
            for name, among in (("faregate", ""), ("faregate-shared", ", PostgreSQL and Valkey"))
            for kind in REFUSALS
        ),
        ("An event of a stream", "faregate", STREAM.name, "nginx", 1.4, 2.0),
    )
    for what, candidate, kind, base, aim, most in compared:
        # A refusal is compared to the call that nginx relays.
        base_kind = STREAM.name if kind == STREAM.name else CALL.name
        cost, base_cost = rows.cost_us(candidate, kind), rows.cost_us(base, base_kind)
        if cost is not None and base_cost:
            yield Goal(what, cost / base_cost, f"× {base}", aim, most)


def _translations(rows: Rows) -> Iterator[Goal]:
    """What a translation adds to the same call with equal dialects."""
    nginx, call = rows.cost_us("nginx", CALL.name), rows.cost_us("faregate", CALL.name)
    stream = rows.cost_us("faregate", STREAM.name)
    among = (
        ("Anthropic", CALL_ANTHROPIC, STREAM_ANTHROPIC),
        ("Gemini", CALL_GEMINI, STREAM_GEMINI),
    )
    for vendor, call_kind, stream_kind in among:
        cost = rows.cost_us("faregate", call_kind.name)
        if cost is not None and call is not None and nginx:
            what = f"A call translated, OpenAI -> {vendor}: more than with equal dialects"
            yield Goal(what, (cost - call) / nginx, "× nginx", None, 2.0)
        cost = rows.cost_us("faregate", stream_kind.name)
        if cost is not None and stream is not None:
            what = f"An event translated, OpenAI -> {vendor}: more than with equal dialects"
            yield Goal(what, (cost - stream) / EVENTS_PER_CALL, "µs", None, 15)


def _others(rows: Rows) -> Iterator[Goal]:
    if (rest_bytes := rows.rest_bytes()) is not None:
        yield Goal("Memory of a gate worker at rest", rest_bytes / _MIB, "MiB", None, 100)
    if (start_s := rows.start_s()) is not None:
        yield Goal("Start to ready", start_s * 1000, "ms", None, 1000)
