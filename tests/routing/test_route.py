"""A route gives what may be asked now, or says truly why nothing may."""

from collections import Counter
from random import Random
from time import perf_counter

import pytest
from tests.routing.worlds import (
    DEAD,
    INVALID,
    NOW,
    OVERLOADED,
    THROTTLED,
    UNPAID,
    WALL_NS,
    World,
    chosen,
    serve,
)

from faregate.routing.budgets import BudgetSpec
from faregate.routing.expressions import Expression
from faregate.routing.health import CLAIM_S, FAILURES_MIN
from faregate.routing.rates import AccountLimits
from faregate.routing.route import Canary, Fallbacks, Refused, Route, Shadow
from faregate.routing.strategies import NO_FACTS, PICKS, Facts
from faregate.routing.targets import begin, ended, record, served
from faregate.routing.troubles import Trouble


def names(route: Route, now: float, count: int = 200, facts: Facts = NO_FACTS) -> Counter[str]:
    """Whom so many calls would go to; nothing is claimed."""
    return Counter(chosen(route.look(facts, now)).target.name for _ in range(count))


def refused(route: Route, now: float, facts: Facts = NO_FACTS) -> Refused:
    """What is said when nothing may be asked."""
    found = route.choose(facts, now)
    assert isinstance(found, Refused)
    return found


def break_down(world: World, number: int, trouble: Trouble) -> None:
    """Trouble at an account, as often as it takes."""
    for _ in range(FAILURES_MIN):
        record(world.targets[number].choices[0], trouble, NOW)


@pytest.mark.parametrize("strategy", list(PICKS))
def test_what_is_benched_is_asked_again_by_one_probe(strategy: str):
    world = World(3)
    route = world.route(strategy=strategy)
    record(world.targets[0].choices[0], UNPAID, NOW)
    assert set(names(route, NOW + 59.9)) <= {"m1", "m2"}
    later = NOW + 60
    conversations = (Facts(conversation=f"c{number}") for number in range(10_000))
    probe = next(
        choice
        for facts in conversations
        if (choice := chosen(route.choose(facts, later))).target.name == "m0"
    )
    assert probe.is_probe
    assert set(names(route, later)) <= {"m1", "m2"}
    begin(probe, later)
    assert set(names(route, later + 600)) <= {"m1", "m2"}
    served(probe, later + 601)
    ended(probe)
    assert "m0" in names(route, later + 601, 2_000)


def test_the_same_choice_is_given_while_nothing_is_wrong():
    world = World(2)
    route = world.route()
    found = {id(route.choose(NO_FACTS, NOW)) for _ in range(10)}
    assert found == {id(world.targets[0].choices[0])}
    assert route.calls == 10
    assert route.needs == frozenset()


def test_a_look_claims_nothing():
    world = World(1)
    route = world.route()
    record(world.targets[0].choices[0], INVALID, NOW)
    later = NOW + 60
    for _ in range(3):
        assert not chosen(route.look(NO_FACTS, later)).is_probe
    assert route.calls == 0
    assert chosen(route.choose(NO_FACTS, later)).is_probe
    refused(route, later)
    assert chosen(route.choose(NO_FACTS, later + CLAIM_S)).is_probe


@pytest.mark.parametrize(
    ("troubles", "code", "wait_s", "status"),
    [
        ([UNPAID, UNPAID], "provider_unpaid", 60, 503),
        ([INVALID, INVALID], "provider_key_invalid", 60, 503),
        ([THROTTLED, THROTTLED], "provider_rate_limited", 2, 429),
        ([Trouble("quota_exhausted", "account", 900.0)] * 2, "provider_quota_exhausted", 900, 503),
        ([UNPAID, INVALID], "no_healthy_upstream", 60, 503),
        ([THROTTLED, UNPAID], "no_healthy_upstream", 2, 503),
    ],
)
def test_a_refusal_tells_the_truth(troubles: list[Trouble], code: str, wait_s: int, status: int):
    world = World(2)
    route = world.route()
    for target, trouble in zip(world.targets, troubles, strict=True):
        record(target.choices[0], trouble, NOW)
    found = refused(route, NOW)
    assert (found.code, found.retry_after_s) == (code, wait_s)
    assert dict(found.reasons) == {
        target.name: trouble.kind for target, trouble in zip(world.targets, troubles, strict=True)
    }
    told = found.refusal()
    assert (told.status, told.retry_after_s) == (status, wait_s)


