"""RELAY: the upstream's reply on its way back, read for its usage.

A reply below 400 goes to the caller as it comes, piece by piece. A reply of 400 and above is
collected first, for what it means decides who is told what: a mistake of the caller's goes back
untouched, a trouble of our account there becomes a refusal that says so.
"""

import time
from typing import Final

from faregate.core import bounds
from faregate.core.refusals import Refusal, refuse
from faregate.dialects import openai_chat, problem
from faregate.dialects.usage import Usage
from faregate.gate.finish import add_attempt, finish_call
from faregate.gate.growth import Growth
from faregate.gate.state import CallState
from faregate.net.upstream_connection import Failure
from faregate.providers.refusals import (
    REFUSAL_BODY_BYTES_MAX,
    Classification,
    classify,
    retry_after_seconds,
)
from faregate.wire import content_coding, reply
from faregate.wire.fields import connection_names
from faregate.wire.reply_reader import READ_FIELDS, ReplyHead
from faregate.wire.sse import EventTooLargeError

# What the reader finds in a reply is what isn't relayed, but for what describes the body.
_NOT_RELAYED: Final = READ_FIELDS - {b"content-length", b"content-type", b"content-encoding"}
_NOT_RELAYED_BUT_CHUNKS: Final = _NOT_RELAYED - {b"transfer-encoding"}
_PLAIN_CONNECTIONS: Final = (b"keep-alive", b"close")
_FRAMING: Final = frozenset({b"transfer-encoding", b"content-length"})

_FAILURE_CODES: Final = {
    "connect_failed": "upstream_unreachable",
    "connect_timeout": "upstream_timeout",
    "queue_full": "upstream_busy",
    "queue_timeout": "upstream_busy",
    "first_byte_timeout": "upstream_timeout",
    "between_bytes_timeout": "upstream_timeout",
    "total_timeout": "upstream_timeout",
    "closed": "upstream_closed",
    "malformed": "upstream_malformed",
}
_BUSY_RETRY_AFTER_S: Final = 1


