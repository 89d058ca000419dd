"""Keys in every order of trouble, beside a plain reckoning.

The reckoning knows of each key, account and model when it may be asked again, and who probes it.
It shares nothing with `faregate.routing` but the kinds of trouble; of what is benched by a guess
it knows nothing.
"""

from collections.abc import Iterator
from itertools import permutations
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.routing.worlds import DEAD, INVALID, NOW, OVERLOADED, SLOW, UNPAID, World

from faregate.routing.course import Course, GiveUp, Next
from faregate.routing.route import Refused
from faregate.routing.strategies import PICKS, Facts
from faregate.routing.targets import Choice, begin, ended, served
from faregate.routing.troubles import Trouble

THROTTLED = Trouble("rate_limited", "key", retry_after_s=5.0)
NO_SUCH_MODEL = Trouble("permission", "model")
TROUBLES = [UNPAID, INVALID, THROTTLED, OVERLOADED, DEAD, SLOW, NO_SUCH_MODEL]
# The least that each is left alone; the others are benched by a guess, if at all.
LEAST_S = {"payment_required": 60.0, "auth": 60.0, "permission": 60.0, "rate_limited": 5.0}
CALL_S = 30.0
SLOW_PROBE_S, PROBE_S_MAX = 3.0, 3_600.0
NOBODY = (None, 0.0)


def things(choice: Choice) -> dict[str, str]:
    """Names of what an attempt uses, by scope."""
    account = choice.target.account.name
    return {
        "account": account,
        "key": f"{account}/{choice.key.name}",
        "model": f"{account}:{choice.target.name}",
    }


class Reckoning:
    """Of each thing in known trouble, when it may be asked again and by which attempt it is."""

    def __init__(self) -> None:
        self.rests: dict[str, float] = {}
        self.probes: dict[str, tuple[object, float]] = {}
        self.is_something_free = True

    def began(self, attempt: object, choice: Choice, now: float) -> None:
        """An attempt: never early, and never beside a probe."""
        for thing in things(choice).values():
            if thing in self.rests:
                assert now >= self.rests[thing], f"{thing} is asked too early"
                probe = self.probes.get(thing)
                if probe is None or now - probe[1] >= PROBE_S_MAX:
                    self.probes[thing] = attempt, now
                    continue
                # Nothing else was left, and the probe would have been refused by now.
                assert now - probe[1] >= SLOW_PROBE_S, f"{thing} is probed twice"
                assert not self.is_something_free

    def ended(self, attempt: object, choice: Choice, trouble: Trouble | None, now: float) -> None:
        """A success of a probe clears; a known trouble rests what it is about."""
        for thing in things(choice).values():
            if self.probes.get(thing, NOBODY)[0] is attempt:
                del self.probes[thing]
                if trouble is None:
                    self.rests.pop(thing, None)
        if trouble is not None and trouble.kind in LEAST_S:
            thing = things(choice)[trouble.scope]
            rest = now + LEAST_S[trouble.kind]
            self.rests[thing] = max(rest, self.rests.get(thing, rest))

    def is_free(self, choice: Choice) -> bool:
        """Whether nothing of it is in known trouble."""
        return not any(thing in self.rests for thing in things(choice).values())


class Attempt:
    """One under way."""

    def __init__(self, choice: Choice, course: Course | None, deadline: float) -> None:
        self.choice = choice
        self.course = course
        self.deadline = deadline


