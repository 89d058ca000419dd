"""A slice is used no longer than it lasts, and told as it was used."""

import msgspec
import pytest
from tests.limits.oracles import at_once, sliding, steady

from faregate.limits.counters import ASK, NEVER, TAKEN, LimitSpec, LimitUnit
from faregate.tally.leased import (
    NOTHING,
    SHARE_RETRY_S,
    Asked,
    LeasedRate,
    LeasedSlots,
    share_of,
)

SERVER_US = 1_700_000_000_000_000  # a bucket of a second's window begins here


def rate(spec: LimitSpec) -> LeasedRate:
    return LeasedRate(spec, b"key", lambda counter: None)


def lease(counter, units: int, life_us: int, now: float, free: int = 0, place: int | None = None):
    bucket = SERVER_US * 128 // 1_000_000 if place is None else place
    counter.question(Asked(units, units), now)
    counter.accept([units, life_us, bucket, SERVER_US, free, 0, []], now, now + 0.001)


def gives(question: list) -> list:
    return question[8]


def test_a_slice_ends_by_the_time_before_the_question():
    counter = rate(sliding(10))
    assert counter.take(1, 100.0) == ASK
    lease(counter, 5, 8_000, 100.0)
    assert counter.take(2, 100.0079) == TAKEN
    assert counter.check(2, 100.0079) == TAKEN
    assert counter.take(2, 100.0081) == ASK
    assert counter.take(11, 100.0) == NEVER


def test_what_is_not_used_goes_back_with_its_token():
    counter = rate(sliding(10))
    lease(counter, 5, 8_000, 100.0)
    counter.take(2, 100.002)
    place = SERVER_US * 128 // 1_000_000
    assert gives(counter.question(NOTHING, 100.003)) == [[place, SERVER_US, 3]]
    assert gives(counter.question(NOTHING, 100.004)) == []


def test_what_was_used_counts_from_when_it_was():
    counter = rate(sliding(10))
    place = SERVER_US * 128 // 1_000_000
    lease(counter, 5, 100_000, 100.0, place=place + 12)
    counter.take(4, 100.010)  # 10 ms later: the bucket after the first
    counter.put_back(1, 100.010, 100.011)
    question = counter.question(NOTHING, 100.050)
    assert gives(question) == [[place + 12, SERVER_US, 2]]
    assert question[-1] == [place + 12, place + 1, 3]
    counter.put_back(2, 100.010, 100.06)
    assert gives(counter.question(NOTHING, 100.07)) == [[place + 1, SERVER_US, 2]]


def test_put_back_names_the_slice_that_it_was_taken_from():
    tokens = msgspec.structs.replace(sliding(100), unit=LimitUnit.TOKENS)
    counter = rate(tokens)
    for number in range(5):
        lease(counter, 10, 8_000, 100.0 + number, place=number)
        counter.take(10, 100.002 + number)
    counter.put_back(4, 102.002, 104.5)
    counter.put_back(3, 103.002, 104.5)
    assert gives(counter.question(NOTHING, 105.0)) == [[2, SERVER_US, 4], [3, SERVER_US, 3]]
    counter.put_back(1, 50.0, 106.0)  # of before all that is remembered
    assert gives(counter.question(NOTHING, 107.0)) == []


def test_a_refusal_is_remembered_with_its_schedule():
    counter = rate(sliding(10))
    counter.question(Asked(4, 4), 100.0)
    counter.accept([0, 0, 0, SERVER_US, 2, 0, [[50_000, 3], [90_000, 9]]], 100.0, 100.001)
    assert counter.take(2, 100.002) == ASK  # two are free
    assert counter.take(3, 100.002) == pytest.approx(0.049)
    assert counter.take(8, 100.002) == pytest.approx(0.089)
    assert counter.take(3, 100.052) == ASK


def test_a_steady_rate_says_when_any_cost_fits():
    counter = rate(steady(10, 9))
    counter.question(Asked(1, 1), 100.0)
    counter.accept([0, 0, 0, 1, 0, 0, [[-500_000, 1_000_000, 10]]], 100.0, 100.0)
    assert counter.take(1, 100.0) == pytest.approx(0.05)
    assert counter.take(3, 100.0) == pytest.approx(0.25)


