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
from faregate.routing.health import Bench, Health
from faregate.routing.retries import Retries, RetryBudget
from faregate.routing.strategies import NO_FACTS, PICKS, Facts, Strategy, pick_key, share_of
from faregate.routing.targets import Choice, Target
from faregate.routing.troubles import REFUSAL_CODES

Skipped = Container[Health]  # of accounts, targets and keys
Stages = tuple[tuple[Target, ...], ...]

_NOTHING: Final[Skipped] = frozenset()


class Fallbacks(msgspec.Struct, frozen=True):
    """Who is asked when no target can help, by what was in the way."""

    failure: tuple[Target, ...] = ()
    context_length: tuple[Target, ...] = ()
    content_refused: tuple[Target, ...] = ()

    def of(self, kind: str) -> tuple[Target, ...]:
        """Those for a kind of trouble that is of the request."""
        return self.context_length if kind == "context_length" else self.content_refused


class Canary(msgspec.Struct, frozen=True):
    """A part of the callers goes to these targets first.

    Each caller always does, or never.
    """

    percent: float
    targets: tuple[Target, ...]


class Shadow(msgspec.Struct, frozen=True):
    """A part of the calls is also sent there; nobody gets the answers."""

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
        "_ordered",
        "_pick",
        "_stages",
        "_varies",
        "budget",
        "calls",
        "canary",
        "fallbacks",
        "name",
        "needs",
        "quick",
        "random",
        "retries",
        "shadow",
        "strategy",
        "targets",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        targets: Sequence[Target],
        random: Random,
        *,
        strategy: Strategy = "priority",
        fallbacks: Fallbacks = Fallbacks(),  # noqa: B008
        canary: Canary | None = None,
        shadow: Shadow | None = None,
        retries: Retries = Retries(),  # noqa: B008
    ) -> None:
        self.name = name
        self.targets = tuple(targets)
        self.random = random
        self.strategy = strategy
        self.fallbacks = fallbacks
        self.canary = canary
        self.shadow = shadow
        self.retries = retries
        self.budget = RetryBudget(retries)
        self.calls = 0
        self._pick = PICKS[strategy]
        self._ordered = (fallbacks.failure, fallbacks.context_length, fallbacks.content_refused)
        self._stages: Stages = (self.targets, *((fallbacks.failure,) if fallbacks.failure else ()))
        self._varies = canary is not None or any(each.when for each in self.everyone())
        # The choice while nothing is wrong, where there is no other; `calls` must count it.
        self.quick = self._only_choice()
        # The members of `Facts` that are read; of the others none need be made.
        self.needs = self._needed()

    # -- choosing ----------------------------------------------------------------------------------

    def choose(self, facts: Facts, now: float) -> Choice | Refused:
        """The target and key of a call's first attempt.

        Where it is a probe it is claimed for this call, which must `begin` it soon.
        """
        self.calls += 1
        quick = self.quick
        if quick is not None and not quick.account_health.troubled:
            return quick
        stages = self.stages(facts)
        choice = self.pick_any(stages, facts, now)
        return self.refused(stages, facts, now) if choice is None else choice

    def look(self, facts: Facts, now: float) -> Choice | Refused:
        """What `choose` would say; nothing is counted or claimed."""
        stages = self.stages(facts)
        choice = self.pick_any(stages, facts, now, claims=False)
        return self.refused(stages, facts, now) if choice is None else choice

    def course(self, first: Choice, facts: Facts, now: float, deadline: float) -> Course:
        """What to try after `first` has failed; tell it so by `failed`."""
        return Course(self, facts, deadline)

    def shadow_choice(self, facts: Facts, now: float) -> Choice | None:
        """Where a copy of this call goes as well; None: nowhere.

        A copy is never a probe, and never sent to what is in trouble.
        """
        shadow = self.shadow
        if shadow is None or self.random.random() * 100 >= shadow.percent:
            return None
        if shadow.target.account.health.troubled:
            return None
        return self.pick((shadow.target,), facts, now)

    def stages(self, facts: Facts) -> Stages:
        """The lists of targets for this call, in the order of asking."""
        if not self._varies:
            return self._stages
        stages = []
        if self.canary is not None and self._is_canary(facts, self.canary):
            stages.append(self.canary.targets)
        stages += self._stages
        return tuple(
            tuple(
                each for each in targets if each.when is None or each.when.matches(facts.variables)
            )
            for targets in stages
        )

    def _is_canary(self, facts: Facts, canary: Canary) -> bool:
        stays_by = facts.caller or facts.conversation
        share = self.random.random() if stays_by is None else share_of(self.name, stays_by)
        return share * 100 < canary.percent

    def pick_any(
        self,
        stages: Stages,
        facts: Facts,
        now: float,
        skipped: Skipped = _NOTHING,
        *,
        claims: bool = True,
    ) -> Choice | None:
        """What can be used now; else what is benched by a guess alone."""
        for targets in stages:
            choice = self.pick(targets, facts, now, skipped, claims=claims)
            if choice is not None:
                return choice
        choice = self.least_bad(stages, facts, now, skipped)
        return _claimed(choice, now) if choice is not None and claims else choice

    def pick(
        self,
        targets: tuple[Target, ...],
        facts: Facts,
        now: float,
        skipped: Skipped = _NOTHING,
        *,
        claims: bool = True,
    ) -> Choice | None:
        """One of `targets` that can be used now, with its key."""
        usable = [each for each in targets if self._is_usable(each, facts, now, skipped)]
        if not usable:
            return None
        # Fallbacks are asked in their order, whatever the strategy.
        ordered = len(usable) == 1 or targets in self._ordered
        target = usable[0] if ordered else self._pick(usable, facts, self.random)
        choices = [
            each
            for each in target.choices
            if each.key_health not in skipped and each.key_health.bench.is_open(now)
        ]
        stays_by = facts.stays_by if self.strategy == "sticky" else None
        choice = pick_key(choices, stays_by, self.random)
        return _claimed(choice, now) if claims else choice

    def least_bad(
        self,
        stages: Stages,
        facts: Facts,
        now: float,
        skipped: Skipped = _NOTHING,
        *,
        guesses: bool = True,
    ) -> Choice | None:
        """What is benched by a guess, or slowly probed, and back first."""
        best: Choice | None = None
        best_at = 0.0
        for target in (target for targets in stages for target in targets):
            if target.health in skipped or target.account.health in skipped:
                continue
            if self._limited_s(target, facts, now):
                continue
            for choice in target.choices:
                shut = [bench for bench in choice.benches() if not bench.is_open(now)]
                if choice.key_health in skipped or not all(
                    bench.seems_well(now) or (guesses and bench.guessed) for bench in shut
                ):
                    continue
                at = max((bench.until for bench in shut), default=0.0)
                if best is None or at < best_at:
                    best, best_at = choice, at
        return best

    def _is_usable(self, target: Target, facts: Facts, now: float, skipped: Skipped) -> bool:
        account = target.account
        if target.health in skipped or account.health in skipped:
            return False
        if account.rates is not None and self._limited_s(target, facts, now):
            return False
        if not account.health.troubled:
            return not skipped or any(key.health not in skipped for key in account.keys)
        return (
            account.health.bench.is_open(now)
            and target.health.bench.is_open(now)
            and any(
                key.health.bench.is_open(now) and key.health not in skipped for key in account.keys
            )
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
        at = max(
            account.health.bench.opens_at(now),
            target.health.bench.opens_at(now),
            min((key.health.bench.opens_at(now) for key in account.keys), default=now),
        )
        return max(at, now + self._limited_s(target, facts, now))

    def recovers_s(self, stages: Stages, facts: Facts, now: float) -> float | None:
        """Seconds until a target may be asked; None: one may be asked now."""
        waits = [self.opens_at(each, facts, now) - now for stage in stages for each in stage]
        wait = min(waits, default=0.0)
        return wait if wait > 0 else None

    def refused(self, stages: Stages, facts: Facts, now: float) -> Refused:
        """Why nothing may be asked, and until when."""
        targets = [target for stage in stages for target in stage]
        if not targets:
            return Refused(
                "no_healthy_upstream", f"No target of '{self.name}' serves calls like this.", None
            )
        reasons = [(target.name, *self._reason(target, facts, now)) for target in targets]
        codes = {code for _, code, _ in reasons}
        code = codes.pop() if len(codes) == 1 else None
        return Refused(
            code or "no_healthy_upstream",
            f"None of the targets of '{self.name}' may be asked now.",
            self.recovers_s(stages, facts, now),
            tuple((name, why) for name, _, why in reasons),
        )

    def _reason(self, target: Target, facts: Facts, now: float) -> tuple[str | None, str]:
        budgets = target.account.budgets
        if budgets is not None and budgets.rests_until > now:
            return "provider_budget_exhausted", "its account's budget is used up"
        if self._limited_s(target, facts, now):
            return None, "its account is at a limit of its own"
        benches: list[Bench] = [target.account.health.bench, target.health.bench]
        keys = [key.health.bench for key in target.account.keys]
        if not any(bench.is_open(now) for bench in keys):
            benches += keys
        kinds = {
            bench.kind for bench in benches if bench.kind is not None and not bench.is_open(now)
        }
        code = REFUSAL_CODES[next(iter(kinds))] if len(kinds) == 1 else None
        return code, ", ".join(sorted(kinds)) or "it can't be asked"

    # -- made once ---------------------------------------------------------------------------------

    def everyone(self) -> tuple[Target, ...]:
        """All targets that may ever serve a call of this route."""
        fallbacks = self.fallbacks
        canaries = self.canary.targets if self.canary is not None else ()
        return (
            *(*canaries, *self.targets),
            *(*fallbacks.failure, *fallbacks.context_length, *fallbacks.content_refused),
        )

    def _needed(self) -> frozenset[str]:
        needed = set()
        if self.strategy == "sticky" or self.canary is not None:
            needed |= {"conversation", "caller"}
        if any(target.when is not None for target in self.everyone()):
            needed.add("variables")
        if any(target.account.counts_tokens for target in self.everyone()):
            needed.add("tokens")
        return frozenset(needed)

    def _only_choice(self) -> Choice | None:
        """The choice of a route that has none while its account is well."""
        if self._varies or self.shadow is not None or not self.targets:
            return None
        if len(self.targets) > 1 and self.strategy != "priority":
            return None
        first = self.targets[0]
        if first.account.rates is not None or len(first.choices) != 1:
            return None
        return first.choices[0]

    def describe(self, now: float) -> dict[str, Any]:
        """Its state, for people."""
        return {
            "name": self.name,
            "strategy": self.strategy,
            "calls": self.calls,
            "usable": any(self._is_usable(each, NO_FACTS, now, _NOTHING) for each in self.targets),
            "targets": [target.describe(now) for target in self.everyone()],
        }


def _claimed(choice: Choice, now: float) -> Choice:
    """`choice`, or a probe of its own where something of it is benched and not probed yet."""
    if not choice.account_health.troubled:
        return choice
    unproven = [
        bench for bench in choice.benches() if bench.kind is not None and not bench.is_probing(now)
    ]
    if not unproven:
        return choice
    probe = Choice(choice.target, choice.key, is_probe=True)
    for bench in unproven:
        bench.claim(probe, now)
    return probe