class Outages(RuleBasedStateMachine):
    """Any order of troubles, with calls that overlap."""

    @initialize(strategy=st.sampled_from(sorted(PICKS)), seed=st.integers(0, 1_000))
    def build(self, strategy: Any, seed: int) -> None:
        self.now = NOW
        self.world = World(3, keys=2)
        self.route = self.world.route(strategy=strategy, seed=seed)
        self.reckoning = Reckoning()
        self.truth: dict[str, Trouble] = {}
        self.under_way: list[Attempt] = []
        self.calls = 0

    def choices(self) -> Iterator[Choice]:
        return (choice for target in self.world.targets for choice in target.choices)

    def trouble_of(self, choice: Choice) -> Trouble | None:
        found = (self.truth.get(thing) for thing in things(choice).values())
        return next((trouble for trouble in found if trouble is not None), None)

    @rule(trouble=st.sampled_from(TROUBLES), data=st.data())
    def break_something(self, trouble: Trouble, data: st.DataObject) -> None:
        choice = data.draw(st.sampled_from(list(self.choices())))
        self.truth[things(choice)[trouble.scope]] = trouble

    @precondition(lambda self: self.truth)
    @rule(data=st.data())
    def mend_something(self, data: st.DataObject) -> None:
        del self.truth[data.draw(st.sampled_from(sorted(self.truth)))]

    @rule(seconds=st.sampled_from([0.01, 1.0, 5.0, 20.0, 61.0, 400.0, 4_000.0]))
    def pass_time(self, seconds: float) -> None:
        self.now += seconds

    @rule(conversation=st.integers(0, 5))
    def start(self, conversation: int) -> None:
        self.calls += 1
        facts = Facts(conversation=str(conversation))
        found = self.route.choose(facts, self.now)
        if isinstance(found, Refused):
            assert not any(self.reckoning.is_free(choice) for choice in self.choices())
            assert found.code != "no_healthy_upstream" or len({w for _, w in found.reasons}) > 1
            assert found.retry_after_s is None or found.retry_after_s >= 0
            return
        self.begin(Attempt(found, None, self.now + CALL_S))

    def begin(self, attempt: Attempt) -> None:
        begin(attempt.choice, self.now)
        tried = [each for each, _ in attempt.course.troubles] if attempt.course else []
        self.reckoning.is_something_free = any(
            self.reckoning.is_free(choice)
            and not any(bench.guessed for bench in choice.benches())
            and not set(things(choice).values())
            & {thing for each in tried for thing in things(each).values()}
            for choice in self.choices()
        )
        self.reckoning.began(attempt, attempt.choice, self.now)
        self.under_way.append(attempt)

    @precondition(lambda self: self.under_way)
    @rule(data=st.data())
    def finish_an_attempt(self, data: st.DataObject) -> None:
        place = data.draw(st.integers(0, len(self.under_way) - 1))
        self.go_on(self.under_way.pop(place))

    @rule(conversation=st.integers(0, 5))
    def make_a_whole_call(self, conversation: int) -> None:
        before = len(self.under_way)
        sound = [
            choice
            for choice in self.choices()
            if self.reckoning.is_free(choice) and self.trouble_of(choice) is None
        ]
        self.start(conversation)
        while len(self.under_way) > before:
            gave_up = self.go_on(self.under_way.pop())
            assert gave_up is None or not sound, "a sound target was not reached"

    def go_on(self, attempt: Attempt) -> GiveUp | None:
        choice, trouble = attempt.choice, self.trouble_of(attempt.choice)
        if trouble is None:
            served(choice, self.now, 0.1)
            self.reckoning.ended(attempt, choice, None, self.now)
            ended(choice)
            return None
        course = attempt.course or self.route.course(choice, Facts(), self.now, attempt.deadline)
        step = course.failed(choice, trouble, self.now)
        self.reckoning.ended(attempt, choice, trouble, self.now)
        ended(choice)
        while isinstance(step, Next) and step.wait_s:
            self.now += step.wait_s
            assert self.now < attempt.deadline
            step = course.resume(self.now)
        if isinstance(step, Next):
            self.begin(Attempt(step.choice, course, attempt.deadline))
            return None
        assert len(course.troubles) <= 8
        assert step.trouble in [told for _, told in step.troubles]
        return step

    @invariant()
    def what_is_in_flight_adds_up(self) -> None:
        if not hasattr(self, "world"):
            return
        for target in self.world.targets:
            assert 0 <= target.in_flight == target.account.in_flight
            assert target.in_flight == sum(key.in_flight for key in target.account.keys)
        assert sum(each.in_flight for each in self.world.targets) == len(self.under_way)
        assert all(len(each.account.health.troubled) <= 4 for each in self.world.targets)

    def teardown(self) -> None:
        """All is mended: all comes back by itself, by calls alone."""
        if not hasattr(self, "world"):
            return
        while self.under_way:
            self.go_on(self.under_way.pop())
        self.truth.clear()
        self.route = self.world.route(strategy="weighted")
        for _ in range(400):
            if not any(each.account.health.troubled for each in self.world.targets):
                return
            self.now += 3_700.0
            self.make_a_whole_call(0)
        raise AssertionError("something is benched for ever")


Outages.TestCase.settings = settings(
    # Shrinking takes minutes; whoever mends a failure adds it for a while.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    max_examples=80,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestOutages = Outages.TestCase


@pytest.mark.parametrize(
    "order", list(permutations([UNPAID, INVALID, THROTTLED, OVERLOADED, DEAD]))
)
def test_the_caller_gets_its_answer_whatever_the_order(order: tuple[Trouble, ...]):
    world = World(6)
    route = world.route()
    for call in range(20):
        now = NOW + call * 7
        choice = route.choose(Facts(), now)
        course, asked = None, 0
        while True:
            assert isinstance(choice, Choice)
            begin(choice, now)
            asked += 1
            number = int(choice.target.name[1:])
            if number == 5:
                served(choice, now)
                ended(choice)
                break
            course = course or route.course(choice, Facts(), now, now + 10)
            step = course.failed(choice, order[number], now)
            ended(choice)
            assert isinstance(step, Next)
            assert step.wait_s == 0.0
            choice = step.choice
        assert asked <= 6
    assert world.targets[5].account.health.served == 20
    assert sum(each.health.failed for each in world.targets) < 60
