"""The commercial part binds nothing until it is said, and has bounds of its own."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from faregate.configuration.commerce import Budget, Limit, Plan, Price, Quota, TimeWindow, Wallet
from faregate.configuration.document import Document


def test_defaults_bind_nothing() -> None:
    plan = Plan(name="p")
    assert (plan.markup, plan.fit, plan.prices, plan.limits) == (1, "refuse", (), ())
    assert Wallet(name="w").grants == ()
    budget = Budget(name="b", each="key", amount=Decimal(1))
    assert (budget.window, budget.rolling, budget.alert_at) == (None, False, (50, 80, 100))
    quota = Quota(name="q", max=1)
    assert (quota.included, quota.carry_over_max, quota.overage_multiplier) == (False, 0, 1)
    price = Price(model="m")
    assert (price.input, price.request) == (None, 0)
    limit = Limit(name="l", each="key", max=1)
    assert limit.keys == limit.models == limit.routes == ()


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (Limit, {"name": "l", "each": "run", "max": 1}),
        (Limit, {"name": "l", "each": "key", "max": 0}),
        (Limit, {"name": "l", "each": "key", "max": 1, "burst": -1}),
        (Limit, {"name": "l", "each": "key", "max": 1, "per": "week"}),
        (Budget, {"name": "b", "each": "model", "amount": "1"}),
        (Budget, {"name": "b", "each": "key", "amount": "1", "alert_at": [0]}),
        (Budget, {"name": "b", "each": "key", "amount": "1", "alert_at": [101]}),
        (Quota, {"name": "q", "max": 1, "unit": "concurrent"}),
        (Quota, {"name": "q", "max": 1, "carry_over_max": -1}),
        (TimeWindow, {"start": "24:00", "end": "06:00", "multiplier": "1"}),
        (TimeWindow, {"start": "22:00", "end": "6:00", "multiplier": "1"}),
        (Price, {"model": "m", "tiers": [{"above_input_tokens": 0}]}),
        (Plan, {"name": "p", "markdown": "1"}),
    ],
)
def test_bounds(kind: type, fields: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(fields, kind)


def test_amounts_survive_a_revision_exactly() -> None:
    amount = Decimal("123456789.123456789")
    document = Document(budgets=(Budget(name="b", each="run", amount=amount),))
    text = msgspec.json.encode(document)
    assert b'"123456789.123456789"' in text
    assert msgspec.json.decode(text, type=Document).budgets[0].amount == amount
