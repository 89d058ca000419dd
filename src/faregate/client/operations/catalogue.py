"""The management API: catalogue. Written by `make docs`."""

import datetime as dt
from typing import Any

import msgspec

from faregate.client.requests import Page, Request, asked, place

__all__ = ["KnownModel", "get_known_model", "list_known_models"]


class KnownModel(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A vendor's model.

    A vendor's model; what is null is not known. Prices are dollars for a million tokens.
    """

    id: str
    vendor: str
    model: str
    title: str | None
    operation: str | None
    context_tokens: int | None
    output_tokens_max: int | None
    can: list[str]
    price: dict[str, Any] | None
    deprecated: bool | None
    deprecated_on: dt.date | None
    retires_on: dt.date | None
    sources: list[str]


def get_known_model(vendor: str, model: str) -> Request[KnownModel]:
    """Show what is known of a vendor's model."""
    return Request(
        "GET",
        place("/v1/catalogue/models/{vendor}/{model}", vendor=vendor, model=model),
        KnownModel,
    )


def list_known_models(
    *,
    search: str | None = None,
    vendor: str | None = None,
    can: str | None = None,
    max_price: str | None = None,
    limit: int | None = None,
    cursor: str | None = None,
    sort: str | None = None,
) -> Request[Page[KnownModel]]:
    """Search the models that are known of, with their abilities and prices."""
    return Request(
        "GET",
        place("/v1/catalogue/models"),
        Page[KnownModel],
        query=asked(
            search=search,
            vendor=vendor,
            can=can,
            max_price=max_price,
            limit=limit,
            cursor=cursor,
            sort=sort,
        ),
    )
