"""LIMIT: too fast, too much, too many at once? Fails closed.

All limits of a call are taken, or none.

What a call takes is put back when a later step refuses it, so a refused call uses no limit; at
its end tokens are corrected by the usage, and calls at once come free.
"""

import math
from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache
from typing import Any, Final, Protocol

from faregate.core.errors import FaregateError
from faregate.core.refusals import Change, Fix, Refusal, refuse
from faregate.ledger.purses import Need
from faregate.limits.counters import ASK, NEVER, TAKEN, Counter, LimitSpec, LimitUnit
from faregate.policies.terms import Terms

_CODES: Final = {
    LimitUnit.REQUESTS: "rate_limited",
    LimitUnit.CONCURRENT: "concurrency_limited",
}
_WORDS: Final = {
    LimitUnit.REQUESTS: "requests",
    LimitUnit.INPUT_TOKENS: "input tokens",
    LimitUnit.OUTPUT_TOKENS: "output tokens",
    LimitUnit.TOKENS: "tokens",
    LimitUnit.CONCURRENT: "calls at once",
}
_CONCURRENCY_RETRY_S: Final = 1  # nobody knows when a call ends; one may end at once

# Requests, input tokens, output tokens, tokens and calls at once that one call counts for; the
# first place is that of money and stays empty.
Costs = tuple[int, int, int, int, int, int]
_ONE_REQUEST: Final[Costs] = (0, 1, 0, 0, 0, 1)
NO_COSTS: Final[Costs] = (0, 0, 0, 0, 0, 0)


class CallWithLimits(Protocol):
    """What this policy reads of a call, and what it sets."""

    terms: Terms
    limited_at: float  # when limits were taken, 0.0 before
    costs: Costs

    def estimate(self) -> tuple[int, int]:
        """Input and output tokens that the call may come to."""


class LimitTally(Protocol):
    """What this policy asks of the counters' keeper."""

    async def ask(self, wanted: Sequence[tuple[Counter, int]]) -> None:
        """See `gate.ports.Tally`."""


class LimitCheck:
    """The step that takes what a call counts for, or refuses with 429."""

    def __init__(self, tally: LimitTally, now: Callable[[], float]) -> None:
        self._tally = tally
        self._now = now

    def __call__(self, call: CallWithLimits) -> Refusal | Awaitable[Refusal | None] | None:
        """Take all, or nothing."""
        terms = call.terms
        if not terms.counted:
            return None
        now = self._now()
        call.costs = costs_of(call) if terms.corrected else _ONE_REQUEST
        waits_s = _take(call, now)
        if waits_s == TAKEN:
            return None
        return self._ask(call) if waits_s == ASK else judge(terms.counters, call.costs, now)

    async def _ask(self, call: CallWithLimits) -> Refusal | None:
        costs = call.costs
        try:
            await self._tally.ask(
                [(counter, costs[place]) for counter, place in call.terms.counted]
            )
        except FaregateError:
            return _unavailable()
        now = self._now()
        if _take(call, now) == TAKEN:
            return None
        return judge(call.terms.counters, costs, now) or _unavailable()

    def dry(self, call: CallWithLimits) -> Refusal | Awaitable[Refusal | None] | None:
        """What `__call__` would give; takes nothing."""
        counters = call.terms.counters
        if not counters:
            return None
        costs = call.costs = costs_of(call)
        now = self._now()
        if any(one.check(costs[one.spec.unit], now) == ASK for one in counters):
            return self._dry_asking(counters, costs)
        return judge(counters, costs, now)

    async def _dry_asking(self, counters: tuple[Counter, ...], costs: Costs) -> Refusal | None:
        try:
            await self._tally.ask([(one, costs[one.spec.unit]) for one in counters])
        except FaregateError:
            return _unavailable()
        return judge(counters, costs, self._now())

    def undo(self, call: CallWithLimits) -> None:
        """A later step refuses the call: put everything back."""
        if call.limited_at:
            _put_back(call.terms.counters, call.costs, call.limited_at)
            call.limited_at = 0.0

    def correct(self, call: CallWithLimits, used: Need) -> None:
        """The call has ended, and this is what it used."""
        taken_at = call.limited_at
        if not taken_at:
            return
        terms = call.terms
        for counter in terms.concurrent:
            counter.put_back(1, taken_at, taken_at)
        if not terms.corrected:
            return
        now = self._now()
        for counter in terms.corrected:
            unit = counter.spec.unit
            cost = call.costs[unit]
            actual = used[unit]
            if actual < cost:
                counter.put_back(cost - actual, taken_at, now)
            elif actual > cost:
                counter.add(actual - cost, now)


