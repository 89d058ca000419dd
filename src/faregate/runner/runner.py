"""Runs batches: takes lines, calls the gate, keeps what comes back.

A line is marked as begun, with the id of its call, before it is sent, and its result is kept
together with the mark that it is done. So whatever is killed and whenever, a line is in one of
three states: waiting, done, or begun without a result. Of the last kind, the record of the call
tells: the gate writes a call into its journal before a provider sees a byte of it, and takes none
that arrives after `Faregate-Before`. So a call that isn't on record after that moment was not
made and never will be, and the line is sent again, under the same id. Any other was made, perhaps
charged, and its reply is lost: the line is told as an error that says so.
"""

import contextlib
import logging
import threading
from collections.abc import Callable
from typing import Final, NamedTuple

from faregate.batches import rendering
from faregate.batches.facts import (
    BatchFacts,
    BatchState,
    BegunLine,
    Ending,
    LineError,
    LineOutcome,
    input_name,
)
from faregate.batches.lines import Reading, body_of, params_of, read_lines, read_requests
from faregate.configuration.settings import Settings
from faregate.core.clock import Clock
from faregate.core.errors import FaregateError
from faregate.core.ids import CallIds
from faregate.runner.gates import Gates, NotSentError, Reply, ReplyLostError
from faregate.runner.ports import BatchDesk, CallSource
from faregate.runner.verdicts import (
    PAUSE_S,
    RESEND_WITHIN_S,
    found_of,
    pause_of,
    stop_of,
    stop_of_record,
)

_log = logging.getLogger(__name__)

SEND_WITHIN_S: Final = 3.0  # from the mark to the gate; what arrives later is not called
_TROUBLE_S: Final = 10.0  # before a batch is looked at again whose files can't be used
_MARGIN_S: Final = 0.5  # until what arrived in time is in the journal
_NS: Final = 1_000_000_000

_Place = tuple[str, str]  # a batch and a model


class _Wait(NamedTuple):
    """Until when a model of a batch isn't called, and how often that was so in a row."""

    until: float
    failures: int


