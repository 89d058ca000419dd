"""What is tried after a failed attempt, until a call is served or lost.

First whatever wasn't tried yet and is usable, without a wait: another key, another target, then
the route's own fallbacks. Then what is benched by a guess alone. Then, after a wait, what failed
in a way that may pass, where repeating does no harm and the route's budget allows it. Nothing
outside the route's lists is ever tried, and no wait is begun that the deadline would cut.
"""

from typing import TYPE_CHECKING, Final

import msgspec

from faregate.routing.health import Health
from faregate.routing.retries import wait_s
from faregate.routing.strategies import Facts
from faregate.routing.targets import Choice, Target, record
from faregate.routing.troubles import OF_THE_REQUEST, REPEATABLE, TOLD_RANK, Trouble

if TYPE_CHECKING:
    from faregate.routing.route import Route

WAITS_MAX: Final = 8  # for what another call is probing
_LATER_S: Final = 0.05  # the least wait, and how far past the longest one chance may lead


class Next(msgspec.Struct, frozen=True):
    """Try `choice`.

    With a `wait_s`, wait, then ask `Course.resume`: by then it may be another one.
    """

    choice: Choice
    wait_s: float = 0.0


class GiveUp(msgspec.Struct, frozen=True):
    """Nothing is left to try.

    `trouble` is what to tell the caller; `troubles` all attempts in order; `retry_after_s` is when
    the first of the route's targets may be back, None where one may be asked at once.
    """

    trouble: Trouble
    troubles: tuple[tuple[Choice, Trouble], ...]
    retry_after_s: float | None


