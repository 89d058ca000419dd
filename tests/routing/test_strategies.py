"""Each strategy picks as it says, by weights that the numbers bear out."""

from collections import Counter
from random import Random

import pytest
from tests.routing.worlds import NOW, World, chosen

from faregate.routing.strategies import EXPLORED, NO_FACTS, Facts, share_of
from faregate.routing.targets import Target, begin

CALLS = 4_000


def weighted(world: World, *weights: int) -> list[Target]:
    """The world's models with other weights."""
    return [world.target(number, weight=weight) for number, weight in enumerate(weights)]


def shares(world: World, targets: list[Target], strategy: str, conversations: int = 0) -> dict:
    """Which part of many calls each target got."""
    route = world.route(strategy=strategy)
    counted = Counter()
    for number in range(CALLS):
        facts = Facts(conversation=f"c{number}") if conversations else NO_FACTS
        counted[route._pick(targets, facts, route.random).name] += 1
    return {name: count / CALLS for name, count in counted.items()}


@pytest.mark.parametrize(("strategy", "conversations"), [("weighted", 0), ("sticky", 1)])
def test_weights_are_shares(strategy: str, conversations: int):
    world = World(3)
    found = shares(world, weighted(world, 7, 2, 1), strategy, conversations)
    assert found == {
        "m0": pytest.approx(0.7, abs=0.03),
        "m1": pytest.approx(0.2, abs=0.03),
        "m2": pytest.approx(0.1, abs=0.03),
    }


def test_weight_0_gets_nothing_while_others_have_some():
    world = World(3)
    assert set(shares(world, weighted(world, 0, 1, 0), "weighted")) == {"m1"}
    assert set(shares(world, weighted(world, 0, 0, 0), "weighted")) == {"m0", "m1", "m2"}


def test_least_latency_prefers_the_fastest_and_explores():
    world = World(3)
    for target, ttft_s in zip(world.targets, (0.9, 0.2, 0.5), strict=True):
        target.health.ttft_s = ttft_s
    found = shares(world, world.targets, "least_latency")
    assert found["m1"] == pytest.approx(1 - EXPLORED * 2 / 3, abs=0.02)
    assert found["m0"] > 0
    assert found["m2"] > 0


def test_least_latency_measures_one_that_isn_t_known_but_not_by_all_calls():
    world = World(2)
    world.targets[0].health.ttft_s = 0.3
    world.targets[0].health.in_flight = 1
    route = world.route(strategy="least_latency")
    first = chosen(route.choose(NO_FACTS, NOW))
    assert first.target.name == "m1"
    begin(first, NOW)
    found = Counter(chosen(route.choose(NO_FACTS, NOW)).target.name for _ in range(200))
    assert found["m0"] > 180


def test_least_busy_counts_by_weight():
    world = World(2)
    targets = weighted(world, 3, 1)
    route = world.route(strategy="least_busy")
    for _ in range(400):
        target = route._pick(targets, NO_FACTS, route.random)
        target.health.in_flight += 1
    assert [target.in_flight for target in targets] == [300, 100]


def test_least_cost_takes_the_cheapest_whose_price_is_known():
    world = World(3)
    targets = [
        world.target(number, price_nano=price) for number, price in enumerate((None, 500, 400))
    ]
    assert set(shares(world, targets, "least_cost")) == {"m2"}
    assert set(shares(world, targets[:2], "least_cost")) == {"m1"}
    assert set(shares(world, targets[:1], "least_cost")) == {"m0"}


def test_a_conversation_stays_and_only_those_of_a_lost_target_move():
    world = World(4)
    route = world.route(strategy="sticky")

    def homes(targets: list[Target]) -> dict[int, str]:
        return {
            number: route._pick(targets, Facts(conversation=f"c{number}"), Random(number)).name
            for number in range(1_000)
        }

    before = homes(world.targets)
    assert before == homes(list(reversed(world.targets)))
    without = homes(world.targets[:2] + world.targets[3:])
    moved = {number for number in before if before[number] != without[number]}
    assert moved == {number for number in before if before[number] == "m2"}
    assert len({without[number] for number in moved}) == 3


def test_who_has_no_conversation_stays_by_its_key():
    world = World(4)
    route = world.route(strategy="sticky")
    homes = {chosen(route.choose(Facts(caller="key_1"), NOW)).target.name for _ in range(50)}
    assert len(homes) == 1


def test_a_share_is_even_and_always_the_same():
    found = [share_of("route", f"c{number}") for number in range(2_000)]
    assert all(0 <= share < 1 for share in found)
    assert sum(found) / len(found) == pytest.approx(0.5, abs=0.02)
    assert share_of("route", "\udcff") == share_of("route", "\udcff")


def test_keys_are_weighted_and_among_equals_the_idlest_is_taken():
    world = World(1, keys=3)
    route = world.route()
    for key, weight in zip(world.targets[0].account.keys, (2, 1, 1), strict=True):
        key.weight = weight
    counted: Counter[str] = Counter()
    for _ in range(CALLS):
        choice = chosen(route.choose(NO_FACTS, NOW))
        begin(choice, NOW)
        counted[choice.key.name] += 1
    assert counted["k0"] / CALLS == pytest.approx(0.5, abs=0.03)
    assert abs(counted["k1"] - counted["k2"]) <= 1


def test_a_conversation_stays_with_its_key():
    world = World(1, keys=3)
    route = world.route(strategy="sticky")
    homes = {
        f"c{number}": {
            chosen(route.choose(Facts(conversation=f"c{number}"), NOW)).key.name for _ in range(5)
        }
        for number in range(60)
    }
    assert all(len(keys) == 1 for keys in homes.values())
    assert len({key for keys in homes.values() for key in keys}) == 3
