"""Moments as the management API writes them: RFC 3339, in UTC."""

import datetime as dt
from typing import overload

from faregate.control.problems import FieldError, ProblemError

_NS = 1_000_000_000


@overload
def moment(time_ns: int) -> str: ...
@overload
def moment(time_ns: None) -> None: ...
def moment(time_ns: int | None) -> str | None:
    """A moment to the millisecond, as 2027-01-31T12:00:00.000Z.

    None stays None.
    """
    if time_ns is None:
        return None
    try:
        at = dt.datetime.fromtimestamp(time_ns / _NS, dt.UTC)
    except (OverflowError, ValueError, OSError):
        at = dt.datetime.fromtimestamp(0, dt.UTC)  # whatever a clock said
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def to_ns(when: dt.datetime | None, field: str) -> int | None:
    """Nanoseconds since 1970.

    Raises `ProblemError` (400) without a zone or out of range.
    """
    if when is None:
        return None
    if when.tzinfo is None:
        raise _wrong(field, "it has no time zone")
    micros = (when - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)
    if not 0 <= micros * 1_000 < 2**63:
        raise _wrong(field, "it is out of range")
    return micros * 1_000


def _wrong(field: str, message: str) -> ProblemError:
    fix = "write it as 2027-01-31T12:00:00Z"
    return ProblemError(
        400,
        "query_invalid",
        f"{field}: {message}.",
        errors=(FieldError(field, message, fix),),
        fix=fix,
    )