class Runner:
    """The batches of a node; one thread calls `tick`, calls have theirs."""

    def __init__(
        self,
        desk: BatchDesk,
        calls: CallSource,
        gates: Gates,
        clock: Clock,
        settings: Settings,
        wake: Callable[[], None] = lambda: None,
        send_within_s: float = SEND_WITHIN_S,
    ) -> None:
        self.settings = settings
        self._desk = desk
        self._calls = calls
        self._gates = gates
        self._clock = clock
        self._wake = wake
        self._send_within_ns = int(send_within_s * _NS)
        self._ids = CallIds(clock.wall_ns() // _NS)
        self._lock = threading.Lock()  # of what follows
        self._flying: dict[tuple[str, int], BegunLine] = {}
        self._waits: dict[_Place, _Wait] = {}
        self._troubled_until: dict[str, float] = {}  # batches; the ticking thread's alone

    @property
    def flying(self) -> int:
        """Lines that are being called now."""
        return len(self._flying)

    def tick(self) -> bool:
        """Do what is to be done now; whether any batch is open."""
        batches = self._desk.open_batches()
        now = self._clock.monotonic()
        for batch in batches:
            if now < self._troubled_until.get(batch.batch_id, now):
                continue
            self._troubled_until.pop(batch.batch_id, None)
            try:
                if batch.total == 0 and batch.state == "validating":
                    self._validate(batch)
                else:
                    self._advance(batch)
            except FaregateError as error:
                self._troubled_until[batch.batch_id] = now + _TROUBLE_S
                _log.error("batch %s can't go on: %s", batch.batch_id, error)
        return bool(batches)

    def sweep(self) -> None:
        """Delete what has expired."""
        self._desk.sweep(self._now_s(), self.settings.files.keep_s)

    def _now_s(self) -> int:
        return self._clock.wall_ns() // _NS

    # -- the beginning -----------------------------------------------------------------------------

    def _validate(self, batch: BatchFacts) -> None:
        """Read the input, as the key that made the batch may."""
        if self._now_s() >= batch.expires_s:
            self._finish(batch, "expired")
            return
        name, most = input_name(batch.batch_id), self.settings.gate.body_bytes_max
        length = max(self.settings.files.bytes_max, most) * 2
        if batch.dialect == "anthropic":
            lines = read_requests(self._desk.read(name, 0, length))
            self._desk.begin(batch.batch_id, lines, self._now_s())
            self._wake()
            return
        models = self._models(batch)
        if models is None:
            return
        errors: list[LineError] = []
        if isinstance(models, LineError):
            errors = [models]
        else:
            data = self._desk.read(name, 0, length)
            lines, errors = read_lines(data, Reading(batch.endpoint, models, most))
        if errors:
            self._desk.fail(batch.batch_id, errors, self._now_s())
        else:
            self._desk.begin(batch.batch_id, lines, self._now_s())
        self._wake()

    def _models(self, batch: BatchFacts) -> frozenset[str] | LineError | None:
        """The models that the batch's key may use; None: to be asked again."""
        reply: Reply | None = None
        with contextlib.suppress(NotSentError, ReplyLostError):
            reply = self._gates.ask("GET", "/v1/models", batch.key_id, None, {})
        if reply is not None and reply.status == 200:
            return rendering.names_of(reply.body)
        if reply is not None and reply.status < 500:
            return stop_of(reply.status, reply.body, 0) or LineError(
                "invalid_request", f"The models can't be listed: {reply.status}."
            )
        self._troubled_until[batch.batch_id] = self._clock.monotonic() + PAUSE_S
        return None

    # -- its lines ---------------------------------------------------------------------------------

    def _advance(self, batch: BatchFacts) -> None:
        """Recover what was begun, end what is at its end, begin what may be begun."""
        begun = self._desk.begun(batch.batch_id)
        with self._lock:
            orphans = [line for line in begun if (line.batch_id, line.line) not in self._flying]
        for line in orphans:
            self._recover(batch, line)
        ending = self._ending(batch)
        if ending is None:
            self._begin_lines(batch)
            if self._desk.pending(batch.batch_id):
                return
            ending = "completed"
        if not self._desk.begun(batch.batch_id):
            self._finish(batch, ending)

    def _ending(self, batch: BatchFacts) -> BatchState | None:
        """How the batch ends, where it does before all of its lines are done."""
        if batch.stopped is not None:
            return "failed"
        if batch.state == "cancelling":
            return "cancelled"
        return "expired" if self._now_s() >= batch.expires_s else None

    def _finish(self, batch: BatchFacts, state: BatchState) -> None:
        rest: LineOutcome = "errored"
        if state in ("cancelled", "expired"):
            rest = state
        ending = Ending(state, rest, self._now_s(), self.settings.files.keep_s)
        self._desk.finish(batch.batch_id, ending, rendering.rest_line)
        with self._lock:
            for place in [place for place in self._waits if place[0] == batch.batch_id]:
                del self._waits[place]
        _log.info("batch %s is %s", batch.batch_id, state)

    def _begin_lines(self, batch: BatchFacts) -> None:
        batch_id, limits = batch.batch_id, self.settings.batches
        now = self._clock.monotonic()
        with self._lock:
            own = sum(place[0] == batch_id for place in self._flying)
            room = min(limits.calls_per_batch_max - own, limits.calls_max - len(self._flying))
            waiting = [
                model
                for (of, model), wait in self._waits.items()
                if of == batch_id and now < wait.until
            ]
        if room <= 0:
            return
        taken = self._desk.take(batch_id, room, waiting, self._ids.next, self._clock.wall_ns())
        with self._lock:
            for line in taken:
                self._flying[line.batch_id, line.line] = line
        for line in taken:
            # Daemons: whoever ends the process doesn't wait for a provider.
            threading.Thread(target=self._run, args=(batch, line), daemon=True).start()

    def _run(self, batch: BatchFacts, line: BegunLine) -> None:
        try:
            self._call(batch, line)
        except Exception:
            # The line stays begun: what became of its call is looked up.
            _log.exception("line %d of batch %s", line.line, batch.batch_id)
        finally:
            with self._lock:
                self._flying.pop((line.batch_id, line.line), None)
            self._wake()

    def _call(self, batch: BatchFacts, line: BegunLine) -> None:
        text = self._desk.read(input_name(batch.batch_id), line.start, line.length)
        body = params_of(text) if batch.dialect == "anthropic" else body_of(text)
        fields = {
            **batch.fields,
            "Faregate-Call-Id": line.call_id,
            "Faregate-Before": str(line.begun_ns + self._send_within_ns),
            "Faregate-Batch-Line": f"{batch.batch_id} line {line.line}",
        }
        try:
            reply = self._gates.ask("POST", batch.endpoint, batch.key_id, body, fields)
        except NotSentError:
            self._pause(line, PAUSE_S)
            self._desk.put_back(line, same_call=True)
            return
        except ReplyLostError as error:
            _log.warning("line %d of batch %s: %s", line.line, batch.batch_id, error)
            return
        self._take(batch, line, reply)

    def _take(self, batch: BatchFacts, line: BegunLine, reply: Reply) -> None:
        """A reply has come."""
        stop = stop_of(reply.status, reply.body, line.line)
        if stop is not None:
            self._desk.stop(batch.batch_id, stop)
            self._desk.put_back(line, same_call=False)
            return
        failures = self._failures(line)
        pause = pause_of(reply.status, reply.fields.get("retry-after"), failures)
        if pause is not None:
            _log.info(
                "batch %s waits %.1f s to call %s again: %d",
                batch.batch_id, pause.seconds, line.model, reply.status,
            )  # fmt: skip
            self._pause(line, pause.seconds)
            self._desk.put_back(line, same_call=False)
            return
        with self._lock:
            self._waits.pop((line.batch_id, line.model), None)
        outcome: LineOutcome = "succeeded" if reply.status == 200 else "errored"
        result = rendering.reply_line(batch, line, reply.status, reply.body)
        if reply.truncated:
            outcome, result = "errored", rendering.too_long_line(batch, line)
        self._desk.keep_result(line, outcome, result)

    def _failures(self, line: BegunLine) -> int:
        with self._lock:
            wait = self._waits.get((line.batch_id, line.model))
        return wait.failures if wait is not None else 0

    def _pause(self, line: BegunLine, seconds: float) -> None:
        """Call this model of this batch no more for a while."""
        place = (line.batch_id, line.model)
        with self._lock:
            wait = self._waits.get(place)
            now = self._clock.monotonic()
            if wait is None or now >= wait.until or now + seconds > wait.until:
                # Calls that were under way together count as one failure.
                fresh = wait is None or now >= wait.until
                failures = (wait.failures if wait is not None else 0) + fresh
                self._waits[place] = _Wait(now + seconds, failures)

    # -- after a kill ------------------------------------------------------------------------------

    def _recover(self, batch: BatchFacts, line: BegunLine) -> None:
        """Find out what became of a line that was begun and has no result."""
        age_ns = self._clock.wall_ns() - line.begun_ns
        if 0 <= age_ns < self._send_within_ns + int(_MARGIN_S * _NS):
            return
        record = self._calls.find(line.call_id)
        found = found_of(record)
        unsure = self.settings.journal.when_full == "serve"
        # A clock that was set back tells nothing; what is old may have been deleted.
        unsure = unsure or not 0 <= age_ns <= RESEND_WITHIN_S * _NS
        if found == "open" and not unsure:
            return
        if found == "refused" or (found == "not_made" and not unsure):
            _log.info("line %d of batch %s is sent again", line.line, batch.batch_id)
            if record is not None and (stop := stop_of_record(record, line.line)) is not None:
                self._desk.stop(batch.batch_id, stop)
            self._pause(line, PAUSE_S)
            self._desk.put_back(line, same_call=found == "not_made")
            return
        _log.warning("the reply of line %d of batch %s is lost", line.line, batch.batch_id)
        self._desk.keep_result(line, "errored", rendering.lost_line(batch, line))
