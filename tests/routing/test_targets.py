"""Each attempt is counted; its trouble benches what it is about alone."""

import pytest
from tests.routing.worlds import (
    BUSY,
    DEAD,
    INVALID,
    MISTAKE,
    NOW,
    OVERLOADED,
    THROTTLED,
    TOO_LONG,
    UNPAID,
    WALL_NS,
    World,
    chosen,
    serve,
)

from faregate.routing.health import FAILURES_MIN, UNPROVEN_S
from faregate.routing.rates import AccountLimits
from faregate.routing.strategies import NO_FACTS
from faregate.routing.targets import Choice, begin, ended, record, served
from faregate.routing.troubles import Trouble

USD = 10**9


def states(choice: Choice, now: float) -> tuple[bool, ...]:
    """Whether account, model and key are open."""
    return tuple(bench.is_open(now) for bench in choice.benches())


def test_an_attempt_is_in_flight_from_begin_to_end():
    world = World(2)
    choice = world.targets[0].choices[0]
    begin(choice, NOW)
    begin(choice, NOW)
    key, account = choice.key, choice.target.account
    assert (key.in_flight, account.in_flight, choice.target.in_flight) == (2, 2, 2)
    served(choice, NOW, 0.5)
    ended(choice)
    ended(choice)
    assert (key.in_flight, account.in_flight, choice.target.in_flight) == (0, 0, 0)
    assert choice.target.ttft_s == 0.5
    serve(choice, NOW, 1.0)
    assert choice.target.ttft_s == pytest.approx(0.6)
    assert world.targets[1].account.describe(NOW)["served"] == 0
    assert account.describe(NOW)["served"] == 2


@pytest.mark.parametrize(
    ("trouble", "expected"),
    [
        (UNPAID, (False, True, True)),
        (INVALID, (True, True, False)),
        (Trouble("rate_limited", "model"), (True, False, True)),
        (Trouble("permission", "model"), (True, False, True)),
        (Trouble("payment_required", "request"), (True, True, True)),
        (Trouble("quota_exhausted", "key"), (True, True, False)),
        (MISTAKE, (True, True, True)),
        (TOO_LONG, (True, True, True)),
        (BUSY, (True, True, True)),
        (OVERLOADED, (True, True, True)),
        (DEAD, (True, True, True)),
    ],
)
def test_what_one_trouble_benches(trouble: Trouble, expected: tuple[bool, ...]):
    world = World(1)
    choice = world.targets[0].choices[0]
    record(choice, trouble, NOW)
    assert states(choice, NOW) == expected
    assert bool(choice.account_health.troubled) is (expected != (True, True, True))


@pytest.mark.parametrize(
    ("trouble", "expected"), [(OVERLOADED, (True, False, True)), (DEAD, (False, True, True))]
)
def test_many_failures_open_the_breaker_of_their_scope(
    trouble: Trouble, expected: tuple[bool, ...]
):
    world = World(1)
    choice = world.targets[0].choices[0]
    for _ in range(FAILURES_MIN + 3):
        record(choice, trouble, NOW)
    assert states(choice, NOW) == expected
    assert world.events == [("breaker_opened", "a0", "")]
    probe = chosen(world.route().choose(NO_FACTS, NOW + 5))
    assert probe.is_probe
    serve(probe, NOW + 5)
    assert states(choice, NOW + 5) == (True, True, True)
    assert world.events[1:] == [("breaker_closed", "a0", "")]


def test_a_mistake_of_the_caller_closes_a_breaker_and_proves_no_key():
    for trouble, is_open in ((OVERLOADED, True), (INVALID, False)):
        world = World(1)
        choice = world.targets[0].choices[0]
        for _ in range(FAILURES_MIN):
            record(choice, trouble, NOW)
        now = NOW + 60
        probe = chosen(world.route().choose(NO_FACTS, now))
        begin(probe, now)
        record(probe, MISTAKE, now)
        ended(probe)
        assert not choice.account_health.troubled if is_open else True
        assert states(choice, now) == (True, True, is_open)
        assert states(choice, now + UNPROVEN_S) == (True, True, True)


