"""The growing hold of a stream without an output limit.

A first part is held before the call is sent; while the stream comes, the hold is kept ahead of
it. When it can grow no further the stream ends cleanly, as at an output limit, and says why; the
upstream is stopped, and what was seen is charged.
"""

import asyncio
from typing import TYPE_CHECKING, Final

from faregate.core import bounds
from faregate.core.errors import FaregateError
from faregate.core.refusals import Refusal, refuse
from faregate.ledger.purses import Need, Unit
from faregate.ledger.slices import Slice, hold
from faregate.policies import shortage

if TYPE_CHECKING:
    from faregate.gate.call import Call

_STEP_MAX: Final = 16 * bounds.FIRST_OUTPUT_TOKENS


class Growth:
    """Keeps one stream's hold ahead of it.

    `mark` is the number of output tokens at which the stream must come by here again.
    """

    __slots__ = ("_allowed", "_at_end", "_call", "_refusal", "_step", "_task", "mark", "paused")

    def __init__(self, call: "Call") -> None:
        self._call = call
        self._allowed = call.need[Unit.OUTPUT_TOKENS]
        self._step = self._allowed
        self._refusal: Refusal | None = None
        self._task: asyncio.Task[None] | None = None
        self._at_end = False
        self.mark = max(self._allowed // 2, 1)
        self.paused = False

    def seen(self, tokens: int) -> None:
        """The stream has come to `tokens`: grow, wait, or end it."""
        if self._refusal is not None:
            if tokens >= self._allowed:
                self._call.end_for_credit(self._refusal)
            return
        while self._task is None and tokens >= self.mark:
            if not self._grow():
                self._task = self._call.gate.loop.create_task(self._draw())
        if tokens >= self._allowed:
            self.paused = True
            self._call.pause_upstream()
            self.mark = self._allowed

    def delays_end(self, tokens: int) -> bool:
        """Whether a whole reply of `tokens` waits for what is drawn for it.

        One that came faster than the ledger answers would be charged less than it used.
        """
        while self._refusal is None and tokens > self._allowed:
            if self._task is None and self._grow():
                continue
            if self._task is None:
                self._task = self._call.gate.loop.create_task(self._draw())
            self._at_end = True
            return True
        return False

    def stop(self) -> None:
        """The call has ended."""
        if self._task is not None:
            self._task.cancel()

    def _more(self, tokens: int) -> Need:
        """What `tokens` more of output add to the hold."""
        call = self._call
        need = call.need
        outputs = need[Unit.OUTPUT_TOKENS] + tokens
        tariff = call.tariff
        inputs = need[Unit.INPUT_TOKENS]
        nano = tariff.bound(inputs, outputs, call.most) if tariff is not None else 0
        return (max(nano - need[Unit.NANO], 0), 0, 0, tokens, tokens)

    def _grow(self) -> bool:
        """Hold the next part if it is drawn already."""
        call = self._call
        more = self._more(self._step)
        if call.gate.broker.stale or not hold(call.slices, more):
            return False
        self._grown(more)
        return True

    def _grown(self, more: Need) -> None:
        call = self._call
        need = call.need
        call.need = (
            need[0] + more[0], need[1], need[2], need[3] + more[3], need[4] + more[4]
        )  # fmt: skip
        self._allowed += more[3]
        self._step = min(2 * self._step, _STEP_MAX)
        self.mark = self._allowed - more[3] // 2

    async def _draw(self) -> None:
        """Draw the next part, or as much of it as there is."""
        call = self._call
        more = self._more(self._step)
        try:
            short = await call.gate.broker.obtain(call.slices, more, call.need)
        except FaregateError:
            detail = "The ledger does not answer, so the stream can't be paid on."
            self._ends(refuse("ledger_unavailable", detail, scope="gate"))
            return
        if short is None:
            self._grown(more)
        else:
            self._take_rest(short, more)
        self._task = None
        self._resume()

    def _take_rest(self, short: Slice, more: Need) -> None:
        """There isn't enough for a whole part: take what there is, and say why it ends there."""
        call = self._call
        tokens = call.gate.credit_check.affordable_more(call)
        if 0 < tokens < more[3]:
            rest = self._more(tokens)
            if hold(call.slices, rest):
                self._grown(rest)
        self._refusal = shortage.refusal(short, more, call.terms, 0, call.gate.wall_ns(), call.need)
        self.mark = self._allowed

    def _ends(self, refusal: Refusal) -> None:
        self._refusal = refusal
        self.mark = self._allowed
        self._task = None
        self._resume()

    def _resume(self) -> None:
        if self._at_end:
            self._at_end = False
            self._call.reply_end()
        elif self.paused:
            self.paused = False
            self._call.resume_upstream()
            self._call.look_at_growth()
