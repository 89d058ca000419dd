"""Commercial parts that are whole and honest, for property tests."""

import datetime as dt
from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import strategies as st

from faregate.configuration.commerce import (
    Application,
    Budget,
    Grant,
    Limit,
    Plan,
    Price,
    Quota,
    Team,
    Tier,
    TimeWindow,
    Wallet,
)
from faregate.configuration.commerce_rules import ROUTES
from faregate.configuration.document import Document

amounts = st.integers(0, 10**18).map(lambda nano: Decimal(nano).scaleb(-9))
rates = st.integers(0, 10**15).map(lambda nano: Decimal(nano).scaleb(-9))
factors = st.integers(0, 10**12).map(lambda nano: Decimal(nano).scaleb(-9))
some_amounts = st.integers(1, 10**17).map(lambda nano: Decimal(nano).scaleb(-9))
short_names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,4}", fullmatch=True)
moments = st.datetimes(dt.datetime(2000, 1, 1), dt.datetime(2200, 1, 1), timezones=st.just(dt.UTC))
zones = st.sampled_from(["UTC", "Europe/Zurich", "America/New_York"])
counts = st.integers(1, 10**15)
times = st.sampled_from(["00:00", "06:30", "12:00", "23:59"])


def _some(values: list[str]) -> st.SearchStrategy[tuple[str, ...]]:
    if not values:
        return st.just(())
    return st.lists(st.sampled_from(values), unique=True, max_size=2).map(tuple)


def _one(values: list[str]) -> st.SearchStrategy[str | None]:
    return st.sampled_from([None, *values])


hours = st.builds(
    lambda ends, **fields: TimeWindow(start=ends[0], end=ends[1], **fields),
    ends=st.lists(times, min_size=2, max_size=2, unique=True),
    days=st.lists(st.sampled_from(["mon", "fri", "sun"]), unique=True).map(tuple),
    time_zone=zones,
    multiplier=factors,
)
tiers = st.lists(counts, unique=True, max_size=2).flatmap(
    lambda marks: st.tuples(
        *(
            st.builds(Tier, above_input_tokens=st.just(mark), input=rates, output=st.none())
            for mark in sorted(marks)
        )
    )
)


def _prices(models: list[str]) -> st.SearchStrategy[tuple[Price, ...]]:
    if not models:
        return st.just(())
    price = st.builds(
        Price,
        model=st.sampled_from(models),
        from_time=st.none() | moments,
        input=rates,
        output=rates,
        cached_input=st.none() | rates,
        request=amounts,
        tiers=tiers,
        hours=st.lists(hours, max_size=2).map(tuple),
    )
    return st.lists(price, max_size=3, unique_by=lambda one: (one.model, str(one.from_time))).map(
        tuple
    )


def _limit(name: str, selection: dict[str, Any]) -> st.SearchStrategy[Limit]:
    shared = {"name": st.just(name), "max": counts, "each": st.sampled_from(["key", "provider"])}
    return (
        st.builds(Limit, **shared, **selection, unit=st.just("concurrent"))
        | st.builds(Limit, **shared, **selection, per=st.sampled_from(["hour", "month"]))
        | st.builds(
            Limit,
            **shared,
            **selection,
            unit=st.sampled_from(["requests", "tokens"]),
            per=st.sampled_from(["second", "minute"]),
            burst=st.none() | st.integers(0, 10**15),
        )
    )


def _budget(name: str, selection: dict[str, Any]) -> st.SearchStrategy[Budget]:
    return st.builds(
        Budget,
        name=st.just(name),
        each=st.sampled_from(["customer", "run"]),
        amount=some_amounts,
        window=st.sampled_from(["hour", "week", "year"]),
        rolling=st.booleans(),
        time_zone=zones,
        alert_at=st.lists(st.integers(1, 100), unique=True, max_size=3).map(tuple),
        required=st.booleans(),
        **selection,
    )


def _quota(name: str) -> st.SearchStrategy[Quota]:
    shared = {"name": st.just(name), "max": counts, "time_zone": zones}
    return st.builds(Quota, **shared, included=st.just(True), overage_multiplier=factors) | (
        st.builds(
            Quota,
            **shared,
            carry_over_max=st.integers(0, 10**15),
            upgrade_url=st.sampled_from([None, "https://example.com/more?plan=a#now"]),
        )
    )


@st.composite
def with_commerce(draw: st.DrawFn, document: Document) -> Document:
    """`document` with teams, prices, limits and the like that fit it."""

    def named(count: int = 2) -> list[str]:
        return draw(st.lists(short_names, unique=True, max_size=count))

    wallets, teams, plans, applications, limits = named(), named(), named(), named(), named(4)
    models = [model.name for model in document.models]
    selection = {
        "models": _some(models),
        "providers": _some([one.name for one in document.providers]),
        "keys": _some([key.name for key in document.keys]),
        "applications": _some(applications),
        "teams": _some(teams),
        "routes": _some(list(ROUTES)),
    }
    grants = st.builds(
        Grant,
        name=short_names,
        amount=some_amounts,
        kind=st.sampled_from(["paid", "promotional"]),
        expires_at=st.none() | moments,
    )
    own = [draw(_limit(name, selection)) for name in limits]
    keys = tuple(
        msgspec.structs.replace(key, application=draw(_one(applications))) for key in document.keys
    )
    return msgspec.structs.replace(
        document,
        keys=keys,
        wallets=tuple(
            Wallet(
                name=name,
                grants=tuple(draw(st.lists(grants, max_size=2, unique_by=lambda one: one.name))),
            )
            for name in wallets
        ),
        teams=tuple(Team(name=name, wallet=draw(_one(wallets))) for name in teams),
        applications=tuple(
            Application(name=name, team=draw(_one(teams)), plan=draw(_one(plans)))
            for name in applications
        ),
        prices=draw(_prices(models)),
        plans=tuple(
            Plan(
                name=name,
                markup=draw(factors),
                prices=draw(_prices(models)),
                quotas=tuple(draw(_quota(one)) for one in named()),
                limits=tuple(own[at : at + 1]),
            )
            for at, name in enumerate(plans)
        ),
        limits=tuple(own[len(plans) :]),
        budgets=tuple(draw(_budget(name, selection)) for name in named()),
    )