def test_what_was_never_asked_has_proven_nothing():
    world = World(1)
    choice = world.targets[0].choices[0]
    for _ in range(FAILURES_MIN):
        record(choice, OVERLOADED, NOW)
    probe = chosen(world.route().choose(NO_FACTS, NOW + 5))
    record(probe, Trouble("unsupported"), NOW + 5)
    assert choice.target_health.bench.kind == "overloaded"
    assert chosen(world.route().choose(NO_FACTS, NOW + 5)).is_probe
    assert choice.target_health.failed == FAILURES_MIN


def test_the_words_of_earlier_calls_are_no_verdict():
    world = World(1)
    early = chosen(world.route().choose(NO_FACTS, NOW))
    begin(early, NOW)
    record(early, INVALID, NOW)
    served(early, NOW + 1)  # another call that began before
    assert states(early, NOW + 1) == (True, True, False)
    now = NOW + 60
    probe = chosen(world.route().choose(NO_FACTS, now))
    begin(probe, now)
    served(early, now + 1)
    ended(early)
    assert states(early, now + 1) == (True, True, False)
    served(probe, now + 2)
    ended(probe)
    assert states(early, now + 2) == (True, True, True)
    assert world.events == [("broken", "a0", "k0"), ("back", "a0", "k0")]


def test_a_failing_probe_benches_anew_and_is_no_news():
    world = World(1)
    record(world.targets[0].choices[0], UNPAID, NOW)
    now = NOW + 60
    for rest_s in (120, 240, 480):
        probe = chosen(world.route().choose(NO_FACTS, now))
        begin(probe, now)
        record(probe, UNPAID, now)
        ended(probe)
        assert states(probe, now + rest_s - 1) == (False, True, True)
        now += rest_s
    assert world.events == [("broken", "a0", "")]


def test_a_probe_that_meets_another_trouble_proves_nothing():
    world = World(1)
    choice = world.targets[0].choices[0]
    record(choice, INVALID, NOW)
    now = NOW + 60
    probe = chosen(world.route().choose(NO_FACTS, now))
    begin(probe, now)
    record(probe, OVERLOADED, now)
    ended(probe)
    assert states(choice, now) == (True, True, False)
    assert states(choice, now + UNPROVEN_S) == (True, True, True)


def test_own_limits_count_what_begins():
    world = World(1, limits=AccountLimits(requests_per_minute=1, tokens_per_minute=100))
    begin(world.targets[0].choices[0], NOW, 30)
    told = world.targets[0].account.describe(NOW)
    assert (told["requests_left"], told["tokens_left"]) == (0, 70)


def test_a_balance_is_told_of():
    world = World(1)
    account = world.targets[0].account
    account.balance.thresholds_nano = (5 * USD,)
    account.balance_known(10 * USD, NOW)
    for seconds in (1, 2):
        account.balance.unsettled_nano += 6 * USD
        account.settle(NOW + seconds, WALL_NS)
    assert [kind for kind, _, _ in world.events] == ["balance_low", "balance_out"]
    assert account.describe(NOW + 3)["balance"]["left_nano"] == -2 * USD


def test_state_is_visible():
    world = World(1, keys=2)
    choice = world.targets[0].choices[1]
    begin(choice, NOW)
    record(choice, THROTTLED, NOW)
    told = world.targets[0].account.describe(NOW + 1)
    assert (told["name"], told["vendor"], told["in_flight"]) == ("a0", "openai", 1)
    first, second = told["keys"]
    assert first["state"] == "active"
    assert (second["state"], second["reason"], second["until_s"]) == ("benched", "rate_limited", 1)
    assert second["last_trouble"]["ago_s"] == 1
    told = choice.target.describe(NOW)
    assert (told["name"], told["account"], told["state"]) == ("m0", "a0", "active")
    assert repr(choice) == "<m0 with a0/k1>"
