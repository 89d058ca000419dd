"""Moments are written and read in UTC."""

import datetime as dt

import pytest

from faregate.control.moments import moment, to_ns
from faregate.control.problems import ProblemError


def test_a_moment_is_read_as_it_was_written() -> None:
    when = dt.datetime(2027, 1, 31, 12, 30, tzinfo=dt.UTC)
    time_ns = to_ns(when, "since")
    assert time_ns is not None
    assert moment(time_ns) == "2027-01-31T12:30:00.000Z"
    assert moment(None) is None
    assert to_ns(None, "since") is None
    assert moment(10**30) == "1970-01-01T00:00:00.000Z"


@pytest.mark.parametrize(
    "when",
    [
        dt.datetime(2027, 1, 31),  # noqa: DTZ001, RUF100 - without a zone is what is refused
        dt.datetime(1900, 1, 1, tzinfo=dt.UTC),
        dt.datetime(9999, 1, 1, tzinfo=dt.UTC),
    ],
)
def test_what_can_not_be_a_moment_names_its_field(when: dt.datetime) -> None:
    with pytest.raises(ProblemError) as caught:
        to_ns(when, "since")
    assert caught.value.problem.errors[0].field == "since"