def test_keys_in_trouble_are_passed_over_and_told_together():
    world = World(1, keys=3)
    route = world.route()
    choices = world.targets[0].choices
    record(choices[0], INVALID, NOW)
    record(choices[1], THROTTLED, NOW)
    assert {chosen(route.choose(NO_FACTS, NOW)).key.name for _ in range(20)} == {"k2"}
    record(choices[2], INVALID, NOW)
    found = refused(route, NOW)
    assert (found.code, found.retry_after_s) == ("no_healthy_upstream", 2)
    assert found.reasons == (("m0", "auth, rate_limited"),)


def test_a_guess_is_tried_where_nothing_else_is_left():
    world = World(2)
    route = world.route()
    break_down(world, 0, DEAD)
    assert set(names(route, NOW)) == {"m1"}
    record(world.targets[1].choices[0], UNPAID, NOW)
    probe = chosen(route.choose(NO_FACTS, NOW))
    assert (probe.target.name, probe.is_probe) == ("m0", True)
    assert not chosen(route.choose(NO_FACTS, NOW)).is_probe  # nor is it refused
    serve(probe, NOW)
    assert not world.targets[0].account.health.troubled


def test_a_key_is_probed_once_though_its_model_is_tried_by_several():
    world = World(1, keys=2)
    route = world.route()
    one, two = world.targets[0].choices
    for _ in range(FAILURES_MIN):
        record(one, OVERLOADED, NOW)
    for choice in (one, two):
        record(choice, THROTTLED, NOW)
    now = NOW + 2
    first, second = (chosen(route.choose(NO_FACTS, now)) for _ in range(2))
    assert {first.key.name, second.key.name} == {"k0", "k1"}
    assert first.is_probe
    assert second.is_probe  # of its key alone
    assert refused(route, now).reasons == (("m0", "overloaded, rate_limited"),)
    for choice in (second, first):
        begin(choice, now)
        served(choice, now)
        ended(choice)
    assert not one.account_health.troubled


def test_of_several_guesses_the_one_that_is_back_first():
    world = World(2)
    break_down(world, 0, OVERLOADED)
    for choice in (world.targets[1].choices[0],):
        for _ in range(FAILURES_MIN):
            record(choice, OVERLOADED, NOW - 2)
    assert set(names(world.route(), NOW)) == {"m1"}


def test_own_limits_skip_a_target_and_refuse_where_there_is_no_other():
    world = World(2, limits=AccountLimits(requests_per_minute=3, concurrent=2))
    route = world.route()
    assert route.needs == set()
    assert World(1, limits=AccountLimits(tokens_per_minute=9)).route().needs == {"tokens"}
    counted: Counter[str] = Counter()
    for number in range(6):
        choice = chosen(route.choose(NO_FACTS, NOW + number / 10))
        counted[choice.target.name] += 1
        serve(choice, NOW)
    assert counted == {"m0": 3, "m1": 3}
    found = refused(route, NOW + 1)
    assert found.code == "no_healthy_upstream"
    assert found.retry_after_s is not None
    assert 55 < found.retry_after_s < 62
    assert not world.events


def test_a_budget_that_is_used_up_skips_a_target_and_is_the_operators():
    world = World(2, budgets=(BudgetSpec("day", 10),))
    route = world.route(shadow=Shadow(100.0, world.target(0)))
    one, two = (world.registry.accounts[name] for name in ("a0", "a1"))
    one.balance.unsettled_nano = 10
    assert chosen(route.choose(NO_FACTS, NOW)).target.name == "m0"  # until the second is over
    world.registry.settle(NOW, WALL_NS)
    assert set(names(route, NOW)) == {"m1"}
    assert route.shadow_choice(NO_FACTS, NOW) is None
    two.balance.unsettled_nano = 10
    world.registry.settle(NOW, WALL_NS)
    found = refused(route, NOW)
    assert (found.code, found.retry_after_s) == ("provider_budget_exhausted", 14 * 3_600)
    refusal = found.refusal()
    assert (refusal.kind.status, refusal.kind.side) == (503, "operator")
    assert dict(found.reasons) == dict.fromkeys(("m0", "m1"), "its account's budget is used up")
    assert world.events == [("budget_out", "a0", ""), ("budget_out", "a1", "")]
    assert set(names(route, NOW + 14 * 3_600)) == {"m0"}  # the next day has begun
    record(two.keys and world.targets[1].choices[0], UNPAID, NOW)
    assert refused(route, NOW).code == "provider_budget_exhausted"


