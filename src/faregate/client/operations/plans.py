"""The management API: plans. Written by `make docs`."""

from decimal import Decimal
from typing import Any, Literal

import msgspec

from faregate.client.operations.shapes import BulkReply, DeleteItem, ItemRevision, UpdateItem
from faregate.client.requests import MERGE_PATCH, Page, Request, asked, place
from faregate.configuration.commerce import Limit, Plan, Price, Quota

__all__ = [
    "CreatePlan",
    "PlanChanges",
    "PlanItem",
    "change_plans",
    "create_plan",
    "delete_plan",
    "get_plan",
    "list_plan_history",
    "list_plans",
    "replace_plan",
    "update_plan",
]


class CreatePlan(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="action", tag="create"
):
    """Add `item`."""

    item: Plan


class PlanChanges(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Changes of plans: all of them are made, or none."""

    items: list[CreatePlan | UpdateItem | DeleteItem]


class PlanItem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is sold: prices.

    What is sold: prices, volumes and manners for the applications on it. `etag`: its version.
    """

    name: str
    markup: Decimal
    prices: list[Price]
    quotas: list[Quota]
    limits: list[Limit]
    fit: Literal["lower", "refuse"]
    default_output_tokens: int | None
    etag: str


def change_plans(body: PlanChanges, *, message: str | None = None) -> Request[BulkReply]:
    """Change many plans at once, all or none."""
    return Request(
        "POST",
        place("/v1/plans/bulk"),
        BulkReply,
        query=asked(message=message),
        body=body,
        repeatable=True,
        may_wait=True,
    )


def create_plan(body: Plan, *, message: str | None = None) -> Request[PlanItem]:
    """Add a plan."""
    return Request(
        "POST",
        place("/v1/plans"),
        PlanItem,
        query=asked(message=message),
        body=body,
        repeatable=True,
        may_wait=True,
    )


def delete_plan(name: str, *, version: str, message: str | None = None) -> Request[None]:
    """Remove a plan."""
    return Request(
        "DELETE",
        place("/v1/plans/{name}", name=name),
        None,
        query=asked(message=message),
        version=version,
        may_wait=True,
    )


def get_plan(name: str, *, team: str | None = None) -> Request[PlanItem]:
    """Show one plan."""
    return Request("GET", place("/v1/plans/{name}", name=name, team=team), PlanItem)


def list_plan_history(
    name: str,
    *,
    team: str | None = None,
    limit: int | None = None,
    cursor: str | None = None,
    sort: str | None = None,
) -> Request[Page[ItemRevision]]:
    """List the changes of one plan, newest first."""
    return Request(
        "GET",
        place("/v1/plans/{name}/history", name=name, team=team),
        Page[ItemRevision],
        query=asked(limit=limit, cursor=cursor, sort=sort),
    )


def list_plans(
    *,
    team: str | None = None,
    name: str | None = None,
    fit: str | None = None,
    limit: int | None = None,
    cursor: str | None = None,
    sort: str | None = None,
) -> Request[Page[PlanItem]]:
    """List the plans."""
    return Request(
        "GET",
        place("/v1/plans", team=team),
        Page[PlanItem],
        query=asked(name=name, fit=fit, limit=limit, cursor=cursor, sort=sort),
    )


def replace_plan(
    name: str, body: Plan, *, version: str, message: str | None = None
) -> Request[PlanItem]:
    """Replace a plan."""
    return Request(
        "PUT",
        place("/v1/plans/{name}", name=name),
        PlanItem,
        query=asked(message=message),
        body=body,
        version=version,
        may_wait=True,
    )


def update_plan(
    name: str, body: dict[str, Any], *, version: str, message: str | None = None
) -> Request[PlanItem]:
    """Change parts of a plan."""
    return Request(
        "PATCH",
        place("/v1/plans/{name}", name=name),
        PlanItem,
        query=asked(message=message),
        body=body,
        media_type=MERGE_PATCH,
        version=version,
        may_wait=True,
    )
