"""The history of one item: its revisions, the newest first, in pages."""

import msgspec
import pytest
from tests.control.resources.asking import asking
from tests.control.resources.world import document

from faregate.configuration.commerce import Plan
from faregate.configuration.document import Document
from faregate.control.management import Management
from faregate.control.paging import Paging, encode_cursor
from faregate.control.problems import ProblemError
from faregate.control.resources.history import number_before, page_of_history


def test_pages(management: Management) -> None:
    revisions = management.installation.revisions
    revisions.apply(document(), "root", "first")

    def other(now: Document, markup: int) -> Document:
        plans = (Plan(name="pro", markup=msgspec.convert(str(markup), type(now.plans[0].markup))),)
        return msgspec.structs.replace(now, plans=(*plans, *now.plans[1:]))

    for markup in (2, 3):
        revisions.edit(lambda now, m=markup: other(now, m), "ada", f"{markup}", message="why")
    context = asking(management)
    first = page_of_history(context, Paging(2, None, None, None), "plans", "pro")
    assert [one.revision for one in first.items] == [3, 2]
    assert (first.items[0].actor, first.items[0].message) == ("ada", "why")
    rest = page_of_history(context, Paging(2, first.next_cursor, None, None), "plans", "pro")
    assert [one.revision for one in rest.items] == [1]
    assert rest.next_cursor is None
    alone = page_of_history(context, Paging(2, None, "-revision", None), "plans", "unused")
    assert [one.revision for one in alone.items] == [1]
    with pytest.raises(ProblemError):
        page_of_history(context, Paging(2, None, "actor", None), "plans", "pro")


@pytest.mark.parametrize("position", [[0], [True], ["x"], [1, 2], [], [2**63]])
def test_cursors_of_other_lists(position: list[object]) -> None:
    with pytest.raises(ProblemError):
        number_before(Paging(2, encode_cursor(position), None, None))
    assert number_before(Paging(2, None, None, None)) is None
    assert number_before(Paging(2, encode_cursor([7]), None, None)) == 7