def test_what_was_added_is_told_again_when_no_answer_came():
    counter = rate(sliding(10))
    counter.add(3, 100.0)
    assert not counter.is_idle(200.0)
    assert counter.question(NOTHING, 100.0)[9] == 3
    counter.unanswered()
    assert counter.question(NOTHING, 100.1)[9] == 3
    counter.accept([0, 0, 0, 0, 7, 0, []], 100.1, 100.1)
    assert counter.question(NOTHING, 100.2)[9] == 0
    assert counter.left(100.2) == 7


def test_slots_without_a_call_go_back_and_those_in_use_are_held():
    heard_until = [105.0]
    counter = LeasedSlots(at_once(10), b"key", lambda counter: None, lambda: heard_until[0])
    assert counter.take(1, 100.0) == ASK
    counter.question(Asked(2, 1), 100.0)
    counter.accept([4, 0, 0, 0, 6, 0, []], 100.0, 100.0)
    assert counter.reserve(1)
    counter.release(1, counter.token, 100.0)
    assert [counter.take(1, 101.0) for _ in range(3)] == [TAKEN] * 3
    assert counter.take(1, 105.1) == ASK  # it was not heard in time
    counter.put_back(1, 101.0, 102.0)
    assert counter.left(102.0) == 8
    counter.accept([0, 0, 0, 0, 4, 0, []], 102.0, 102.0)  # others have used up half
    assert counter.question(NOTHING, 102.1)[2] == 2
    assert counter.left(102.1) == 4
    assert counter.holds


def test_while_half_is_free_slots_go_back_when_no_call_used_them_between_two_questions():
    told: list[object] = []
    counter = LeasedSlots(at_once(1_000), b"key", told.append, lambda: 200.0)
    counter.question(Asked(8, 1), 100.0)
    counter.accept([8, 0, 0, 0, 992, 0, []], 100.0, 100.0)
    assert not told  # until a call has ended
    for _ in range(6):
        assert counter.take(1, 100.0) == TAKEN
        counter.put_back(1, 100.0, 100.0)
    told.clear()
    assert counter.question(NOTHING, 100.1)[2] == 8
    counter.accept([0, 0, 0, 0, 992, 0, []], 100.1, 100.1)
    assert told == [counter]  # so that there is a next question
    assert counter.take(1, 100.1) == TAKEN
    assert counter.question(NOTHING, 100.2)[2] == 1  # the call; the other seven were unused
    counter.accept([0, 0, 0, 0, 999, 0, []], 100.2, 100.2)
    assert counter.left(100.2) == 999
    counter.put_back(1, 100.1, 100.3)
    assert counter.left(100.3) == 1_000


@pytest.mark.parametrize(
    ("spec", "workers", "share"),
    [
        (sliding(10), 4, 2),
        (sliding(3), 4, 0),
        (steady(10, 7), 4, 2),
        (steady(10, 2), 4, 0),
        (at_once(9), 4, 2),
    ],
)
def test_shares_never_add_up_to_more(spec: LimitSpec, workers: int, share: int):
    counter = share_of(spec, workers)
    taken = sum(counter.take(1, 1.0) == TAKEN for _ in range(20)) if counter else 0
    assert taken == share


def test_a_share_begins_when_all_before_has_left():
    counter = rate(sliding(8))
    lease(counter, 5, 8_000, 100.0)
    counter.go_alone(4, 100.002)
    assert 1.0 < counter.take(1, 100.003) < 1.2
    assert not counter.share_was_used
    assert [counter.take(1, 101.2) for _ in range(2)] == [TAKEN, TAKEN]
    assert counter.take(1, 101.2) > 0.9
    assert counter.take(3, 101.2) == SHARE_RETRY_S
    assert counter.share_was_used
    counter.come_back()
    assert counter.take(1, 101.3) == ASK
