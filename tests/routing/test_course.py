"""After a failure the call goes on where it may, within its bounds."""

import pytest
from tests.routing.worlds import (
    BUSY,
    DEAD,
    INVALID,
    MISTAKE,
    NOW,
    OVERLOADED,
    REFUSED,
    SLOW,
    THROTTLED,
    TOO_LONG,
    UNPAID,
    World,
    chosen,
)

from faregate.routing.course import Course, GiveUp, Next
from faregate.routing.health import FAILURES_MIN, SLOW_PROBE_S
from faregate.routing.retries import Retries
from faregate.routing.route import Fallbacks, Refused, Route
from faregate.routing.strategies import NO_FACTS, Facts
from faregate.routing.targets import Choice, begin, ended, record, served
from faregate.routing.troubles import Trouble

DEADLINE = NOW + 30
HARMLESS = Facts(idempotent=True)


class Play:
    """One call whose attempts meet `troubles`, by target; without any left it is served."""

    def __init__(
        self,
        route: Route,
        troubles: dict[str, list[Trouble]],
        facts: Facts = NO_FACTS,
        deadline: float = DEADLINE,
    ) -> None:
        self.now = NOW
        self.waits: list[float] = []
        self.asked: list[str] = []
        self.gave_up: GiveUp | None = None
        choice = chosen(route.choose(facts, self.now))
        course: Course | None = None
        while True:
            self.asked.append(choice.target.name)
            found = self._attempt(route, choice, course, troubles, facts, deadline)
            if found is None:
                return
            course, step = found
            while isinstance(step, Next) and step.wait_s:
                self.waits.append(step.wait_s)
                self.now += step.wait_s
                assert self.now < deadline
                step = course.resume(self.now)
            if isinstance(step, GiveUp):
                self.gave_up = step
                return
            choice = step.choice

    def _attempt(
        self,
        route: Route,
        choice: Choice,
        course: Course | None,
        troubles: dict[str, list[Trouble]],
        facts: Facts,
        deadline: float,
    ) -> tuple[Course, Next | GiveUp] | None:
        begin(choice, self.now)
        trouble = next(iter(troubles.get(choice.target.name, [])), None)
        if trouble is None:
            served(choice, self.now)
            ended(choice)
            return None
        troubles[choice.target.name].pop(0)
        course = course or route.course(choice, facts, self.now, deadline)
        step = course.failed(choice, trouble, self.now)
        ended(choice)
        return course, step


@pytest.mark.parametrize("trouble", [UNPAID, INVALID, THROTTLED, OVERLOADED, DEAD, SLOW, BUSY])
def test_another_target_is_asked_without_a_wait(trouble: Trouble):
    play = Play(World(2).route(), {"m0": [trouble] * 9})
    assert play.asked == ["m0", "m1"]
    assert play.waits == []


@pytest.mark.parametrize("trouble", [INVALID, THROTTLED])
def test_another_key_of_the_same_target_comes_first(trouble: Trouble):
    play = Play(World(2, keys=2).route(), {"m0": [trouble]})
    assert play.asked == ["m0", "m0"]
    assert play.waits == []


@pytest.mark.parametrize(
    ("trouble", "facts", "asked"),
    [
        (OVERLOADED, NO_FACTS, 2),
        (DEAD, NO_FACTS, 2),
        (BUSY, NO_FACTS, 2),
        (SLOW, NO_FACTS, 1),
        (SLOW, HARMLESS, 2),
        (UNPAID, HARMLESS, 1),
        (INVALID, HARMLESS, 1),
        (MISTAKE, HARMLESS, 1),
        (Trouble("permission", "request"), HARMLESS, 1),
    ],
)
def test_the_same_target_is_asked_again_only_where_it_is_safe_and_may_help(
    trouble: Trouble, facts: Facts, asked: int
):
    play = Play(World(1).route(), {"m0": [trouble]}, facts)
    assert len(play.asked) == asked
    assert all(0.1 <= wait <= 0.25 for wait in play.waits)
    assert (play.gave_up is None) is (asked == 2)


def test_a_short_retry_after_is_waited_for():
    play = Play(World(1).route(), {"m0": [THROTTLED]})
    assert play.asked == ["m0", "m0"]
    assert len(play.waits) == 1
    assert 2.0 <= play.waits[0] <= 2.25


@pytest.mark.parametrize("named_s", [8.5, 60.0, 1e9])
def test_a_long_one_is_told(named_s: float):
    play = Play(World(1).route(), {"m0": [Trouble("rate_limited", "key", named_s)]})
    assert play.asked == ["m0"]
    assert play.gave_up is not None
    assert play.gave_up.retry_after_s == min(named_s, 3_600.0)


