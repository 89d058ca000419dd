"""A filter takes the calls that meet all its conditions."""

import pytest
from tests.calllog.calls import closed, settled, started

from faregate.calllog.query import EVERY_CALL, CallFilter, parse_status
from faregate.calllog.records import WorkerCalls
from faregate.core.errors import FaregateError

CALLS = WorkerCalls("w")
CHANGES = CALLS.add(
    [
        started(1, application="shop", customer="c1"),
        settled(1),
        closed(2, application="shop"),
        started(3, run="r1"),
    ]
)
ANSWERED, REFUSED, OPEN = *CHANGES.closed, *CHANGES.opened


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (EVERY_CALL, [ANSWERED, REFUSED, OPEN]),
        (CallFilter(key="billing"), [ANSWERED, OPEN]),
        (CallFilter(key="key_1"), [ANSWERED, OPEN]),
        (CallFilter(model="small"), [ANSWERED, REFUSED, OPEN]),
        (CallFilter(model="small-2"), [ANSWERED, OPEN]),
        (CallFilter(refused=True), [REFUSED]),
        (CallFilter(status_low=200, status_high=300), [ANSWERED]),
        (CallFilter(status_low=400, status_high=500, refused=True), [REFUSED]),
        (CallFilter(closed=True), [ANSWERED, REFUSED]),
        (CallFilter(key="other"), []),
        (CallFilter(application="shop"), [ANSWERED, REFUSED]),
        (CallFilter(customer="c1"), [ANSWERED]),
        (CallFilter(run="r1"), [OPEN]),
        (CallFilter(run=""), [ANSWERED, REFUSED]),
    ],
)
def test_filter(chosen: CallFilter, expected: list):
    assert [call for call in (ANSWERED, REFUSED, OPEN) if chosen.matches(call)] == expected


@pytest.mark.parametrize(("text", "pair"), [("429", (429, 430)), ("5xx", (500, 600))])
def test_status(text: str, pair: tuple[int, int]):
    assert parse_status(text) == pair


@pytest.mark.parametrize("text", ["", "42", "6xx", "4x9", "abc", "4290"])
def test_status_that_is_none(text: str):
    with pytest.raises(FaregateError) as caught:
        parse_status(text)
    assert "5xx" in (caught.value.fix or "")
