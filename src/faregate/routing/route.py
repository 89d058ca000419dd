"""A name that callers ask for, as a list of targets with a strategy.

`Route.choose` says who serves a call first. Where nothing is wrong and there is no choice, it is
two looks at attributes.
"""

from collections.abc import Container, Sequence
from random import Random
from typing import Any, Final

import msgspec

from faregate.core.refusals import Refusal, refuse
from faregate.routing.course import Course
from faregate.routing.expressions import Expression
from faregate.routing.health import Bench
from faregate.routing.retries import Retries, RetryBudget
from faregate.routing.strategies import NO_FACTS, PICKS, Facts, Strategy, pick_key, share_of
from faregate.routing.targets import Account, Choice, Key, Target
from faregate.routing.troubles import REFUSAL_CODES, Kind

Skipped = Container[Account | Target | Key]

_NONE: Final[Skipped] = frozenset()


class Fallbacks(msgspec.Struct, frozen=True):
    """Who is asked when the route's own targets can't help, by what was in the way."""

    failure: tuple[Target, ...] = ()
    context_length: tuple[Target, ...] = ()
    content_refused: tuple[Target, ...] = ()

    def of(self, kind: str) -> tuple[Target, ...]:
        """Those for a kind of trouble that is of the request."""
        return self.context_length if kind == "context_length" else self.content_refused

    def holds(self, targets: Sequence[Target]) -> bool:
        """Whether `targets` is one of these lists."""
        return (
            targets is self.failure
            or targets is self.context_length
            or targets is self.content_refused
        )


class Rule(msgspec.Struct, frozen=True):
    """Calls that match go to these targets, and to no other of the route."""

    when: Expression
    targets: tuple[Target, ...]


class Canary(msgspec.Struct, frozen=True):
    """A part of the callers goes to these targets first; each caller always or never."""

    percent: float
    targets: tuple[Target, ...]


class Shadow(msgspec.Struct, frozen=True):
    """A part of the calls is also sent to this target, whose answers nobody gets."""

    percent: float
    target: Target


