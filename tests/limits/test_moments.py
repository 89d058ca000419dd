"""A wait, obeyed in floating point, is never early, a hair late at most."""

from hypothesis import given
from hypothesis import strategies as st

from faregate.limits.moments import from_ns, to_ns, wait_until

seconds = st.floats(0.0, 1e7, allow_subnormal=False)


@given(seconds, seconds)
def test_a_wait_is_never_early(now: float, ahead: float):
    moment = now + ahead
    wait = wait_until(moment, now)
    assert moment <= now + wait <= moment + 1e-8


@given(st.integers(0, 10**16))
def test_a_moment_holds_its_nanoseconds(moment_ns: int):
    moment = from_ns(moment_ns)
    assert moment_ns <= to_ns(moment) <= moment_ns + 2
