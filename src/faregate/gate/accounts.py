"""What one worker knows, and is told, of the accounts at providers."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from faregate.ledger.windows import Window
from faregate.routing.registry import Registry

if TYPE_CHECKING:
    from faregate.gate.gate import Gate

ROUTES_TOLD_MAX: Final = 2_000


def describe_providers(gate: "Gate", now: float) -> dict[str, Any]:
    """The state of all accounts, and of the virtual models over them."""
    gate.registry.settle(now, gate.wall_ns())
    routes = gate.snapshot.routes.values()
    virtual = [route for route in routes if [one.name for one in route.targets] != [route.name]]
    return {
        "accounts": gate.registry.describe(now),
        "routes": [route.describe(now) for route in virtual[:ROUTES_TOLD_MAX]],
    }


def reset_benches(registry: Registry, provider: str, key: str | None) -> None:
    """Forget what is wrong with a provider, or with one of its keys."""
    account = registry.accounts.get(provider)
    if account is None:
        return
    for one in account.keys:
        if key in (None, one.name):
            one.health.bench.clear()
            one.health.breaker.reset()
    if key is None:
        account.health.breaker.reset()
        for bench in list(account.health.troubled):
            bench.clear()
    account.on_event("back", provider, key or "", "reset by the operator")


def tell_balances(registry: Registry, amounts: Mapping[str, int], now: float) -> None:
    """What is left at accounts, in billionths of a dollar."""
    for name, amount_nano in amounts.items():
        account = registry.accounts.get(name)
        if account is not None:
            account.balance_known(int(amount_nano), now)


def tell_spent(gate: "Gate", spent: Mapping[str, Mapping[Window, Any]], now: float) -> None:
    """What all workers have spent at accounts.

    By window: its start, and nano-dollars.
    """
    told = {
        name: {window: (int(starts_ns), int(nano)) for window, (starts_ns, nano) in by.items()}
        for name, by in spent.items()
    }
    gate.registry.spend_told(told, now, gate.wall_ns())