def test_calls_at_once_are_counted_until_they_end():
    world = World(2, limits=AccountLimits(concurrent=1))
    route = world.route()
    first = chosen(route.choose(NO_FACTS, NOW))
    begin(first, NOW)
    assert set(names(route, NOW)) == {"m1"}
    ended(first)
    assert set(names(route, NOW)) == {"m0"}


def test_conditions_narrow_the_targets():
    world = World(3)
    long = world.target(0, when=Expression("tokens > 1000"))
    broken = world.target(1, when=Expression("missing.field == 1"))
    route = Route("route", [broken, long, world.targets[2]], Random(1))
    assert route.needs == {"variables"}
    assert set(names(route, NOW, 5, Facts(variables={"tokens": 2_000}))) == {"m0"}
    assert set(names(route, NOW, 5, Facts(variables={"tokens": 10}))) == {"m2"}
    assert broken.when is not None
    assert broken.when.failures == 10
    record(long.choices[0], UNPAID, NOW)
    only = Route("route", [long], Random(1))
    assert refused(only, NOW, Facts(variables={"tokens": 2_000})).code == "provider_unpaid"
    found = refused(only, NOW, Facts(variables={"tokens": 1}))
    assert (found.code, found.retry_after_s) == ("no_healthy_upstream", None)


def test_a_caller_stays_on_its_side_of_a_canary():
    world = World(3)
    route = Route("route", world.targets[:2], Random(1), canary=Canary(20.0, (world.targets[2],)))
    sides = {
        number: names(route, NOW, 5, Facts(caller=f"key_{number}", conversation=str(number)))
        for number in range(1_000)
    }
    assert all(len(side) == 1 for side in sides.values())
    share = sum(side["m2"] > 0 for side in sides.values()) / len(sides)
    assert share == pytest.approx(0.2, abs=0.03)
    assert names(route, NOW, 2_000)["m2"] / 2_000 == pytest.approx(0.2, abs=0.03)
    record(world.targets[2].choices[0], UNPAID, NOW)
    assert all(
        set(names(route, NOW, 1, Facts(caller=f"key_{number}"))) == {"m0"} for number in range(99)
    )


def test_copies_go_to_a_healthy_shadow_alone():
    world = World(2)
    route = world.route(0, shadow=Shadow(25.0, world.targets[1]))
    copies = [route.shadow_choice(NO_FACTS, NOW) for _ in range(4_000)]
    sent = [copy for copy in copies if copy is not None]
    assert len(sent) / 4_000 == pytest.approx(0.25, abs=0.03)
    assert {copy.target.name for copy in sent} == {"m1"}
    record(world.targets[1].choices[0], THROTTLED, NOW)
    assert not any(route.shadow_choice(NO_FACTS, NOW + later) for later in range(200))
    assert world.route(0).shadow_choice(NO_FACTS, NOW) is None


def test_fallbacks_serve_in_their_order_when_no_target_may_be_asked():
    world = World(4)
    fallbacks = Fallbacks(failure=(world.targets[3], world.targets[2]))
    route = world.route(0, 1, strategy="weighted", fallbacks=fallbacks)
    assert set(names(route, NOW)) == {"m0", "m1"}
    for number in (0, 1):
        record(world.targets[number].choices[0], UNPAID, NOW)
    assert set(names(route, NOW)) == {"m3"}
    assert route.describe(NOW)["usable"] is False
    assert [each["name"] for each in route.describe(NOW)["targets"]] == ["m0", "m1", "m3", "m2"]


@pytest.mark.alone
def test_a_choice_without_trouble_costs_next_to_nothing():
    route = World(1).route()
    choose = route.choose
    best = 1.0
    for _ in range(20):
        began = perf_counter()
        for _ in range(2_000):
            choose(NO_FACTS, NOW)
        best = min(best, (perf_counter() - began) / 2_000)
    assert best < 3e-6  # 0.1 µs on a quiet machine; ten times the goal only for a busy one
