"""Forgetting the counters that count nothing and that nobody holds."""

import weakref
from collections.abc import Callable
from itertools import islice
from typing import Final, TypeVar

LOOKED_AT: Final = 2_000  # counters a second, for idle ones: a millisecond

_Key = TypeVar("_Key")
_Counter = TypeVar("_Counter")


def forget_idle(counters: dict[_Key, _Counter], is_idle: Callable[[_Counter], bool]) -> None:
    """Look at those that were not looked at for longest.

    One that is held elsewhere stays: what its holder counts must be seen by all.
    """
    for key in list(islice(counters, LOOKED_AT)):
        counter = counters.pop(key)
        if is_idle(counter):
            kept = weakref.ref(counter)
            del counter
            held = kept()
            if held is None:
                continue
            counter = held
        counters[key] = counter