def test_no_wait_is_begun_that_the_deadline_would_cut():
    play = Play(World(1).route(), {"m0": [THROTTLED]}, deadline=NOW + 1.9)
    assert (play.asked, play.waits) == (["m0"], [])
    play = Play(World(2).route(), {"m0": [DEAD]}, deadline=NOW)
    assert play.asked == ["m0"]


def test_repeats_are_bounded():
    play = Play(World(1).route(), {"m0": [OVERLOADED] * 20})
    assert play.asked == ["m0"] * 3
    assert play.gave_up is not None
    assert len(play.gave_up.troubles) == 3
    play = Play(World(12).route(), {f"m{number}": [OVERLOADED] * 9 for number in range(12)})
    assert len(play.asked) == 8
    retries = Retries(repeats_max=0)
    assert len(Play(World(1).route(retries=retries), {"m0": [OVERLOADED] * 9}).asked) == 1


def test_retries_can_t_multiply_an_outage():
    world = World(1)
    route = world.route(retries=Retries(budget_share=0.1, budget_per_s=1.0))
    asked = sum(len(Play(route, {"m0": [BUSY] * 9}).asked) for _ in range(1_000))
    assert 1_000 < asked < 1_000 * 1.15 + 10 * 2


def test_fallbacks_for_failures_come_after_the_targets_and_in_order():
    world = World(4)
    fallbacks = Fallbacks(failure=(world.targets[3], world.targets[2]))
    route = world.route(0, 1, strategy="weighted", fallbacks=fallbacks)
    troubles = {name: [DEAD] for name in ("m0", "m1", "m3")}
    play = Play(route, troubles)
    assert sorted(play.asked[:2]) == ["m0", "m1"]
    assert play.asked[2:] == ["m3", "m2"]
    assert play.waits == []


@pytest.mark.parametrize(
    ("trouble", "expected"), [(TOO_LONG, "m2"), (REFUSED, "m3"), (MISTAKE, None)]
)
def test_each_trouble_of_the_request_has_its_own_fallbacks(trouble: Trouble, expected: str | None):
    world = World(4)
    fallbacks = Fallbacks(
        failure=(world.targets[1],),
        context_length=(world.targets[2],),
        content_refused=(world.targets[3],),
    )
    play = Play(world.route(0, fallbacks=fallbacks), {"m0": [trouble]})
    assert play.asked == (["m0", expected] if expected else ["m0"])
    without = Play(world.route(0, 1), {"m0": [trouble]})
    assert without.asked == ["m0"]
    assert without.gave_up is not None
    assert without.gave_up.trouble is trouble
    assert not world.targets[0].account.health.troubled


def test_fallbacks_may_lead_to_one_another_but_not_in_circles():
    world = World(3)
    fallbacks = Fallbacks(context_length=(world.targets[1],), content_refused=(world.targets[2],))
    route = world.route(0, fallbacks=fallbacks)
    play = Play(route, {"m0": [TOO_LONG], "m1": [REFUSED]})
    assert play.asked == ["m0", "m1", "m2"]
    play = Play(route, {"m0": [TOO_LONG], "m1": [REFUSED], "m2": [TOO_LONG]})
    assert play.asked == ["m0", "m1", "m2"]
    assert play.gave_up is not None


def test_that_a_stand_in_is_too_small_is_not_what_the_caller_is_told():
    world = World(2)
    route = world.route(0, fallbacks=Fallbacks(failure=(world.targets[1],)))
    play = Play(route, {"m0": [UNPAID], "m1": [TOO_LONG]})
    assert play.gave_up is not None
    assert play.gave_up.trouble is UNPAID
    assert [trouble for _, trouble in play.gave_up.troubles] == [UNPAID, TOO_LONG]


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        (UNPAID, OVERLOADED, "overloaded"),
        (INVALID, UNPAID, "payment_required"),
        (DEAD, Trouble("rate_limited", "key", 20.0), "rate_limited"),
        (DEAD, MISTAKE, "invalid_request"),
        (SLOW, TOO_LONG, "context_length"),
    ],
)
def test_the_caller_is_told_what_it_or_time_can_mend(first: Trouble, second: Trouble, told: str):
    play = Play(World(2).route(), {"m0": [first] * 9, "m1": [second] * 9})
    assert play.gave_up is not None
    assert play.gave_up.trouble.kind == told


def test_what_can_t_be_carried_is_asked_elsewhere_and_is_no_attempt():
    world = World(12)
    troubles = {f"m{number}": [Trouble("unsupported")] for number in range(11)}
    assert Play(world.route(), troubles).asked[-1] == "m11"
    play = Play(World(2).route(), {"m0": [UNPAID], "m1": [Trouble("unsupported")]})
    assert play.gave_up is not None
    assert play.gave_up.trouble.kind == "unsupported"


