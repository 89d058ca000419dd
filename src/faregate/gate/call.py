"""A call as its caller's connection sees it; the loop over its phases."""

import logging
from collections.abc import Awaitable, Coroutine
from itertools import chain
from typing import Any

from faregate.core.refusals import Refusal, refuse
from faregate.gate.answers import Answer
from faregate.gate.charging import give_up
from faregate.gate.finish import CLIENT_CLOSED_STATUS, add_attempt, finish_call
from faregate.gate.relay import Relay
from faregate.gate.telling import attempts_text, tells_attempts
from faregate.wire.reply import render_reply

_log = logging.getLogger(__name__)

Outcome = Refusal | Answer | Awaitable["Refusal | Answer | None"] | None


class Call(Relay):
    """One call, from head to record (`net.exchange.Exchange`)."""

    __slots__ = ()

    # -- the phases -------------------------------------------------------------------------------

    def run(self) -> None:
        """Take the steps ahead, to one that ends the call or must be awaited."""
        try:
            for step in self.ahead:
                outcome = step(self)
                if outcome is not None:
                    self._take(outcome)
                    return
        except Exception:
            self._failed()

    def _take(self, outcome: Outcome) -> None:
        """A step has ended the call, or must be awaited."""
        if isinstance(outcome, Refusal):
            if self.whole:
                self.refuse(outcome)
            else:
                self.refusal = outcome
        elif isinstance(outcome, Answer):
            self._answer(outcome)
        elif outcome is not None:
            self.waiting = True
            self.start_task(self._await(outcome))

    def start_task(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something for the call that has to be awaited."""
        task = self.gate.loop.create_task(self._guarded(work))
        self.gate.tasks.add(task)
        task.add_done_callback(self.gate.tasks.discard)

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception:
            self._failed()

    async def _await(self, awaited: Awaitable[Any]) -> None:
        try:
            outcome = await awaited
        except Exception:
            self.waiting = False
            self._failed()
            return
        self.waiting = False
        if self.ended:
            give_up(self)  # the step may have taken something for a call that is no more
            return
        if outcome is None:
            self.run()
        elif isinstance(outcome, Refusal):
            self.refuse(outcome)
        else:
            self._take(outcome)

    def log_defect(self) -> None:
        """Log what was raised: a defect of ours."""
        _log.exception("call %s failed", self.call_id)

    def _failed(self) -> None:
        """A defect of ours: say so to the caller without details, and to the log with them."""
        self.log_defect()
        if self.ended:
            return
        if self.relaying:
            finish_call(self, "failed", 500, refuse("internal_error", "See the gate's log."))
            self.connection.abort()
            return
        self._take(refuse("internal_error", "See the gate's log.", scope="gate"))

    # -- answers of the gate's own ----------------------------------------------------------------

    def refuse(self, refusal: Refusal) -> None:
        """Answer with a refusal, in the caller's dialect."""
        if self.ended:
            return
        statuses = self.gate.statuses
        fields, body = self.plan.refusals.render(refusal, self.call_id, statuses)
        if refusal.scope == "limit" and self.terms.rate_fields is not None:
            fields.extend(self.terms.rate_fields.pairs(self.limit_standings()))
        if self.attempts and self.gate.attempts_told and tells_attempts(self):
            fields.append(("faregate-attempts", attempts_text(self)))
        status = refusal.told_status(statuses)
        self._send_answer(status, fields, body)
        finish_call(self, "refused", status, refusal)
        self.connection.finish()

    def _answer(self, answer: Answer) -> None:
        fields = [("content-type", answer.content_type), *answer.fields]
        self._send_answer(answer.status, fields, answer.body)
        finish_call(self, "answered", answer.status, None)
        self.connection.finish()

    def _send_answer(self, status: int, fields: list[tuple[str, str]], body: bytes) -> None:
        fields.append(("faregate-call-id", self.call_id))
        bodiless = self.head.method == b"HEAD"
        self.reply_bytes = 0 if bodiless else len(body)
        connection = self.connection
        connection.send(
            render_reply(status, fields, body, close=connection.closes, bodiless=bodiless)
        )

    # -- Exchange ---------------------------------------------------------------------------------

    def request_whole(self, body: bytes) -> None:
        """The whole request is there: go on to the end."""
        self.body = body
        self.request_bytes = len(body)
        self.whole = True
        self.ahead = chain(self.ahead, self.plan.body_steps)
        if self.refusal is not None:
            self.refuse(self.refusal)
        elif not self.waiting:
            self.run()

    def request_refused(self, refusal: Refusal) -> None:
        """The request can't be served, by its head or by what came after it."""
        self.refuse(refusal)

    def client_gone(self) -> None:
        """The caller has left: stop the upstream, and record what was."""
        if self.ended:
            return
        replied = self.reply.status if self.reply is not None else 0
        status = CLIENT_CLOSED_STATUS
        if self.sending is not None:
            self.sending.cancel()
            self.sending = None
            status = replied or status
            add_attempt(self, replied, "cancelled", self.gate.now())
        if self.meter is not None:
            self.usage = self.meter.usage
        finish_call(self, "cancelled", status, None)

    def client_slow(self) -> None:
        """The caller reads slowly: read no more of the reply."""
        if self.sending is not None:
            self.sending.pause_reading()

    def client_ready(self) -> None:
        """The caller reads again."""
        if self.growth is None or not self.growth.paused:
            self.resume_upstream()
