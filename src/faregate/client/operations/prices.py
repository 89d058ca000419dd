"""The management API: prices. Written by `make docs`."""

from decimal import Decimal
from typing import Any

import msgspec

from faregate.client.operations.shapes import BulkReply, DeleteItem, ItemRevision, UpdateItem
from faregate.client.requests import MERGE_PATCH, Page, Request, asked, place
from faregate.configuration.commerce import Price, ServiceTier, Tier, TimeWindow

__all__ = [
    "CreatePrice",
    "PriceChanges",
    "PriceItem",
    "change_prices",
    "create_price",
    "delete_price",
    "get_price",
    "list_price_history",
    "list_prices",
    "replace_price",
    "update_price",
]


class CreatePrice(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="action", tag="create"
):
    """Add `item`."""

    item: Price


class PriceChanges(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Changes of prices: all of them are made, or none."""

    items: list[CreatePrice | UpdateItem | DeleteItem]


class PriceItem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a model costs, from a moment on. `etag`: its version."""

    name: str
    input: Decimal | None
    cached_input: Decimal | None
    cache_write: Decimal | None
    cache_write_1h: Decimal | None
    audio_input: Decimal | None
    image_input: Decimal | None
    video_input: Decimal | None
    output: Decimal | None
    reasoning: Decimal | None
    audio_output: Decimal | None
    image_output: Decimal | None
    model: str
    request: Decimal
    image: Decimal
    images: dict[str, Decimal]
    audio_hour: Decimal
    characters: Decimal
    search_unit: Decimal
    web_search: Decimal
    tool_call: Decimal
    from_time: str | None
    tiers: list[Tier]
    service_tiers: list[ServiceTier]
    hours: list[TimeWindow]
    etag: str


def change_prices(body: PriceChanges, *, message: str | None = None) -> Request[BulkReply]:
    """Change many prices at once, all or none."""
    return Request(
        "POST",
        place("/v1/prices/bulk"),
        BulkReply,
        query=asked(message=message),
        body=body,
        repeatable=True,
        may_wait=True,
    )


def create_price(body: Price, *, message: str | None = None) -> Request[PriceItem]:
    """Add a price."""
    return Request(
        "POST",
        place("/v1/prices"),
        PriceItem,
        query=asked(message=message),
        body=body,
        repeatable=True,
        may_wait=True,
    )


def delete_price(name: str, *, version: str, message: str | None = None) -> Request[None]:
    """Remove a price."""
    return Request(
        "DELETE",
        place("/v1/prices/{name}", name=name),
        None,
        query=asked(message=message),
        version=version,
        may_wait=True,
    )


def get_price(name: str, *, team: str | None = None) -> Request[PriceItem]:
    """Show one price."""
    return Request("GET", place("/v1/prices/{name}", name=name, team=team), PriceItem)


def list_price_history(
    name: str,
    *,
    team: str | None = None,
    limit: int | None = None,
    cursor: str | None = None,
    sort: str | None = None,
) -> Request[Page[ItemRevision]]:
    """List the changes of one price, newest first."""
    return Request(
        "GET",
        place("/v1/prices/{name}/history", name=name, team=team),
        Page[ItemRevision],
        query=asked(limit=limit, cursor=cursor, sort=sort),
    )


def list_prices(
    *,
    team: str | None = None,
    name: str | None = None,
    model: str | None = None,
    limit: int | None = None,
    cursor: str | None = None,
    sort: str | None = None,
) -> Request[Page[PriceItem]]:
    """List the prices."""
    return Request(
        "GET",
        place("/v1/prices", team=team),
        Page[PriceItem],
        query=asked(name=name, model=model, limit=limit, cursor=cursor, sort=sort),
    )


def replace_price(
    name: str, body: Price, *, version: str, message: str | None = None
) -> Request[PriceItem]:
    """Replace a price."""
    return Request(
        "PUT",
        place("/v1/prices/{name}", name=name),
        PriceItem,
        query=asked(message=message),
        body=body,
        version=version,
        may_wait=True,
    )


def update_price(
    name: str, body: dict[str, Any], *, version: str, message: str | None = None
) -> Request[PriceItem]:
    """Change parts of a price."""
    return Request(
        "PATCH",
        place("/v1/prices/{name}", name=name),
        PriceItem,
        query=asked(message=message),
        body=body,
        media_type=MERGE_PATCH,
        version=version,
        may_wait=True,
    )
