"""What is known of vendors' models, whether they are set up here or not."""

import datetime as dt
from functools import cache
from typing import Annotated, Any

import msgspec
from fastapi import Query

from faregate.catalogue.facts import ModelFacts
from faregate.catalogue.library import Library
from faregate.control.context import Context
from faregate.control.operations import Routes
from faregate.control.paging import Page, Paging
from faregate.control.problems import missing
from faregate.core.money import parse_amount

routes = Routes("Catalogue")


class KnownModel(msgspec.Struct, frozen=True, kw_only=True):
    """A vendor's model; what is null is not known.

    Prices are dollars for a million tokens.
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


@routes.get("/v1/catalogue/models", "models.read", reply=Page[KnownModel], across=True)
def list_known_models(
    context: Context,
    paging: Paging,
    search: Annotated[str, Query(max_length=200, description="A part of its name.")] = "",
    vendor: str | None = None,
    can: Annotated[str, Query(max_length=500, description="As vision,tools.")] = "",
    max_price: Annotated[
        str | None,
        Query(
            pattern=r"^[0-9]{1,7}(\.[0-9]{1,9})?$",
            description="Dollars for a million input tokens, at most: 2.50.",
        ),
    ] = None,
) -> Page[KnownModel]:
    """Search the models that are known of, with their abilities and prices."""
    day = _today(context)
    found = library().search(
        search,
        vendor=vendor,
        can=[name for name in can.split(",") if name],
        input_nano_max=None if max_price is None else parse_amount(max_price),
        on=day,
    )
    return paging.page(
        [_told(one, day) for one in found],
        sortable=("vendor", "model", "context_tokens", "output_tokens_max"),
        default="vendor,model",
        unique="id",
    )


@routes.get(
    "/v1/catalogue/models/{vendor}/{model:path}", "models.read", reply=KnownModel, across=True
)
def get_known_model(context: Context, vendor: str, model: str) -> KnownModel:
    """Show what is known of a vendor's model."""
    facts = library().find(vendor, model)
    if facts is None:
        raise missing(f"the model {model!r} of {vendor!r}")
    return _told(facts, _today(context))


def _today(context: Context) -> dt.date:
    seconds = context.management.clock.wall_ns() // 1_000_000_000
    return dt.datetime.fromtimestamp(seconds, dt.UTC).date()


@cache
def library() -> Library:
    """All that is known; loaded once."""
    return Library()


def _told(facts: ModelFacts, day: dt.date) -> KnownModel:
    price = facts.price_on(day)
    return KnownModel(
        id=f"{facts.vendor}/{facts.model}",
        vendor=facts.vendor,
        model=facts.model,
        title=facts.title,
        operation=facts.operation,
        context_tokens=facts.context_tokens,
        output_tokens_max=facts.output_tokens_max,
        can=sorted(facts.abilities),
        price=None if price is None else dict(price),
        deprecated=facts.deprecated,
        deprecated_on=facts.deprecated_on,
        retires_on=facts.retires_on,
        sources=list(facts.sources),
    )
