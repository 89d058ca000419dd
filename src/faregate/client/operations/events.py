"""The management API: events. Written by `make docs`."""

import msgspec

from faregate.client.requests import Page, Request, asked, place

__all__ = ["Event", "list_events"]


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One event. `amount` is dollars as a string.

    One event. `amount` is dollars as a string, or a number of the purse's unit.
    """

    number: int
    at: str
    kind: str
    subject: str
    detail: str
    percent: int | None
    amount: str | int | None
    purse: str | None


def list_events(
    *,
    team: str | None = None,
    after: int | None = None,
    limit: int | None = None,
    cursor: str | None = None,
    sort: str | None = None,
) -> Request[Page[Event]]:
    """List events, the oldest first; a program goes on from `next_cursor`."""
    return Request(
        "GET",
        place("/v1/events", team=team),
        Page[Event],
        query=asked(after=after, limit=limit, cursor=cursor, sort=sort),
    )
