"""RELAY: the upstream's reply on its way back, read for its usage.

A reply below 300 goes to the caller as it comes, once its first piece shows that it is no error;
where dialects differ, a stream is translated event by event, another reply when it is whole. What
one of 300 and above means decides what is next (`gate.provider_errors`).
"""

from abc import abstractmethod
from collections.abc import Coroutine
from typing import Any, Final

from faregate.core import bounds
from faregate.core.refusals import Refusal
from faregate.dialects import problem
from faregate.dialects.neutral.request import Request
from faregate.dialects.stream_translation import StreamTranslation
from faregate.dialects.translation import Asked, MalformedReplyError
from faregate.dialects.usage import Usage
from faregate.dialects.whole_translation import AskedWhole
from faregate.gate.attempts import attempt_failed
from faregate.gate.finish import add_attempt, finish_call
from faregate.gate.growth import Growth
from faregate.gate.provider_errors import (
    FAILURE_CODES,
    break_attempt,
    decoded,
    ends_event,
    error_behind_preamble,
    fail_before_reply,
    fail_broken,
    fail_in_stream,
    give_up_on_error_body,
    is_error,
    is_preamble,
    looks_like_error,
    said_by_provider,
    settle_error,
    upstream_refusal,
)
from faregate.gate.reply_heads import own_head, relayed_head
from faregate.gate.state import CallState
from faregate.gate.telling import told_lines
from faregate.gate.wires import Wire
from faregate.net.upstream_connection import Failure
from faregate.providers.refusals import REFUSAL_BODY_BYTES_MAX
from faregate.routing.targets import served
from faregate.routing.troubles import Trouble
from faregate.wire import reply
from faregate.wire.reply_reader import ReplyHead
from faregate.wire.sse import EventTooLargeError

_OPERATOR: Final = b"faregate-operator"
_LINES: Final = frozenset({b"application/x-ndjson"})  # Ollama's streams


