"""A bench ends by one probe; a breaker counts what proves nothing."""

import pytest
from tests.routing.worlds import INVALID, NOW, OVERLOADED, THROTTLED, UNPAID

from faregate.routing.health import FAILURES_MIN, PROBE_S_MAX, WINDOW_S, Bench, Breaker, Health
from faregate.routing.troubles import RESTS, Kind, Trouble


def benched(trouble: Trouble) -> Bench:
    """A bench that was set by a first trouble."""
    bench = Bench(set())
    assert bench.is_open(NOW)
    assert bench.rest(trouble, False, None, NOW)
    return bench


def test_it_opens_to_one_probe_when_its_time_is_over():
    bench = benched(UNPAID)
    assert not bench.is_open(NOW + 59.9)
    assert bench.opens_at(NOW) == NOW + 60
    later = NOW + 60
    assert bench.is_open(later)
    bench.claim("probe", later)
    assert not bench.is_open(later)
    bench.began("probe", later)
    assert not bench.is_open(later + PROBE_S_MAX - 1)
    bench.clear()
    assert bench.is_open(later)
    assert bench.describe(later) == {"state": "active"}


def test_a_claim_that_never_begins_lapses():
    bench = benched(INVALID)
    bench.claim("probe", NOW + 60)
    assert not bench.is_open(NOW + 64.9)
    assert bench.is_open(NOW + 65)


def test_a_probe_that_ends_without_a_verdict_makes_room():
    bench = benched(INVALID)
    bench.claim("probe", NOW + 60)
    bench.release("another")
    assert not bench.is_open(NOW + 60)
    bench.release("probe")
    assert bench.is_open(NOW + 60)


def test_only_a_failed_probe_makes_the_rest_longer():
    bench = benched(UNPAID)
    for _ in range(5):  # calls that began before
        assert not bench.rest(UNPAID, False, "late", NOW + 1)
    assert bench.until == NOW + 61
    now, expected = NOW + 61, [120, 240, 480, 960, 1920, 3600, 3600]
    for rest_s in expected:
        bench.claim("probe", now)
        assert not bench.rest(UNPAID, False, "probe", now)
        assert bench.until == now + rest_s
        now = bench.until


@pytest.mark.parametrize(
    ("kind", "named_s", "rest_s"),
    [
        ("rate_limited", 7.0, 7.0),
        ("rate_limited", 0.0, 0.05),
        ("rate_limited", 1e9, 3_600.0),
        ("rate_limited", None, 1.0),
        ("quota_exhausted", 40_000.0, 40_000.0),
        ("quota_exhausted", None, 300.0),
        ("payment_required", 1.0, 60.0),
        ("auth", None, 60.0),
    ],
)
def test_a_named_time_counts_where_it_is_believed(kind: Kind, named_s: float | None, rest_s: float):
    bench = benched(Trouble(kind, "key", named_s))
    assert bench.until == pytest.approx(NOW + rest_s)


def test_a_softer_word_doesn_t_shorten_a_harder_one():
    bench = benched(UNPAID)
    assert not bench.rest(THROTTLED, False, "late", NOW + 1)
    assert not bench.rest(OVERLOADED, True, "late", NOW + 1)
    assert (bench.kind, bench.until, bench.guessed) == ("payment_required", NOW + 60, False)
    bench = benched(THROTTLED)
    assert bench.rest(UNPAID, False, "late", NOW + 1)
    assert (bench.kind, bench.until) == ("payment_required", NOW + 61)


def test_its_state_is_told():
    bench = benched(UNPAID)
    assert bench.describe(NOW + 10) == {
        "state": "broken",
        "reason": "payment_required",
        "detail": "no money",
        "guessed": False,
        "until_s": 50.0,
    }
    bench.claim("probe", NOW + 60)
    assert bench.describe(NOW + 60)["state"] == "probing"
    assert benched(THROTTLED).describe(NOW)["state"] == "benched"


def test_a_breaker_stays_closed_while_most_are_served():
    breaker = Breaker()
    assert not any(breaker.failed(NOW, 3 * number) for number in range(1, 51))


def test_a_breaker_opens_at_half():
    breaker = Breaker()
    breaker.failed(NOW, 0)
    found = [breaker.failed(NOW, number) for number in range(1, FAILURES_MIN + 1)]
    assert found == [False] * (FAILURES_MIN - 2) + [True, True]


def test_a_breaker_forgets_what_left_its_window():
    breaker = Breaker()
    for _ in range(FAILURES_MIN - 1):
        breaker.failed(NOW, 0)
    assert not breaker.failed(NOW + 2 * WINDOW_S, 1)


def test_failures_in_a_row_open_it_however_seldom():
    breaker = Breaker()
    found = [breaker.failed(NOW + number * 600, 7) for number in range(FAILURES_MIN)]
    assert found == [False] * (FAILURES_MIN - 1) + [True]
    breaker.reset()
    assert not breaker.failed(NOW, 7)


def test_rests_have_a_most():
    for rest in RESTS.values():
        assert 0 < rest.first_s <= rest.most_s


def test_health_keeps_the_last_trouble():
    health = Health(set())
    health.remember(THROTTLED, NOW)
    health.remember(UNPAID, NOW + 1)
    told = health.describe(NOW + 3)
    assert told["failed"] == 2
    assert told["last_trouble"] == {
        "kind": "payment_required", "detail": "no money", "ago_s": 2.0
    }  # fmt: skip
