"""Calls that are sent again, as long as the refusal says that it helps.

SDKs have retries of their own, which know no budget of time; give such a client `max_retries=0`.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec

from faregate.client.decisions import Lower, Wait, ways_out
from faregate.client.refusals import Refusal

T = TypeVar("T")
_GROWTH_MAX = 6  # doublings of a pause whose length nobody told


class Patience(msgspec.Struct, frozen=True):
    """How long to go on. Times are seconds.

    `within_s` bounds all waits together: one that would end later is not begun, and the exception
    is raised at once. `lower` lets the helper set what a refusal says would pass, such as
    `max_tokens`, where the call has that argument. `on_wait` is told each refusal before its wait.
    """

    within_s: float = 60.0
    tries_max: int = 20
    lower: bool = False
    on_wait: Callable[[Refusal, float], None] | None = None


_USUAL = Patience()


class _Course:
    """One call's tries so far."""

    def __init__(self, patience: Patience, arguments: dict[str, Any]) -> None:
        self.arguments = arguments
        self._patience = patience
        self._ends = time.monotonic() + patience.within_s
        self._tries = 0

    def pause_s(self, error: BaseException) -> float | None:
        """Seconds to wait before the next try; None where there shall be none."""
        self._tries += 1
        refusal = Refusal.from_exception(error)
        if refusal is None or self._tries >= self._patience.tries_max:
            return None
        for way in ways_out(refusal):
            if isinstance(way, Lower) and self._lowered(way):
                return 0.0
            if isinstance(way, Wait) and refusal.retryable:
                return self._bounded(refusal, way)
        return None

    def _lowered(self, way: Lower) -> bool:
        if not self._patience.lower or self.arguments.get(way.field) == way.value:
            return False
        if way.field not in self.arguments:
            return False
        self.arguments[way.field] = way.value
        return True

    def _bounded(self, refusal: Refusal, way: Wait) -> float | None:
        pause_s = way.seconds
        if refusal.retry_after_s is None:
            pause_s *= 2 ** min(self._tries - 1, _GROWTH_MAX)
        # Never before the time that was told; a little after it, so that not all come at once.
        pause_s += random.uniform(0, min(0.1 * pause_s, 1.0))  # noqa: S311 - not a secret
        if time.monotonic() + pause_s > self._ends:
            return None
        if self._patience.on_wait is not None:
            self._patience.on_wait(refusal, pause_s)
        return pause_s


def call_with_patience(
    call: Callable[..., T], /, *arguments: Any, patience: Patience = _USUAL, **named: Any
) -> T:
    """What `call(*arguments, **named)` gives, after waits asked for.

    Raises what `call` raised last: where it is no refusal of Faregate's, where time doesn't help,
    and where the wait would go beyond `patience`.
    """
    course = _Course(patience, named)
    while True:
        try:
            return call(*arguments, **course.arguments)
        except Exception as error:
            pause_s = course.pause_s(error)
            if pause_s is None:
                raise
        time.sleep(pause_s)


async def call_with_patience_async(
    call: Callable[..., Awaitable[T]],
    /,
    *arguments: Any,
    patience: Patience = _USUAL,
    **named: Any,
) -> T:
    """The same, for a call that is awaited."""
    course = _Course(patience, named)
    while True:
        try:
            return await call(*arguments, **course.arguments)
        except Exception as error:
            pause_s = course.pause_s(error)
            if pause_s is None:
                raise
        await asyncio.sleep(pause_s)