class Relay(CallState):
    """The side that an upstream speaks to (`net.upstream_connection.Sender`)."""

    __slots__ = ()

    # -- Sender -----------------------------------------------------------------------------------

    def upstream_chosen(self, now: float, *, reused: bool) -> None:
        """The request goes out now."""
        self.sent_at = now
        self.reused = reused

    def reply_head(self, head: ReplyHead) -> None:
        """The reply begins.

        Its first piece decides whether it goes on to the caller.
        """
        self.reply = head
        self.first_byte_at = self.gate.now()
        if head.status >= 300:
            self.suspect = True
            return
        wire = self.wire
        assert wire is not None
        if wire.native is None:
            streamed = wire.streams and self.peek is not None and self.peek.stream
            self.suspect = not streamed and not wire.is_ready(head)
            if streamed:
                self.meter = self._translation(wire)
            return
        content_type = head.fields.get(b"content-type", b"")
        if content_type[:17].lower() == b"text/event-stream" or content_type in _LINES:
            asked = self.peek is not None and self.peek.asks_usage
            hides = not asked and wire.upstream.ask_stream_usage
            measures = self.terms.measures or self.cost is not None
            self.meter = wire.native.stream_meter(hide_usage=hides, measures=measures)

    def reply_data(self, data: bytes) -> None:
        """A piece of the body: send it on, and keep what is needed of it."""
        if self.suspect:
            self._collect(data)
            return
        meter = self.meter
        if not self.relaying and type(meter) is not StreamTranslation:
            if self.kept:
                data = b"".join((*self.kept, data))
                self.kept, self.kept_bytes = [], 0
            if looks_like_error(data) and self._take_for_error(data):
                return
            if meter is not None and is_preamble(data):
                self._hold_preamble(data)
                return
            self._begin()
        if meter is None:
            self.kept.append(data)
            self.kept_bytes += len(data)
            if self.kept_bytes > bounds.REPLY_KEPT_BYTES_MAX:
                self._keep_ends(bounds.REPLY_KEPT_BYTES_MAX)
        else:
            try:
                data = meter.feed(data)
            except EventTooLargeError:
                self._cut("upstream_malformed", "one event of the stream is too large")
                return
            except MalformedReplyError as error:
                self._cut("upstream_malformed", str(error))
                return
            if type(meter) is StreamTranslation and not self._translated(meter, data):
                return
            if self.gate.keeps_bodies and self.kept_bytes < self.gate.body_bytes_to_keep:
                self.kept.append(data)
                self.kept_bytes += len(data)
        self._send_on(data)
        growth = self.growth
        if growth is not None and meter is not None and meter.output_tokens >= growth.mark:
            growth.seen(meter.output_tokens)

    def reply_read(self) -> None:
        """No more for the moment: let nothing wait here."""
        if self.out:
            self._flush()

    def reply_end(self) -> None:
        """The reply is whole."""
        self.sending = None
        head = self.reply
        if head is None or self.ended:
            return
        if not self.relaying and not self._whole(head):
            return
        growth = self.growth
        if growth is not None and growth.delays_end(self._output_tokens()):
            return
        if (meter := self.meter) is not None:
            try:
                self._send_on(meter.end())
            except MalformedReplyError as error:
                self._cut("upstream_malformed", str(error))
                return
            self.usage = meter.usage
        elif self.usage is None:
            self.usage = self._read_usage(head)
        if self.chunked:
            self.out.append(reply.LAST_CHUNK)
        self._flush()
        now = self.gate.now()
        add_attempt(self, head.status, "ok", now)
        finish_call(self, "answered", head.status, None, now)
        self.connection.finish(now)

    def _whole(self, head: ReplyHead) -> bool:
        """A reply has ended of which nothing has gone: whether there is more to do for it."""
        wire = self.wire
        assert wire is not None
        if head.status >= 300:
            settle_error(self, head)
            return False
        if isinstance(self.meter, StreamTranslation):
            self._cut("upstream_malformed", "the stream ended before it began")
            return False
        body = b"".join(self.kept)
        if self.meter is not None:
            if looks_like_error(body) and fail_in_stream(self, body):
                return False
            self._not_suspect()
            return not self.ended
        if self.suspect and is_error(self, head, body):
            settle_error(self, head)
            return False
        self.suspect = False
        if wire.writer is not None:
            return self._translate_whole(wire, head, body)
        self._begin()
        self._send_on(body)
        return True

    def _translate_whole(self, wire: Wire, head: ReplyHead, body: bytes) -> bool:
        """Write the caller's form of a whole reply."""
        reader, operation = wire.writer, self.plan.operation
        assert reader is not None
        assert operation is not None
        assert operation.translator is not None
        try:
            read = reader.read_reply(decoded(head, body))
            written = operation.translator.write_reply(read, self._asked())
        except MalformedReplyError as error:
            self._cut("upstream_malformed", str(error))
            return False
        self.usage = read.usage
        self._begin(len(written))
        self._send_on(written)
        return True

    def _asked(self) -> Any:
        asked: Any = Asked if isinstance(self.neutral, Request) else AskedWhole
        now_s = self.started_ns // 1_000_000_000
        return asked(request=self.neutral, call_id=self.call_id, now_s=now_s)

    def _translation(self, wire: Wire) -> StreamTranslation:
        operation = self.plan.operation
        assert wire.writer is not None
        assert operation is not None
        assert operation.translator is not None
        writer = operation.translator.stream_writer(self._asked())
        return StreamTranslation(wire.writer.stream_reader(), writer)

    def _translated(self, meter: StreamTranslation, data: bytes) -> bool:
        """Whether the stream goes on: nothing is sent before a part of an answer is there."""
        failure = meter.failure
        if failure is None and meter.begun:
            if not self.relaying:
                self._begin()
                self._send_on(b"".join(self.kept))
                self.kept, self.kept_bytes = [], 0
            return True
        if failure is None:
            self.kept.append(data)
            self.kept_bytes += len(data)
            return False
        if not self.relaying:
            said = said_by_provider(failure.message)
            fail_in_stream(self, failure.raw or failure.message.encode(), said)
            return False
        self._send_on(data)
        self._cut("provider_failed", said_by_provider(failure.message))
        return False

    def upstream_failed(self, failure: Failure) -> None:
        """No whole reply will come."""
        self.sending = None
        if self.ended:
            return
        code = FAILURE_CODES[failure.kind]
        if self.relaying:
            self._cut(code, failure.detail)
            return
        fail_before_reply(self, failure, code)

    # -- a hold that grows (`gate.growth`) --------------------------------------------------------

    def pause_upstream(self) -> None:
        """Let the upstream wait until there is credit for more."""
        if self.sending is not None:
            self.sending.pause_reading()

    def resume_upstream(self) -> None:
        """Go on, where the caller takes more."""
        if self.sending is not None and not self.connection.is_clogged:
            self.sending.resume_reading()

    def look_at_growth(self) -> None:
        """The hold has grown, or can't: see what that means for the stream."""
        growth, meter = self.growth, self.meter
        if growth is None or meter is None or self.ended or meter.output_tokens < growth.mark:
            return
        growth.seen(meter.output_tokens)

    def end_for_credit(self, refusal: Refusal) -> None:
        """End a stream as at an output limit, with the refusal in its last event."""
        if self.ended:
            return
        if self.sending is not None:
            self.sending.cancel()
            self.sending = None
        assert self.meter is not None
        status = self.reply.status if self.reply is not None else 0
        add_attempt(self, status, refusal.code, self.gate.now())
        self.usage = self.meter.usage
        if self.meter.cut() or not self.chunked:
            self._flush_rest()
            finish_call(self, "answered", status, refusal)
            self.connection.abort()
            return
        members = problem.problem(refusal, self.call_id, self.gate.statuses)
        if isinstance(self.meter, StreamTranslation):
            self._send_on(self.meter.close_parts())
        operation = self.plan.operation
        assert operation is not None
        native = operation.native
        # What the stream has called itself so far, where its events must go on naming that.
        reply_id = getattr(self.meter, "reply_id", "") or self.call_id
        tokens = self._output_tokens()
        self._send_on(
            native.final_events(reply_id, self.model_asked, self.choices, members, tokens)
        )
        self.out.append(reply.LAST_CHUNK)
        self._flush()
        finish_call(self, "answered", status, refusal)
        self.connection.finish()

    def _output_tokens(self) -> int:
        """The stream's output so far, or as it states it."""
        assert self.meter is not None
        usage = self.meter.usage
        stated = usage.output_tokens if usage is not None else None
        return self.meter.output_tokens if stated is None else stated

    # -- for the other side of the call to fill in ------------------------------------------------

    @abstractmethod
    def refuse(self, refusal: Refusal) -> None:
        """Answer with a refusal."""

    @abstractmethod
    def start_task(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something for the call that has to be awaited."""

    # -- the reply as it comes --------------------------------------------------------------------

    def _begin(self, length: int | None = None) -> None:
        """Send the head: nothing else is tried from here on."""
        head, choice, wire = self.reply, self.choice, self.wire
        assert head is not None
        assert choice is not None
        assert wire is not None
        self.relaying = True
        served(choice, self.first_byte_at, self.first_byte_at - (self.sent_at or self.submitted_at))
        connection = self.connection
        native = wire.native is not None
        if (native and head.length < 0) or (not native and length is None):
            if self.head.http11:
                self.chunked = True
            else:
                connection.close_after_reply()  # HTTP/1.0 knows no other end
        elif self.meter is not None and self.head.http11:
            self.chunked = True  # hidden usage changes the length
        extra = b"faregate-output-limit: %d\r\n" % self.output_sent if self.output_sent else b""
        told = self.gate.attempts_told
        if self.dropped or (told and (told == "all" or _OPERATOR in self.head.fields)):
            extra += told_lines(self)
        if self.grows and self.meter is not None:
            self.growth = Growth(self)  # type: ignore[arg-type]
        rate_fields = self.terms.rate_fields
        if rate_fields is not None:
            extra += self.rate_lines(rate_fields)
        if native:
            lines = relayed_head(
                head, self.call_id, chunked=self.chunked, closes=connection.closes, extra=extra
            )
        else:
            operation = self.plan.operation
            assert operation is not None
            assert operation.translator is not None
            kind = "application/json"
            if self.meter is not None:
                kind = operation.translator.stream_type
            elif hasattr(operation.translator, "reply_type"):
                kind = operation.translator.reply_type(self._asked())
            lines = own_head(
                head.status, kind, self.call_id,
                chunked=self.chunked, closes=connection.closes, length=length, extra=extra,
            )  # fmt: skip
        self.out.append(lines)

    def _send_on(self, data: bytes) -> None:
        if data:
            self.reply_bytes += len(data)
            self.out.append(reply.chunk(data) if self.chunked else data)

    def _flush(self) -> None:
        out = self.out
        self.connection.send(out[0] if len(out) == 1 else b"".join(out))
        self.out = []

    def _flush_rest(self) -> None:
        if self.out:
            self._flush()

    def _collect(self, data: bytes) -> None:
        """Keep a reply of which nothing goes on before it is whole."""
        self.kept_bytes += len(data)
        self.kept.append(data)
        wire, head = self.wire, self.reply
        assert wire is not None
        assert head is not None
        if head.status < 300 and wire.native is None:
            if self.kept_bytes > bounds.TRANSLATED_REPLY_BYTES_MAX:
                self._cut("upstream_malformed", "the reply is too large to be translated")
        elif self.kept_bytes > REFUSAL_BODY_BYTES_MAX:
            if head.status >= 300:
                self._keep_ends(REFUSAL_BODY_BYTES_MAX)
                give_up_on_error_body(self, head)
            else:
                self._not_suspect()

    def _take_for_error(self, data: bytes) -> bool:
        """Whether the first piece doesn't go on: it is an error, or may turn out as one."""
        if self.meter is not None and ends_event(data):
            return fail_in_stream(self, data)
        self.suspect = self.meter is None
        self._collect(data)
        return True

    def _hold_preamble(self, data: bytes) -> None:
        """Keep what comes before an answer: an error there is one of the attempt."""
        late = error_behind_preamble(data)
        if late is None or not fail_in_stream(self, late, "an error in its stream"):
            self._collect(data)

    def _not_suspect(self) -> None:
        """It is longer than any error: send it on."""
        kept, self.kept, self.kept_bytes, self.suspect = self.kept, [], 0, False
        self._begin()
        self.reply_data(b"".join(kept))

    def _keep_ends(self, limit: int) -> None:
        whole = b"".join(self.kept)
        ends = min(bounds.REPLY_ENDS_BYTES, (limit + 1) // 2)  # never 0: [-0:] is all of it
        self.kept = [whole[:ends], whole[-ends:]]

    def _read_usage(self, head: ReplyHead) -> Usage | None:
        operation = self.plan.operation
        assert operation is not None
        native = operation.native
        if self.kept_bytes > bounds.REPLY_KEPT_BYTES_MAX:
            first, last = self.kept
            in_part = native.read_usage_in_part
            return in_part(last) or in_part(first)
        body = self.kept[0] if len(self.kept) == 1 else b"".join(self.kept)
        if b"content-encoding" in head.fields:
            body = decoded(head, body)
        return native.read_usage(body)

    def _cut(self, code: str, detail: str) -> None:
        """A reply is broken.

        Where a part has gone, it is ended by an event that says so, or by breaking off.
        """
        if self.sending is not None:
            self.sending.cancel()
            self.sending = None
        if not self.relaying:
            fail_broken(self, code, detail)
            return
        status = self.reply.status if self.reply is not None else 0
        break_attempt(self, code, detail)
        add_attempt(self, status, code, self.gate.now())
        refusal = upstream_refusal(self, code, detail, None)
        torn = False  # behind a part of an event another one would be read as its rest
        if self.meter is not None:
            self.usage = self.meter.usage
            torn = self.meter.cut()
        if self.meter is not None and self.chunked and not torn:
            self._send_on(self.plan.refusals.render_event(refusal, self.call_id))
            self.out.append(reply.LAST_CHUNK)
            self._flush()
            finish_call(self, "failed", status, refusal)
            self.connection.finish()
            return
        self._flush_rest()
        finish_call(self, "failed", status, refusal)
        self.connection.abort()

    def out_of_time(self) -> None:
        """The call's own deadline has come."""
        if self.ended:
            return
        detail = f"no whole reply within the call's {self.deadline - self.started_at:g} s"
        if self.relaying:
            self._cut("upstream_timeout", detail)
            return
        if self.sending is not None:
            self.sending.cancel()
            self.sending = None
        add_attempt(self, self.reply.status if self.reply is not None else 0,
                    "upstream_timeout", self.gate.now())  # fmt: skip
        self.refuse(upstream_refusal(self, "upstream_timeout", detail, None))

    # -- attempts ---------------------------------------------------------------------------------

    def unproven(self, trouble: Trouble, refusal: Refusal) -> None:
        """What lets us in at a provider could not be had."""
        attempt_failed(self, trouble, refusal)

    def pass_on(self, head: ReplyHead, body: bytes) -> None:
        """Answer with the provider's own words about the caller's mistake."""
        self.relaying = True
        lines = relayed_head(
            head, self.call_id, chunked=False, closes=self.connection.closes, length=len(body)
        )
        self.reply_bytes = len(body)
        self.out = [lines, body]
        self._flush()
        finish_call(self, "answered", head.status, None)
        self.connection.finish()
