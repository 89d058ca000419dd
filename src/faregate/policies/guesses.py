"""Makes those wait who guess at keys and tokens.

Counted by address: a few mistakes are free, each further one doubles the time until it is
answered, up to some seconds. Only refusals wait: whoever has a right key is served at once, also
from the same address, and pays nothing for this. Addresses and waiting answers are bounded.
"""

import asyncio
import ipaddress
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

from faregate.core.clock import Clock
from faregate.core.refusals import Refusal

_log = logging.getLogger(__name__)

FREE: Final = 20  # people paste the wrong key more than once, and share addresses
FIRST_WAIT_S: Final = 0.05
WAIT_S_MAX: Final = 5.0
FORGET_S: Final = 120.0
ADDRESSES_MAX: Final = 10_000  # oldest leave first
WAITING_MAX: Final = 1_000  # answers that wait at once; more are given at once
LOG_S: Final = 60.0  # between two lines about one address
_PLACE_CHARACTERS_MAX: Final = 64
_NETWORK_BITS: Final = 64  # who has one IPv6 address has so many


class _Guesser:
    """The guesses from one address; times are seconds on the monotonic clock."""

    __slots__ = ("count", "last_at", "logged_at", "since_log")

    def __init__(self, now: float) -> None:
        self.count = 0
        self.since_log = 0
        self.last_at = now
        self.logged_at = now - LOG_S


class Guesses:
    """What has been guessed, by address.

    `address` gives that of a call; `count` is told the code of each guess. No answer waits for
    more than `wait_s_max` seconds.
    """

    def __init__(
        self, clock: Clock, address: Callable[[Any], str], count: Callable[[str], None]
    ) -> None:
        self._clock = clock
        self._address = address
        self._count = count
        self.wait_s_max = WAIT_S_MAX
        self._guessers: dict[str, _Guesser] = {}
        self._waiting = 0

    def __call__(self, call: Any, refusal: Refusal) -> Refusal | Awaitable[Refusal | None]:
        """Count a guess; its refusal now, or awaitable where it must wait."""
        self._count(refusal.kind.code)
        wait_s = self.note(self._address(call))
        if not wait_s or self._waiting >= WAITING_MAX:
            return refusal
        return self._later(wait_s, refusal)

    async def _later(self, wait_s: float, refusal: Refusal) -> Refusal:
        self._waiting += 1
        try:
            await asyncio.sleep(wait_s)
        finally:
            self._waiting -= 1
        return refusal

    def note(self, address: str) -> float:
        """Count a guess from an address; the seconds that its answer waits."""
        now, place = self._clock.monotonic(), _place(address)
        guesser = self._guessers.pop(place, None)
        if guesser is None or now - guesser.last_at >= FORGET_S:
            guesser = _Guesser(now)
            if len(self._guessers) >= ADDRESSES_MAX:
                del self._guessers[next(iter(self._guessers))]
        self._guessers[place] = guesser
        guesser.last_at = now
        guesser.count += 1
        guesser.since_log += 1
        beyond = guesser.count - FREE
        if beyond <= 0:
            return 0.0
        if now - guesser.logged_at >= LOG_S:
            _log.warning(
                "guesses at keys or tokens from %s: %d more, %d in all; their answers wait",
                place, guesser.since_log, guesser.count,
            )  # fmt: skip
            guesser.logged_at = now
            guesser.since_log = 0
        return min(FIRST_WAIT_S * 2.0 ** min(beyond - 1, 32), self.wait_s_max)


def _place(address: str) -> str:
    """The address, or the network of an IPv6 address."""
    if ":" not in address:
        return address[:_PLACE_CHARACTERS_MAX]
    try:
        found = ipaddress.IPv6Address(address)
    except ValueError:
        return address[:_PLACE_CHARACTERS_MAX]
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(found), _NETWORK_BITS), strict=False))
