"""A process comes back at once, later when it keeps dying, never when it can't work at all."""

import pytest

from faregate.supervisor.restart import HOPELESS_DEATHS, PAUSES_S, QUICK_DEATH_S, RestartPolicy


def test_the_first_death_costs_no_wait() -> None:
    assert RestartPolicy().died(QUICK_DEATH_S + 60) == 0.0
    assert RestartPolicy().died(0.01) == 0.0


def test_quick_deaths_in_a_row_wait_longer_up_to_a_bound() -> None:
    policy = RestartPolicy()
    pauses = [policy.died(0.1) for _ in range(len(PAUSES_S) + 5)]
    assert pauses == sorted(pauses)
    assert pauses[-1] == PAUSES_S[-1]


def test_a_life_of_some_length_starts_the_count_again() -> None:
    policy = RestartPolicy()
    for _ in range(4):
        policy.died(0.1)
    assert policy.died(QUICK_DEATH_S) == 0.0


@pytest.mark.parametrize("ready_before", [True, False])
def test_only_what_never_worked_is_hopeless(ready_before: bool) -> None:
    policy = RestartPolicy()
    if ready_before:
        policy.ready()
    for _ in range(HOPELESS_DEATHS - 1):
        policy.died(0.1)
        assert not policy.hopeless()
    policy.died(0.1)
    assert policy.hopeless() is not ready_before


def test_what_is_not_needed_is_tried_for_ever() -> None:
    policy = RestartPolicy(gives_up=False)
    for _ in range(10 * HOPELESS_DEATHS):
        policy.died(0.1)
    assert not policy.hopeless()
