"""Guesses at passwords: how long the next must wait, as arithmetic.

Failures are counted for the account that was named, whether it exists or not, and for the address
they come from. A few are free, then each doubles the wait, then all must wait. Whoever waits long
enough begins anew.
"""

from typing import Final

import msgspec

_NS: Final = 1_000_000_000


class GuessRule(msgspec.Struct, frozen=True):
    """`free` tries, then waits from `delay_s` on that double.

    After `lock_after`, `lock_s`.

    Failures are forgotten `forget_s` after the last.
    """

    free: int
    delay_s: int
    lock_after: int
    lock_s: int
    forget_s: int


ACCOUNT_RULE: Final = GuessRule(free=3, delay_s=1, lock_after=10, lock_s=900, forget_s=3_600)
# Many people may share an address.
ADDRESS_RULE: Final = GuessRule(free=20, delay_s=1, lock_after=60, lock_s=900, forget_s=3_600)


class Guesses(msgspec.Struct, frozen=True):
    """Failures so far, and the time of the last, in ns since 1970."""

    failures: int = 0
    last_ns: int = 0


def current(guesses: Guesses, rule: GuessRule, now_ns: int) -> Guesses:
    """The failures that still count at `now_ns`."""
    kept_s = rule.lock_s if guesses.failures >= rule.lock_after else rule.forget_s
    return Guesses() if now_ns >= guesses.last_ns + kept_s * _NS else guesses


def wait_ns(guesses: Guesses, rule: GuessRule, now_ns: int) -> int:
    """How long the next try must wait; 0 where it may be made now."""
    counted = current(guesses, rule, now_ns)
    if counted.failures < rule.free:
        return 0
    delay_s = rule.lock_s
    if counted.failures < rule.lock_after:
        delay_s = min(rule.delay_s << (counted.failures - rule.free), rule.lock_s)
    return max(0, counted.last_ns + delay_s * _NS - now_ns)


def failed(guesses: Guesses, rule: GuessRule, now_ns: int) -> Guesses:
    """One failure more, at `now_ns`."""
    return Guesses(current(guesses, rule, now_ns).failures + 1, now_ns)


def taken_back(guesses: Guesses, before: Guesses) -> Guesses:
    """As if a try, counted when there were `before`, had not been.

    It turned out right.

    Others may have failed in the meantime: those stay.
    """
    if guesses.failures == before.failures + 1:
        return before
    return Guesses(max(0, guesses.failures - 1), guesses.last_ns)


def locks(guesses: Guesses, rule: GuessRule) -> bool:
    """Whether just this failure has locked it."""
    return guesses.failures == rule.lock_after
