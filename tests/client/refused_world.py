"""A gate with a wallet, a budget and limits, for clients of every kind."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from tests.gate.running import Place, running

from faregate.configuration.settings import CreditSettings, Settings
from faregate.core.money import parse_amount

COMMERCE: dict[str, Any] = {
    "applications": [{"name": "app", "wallet": "main"}],
    "wallets": [{"name": "main"}],
    "prices": [
        {"model": "sim", "input": "2.50", "output": "10"},
        {"model": "renamed", "input": "2.50", "output": "10"},
    ],
    "limits": [{"name": "steady", "each": "key", "max": 5, "per": "minute"}],
    "budgets": [{"name": "runs", "each": "run", "amount": "0.001"}],
}
HELLO: Any = [{"role": "user", "content": "hello"}]
LARGE = 60_000  # output tokens: 0.60 dollars, and there are 0.50


@contextlib.asynccontextmanager
async def poor_gate(granted: str = "0.5", **provider: Any) -> AsyncIterator[Place]:
    """A gate whose caller has so many dollars."""
    settings = Settings(credit=CreditSettings(wait_s=0.1, top_up_url="https://pay.example/main"))
    async with running(commerce=COMMERCE, settings=settings, **provider) as place:
        if granted != "0":
            place.ledger.grant("main", parse_amount(granted))
        yield place


def url_of(place: Place) -> str:
    return f"http://127.0.0.1:{place.port}"
