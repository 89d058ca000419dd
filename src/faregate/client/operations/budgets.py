"""The management API: budgets. Written by `make docs`."""

from decimal import Decimal
from typing import Any, Literal

import msgspec

from faregate.client.operations.shapes import BulkReply, DeleteItem, ItemRevision, UpdateItem
from faregate.client.requests import MERGE_PATCH, Page, Request, asked, place
from faregate.configuration.commerce import Budget

__all__ = [
    "BudgetChanges",
    "BudgetItem",
    "CreateBudget",
    "change_budgets",
    "create_budget",
    "delete_budget",
    "get_budget",
    "list_budget_history",
    "list_budgets",
    "replace_budget",
    "update_budget",
]


class CreateBudget(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="action", tag="create"
):
    """Add `item`."""

    item: Budget


class BudgetChanges(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Changes of budgets: all of them are made, or none."""

    items: list[CreateBudget | UpdateItem | DeleteItem]


class BudgetItem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A cap on spend. `etag`: its version."""

    keys: list[str]
    applications: list[str]
    teams: list[str]
    plans: list[str]
    models: list[str]
    providers: list[str]
    routes: list[str]
    name: str
    team: str | None
    each: Literal["application", "customer", "key", "run", "team"]
    amount: Decimal
    window: Literal["day", "hour", "month", "week", "year"] | None
    rolling: bool
    time_zone: str
    alert_at: list[int]
    required: bool
    etag: str


def change_budgets(
    body: BudgetChanges, *, team: str | None = None, message: str | None = None
) -> Request[BulkReply]:
    """Change many budgets at once, all or none."""
    return Request(
        "POST",
        place("/v1/budgets/bulk", team=team),
        BulkReply,
        query=asked(message=message),
        body=body,
        repeatable=True,
        may_wait=True,
    )


def create_budget(
    body: Budget, *, team: str | None = None, message: str | None = None
) -> Request[BudgetItem]:
    """Add a budget."""
    return Request(
        "POST",
        place("/v1/budgets", team=team),
        BudgetItem,
        query=asked(message=message),
        body=body,
        repeatable=True,
        may_wait=True,
    )


def delete_budget(
    name: str, *, version: str, team: str | None = None, message: str | None = None
) -> Request[None]:
    """Remove a budget."""
    return Request(
        "DELETE",
        place("/v1/budgets/{name}", name=name, team=team),
        None,
        query=asked(message=message),
        version=version,
        may_wait=True,
    )


def get_budget(name: str, *, team: str | None = None) -> Request[BudgetItem]:
    """Show one budget."""
    return Request("GET", place("/v1/budgets/{name}", name=name, team=team), BudgetItem)


def list_budget_history(
    name: str,
    *,
    team: str | None = None,
    limit: int | None = None,
    cursor: str | None = None,
    sort: str | None = None,
) -> Request[Page[ItemRevision]]:
    """List the changes of one budget, newest first."""
    return Request(
        "GET",
        place("/v1/budgets/{name}/history", name=name, team=team),
        Page[ItemRevision],
        query=asked(limit=limit, cursor=cursor, sort=sort),
    )


def list_budgets(
    *,
    team: str | None = None,
    name: str | None = None,
    each: str | None = None,
    window: str | None = None,
    limit: int | None = None,
    cursor: str | None = None,
    sort: str | None = None,
) -> Request[Page[BudgetItem]]:
    """List the budgets."""
    return Request(
        "GET",
        place("/v1/budgets", team=team),
        Page[BudgetItem],
        query=asked(name=name, each=each, window=window, limit=limit, cursor=cursor, sort=sort),
    )


def replace_budget(
    name: str, body: Budget, *, version: str, team: str | None = None, message: str | None = None
) -> Request[BudgetItem]:
    """Replace a budget."""
    return Request(
        "PUT",
        place("/v1/budgets/{name}", name=name, team=team),
        BudgetItem,
        query=asked(message=message),
        body=body,
        version=version,
        may_wait=True,
    )


def update_budget(
    name: str,
    body: dict[str, Any],
    *,
    version: str,
    team: str | None = None,
    message: str | None = None,
) -> Request[BudgetItem]:
    """Change parts of a budget."""
    return Request(
        "PATCH",
        place("/v1/budgets/{name}", name=name, team=team),
        BudgetItem,
        query=asked(message=message),
        body=body,
        media_type=MERGE_PATCH,
        version=version,
        may_wait=True,
    )
