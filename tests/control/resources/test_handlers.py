"""Operations are made for each kind, with the paths, rights and names that clients know."""

import inspect

import pytest
from tests.control.resources.asking import asking
from tests.control.resources.world import document

from faregate.control.management import Management
from faregate.control.operations import Operation
from faregate.control.problems import ProblemError
from faregate.control.resources.handlers import find, operations
from faregate.control.resources.kinds import KINDS, Kind

READING = {"list", "get", "history"}


def by_id(kind: Kind) -> dict[str, Operation]:
    """The operations of a kind by their names."""
    return {one.id: one for one in operations(kind)}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_operations(kind: Kind) -> None:
    found = by_id(kind)
    assert len(found) == len(list(operations(kind)))
    for one in found.values():
        assert one.permission == (kind.read if one.method == "GET" else kind.write)
        assert one.versioned == (one.method in ("PUT", "PATCH", "DELETE"))
        assert one.idempotent == (one.method == "POST")
        assert one.across == (one.method == "GET" and "/teams/{team}/" not in one.path) or (
            kind.field == "teams"
        )
        signature = inspect.signature(one.handler).parameters
        for name in ("team", "name"):
            assert (f"{{{name}}}" in one.path) <= (name in signature)
        if one.method != "GET":
            assert {"dry_run", "message"} <= set(signature)
            assert one.example is not None or one.method == "DELETE"
    in_teams = [one for one in found.values() if "/v1/teams/{team}/" in one.path]
    changed_there = {one.method for one in in_teams} - {"GET"}
    assert bool(changed_there) == kind.is_owned


def test_names_for_clients() -> None:
    assert set(by_id(KINDS["virtual_models"])) >= {
        "list_virtual_models", "get_virtual_model", "create_virtual_model",
        "update_virtual_model", "replace_virtual_model", "delete_virtual_model",
        "change_virtual_models", "list_virtual_model_history", "list_team_virtual_models",
        "create_team_virtual_model", "change_team_virtual_models",
    }  # fmt: skip
    assert {one for one in by_id(KINDS["prices"]) if "team" in one} == {
        "list_team_prices", "get_team_price", "list_team_price_history",
    }  # fmt: skip


def test_found_by_whoever_sees_it(management: Management) -> None:
    management.installation.revisions.apply(document(), "root", "first")
    wallets = KINDS["wallets"]
    assert find(asking(management), wallets, "sales/main").name == "sales/main"
    assert find(asking(management, team="sales"), wallets, "main").name == "sales/main"
    for context in (asking(management, team="support"), asking(management, teams=frozenset())):
        with pytest.raises(ProblemError, match="There is no wallet"):
            find(context, wallets, "sales/main")