def test_what_leaves_something_behind_is_not_sent_to_two():
    facts = Facts(lasting=True)
    assert Play(World(2).route(), {"m0": [SLOW]}, facts).asked == ["m0"]
    assert Play(World(2).route(), {"m0": [DEAD]}, facts).asked == ["m0", "m1"]


def test_what_is_benched_by_a_guess_is_tried_before_giving_up():
    world = World(2)
    for _ in range(FAILURES_MIN):
        record(world.targets[1].choices[0], OVERLOADED, NOW)
    play = Play(world.route(), {"m0": [UNPAID]})
    assert play.asked == ["m0", "m1"]
    assert play.waits == []
    assert not world.targets[1].account.health.troubled


def test_a_target_that_is_back_soon_is_waited_for():
    world = World(2)
    record(world.targets[1].choices[0], THROTTLED, NOW - 1)
    play = Play(world.route(), {"m0": [UNPAID]})
    assert (play.asked, play.waits) == (["m0", "m1"], [1.0])


def test_who_waits_for_what_another_call_probes_waits_on():
    world = World(1)
    route = world.route()
    first, second = (chosen(route.choose(NO_FACTS, NOW)) for _ in range(2))
    courses = []
    for choice in (first, second):
        begin(choice, NOW)
        course = route.course(choice, NO_FACTS, NOW, DEADLINE)
        step = course.failed(choice, THROTTLED, NOW)
        ended(choice)
        assert isinstance(step, Next)
        assert step.wait_s >= 2.0
        courses.append(course)
    now = NOW + 2.5
    probe = courses[0].resume(now)
    assert isinstance(probe, Next)
    assert (probe.choice.is_probe, probe.wait_s) == (True, 0.0)
    begin(probe.choice, now)
    waiting = courses[1].resume(now)
    assert isinstance(waiting, Next)
    assert waiting.wait_s > 0
    served(probe.choice, now + 0.3)
    going_on = courses[1].resume(now + waiting.wait_s)
    assert isinstance(going_on, Next)
    assert going_on.wait_s == 0.0


def test_a_slow_probe_is_not_being_refused_so_others_follow():
    world = World(1)
    route = world.route()
    choice = chosen(route.choose(NO_FACTS, NOW))
    course = route.course(choice, NO_FACTS, NOW, NOW + 10_000)
    step = course.failed(choice, THROTTLED, NOW)
    probed_at = now = NOW + 2.5
    probe = chosen(route.choose(NO_FACTS, now))
    begin(probe, now)
    waits = 0
    while isinstance(step, Next) and (step.wait_s or not waits):
        now += step.wait_s
        waits += 1
        step = course.resume(now)
    assert isinstance(step, Next)
    assert probed_at + SLOW_PROBE_S <= now < probed_at + 3 * SLOW_PROBE_S
    assert not step.choice.is_probe
    assert isinstance(route.choose(NO_FACTS, probed_at + SLOW_PROBE_S - 0.1), Refused)
    assert isinstance(route.choose(NO_FACTS, probed_at + SLOW_PROBE_S), Choice)


def test_who_waited_for_a_breaker_doesn_t_pass_it_when_it_opened_again():
    world = World(1)
    route = world.route()
    choice = chosen(route.choose(NO_FACTS, NOW))
    for _ in range(FAILURES_MIN - 1):
        record(choice, OVERLOADED, NOW)
    course = route.course(choice, NO_FACTS, NOW, DEADLINE)
    step = course.failed(choice, OVERLOADED, NOW)
    assert isinstance(step, Next)
    assert step.wait_s == 5.0
    probe = chosen(route.choose(NO_FACTS, NOW + 5))
    record(probe, OVERLOADED, NOW + 5)
    step = course.resume(NOW + 5.1)
    assert isinstance(step, GiveUp)  # ten seconds more are too long to wait
    assert step.retry_after_s == pytest.approx(9.9)


def test_waiting_for_probes_has_an_end():
    world = World(1)
    route = world.route()
    choice = chosen(route.choose(NO_FACTS, NOW))
    course = route.course(choice, NO_FACTS, NOW, NOW + 10_000)
    step = course.failed(choice, THROTTLED, NOW)
    now, waits = NOW, 0
    while isinstance(step, Next):
        assert step.wait_s > 0
        now += step.wait_s
        waits += 1
        record(choice, THROTTLED, now)  # what began before goes on failing
        step = course.resume(now)
    assert waits < 12
    assert step.trouble is THROTTLED