def costs_of(call: CallWithLimits) -> Costs:
    """What a call counts for, with tokens as they are estimated."""
    inputs, outputs = call.estimate()
    return (0, 1, inputs, outputs, inputs + outputs, 1)


def _take(call: CallWithLimits, now: float) -> float:
    """Take from all counters, or from none; the first wait, or `ASK`, where one gives nothing."""
    terms, costs = call.terms, call.costs
    for counter, place in terms.counted:
        if waits_s := counter.take(costs[place], now):
            _put_back(terms.counters, costs, now, before=counter)
            return waits_s
    call.limited_at = now
    return TAKEN


def judge(counters: tuple[Counter, ...], costs: Costs, now: float) -> Refusal | None:
    """The refusal of the counter with the longest wait; None: all take it."""
    longest_s, worst = 0.0, None
    for counter in counters:
        waits_s = counter.check(costs[counter.spec.unit], now)
        if waits_s == ASK:
            waits_s = 1.0  # the shared count gave nothing, and does not say how long
        if waits_s > longest_s:
            longest_s, worst = waits_s, counter
    if worst is None:
        return None
    return _refusal(worst, costs[worst.spec.unit], longest_s, now)


def _refusal(counter: Counter, cost: int, waits_s: float, now: float) -> Refusal:
    spec = counter.spec
    retry_s = None if waits_s == NEVER else max(math.ceil(waits_s), 1)
    used = max(spec.maximum - counter.left(now), 0)
    return _worded(spec, cost, retry_s, used, counter.is_unknown)


@lru_cache(maxsize=1_024)
def _worded(
    spec: LimitSpec, cost: int, retry_s: int | None, used: int, is_unknown: bool
) -> Refusal:
    """The same for all calls of a second: who is refused often is told the same often."""
    code = _CODES.get(spec.unit, "tokens_limited")
    words = _WORDS[spec.unit]
    facts: dict[str, Any] = {
        "scope": "limit",
        "subject": spec.name,
        "limit": spec.maximum,
        "used": used,
        "repeats": True,
    }
    if retry_s is None:
        detail = (
            f"This call counts for {cost} {words}; the limit '{spec.name}' never lets more than "
            f"{spec.maximum} through."
        )
        fix = Fix("Send a shorter request, or lower its output limit; no waiting helps.")
        return refuse("request_exceeds_limit", detail, fixes=(fix,), **facts)
    if spec.unit is LimitUnit.CONCURRENT:
        retry_s = _CONCURRENCY_RETRY_S
        detail = f"The limit '{spec.name}' is {spec.maximum} calls at once for '{spec.subject}'."
    elif is_unknown:
        detail = (
            "The shared counters were restarted or out of reach. What was used before isn't known, "
            f"so the limit '{spec.name}' is kept closed for another {retry_s} s."
        )
    else:
        detail = (
            f"The limit '{spec.name}' is {spec.maximum} {words} in {_spoken(spec.window_s)} for "
            f"'{spec.subject}'; this call counts for {cost}."
        )
    fix = Fix(f"Wait {retry_s} s, then send it again.", change=Change("wait", seconds=retry_s))
    return refuse(code, detail, fixes=(fix,), retry_after_s=retry_s, **facts)


def _spoken(window_s: float) -> str:
    return "a minute" if window_s == 60 else "a second" if window_s == 1 else f"{window_s:g} s"


def _put_back(
    counters: tuple[Counter, ...], costs: Costs, taken_at: float, before: Counter | None = None
) -> None:
    for counter in counters:
        if counter is before:
            return
        counter.put_back(costs[counter.spec.unit], taken_at, taken_at)


def _unavailable() -> Refusal:
    detail = "The shared counters of limits do not answer."
    return refuse("limits_unavailable", detail, scope="gate")