class Refused(msgspec.Struct, frozen=True):
    """No target may be asked now.

    `retry_after_s`: when the first may be back; None: waiting alone doesn't help, for there is
    none. `reasons`: target and why, for the operator.
    """

    code: str
    detail: str
    retry_after_s: float | None
    reasons: tuple[tuple[str, str], ...] = ()

    def refusal(self) -> Refusal:
        """What the caller is told."""
        wait = None if self.retry_after_s is None else max(1, -int(-self.retry_after_s // 1))
        return refuse(self.code, self.detail, scope="model", retry_after_s=wait)


class Route:
    """Targets and how to choose among them."""

    __slots__ = (
        "_pick", "_quick", "budget", "calls", "canary", "fallbacks", "name", "needs", "random",
        "retries", "rules", "shadow", "strategy", "targets",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        targets: Sequence[Target],
        random: Random,
        *,
        strategy: Strategy = "priority",
        fallbacks: Fallbacks = Fallbacks(),  # noqa: B008
        rules: tuple[Rule, ...] = (),
        canary: Canary | None = None,
        shadow: Shadow | None = None,
        retries: Retries = Retries(),  # noqa: B008
    ) -> None:
        self.name = name
        self.targets = tuple(targets)
        self.random = random
        self.strategy = strategy
        self.fallbacks = fallbacks
        self.rules = rules
        self.canary = canary
        self.shadow = shadow
        self.retries = retries
        self.budget = RetryBudget(retries)
        self.calls = 0
        self._pick = PICKS[strategy]
        self.needs = self._needed()
        self._quick = self._only_choice()

    # -- choosing ----------------------------------------------------------------------------------

    def choose(self, facts: Facts, now: float) -> Choice | Refused:
        """The target and key of a call's first attempt.

        Where it is a probe, it is now claimed: `begin` or `ended` it.
        """
        self.calls += 1
        quick = self._quick
        if quick is not None and not quick.account_health.troubled:
            return quick
        stages = self.stages(facts)
        for targets in stages:
            choice = self.pick(targets, facts, now)
            if choice is not None:
                return choice
        for targets in stages:
            choice = self.pick_guessed(targets, facts, now)
            if choice is not None:
                return choice
        return self.refused(facts, now)

    def course(self, first: Choice, facts: Facts, now: float, deadline: float) -> Course:
        """What to try after `first` has failed; tell it so by `failed`."""
        return Course(self, facts, deadline)

    def shadow_choice(self, facts: Facts, now: float) -> Choice | None:
        """Where a copy of this call goes as well; None: nowhere."""
        shadow = self.shadow
        if shadow is None or self.random.random() * 100 >= shadow.percent:
            return None
        if shadow.target.account.health.troubled:
            return None
        return self.pick((shadow.target,), facts, now)

    def stages(self, facts: Facts) -> tuple[tuple[Target, ...], ...]:
        """The lists of targets for this call, in the order in which they are asked."""
        stages = self._own_stages(facts)
        failure = self.fallbacks.failure
        return (*stages, failure) if failure else stages

    def _own_stages(self, facts: Facts) -> tuple[tuple[Target, ...], ...]:
        for rule in self.rules:
            if rule.when.matches(facts.variables):
                return (rule.targets,)
        canary = self.canary
        if canary is None:
            return (self.targets,)
        stays_by = facts.caller or facts.conversation
        share = self.random.random() if stays_by is None else share_of(self.name, stays_by)
        return (canary.targets, self.targets) if share * 100 < canary.percent else (self.targets,)

    def pick(
        self, targets: Sequence[Target], facts: Facts, now: float, skipped: Skipped = _NONE
    ) -> Choice | None:
        """One of `targets` that can be used now, with its key."""
        usable = [each for each in targets if self._is_usable(each, facts, now, skipped)]
        if not usable:
            return None
        # Fallbacks are asked in their order, whatever the strategy.
        ordered = len(usable) == 1 or self.fallbacks.holds(targets)
        target = usable[0] if ordered else self._pick(usable, facts, self.random)
        choices = [
            each
            for each in target.choices
            if each.key not in skipped and each.key_health.bench.is_open(now)
        ]
        stays_by = facts.stays_by if self.strategy == "sticky" else None
        return _claimed(pick_key(choices, stays_by, self.random), now)

    def pick_guessed(
        self, targets: Sequence[Target], facts: Facts, now: float, skipped: Skipped = _NONE
    ) -> Choice | None:
        """The one of `targets` that is benched by a guess alone and comes back first."""
        best: Choice | None = None
        best_at = 0.0
        for target in targets:
            if target in skipped or target.account in skipped:
                continue
            if self._limited_s(target, facts, now):
                continue
            for choice in target.choices:
                if choice.key in skipped:
                    continue
                shut = [bench for bench in choice.benches() if not bench.is_open(now)]
                at = max((bench.until for bench in shut), default=0.0)
                if all(bench.guessed for bench in shut) and (best is None or at < best_at):
                    best, best_at = choice, at
        return None if best is None else _claimed(best, now)

    def _is_usable(self, target: Target, facts: Facts, now: float, skipped: Skipped) -> bool:
        account = target.account
        if target in skipped or account in skipped:
            return False
        if account.rates is not None and self._limited_s(target, facts, now):
            return False
        if not account.health.troubled:
            return any(key not in skipped for key in account.keys) if skipped else True
        return (
            account.health.bench.is_open(now)
            and target.health.bench.is_open(now)
            and any(key.health.bench.is_open(now) and key not in skipped for key in account.keys)
        )

    def _limited_s(self, target: Target, facts: Facts, now: float) -> float:
        account = target.account
        if account.rates is None:
            return 0.0
        return account.rates.wait_s(facts.tokens, account.health.in_flight, now)

    # -- when nothing can be used ------------------------------------------------------------------

    def opens_at(self, target: Target, facts: Facts, now: float) -> float:
        """When `target` may be asked at the earliest."""
        account = target.account
        keys = min((key.health.bench.opens_at(now) for key in account.keys), default=now)
        at = max(account.health.bench.opens_at(now), target.health.bench.opens_at(now), keys)
        return max(at, now + self._limited_s(target, facts, now))

    def recovers_s(self, facts: Facts, now: float) -> float | None:
        """Seconds until the first target may be asked; None: one may be asked now."""
        stages = self.stages(facts)
        waits = [self.opens_at(each, facts, now) - now for stage in stages for each in stage]
        wait = min(waits, default=0.0)
        return wait if wait > 0 else None

    def refused(self, facts: Facts, now: float) -> Refused:
        """Why nothing may be asked, and until when."""
        reasons = []
        codes = set()
        for stage in self.stages(facts):
            for target in stage:
                code, why = self._reason(target, facts, now)
                codes.add(code)
                reasons.append((target.name, why))
        wait = self.recovers_s(facts, now)
        code = codes.pop() if len(codes) == 1 else None
        detail = f"None of the targets of '{self.name}' may be asked now."
        return Refused(code or "no_healthy_upstream", detail, wait, tuple(reasons))

    def _reason(self, target: Target, facts: Facts, now: float) -> tuple[str | None, str]:
        if self._limited_s(target, facts, now):
            return None, "its account is at a limit of its own"
        benches: list[Bench] = [target.account.health.bench, target.health.bench]
        keys = [key.health.bench for key in target.account.keys]
        if not any(bench.is_open(now) for bench in keys):
            benches += keys
        kinds: list[Kind] = [
            bench.kind for bench in benches if bench.kind is not None and not bench.is_open(now)
        ]
        if not kinds:
            return None, "it can't be asked"
        same = kinds[0] if len(set(kinds)) == 1 else None
        return REFUSAL_CODES[same] if same is not None else None, ", ".join(sorted(set(kinds)))

    # -- made once ---------------------------------------------------------------------------------

    def _needed(self) -> frozenset[str]:
        """The members of `Facts` that this route reads; of the others none need be made."""
        needed = set()
        if self.strategy == "sticky":
            needed |= {"conversation", "caller"}
        if self.canary is not None:
            needed |= {"conversation", "caller"}
        if self.rules:
            needed.add("variables")
        everyone = [*self.targets, *self.fallbacks.failure, *self.fallbacks.context_length]
        everyone += self.fallbacks.content_refused
        if any(target.account.rates is not None for target in everyone):
            needed.add("tokens")
        return frozenset(needed)

    def _only_choice(self) -> Choice | None:
        """The choice of a route that has none while its account is well."""
        if self.rules or self.canary is not None or not self.targets:
            return None
        first = self.targets[0]
        if len(self.targets) > 1 and self.strategy != "priority":
            return None
        if first.account.rates is not None or len(first.choices) != 1:
            return None
        return first.choices[0]

    def describe(self, now: float) -> dict[str, Any]:
        """Its state, for people."""
        return {
            "name": self.name,
            "strategy": self.strategy,
            "calls": self.calls,
            "usable": any(self._is_usable(each, NO_FACTS, now, _NONE) for each in self.targets),
            "targets": [target.describe(now) for target in self.targets],
            "failed_expressions": {
                rule.when.source: rule.when.last_failure
                for rule in self.rules
                if rule.when.failures
            },
        }


def _claimed(choice: Choice, now: float) -> Choice:
    """`choice`, or a probe of its own where something of it is benched."""
    if not choice.account_health.troubled:
        return choice
    benched = [bench for bench in choice.benches() if bench.kind is not None]
    if not benched or any(bench.is_probing(now) for bench in benched):
        return choice
    probe = Choice(choice.target, choice.key, is_probe=True)
    for bench in benched:
        bench.claim(probe, now)
    return probe
