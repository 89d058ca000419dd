"""Small installations for the tests of routing."""

from random import Random
from typing import Any

from faregate.routing.budgets import BudgetSpec
from faregate.routing.rates import AccountLimits
from faregate.routing.registry import AccountSpec, KeySpec, Registry
from faregate.routing.route import Route
from faregate.routing.targets import Choice, Target, begin, ended, served
from faregate.routing.troubles import Trouble

NOW = 1_000.0
WALL_NS = 1_795_341_600_000_000_000  # 2026-11-22 10:00 UTC, a Sunday

UNPAID = Trouble("payment_required", "account", detail="no money")
INVALID = Trouble("auth", "key", detail="wrong key")
THROTTLED = Trouble("rate_limited", "key", retry_after_s=2.0)
OVERLOADED = Trouble("overloaded", "model")
DEAD = Trouble("unreachable", "account")
SLOW = Trouble("timeout", "model", maybe_acted=True)
BUSY = Trouble("busy", "account")
TOO_LONG = Trouble("context_length")
REFUSED = Trouble("content_refused")
MISTAKE = Trouble("invalid_request")


class World:
    """Accounts a0, a1, ... with models m0, m1, ... and all that was told of them."""

    def __init__(
        self,
        accounts: int,
        keys: int = 1,
        limits: AccountLimits | None = None,
        budgets: tuple[BudgetSpec, ...] = (),
    ) -> None:
        self.events: list[tuple[str, str, str]] = []
        self.registry = Registry(self._heard)
        specs = [
            AccountSpec(
                f"a{number}",
                "openai",
                keys=tuple(KeySpec(f"k{key}") for key in range(keys)),
                limits=limits or AccountLimits(),
                budgets=budgets,
            )
            for number in range(accounts)
        ]
        self.prepared = self.registry.prepare(specs)
        self.targets = [
            self.prepared.target(f"m{number}", f"a{number}") for number in range(accounts)
        ]
        self.registry.adopt(self.prepared, NOW, WALL_NS)

    def _heard(self, kind: str, account: str, key: str, detail: str) -> None:
        self.events.append((kind, account, key))

    def target(self, number: int, **options: Any) -> Target:
        """The model of an account, for one more route."""
        return self.prepared.target(f"m{number}", f"a{number}", **options)

    def route(self, *numbers: int, seed: int = 1, **options: Any) -> Route:
        """A route over the models of these accounts; none: over all."""
        targets = [self.targets[number] for number in numbers] or self.targets
        return Route("route", targets, Random(seed), **options)


def chosen(found: object) -> Choice:
    """What was found, which must be a choice."""
    assert isinstance(found, Choice), found
    return found


def serve(choice: Choice, now: float, ttft_s: float | None = None) -> None:
    """A whole attempt that goes well."""
    begin(choice, now)
    served(choice, now, ttft_s)
    ended(choice)
