"""A tariff that is at least as dear as each of several, to hold by.

Which target will serve a call isn't known when its credit is held; what is held must do for any.
"""

from collections.abc import Sequence
from typing import Any

from faregate.catalogue.prices import Tariff
from faregate.dialects.usage import Usage


class DearestTariff(Tariff):
    """The most that any of `tariffs` asks.

    Its row and multiplier are the first's.
    """

    __slots__ = ("_all",)

    def __init__(self, tariffs: Sequence[Tariff]) -> None:
        first = tariffs[0]
        untils = [each.until_ns for each in tariffs if each.until_ns is not None]
        super().__init__(first.row, first.multiplier, min(untils, default=None))
        self._all = tuple(tariffs)
        self.is_free = all(each.is_free for each in tariffs)

    def price(self, usage: Usage) -> int:
        """The most that a usage costs with any of them, in nano-dollars."""
        return max(each.price(usage) for each in self._all)

    def bound(self, *most: Any) -> int:
        """The most that any usage of at most so much can cost, in nano-dollars."""
        return max(each.bound(*most) for each in self._all)

    def affordable_output(self, *most: Any) -> int:
        """The most output tokens whose bound fits with all of them.

        -1: not even 0 do.
        """
        return min(each.affordable_output(*most) for each in self._all)

    def at(self, service_tier: str | None) -> Tariff:
        """The most that any of them asks at a service tier."""
        if service_tier is None:
            return self
        return DearestTariff([each.at(service_tier) for each in self._all])

    def times(self, multiplier: tuple[int, int]) -> Tariff:
        """The same multiplied."""
        return DearestTariff([each.times(multiplier) for each in self._all])


def dearest(tariffs: Sequence[Tariff | None]) -> Tariff | None:
    """One tariff to hold by; None where the price of one isn't known."""
    known = [each for each in tariffs if each is not None]
    if not known or len(known) < len(tariffs):
        return None
    first = known[0]
    return first if all(each.same_price(first) for each in known) else DearestTariff(known)