class Relay(CallState):
    """The side that an upstream speaks to (`net.upstream_connection.Sender`)."""

    __slots__ = ()

    # -- Sender -----------------------------------------------------------------------------------

    def upstream_chosen(self, now: float, *, reused: bool) -> None:
        """The request goes out now."""
        self.sent_at = now
        self.reused = reused

    def reply_head(self, head: ReplyHead) -> None:
        """The reply begins: send its head on, or collect it if it is an error."""
        self.reply = head
        self.first_byte_at = self.gate.now()
        if head.status >= 300:
            return
        content_type = head.fields.get(b"content-type", b"")
        if content_type[:17].lower() == b"text/event-stream":
            asked = self.peek is not None and self.peek.asks_usage
            hides = not asked and self.upstream is not None and self.upstream.ask_stream_usage
            measures = self.terms.measures or self.terms.cost is not None
            self.meter = openai_chat.StreamMeter(hide_usage=hides, measures=measures)
            if self.grows:
                self.growth = Growth(self)  # type: ignore[arg-type]
        self._relay_head(head)

    def reply_data(self, data: bytes) -> None:
        """A piece of the body: send it on, and keep what is needed of it."""
        if not self.relaying:
            self._keep(data, REFUSAL_BODY_BYTES_MAX + 1)
            if self.kept_bytes > REFUSAL_BODY_BYTES_MAX:
                self._give_up_on_error_body()
            return
        meter = self.meter
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
        if not self.relaying:
            self._answer_error(head)
            return
        growth = self.growth
        if growth is not None and growth.delays_end(self._output_tokens()):
            return
        if self.meter is not None:
            self._send_on(self.meter.end())
            self.usage = self.meter.usage
        else:
            self.usage = self._read_usage(head)
        if self.chunked:
            self.out.append(reply.LAST_CHUNK)
        self._flush()
        now = self.gate.now()
        add_attempt(self, head.status, "ok", now)
        finish_call(self, "answered", head.status, None, now)
        self.connection.finish(now)

    def upstream_failed(self, failure: Failure) -> None:
        """No whole reply will come."""
        self.sending = None
        if self.ended:
            return
        code = _FAILURE_CODES[failure.kind]
        if self.relaying:
            self._cut(code, failure.detail)
            return
        status = self.reply.status if self.reply is not None else 0
        add_attempt(self, status, code, self.gate.now())
        retry_after_s = _BUSY_RETRY_AFTER_S if code == "upstream_busy" else None
        self.refuse(self._upstream_refusal(code, failure.detail, retry_after_s))

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
        if growth is None or meter is None or self.ended:
            return
        if meter.output_tokens >= growth.mark:
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
        choices = self.choices
        members = problem.problem(refusal, self.call_id, self.gate.statuses)
        route, model = self.plan.route, self.model_asked
        self._send_on(openai_chat.final_events(route, self.call_id, model, choices, members))
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

    def refuse(self, refusal: Refusal) -> None:
        """Answer with a refusal."""
        raise NotImplementedError

    # -- the reply as it comes --------------------------------------------------------------------

    def _relay_head(self, head: ReplyHead) -> None:
        self.relaying = True
        connection = self.connection
        if head.length < 0:
            if self.head.http11:
                self.chunked = True
            else:
                connection.close_after_reply()  # HTTP/1.0 knows no other end
        elif self.meter is not None and self.head.http11:
            self.chunked = True  # hidden usage changes the length
        extra = b"faregate-output-limit: %d\r\n" % self.output_sent if self.output_sent else b""
        rate_fields = self.terms.rate_fields
        if rate_fields is not None:
            extra += self.rate_lines(rate_fields)
        self.out.append(
            relayed_head(
                head, self.call_id, chunked=self.chunked, closes=connection.closes, extra=extra
            )
        )

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

    def _keep(self, data: bytes, limit: int) -> None:
        """Keep the reply up to `limit`; of a longer one its start and its end."""
        self.kept_bytes += len(data)
        self.kept.append(data)
        if self.kept_bytes > limit:
            self._keep_ends(limit)

    def _keep_ends(self, limit: int) -> None:
        whole = b"".join(self.kept)
        ends = min(bounds.REPLY_ENDS_BYTES, (limit + 1) // 2)  # never 0: [-0:] is all of it
        self.kept = [whole[:ends], whole[-ends:]]

    def _read_usage(self, head: ReplyHead) -> Usage | None:
        if self.kept_bytes > bounds.REPLY_KEPT_BYTES_MAX:
            first, last = self.kept
            in_part = openai_chat.read_usage_in_part
            return in_part(last) or in_part(first)
        body = self.kept[0] if len(self.kept) == 1 else b"".join(self.kept)
        if b"content-encoding" in head.fields:
            body = _decoded(head, body)
        return openai_chat.read_usage(body)

    def _cut(self, code: str, detail: str) -> None:
        """End a reply of which a part has gone: by an event that says so, or by breaking off."""
        if self.sending is not None:
            self.sending.cancel()
            self.sending = None
        status = self.reply.status if self.reply is not None else 0
        add_attempt(self, status, code, self.gate.now())
        refusal = self._upstream_refusal(code, detail, None)
        torn = False  # behind a part of an event another one would be read as its rest
        if self.meter is not None:
            self.usage = self.meter.usage
            torn = self.meter.cut()
        if self.meter is not None and self.chunked and not torn:
            self._send_on(problem.render_event(refusal, self.call_id))
            self.out.append(reply.LAST_CHUNK)
            self._flush()
            finish_call(self, "failed", status, refusal)
            self.connection.finish()
            return
        self._flush_rest()
        finish_call(self, "failed", status, refusal)
        self.connection.abort()

    # -- a reply of 300 and above -----------------------------------------------------------------

    def _answer_error(self, head: ReplyHead) -> None:
        """Tell the caller what a collected error reply means for it."""
        body = b"".join(self.kept)
        self._settle_error(head, self._classified(head, _decoded(head, body)), body)

    def _give_up_on_error_body(self) -> None:
        """An error reply without end: its status alone must do."""
        head = self.reply
        assert head is not None
        if self.sending is not None:
            self.sending.cancel()
            self.sending = None
        found = self._classified(head, b"")
        if found.refusal_code is None:
            found = Classification("failed", "provider_failed", "an error page without end")
        self._settle_error(head, found, b"")

    def _classified(self, head: ReplyHead, body: bytes) -> Classification:
        if head.status < 400:
            detail = "a redirect; the provider's base_url may be wrong"
            return Classification("failed", "provider_failed", detail)
        vendor = self.upstream.vendor if self.upstream is not None else ""
        return classify(vendor, head.status, _text_fields(head), body)

    def _settle_error(self, head: ReplyHead, found: Classification, body: bytes) -> None:
        now = self.gate.now()
        code = found.refusal_code
        if code is not None:
            add_attempt(self, head.status, found.meaning, now)
            seconds = retry_after_seconds(_text_fields(head), body, time.time())
            wait_s = max(1, -int(-seconds // 1)) if seconds is not None else None
            if wait_s is None and code == "provider_rate_limited":
                wait_s = _BUSY_RETRY_AFTER_S
            detail = f"it answered with status {head.status}"
            if found.detail:
                detail += f" ({found.detail})"
            self.refuse(self._upstream_refusal(code, detail, wait_s))
            return
        # The caller's own mistake, in the provider's own words.
        add_attempt(self, head.status, "invalid_request", now)
        self.relaying = True
        fields_end = relayed_head(
            head, self.call_id, chunked=False, closes=self.connection.closes, length=len(body)
        )
        self.reply_bytes = len(body)
        self.out = [fields_end, body]
        self._flush()
        finish_call(self, "answered", head.status, None)
        self.connection.finish()

    def _upstream_refusal(self, code: str, detail: str, retry_after_s: int | None) -> Refusal:
        name = self.upstream.name if self.upstream is not None else "unknown"
        text = f"Provider '{name}': {detail}."
        return refuse(code, text, scope="provider", retry_after_s=retry_after_s)


def relayed_head(
    head: ReplyHead,
    call_id: str,
    *,
    chunked: bool,
    closes: bool,
    length: int | None = None,
    extra: bytes = b"",
) -> bytes:
    """The head of the reply for the caller; `extra` are whole lines of ours.

    Where the framing stays it is the upstream's own text, less the lines that aren't relayed.
    """
    close = reply.CLOSE_FIELD if closes else b""
    own = b"faregate-call-id: %b\r\n%b%b\r\n" % (call_id.encode(), extra, close)
    connection = head.fields.get(b"connection", b"close")
    if (
        chunked == head.chunked
        and length is None
        and head.http11
        and connection in _PLAIN_CONNECTIONS
    ):
        left_out = _NOT_RELAYED_BUT_CHUNKS if chunked else _NOT_RELAYED
        return head.without(left_out.intersection(head.fields)) + own
    named = connection_names([connection])
    lines = [reply.status_line(head.status)]
    lines.extend(
        b"%b: %b\r\n" % (name, value)
        for name, value in head.all_fields().items()
        if name not in _NOT_RELAYED and name not in _FRAMING and name not in named
    )
    if chunked:
        lines.append(reply.CHUNKED_FIELD)
    elif length is not None or head.length >= 0:
        stated = length if length is not None else head.length
        lines.append(b"content-length: %d\r\n" % stated)
    lines.append(own)
    return b"".join(lines)


def _decoded(head: ReplyHead, body: bytes) -> bytes:
    """A body to look into; empty where its coding can't be taken off."""
    coding = head.fields.get(b"content-encoding")
    if coding is None or coding == b"identity":
        return body
    try:
        return content_coding.decode(body, coding, bounds.REQUEST_BODY_BYTES_MAX)
    except content_coding.CODING_ERRORS:
        return b""


def _text_fields(head: ReplyHead) -> dict[str, str]:
    return {
        name.decode("latin-1"): value.decode("latin-1") for name, value in head.all_fields().items()
    }
