"""What may be spent at an account in a window of the calendar, in UTC.

The ledger adds up what all workers spend and tells it; between two tellings a worker adds what its
own calls cost. What a worker knows so never goes down within a window, and is never above what was
spent: it lags by what other workers spent since the last telling. So a budget is a brake, passed by
what calls in flight and a second or two cost. Money is whole nano-dollars.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

from faregate.core.money import CURRENCY, format_amount
from faregate.ledger.windows import Period, Window, period
from faregate.routing.balance import Crossed

# By window: its start, and what was spent in it at an account by all workers.
Told = Mapping[Window, tuple[int, int]]

USED_UP: Final = 100  # percent


class BudgetSpec(msgspec.Struct, frozen=True):
    """A budget of the document; `alert_at` are percentages to tell of."""

    window: Window
    amount_nano: int
    alert_at: tuple[int, ...] = ()


class Budget:
    """One window of an account."""

    __slots__ = ("_reached", "ends_at", "period", "spec", "spent_nano")

    def __init__(self, spec: BudgetSpec, now: float, wall_ns: int) -> None:
        self.spec = spec
        self.period: Period = period(spec.window, "UTC", wall_ns)
        self.ends_at = now
        self.spent_nano = 0
        self._reached: set[int] = set()

    @property
    def is_used_up(self) -> bool:
        """Whether nothing more may be spent in this window."""
        return self.spent_nano >= self.spec.amount_nano

    @property
    def told(self) -> str:
        """The budget for people."""
        return f"{format_amount(self.spec.amount_nano)} {CURRENCY} for {self.period.label}"

    def turn(self, now: float, wall_ns: int) -> Iterator[Crossed]:
        """Begin the window of this moment, if it is another one."""
        current = self.period
        if not current.starts_ns <= wall_ns < current.ends_ns:
            self.period = period(self.spec.window, "UTC", wall_ns)
            self.spent_nano = 0
            yield from self._judge()
        self.ends_at = now + (self.period.ends_ns - wall_ns) / 1e9

    def spend(self, cost_nano: int) -> Iterator[Crossed]:
        """Calls of this worker cost so much since it was asked last."""
        self.spent_nano += cost_nano
        yield from self._judge()

    def tell(self, starts_ns: int, spent_nano: int) -> Iterator[Crossed]:
        """What all workers have spent, as the ledger knows."""
        if starts_ns == self.period.starts_ns and spent_nano > self.spent_nano:
            self.spent_nano = spent_nano
            yield from self._judge()

    def adopt(self, spec: BudgetSpec) -> Iterator[Crossed]:
        """Go on with another amount or other percentages."""
        self.spec = spec
        yield from self._judge()

    def _judge(self) -> Iterator[Crossed]:
        amount_nano, reached = self.spec.amount_nano, self._reached
        for percent in sorted({*self.spec.alert_at, USED_UP}):
            if self.spent_nano * 100 < amount_nano * percent:
                if percent == USED_UP and percent in reached:
                    yield Crossed("budget_back", f"{self.told} may be spent")
                reached.discard(percent)
            elif percent not in reached:
                reached.add(percent)
                if percent == USED_UP:
                    yield Crossed("budget_out", f"{self.told} is spent")
                else:
                    yield Crossed("budget_low", f"{percent} % of {self.told} is spent")


class Budgets:
    """The budgets of one account; none of them may be used up.

    `rests_until` is when calls may go there again, by the clock of durations; 0.0: they may now.
    """

    __slots__ = ("_budgets", "_told", "rests_until")

    def __init__(self) -> None:
        self._budgets: dict[Window, Budget] = {}
        self._told: Told = {}
        self.rests_until = 0.0

    def adopt(
        self, specs: Iterable[BudgetSpec], told: Told, now: float, wall_ns: int
    ) -> list[Crossed]:
        """Go on under other budgets; what was spent stays spent."""
        before = self._budgets
        crossed: list[Crossed] = []
        self._budgets = {}
        for spec in specs:
            budget = before.get(spec.window) or Budget(spec, now, wall_ns)
            self._budgets[spec.window] = budget
            crossed += budget.turn(now, wall_ns)
            crossed += budget.adopt(spec)
        return crossed + self.tell(told, now, wall_ns)

    def spend(self, cost_nano: int, now: float, wall_ns: int) -> list[Crossed]:
        """Calls of this worker cost so much since it was asked last.

        In a window that has begun since it isn't counted: it may have been spent before.
        """
        crossed: list[Crossed] = []
        for budget in self._budgets.values():
            before = budget.period
            crossed += budget.turn(now, wall_ns)
            if cost_nano > 0 and budget.period is before:
                crossed += budget.spend(cost_nano)
        return crossed + self._listen()

    def tell(self, told: Told, now: float, wall_ns: int) -> list[Crossed]:
        """What all workers have spent at the account, as the ledger knows."""
        self._told = told
        return self.spend(0, now, wall_ns)

    def used_up(self) -> Budget | None:
        """The budget that holds up calls the longest, if any does."""
        used_up = [budget for budget in self._budgets.values() if budget.is_used_up]
        return max(used_up, key=lambda budget: budget.ends_at, default=None)

    def describe(self, now: float) -> list[dict[str, Any]]:
        """All of them, for people."""
        return [
            {
                "window": window,
                "period": budget.period.label,
                "amount_nano": budget.spec.amount_nano,
                "spent_nano": budget.spent_nano,
                "renews_s": round(max(0.0, budget.ends_at - now), 3),
            }
            for window, budget in self._budgets.items()
        ]

    def resting(self, now: float) -> dict[str, Any]:
        """How its account is told while one is used up; else nothing."""
        budget = self.used_up()
        if budget is None or now >= self.rests_until:
            return {}
        return {
            "state": "benched",
            "reason": "budget_exhausted",
            "detail": f"{budget.told} is spent",
            "guessed": False,
            "until_s": round(self.rests_until - now, 3),
        }

    def _listen(self) -> list[Crossed]:
        """Heed what was told last, perhaps of a window before it began here."""
        crossed: list[Crossed] = []
        for window, budget in self._budgets.items():
            if window in self._told:
                starts_ns, spent_nano = self._told[window]
                crossed += budget.tell(starts_ns, spent_nano)
        used_up = self.used_up()
        self.rests_until = 0.0 if used_up is None else used_up.ends_at
        return crossed
