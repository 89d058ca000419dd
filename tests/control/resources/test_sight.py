"""A team sees its own items, and those prices and plans that its calls meet."""

import pytest
from tests.control.resources.asking import asking
from tests.control.resources.world import document

from faregate.control.context import Context
from faregate.control.management import Management
from faregate.control.resources.kinds import KINDS
from faregate.control.resources.sight import seen, used

SALES = frozenset({"sales"})


def names(context: Context, kind: str, team: str | None = None) -> set[str]:
    """The names of items that are seen."""
    index = context.management.index
    test = seen(context, KINDS[kind], index, team)
    return {item.name for item in index.of(KINDS[kind]).items if test(item)}


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("applications", {"sales/site"}),
        ("teams", {"sales"}),
        ("plans", {"pro"}),
        ("prices", {"gpt-5", "gpt-5-pro", "sales/gpt-4"}),
        ("identity_providers", set()),
    ],
)
def test_what_a_team_sees(management: Management, kind: str, expected: set[str]) -> None:
    management.installation.revisions.apply(document(), "root", "test")
    assert names(asking(management, team="sales"), kind) == expected
    assert names(asking(management, teams=SALES), kind) == expected
    everything = {item.name for item in management.index.of(KINDS[kind]).items}
    assert names(asking(management), kind) == everything
    assert names(asking(management, teams=SALES), kind, "support") == set()


def test_the_empty_team_is_the_organisation(management: Management) -> None:
    management.installation.revisions.apply(document(), "root", "test")
    assert names(asking(management), "wallets", "") == {"main"}
    assert names(asking(management, teams=SALES), "wallets", "") == set()


def test_what_calls_of_a_team_meet() -> None:
    assert used(document(), KINDS["plans"], "sales") == {"pro"}
    assert "support/gpt-4" not in used(document(), KINDS["prices"], "sales")
