"""Copies of calls, sent to a model that nobody waits for.

A copy is never charged to the caller and never touches its limits; what it cost us is told in the
metrics and in what is spent at the account. Its reply is read for its usage and dropped.
"""

from typing import TYPE_CHECKING, Final

import msgspec

from faregate.calllog.frames import Copied
from faregate.core import bounds
from faregate.dialects.neutral.reply import UsageSeen
from faregate.dialects.translation import MalformedReplyError, Meter, StreamReader
from faregate.dialects.usage import Usage
from faregate.gate.wires import UnservedError, Wire
from faregate.net.upstream_connection import Failure, Sending
from faregate.routing.targets import Choice, begin, ended, served
from faregate.wire.reply_reader import ReplyHead
from faregate.wire.sse import EventTooLargeError

if TYPE_CHECKING:
    from faregate.gate.choosing import Choose
    from faregate.gate.relay import Relay

SHADOWS_MAX: Final = 200  # copies that a worker has under way at once; more are left out


class Shadow:
    """One copy on its way (`net.upstream_connection.Sender`)."""

    __slots__ = (
        "_call", "_choice", "_head", "_kept", "_kept_bytes", "_meter", "_reader", "_seen", "_wire",
        "idempotent", "request_body", "request_head", "resent", "sending",
    )  # fmt: skip

    def __init__(self, call: "Relay", choice: Choice, wire: Wire) -> None:
        self._call = call
        self._choice = choice
        self._wire = wire
        self._head: ReplyHead | None = None
        self._kept: list[bytes] = []
        self._kept_bytes = 0
        self._meter: Meter | None = None
        self._reader: StreamReader | None = None
        self._seen: Usage | None = None
        self.request_head = b""
        self.request_body = b""
        self.idempotent = False
        self.resent = True  # a copy isn't worth a second try
        self.sending: Sending | None = None

    def send(self, body: bytes) -> None:
        """Send the copy."""
        call, wire = self._call, self._wire
        streamed = call.peek is not None and call.peek.stream is True
        self.request_body = body
        self.request_head = wire.request_head(
            call.head, len(body), streamed=streamed, form=call.form
        )
        if streamed and wire.native is not None:
            self._meter = wire.native.stream_meter(hide_usage=False, measures=False)
        elif streamed and wire.streams and wire.writer is not None:
            self._reader = wire.writer.stream_reader()
        now = call.gate.now()
        begin(self._choice, now)
        call.gate.shadows += 1
        wire.lane.pool.send(self, now)

    def upstream_chosen(self, now: float, *, reused: bool) -> None:
        """It goes out now."""

    def reply_head(self, head: ReplyHead) -> None:
        """The reply begins."""
        self._head = head
        if head.status < 300:
            served(self._choice, self._call.gate.now())

    def reply_data(self, data: bytes) -> None:
        """Keep what its usage may be in."""
        try:
            if self._meter is not None:
                self._meter.feed(data)
                return
            if self._reader is not None:
                for event in self._reader.feed(data):
                    if isinstance(event, UsageSeen):
                        self._seen = event.usage
                return
        except (EventTooLargeError, MalformedReplyError):
            self._meter = self._reader = None
        if self._kept_bytes < bounds.REPLY_KEPT_BYTES_MAX:
            self._kept.append(data)
            self._kept_bytes += len(data)

    def reply_read(self) -> None:
        """Nothing waits."""

    def reply_end(self) -> None:
        """It is whole: count what it cost."""
        status = self._head.status if self._head is not None else 0
        self._end("ok" if status < 300 else "failed", self._usage() if status < 300 else None)

    def upstream_failed(self, failure: Failure) -> None:
        """No whole reply came."""
        self._end("failed", None)

    def _usage(self) -> Usage | None:
        if self._meter is not None:
            return self._meter.usage
        if self._reader is not None:
            return self._seen
        body, wire = b"".join(self._kept), self._wire
        if wire.native is not None:
            return wire.native.read_usage(body)
        assert wire.writer is not None
        try:
            usage: Usage | None = wire.writer.read_reply(body).usage
        except (MalformedReplyError, msgspec.MsgspecError):
            return None
        return usage

    def _end(self, result: str, usage: Usage | None) -> None:
        call = self._call
        gate = call.gate
        ended(self._choice)
        gate.shadows -= 1
        cost = gate.snapshot.terms.prices.fare(self._wire.name, None, gate.wall_ns()).cost
        if usage is not None:
            gate.metrics.tokens_used(
                self._wire.upstream.name, self._wire.name, usage.input_tokens,
                usage.output_tokens, usage.cached_input_tokens, usage.reasoning_tokens,
            )  # fmt: skip
            if cost is not None:
                self._cost(cost.price(usage))
        gate.metrics.shadow_ended(self._wire.name, result)

    def _cost(self, nano: int) -> None:
        """Count what it cost: here at once, and in the ledger for all workers."""
        if nano <= 0:
            return
        gate, account = self._call.gate, self._choice.target.account
        account.balance.unsettled_nano += nano
        model = self._wire.name
        gate.recorder.ends(Copied(gate.ids.next(), gate.wall_ns(), account.name, model, nano))


def send_copy(call: "Relay", choose: "Choose") -> None:
    """Send the copy of a call, if it can be made; the call never notices."""
    choice = call.shadow
    if choice is None or call.gate.shadows >= SHADOWS_MAX:
        return
    try:
        wire = choose.wire(choice)
    except UnservedError:
        return
    if wire.upstream.proof is not None:
        return
    copied = choose.copy(call, wire)
    if copied is not None:
        Shadow(call, choice, copied[0]).send(copied[1])
