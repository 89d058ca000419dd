"""Guesses wait longer and longer, then a quarter of an hour."""

from faregate.identity.guessing import (
    ACCOUNT_RULE,
    ADDRESS_RULE,
    Guesses,
    current,
    failed,
    locks,
    taken_back,
    wait_ns,
)

S = 1_000_000_000
T = 1_700_000_000 * S


def waits(count: int) -> list[int]:
    """Seconds to wait after each of `count` failures, each made as soon as it may be."""
    guesses, now_ns, found = Guesses(), T, []
    for _ in range(count):
        guesses = failed(guesses, ACCOUNT_RULE, now_ns)
        found.append(wait_ns(guesses, ACCOUNT_RULE, now_ns) // S)
        now_ns += found[-1] * S
    return found


def test_free_then_doubled_then_locked() -> None:
    assert waits(10) == [0, 0, 1, 2, 4, 8, 16, 32, 64, 900]


def test_a_day_of_guessing_is_few_guesses() -> None:
    guesses, now_ns, tries = Guesses(), T, 0
    while now_ns < T + 86_400 * S:
        guesses = failed(guesses, ACCOUNT_RULE, now_ns)
        now_ns += max(1, wait_ns(guesses, ACCOUNT_RULE, now_ns))
        tries += 1
    assert 500 < tries < 1_000


def test_a_wait_gets_shorter_and_ends() -> None:
    guesses = Guesses(4, T)
    assert wait_ns(guesses, ACCOUNT_RULE, T + S) == S
    assert wait_ns(guesses, ACCOUNT_RULE, T + 2 * S) == 0
    assert wait_ns(Guesses(10, T), ACCOUNT_RULE, T + 899 * S) == S
    assert wait_ns(Guesses(10, T), ACCOUNT_RULE, T + 900 * S) == 0


def test_who_waited_begins_anew() -> None:
    assert current(Guesses(10, T), ACCOUNT_RULE, T + 900 * S) == Guesses()
    assert current(Guesses(9, T), ACCOUNT_RULE, T + 3_599 * S).failures == 9
    assert failed(Guesses(9, T), ACCOUNT_RULE, T + 3_600 * S).failures == 1


def test_the_failure_that_locks_is_told_once() -> None:
    assert [locks(Guesses(n), ACCOUNT_RULE) for n in (9, 10, 11)] == [False, True, False]


def test_taken_back() -> None:
    assert taken_back(Guesses(3, T + S), Guesses(2, T)) == Guesses(2, T)
    assert taken_back(Guesses(4, T + S), Guesses(2, T)) == Guesses(3, T + S)
    assert taken_back(Guesses(), Guesses(2, T)) == Guesses()


def test_addresses_are_shared_by_many() -> None:
    assert wait_ns(Guesses(19, T), ADDRESS_RULE, T) == 0
    assert wait_ns(Guesses(60, T), ADDRESS_RULE, T) == 900 * S
