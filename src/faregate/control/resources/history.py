"""The revisions that changed one item."""

import msgspec

from faregate.control.context import Context
from faregate.control.moments import moment
from faregate.control.paging import Page, Paging, encode_cursor, invalid_query
from faregate.storage.revisions import Revision


class ItemRevision(msgspec.Struct, frozen=True):
    """One change of an item, or of several at once: who, when, what, why."""

    revision: int
    created_at: str
    actor: str
    summary: str
    message: str | None


def page_of_history(context: Context, paging: Paging, kind: str, name: str) -> Page[ItemRevision]:
    """The changes of an item, the newest first. Raises `ProblemError`."""
    if paging.sort not in (None, "-revision"):
        raise invalid_query("sort", "changes come the newest first", ("-revision",))
    revisions = context.management.installation.revisions
    found = revisions.item_history(
        kind, name, count_max=paging.limit + 1, before=number_before(paging)
    )
    shown = [_told(one) for one in found[: paging.limit]]
    more = len(found) > paging.limit
    return Page(shown, encode_cursor([shown[-1].revision]) if more else None)


def number_before(paging: Paging) -> int | None:
    """The number that a page goes on below. Raises `ProblemError`."""
    match paging.position():
        case None:
            return None
        case [int(number)] if not isinstance(number, bool) and 0 < number < 2**63:
            return number
    raise invalid_query("cursor", "it belongs to another list", ())


def _told(one: Revision) -> ItemRevision:
    return ItemRevision(one.number, moment(one.created_ns), one.actor, one.summary, one.message)
