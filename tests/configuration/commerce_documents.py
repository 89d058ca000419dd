"""Commercial parts that are whole and honest, for property tests.

Sections are built from drawn values, not drawn themselves: that is many times as fast.
"""

import datetime as dt
from collections.abc import Callable, Iterable
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
from faregate.configuration.commerce_rules import COUNT_MAX, ROUTES
from faregate.configuration.document import Document

NAMES = ("a", "B-2", "c.d_e", "Z" * 63)
ZONES = ("UTC", "Europe/Zurich", "America/New_York")
HOURS = ("00:00", "06:30", "12:00", "23:59")
MOMENTS = (
    None,
    dt.datetime(2027, 1, 1, tzinfo=dt.UTC),
    dt.datetime(2030, 6, 5, 4, 3, 2, 100, tzinfo=dt.timezone(dt.timedelta(hours=2))),
)


def _nano(nano: int) -> Decimal:
    return Decimal(nano).scaleb(-9)


_amounts = st.integers(1, 10**17).map(_nano)
_rates = st.integers(0, 10**15).map(_nano)
_factors = st.integers(0, 10**12).map(_nano)
_counts = st.integers(1, COUNT_MAX)
_booleans = st.booleans()
_places = st.integers(0, 10**6)


class _Drawing:
    """Draws values one by one."""

    def __init__(self, draw: Callable[[st.SearchStrategy[Any]], Any]) -> None:
        self.draw = draw

    def one(self, values: Iterable[Any]) -> Any:
        """One of `values`."""
        some = tuple(values)
        return some[self.draw(_places) % len(some)]

    def some(self, values: Iterable[Any]) -> tuple[Any, ...]:
        """None, one or all of `values`."""
        given = tuple(values)
        return self.one(((), given[:1], given[1:], given))  # type: ignore[no-any-return]

    def selection(self, document: Document, applications: Any, teams: Any) -> dict[str, Any]:
        """Whom something is for."""
        return {
            "models": self.some(model.name for model in document.models),
            "providers": self.some(provider.name for provider in document.providers),
            "keys": self.some(key.name for key in document.keys),
            "applications": self.some(applications),
            "teams": self.some(teams),
            "routes": self.some(ROUTES),
        }

    def window(self) -> TimeWindow:
        """Hours with a price of their own."""
        start = self.draw(_places)
        return TimeWindow(
            start=HOURS[start % 4],
            end=HOURS[(start + 1) % 4],
            days=self.some(("mon", "sun")),
            time_zone=self.one(ZONES),
            multiplier=self.draw(_factors),
        )

    def prices(self, document: Document) -> tuple[Price, ...]:
        """Prices of some models, from some moments on."""
        begins = self.some(MOMENTS)
        return tuple(
            Price(
                model=model.name,
                from_time=moment,
                input=self.draw(_rates),
                output=self.draw(_rates),
                reasoning=self.one((None, Decimal(1))),
                request=self.draw(_rates),
                tiers=self.some(
                    (
                        Tier(above_input_tokens=128_000, input=self.draw(_rates)),
                        Tier(above_input_tokens=200_000, cached_input=Decimal("0.10")),
                    )
                ),
                hours=(self.window(),) if self.draw(_booleans) else (),
            )
            for model in document.models[:2]
            for moment in begins
        )

    def limit(self, name: str, selection: dict[str, Any]) -> Limit:
        """A limit of any kind."""
        kind: dict[str, Any] = self.one(
            (
                {"unit": "concurrent"},
                {"per": "month"},
                {"per": "minute", "unit": "tokens"},
                {"per": "second", "burst": 0},
            )
        )
        each = self.one(("key", "customer", "provider"))
        return Limit(name=name, each=each, max=self.draw(_counts), **selection, **kind)

    def budget(self, name: str, selection: dict[str, Any]) -> Budget:
        """A budget of any kind."""
        window = self.one((None, "hour", "year"))
        return Budget(
            name=name,
            each=self.one(("customer", "run")),
            amount=self.draw(_amounts),
            window=window,
            rolling=window is not None and self.draw(_booleans),
            time_zone=self.one(ZONES),
            alert_at=self.some((50, 100)),
            required=self.draw(_booleans),
            **selection,
        )

    def quota(self, name: str) -> Quota:
        """A quota of any kind."""
        included = self.draw(_booleans)
        return Quota(
            name=name,
            max=self.draw(_counts),
            time_zone=self.one(ZONES),
            carry_over_max=self.one((0, COUNT_MAX)),
            included=included,
            overage_multiplier=Decimal("1.50") if included else Decimal(1),
            upgrade_url=None if included else self.one((None, "https://example.com/more?a=b#c")),
        )

    def wallet(self, name: str) -> Wallet:
        """A wallet with some grants."""
        grants = [
            Grant(name="first", amount=self.draw(_amounts)),
            Grant(name="2nd", amount=Decimal(5), kind="promotional", expires_at=MOMENTS[1]),
        ]
        return Wallet(name=name, grants=self.some(grants))


def with_commerce(draw: Callable[[st.SearchStrategy[Any]], Any], document: Document) -> Document:
    """`document` with teams, prices, limits and the like that fit it."""
    drawing = _Drawing(draw)
    wallets, teams, plans, names, budgets = (drawing.some(NAMES[:3]) for _ in range(5))
    plans = tuple(f"plan-{name}" for name in plans)
    owners = {name: drawing.one((None, *teams)) for name in names}
    # Of a team's, some are behind its name, and some are of before there were such names.
    applications = {
        f"{owner}/{name}" if owner and drawing.one((False, True)) else name: owner
        for name, owner in owners.items()
    }
    selection = drawing.selection(document, applications, teams)
    return msgspec.structs.replace(
        document,
        keys=tuple(
            msgspec.structs.replace(key, application=drawing.one((None, *applications)))
            for key in document.keys
        ),
        wallets=tuple(map(drawing.wallet, wallets)),
        teams=tuple(Team(name=name, wallet=drawing.one((None, *wallets))) for name in teams),
        applications=tuple(
            Application(name=name, team=owner, plan=drawing.one((None, *plans)))
            for name, owner in applications.items()
        ),
        prices=drawing.prices(document),
        plans=tuple(
            Plan(
                name=name,
                markup=drawing.draw(_factors),
                prices=drawing.prices(document),
                quotas=tuple(map(drawing.quota, drawing.some(NAMES[:2]))),
                limits=(drawing.limit("own", {}),),
            )
            for name in plans[:2]
        )
        + tuple(Plan(name=name) for name in plans[2:]),
        limits=tuple(drawing.limit(name, selection) for name in drawing.some(NAMES)),
        budgets=tuple(drawing.budget(name, selection) for name in budgets),
    )