class Course:
    """The attempts of one call after the first has failed."""

    __slots__ = (
        "_attempts", "_awaited", "_deadline", "_entered", "_facts", "_ready_at", "_repeats",
        "_route", "_skipped", "_stages", "_told", "_waits", "troubles",
    )  # fmt: skip

    def __init__(self, route: "Route", facts: Facts, deadline: float) -> None:
        self._route = route
        self._facts = facts
        self._deadline = deadline
        self._stages = route.stages(facts)
        self.troubles: list[tuple[Choice, Trouble]] = []
        self._told: Trouble | None = None
        self._skipped: set[Health] = set()
        self._ready_at: dict[Target, float] = {}
        self._attempts = 0
        self._repeats = 0
        self._waits = 0
        self._entered: set[str] = set()
        self._awaited: Target | None = None

    def failed(self, choice: Choice, trouble: Trouble, now: float) -> Next | GiveUp:
        """Learn from a failed attempt, and say what is next."""
        record(choice, trouble, now)
        self.troubles.append((choice, trouble))
        self._attempts += trouble.kind != "unsupported"  # then nothing was sent
        self._weigh(choice, trouble)
        self._set_aside(choice, trouble)
        kind = trouble.kind
        if kind == "invalid_request" or (trouble.maybe_acted and self._facts.lasting):
            return self._give_up(now)
        if kind in ("context_length", "content_refused"):
            if not self._turn_to(kind) and self._is_ours(choice):
                return self._give_up(now)
        else:
            self._note(choice, trouble, now)
        return self._next(now)

    def resume(self, now: float) -> Next | GiveUp:
        """What to try now that a wait is over."""
        target = self._awaited
        if now >= self._deadline or target is None:
            return self._give_up(now)
        route, facts = self._route, self._facts
        choice = (
            route.pick((target,), facts, now)
            or route.pick_any(self._stages, facts, now, self._skipped)
            or route.least_bad(((target,),), facts, now, guesses=False)
        )
        if choice is not None:
            return Next(choice)
        # Another call probes it just now. Its verdict may take a while, and waiting sends nothing.
        self._waits += 1
        if self._waits > WAITS_MAX:
            return self._give_up(now)
        retries = route.retries
        self._ready_at[target] = now + min(
            retries.wait_first_s * 2.0**self._waits, retries.wait_most_s
        )
        return self._wait(now) or self._give_up(now)

    # -- what was learnt ---------------------------------------------------------------------------

    def _set_aside(self, choice: Choice, trouble: Trouble) -> None:
        """Don't take for fresh what this trouble speaks of."""
        if trouble.scope == "key":
            self._skipped.add(choice.key_health)
        elif trouble.scope == "account" or trouble.kind == "busy":
            self._skipped.add(choice.account_health)
        else:
            self._skipped.add(choice.target_health)

    def _note(self, choice: Choice, trouble: Trouble, now: float) -> None:
        """Remember when the same target may be asked again, if it may."""
        target = choice.target
        self._ready_at.pop(target, None)
        if trouble.kind not in REPEATABLE or (trouble.maybe_acted and not self._facts.idempotent):
            return
        route = self._route
        wait = wait_s(route.retries, trouble, self._repeats, route.random)
        if wait is not None:
            self._ready_at[target] = now + wait

    def _turn_to(self, kind: str) -> bool:
        """Go on with the fallbacks for `kind` alone; whether there are any that are new."""
        targets = self._route.fallbacks.of(kind)
        if not targets:
            return False
        if kind not in self._entered:
            self._entered.add(kind)
            self._stages = (targets,)
            self._ready_at.clear()
        return True

    def _is_ours(self, choice: Choice) -> bool:
        """Whether it is a target of the route proper, not one of a fallback for failures."""
        return choice.target not in self._route.fallbacks.failure

    def _weigh(self, choice: Choice, trouble: Trouble) -> None:
        """Keep the trouble that the caller is best told.

        That the text is too long for a smaller model that stood in is not what was in the way.
        """
        told = self._told
        stood_in = trouble.kind in OF_THE_REQUEST and not self._is_ours(choice)
        if told is None or (
            TOLD_RANK[trouble.kind] <= TOLD_RANK[told.kind]
            and (trouble.kind == "invalid_request" or not stood_in)
        ):
            self._told = trouble

    # -- what is next ------------------------------------------------------------------------------

    def _next(self, now: float) -> Next | GiveUp:
        route = self._route
        if self._attempts >= route.retries.attempts_max or now >= self._deadline:
            return self._give_up(now)
        choice = route.pick_any(self._stages, self._facts, now, self._skipped)
        if choice is not None:
            return Next(choice)
        return self._repeat(now) or self._give_up(now)

    def _repeat(self, now: float) -> Next | None:
        """Wait for what may work again soonest, if one more repeat is in the budget."""
        route = self._route
        if self._repeats >= route.retries.repeats_max:
            return None
        found = self._wait(now)
        if found is None or not route.budget.take(route.calls, now):
            return None
        self._repeats += 1
        return found

    def _wait(self, now: float) -> Next | None:
        soonest: Target | None = None
        soonest_at = now + self._route.retries.wait_most_s + _LATER_S
        for target in (target for targets in self._stages for target in targets):
            at = self._opens_at(target, now)
            if at is not None and at < soonest_at:
                soonest, soonest_at = target, at
        if soonest is None or soonest_at >= self._deadline:
            return None
        self._awaited = soonest
        keys = (each for each in soonest.choices if each.key_health not in self._skipped)
        return Next(next(keys, soonest.choices[0]), max(soonest_at - now, _LATER_S))

    def _opens_at(self, target: Target, now: float) -> float | None:
        """When `target` may be asked, if waiting for it makes sense."""
        ready_at = self._ready_at.get(target)
        if ready_at is None:
            if target.health in self._skipped or target.account.health in self._skipped:
                return None
            ready_at = now
        return max(ready_at, self._route.opens_at(target, self._facts, now))

    def _give_up(self, now: float) -> GiveUp:
        told = self._told
        assert told is not None
        return GiveUp(
            told, tuple(self.troubles), self._route.recovers_s(self._stages, self._facts, now)
        )
