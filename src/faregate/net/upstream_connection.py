"""One connection to an upstream: a request, its reply, back to the pool.

Theory of a stale connection: an upstream may close an idle connection at the moment that a request
goes out on it. The request may be sent again only where it surely was not acted upon: no byte of
a reply came, the upstream ended the connection in good order, its kernel has acknowledged nothing
that was sent for this request, and has answered it with RST: nobody is there any more. Then no
process there can have read any of it. Without RST one still may, for an upstream that has ended
its own side alone reads on. So the proof is waited for, for a moment. Requests that are idempotent
may be sent again without it (RFC 9110 §9.2.2, RFC 9112 §9.3.1).
"""

import asyncio
import os
import select
import socket
import struct
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final, Literal, Protocol, cast

import msgspec

from faregate.core import bounds
from faregate.net.deadlines import NEVER
from faregate.wire.fields import tokens
from faregate.wire.reply_reader import ReplyHead, ReplyReader

if TYPE_CHECKING:
    from faregate.net.pool import Pool

FailureKind = Literal[
    "connect_failed",  # refused, unreachable, no such host, TLS not verified
    "connect_timeout",
    "queue_full",
    "queue_timeout",
    "first_byte_timeout",
    "between_bytes_timeout",
    "total_timeout",
    "closed",  # before the end of the reply
    "malformed",  # not HTTP/1.1, or beyond a bound
]

_STALE_CHECK_SECONDS: Final = 0.25
_JOIN_BYTES_MAX: Final = 64 * bounds.KIB
_BYTES_ACKED_OFFSET: Final = 120  # struct tcp_info, linux/tcp.h: tcpi_bytes_acked
_TCP_INFO_BYTES: Final = 128
_TCP_CLOSE: Final = 7  # tcpi_state, the first byte: RST has come
_PROOF_SECONDS: Final = 0.02
_PROOF_LOOKS: Final = 25  # half a second: a way around the world, and an acknowledgement held back


class Failure(msgspec.Struct, frozen=True):
    """Why no whole reply came. `detail` is for the operator."""

    kind: FailureKind
    detail: str


class Sender(Protocol):
    """Who sends a request: told of its reply in order, then one end.

    The end is a failure or not, and comes at most once.
    """

    request_head: bytes
    request_body: bytes
    idempotent: bool
    resent: bool
    # Set to where the request is, from the line to its end: to cancel it, or to slow its reply.
    sending: "Sending | None"

    def upstream_chosen(self, now: float, *, reused: bool) -> None:
        """The request goes out now."""

    def reply_head(self, head: ReplyHead) -> None:
        """The reply's head is there."""

    def reply_data(self, data: bytes) -> None:
        """A piece of its body."""

    def reply_read(self) -> None:
        """All that has arrived was handed over; more will come."""

    def reply_end(self) -> None:
        """The reply is whole."""

    def upstream_failed(self, failure: Failure) -> None:
        """No whole reply will come."""


class Sending(Protocol):
    """A request on its way; what its sender may do about it."""

    def cancel(self) -> None:
        """Forget the request; its sender hears no more."""

    def pause_reading(self) -> None:
        """Take no more of the reply for the moment."""

    def resume_reading(self) -> None:
        """Go on taking the reply."""


class UpstreamConnection(ReplyReader, asyncio.Protocol):
    """Belongs to a pool; serves one sender at a time."""

    __slots__ = (
        "_bytes_sent",
        "_bytes_sent_before",
        "_ended",
        "_idle_since",
        "_paused",
        "_pool",
        "_sender",
        "_total_due_at",
        "_transport",
        "_untouched",
        "counted",
        "due_at",
        "queued_at",
        "served",
    )

    def __init__(self, pool: "Pool") -> None:
        super().__init__()
        # -- for the connection's life
        self._pool = pool
        self._transport: asyncio.Transport | None = None
        self._bytes_sent = 0
        self.served = 0
        # Whether the pool counts it by itself; before, its attempt to connect is counted.
        self.counted = False
        self.due_at = NEVER
        self.queued_at = NEVER
        # -- for one request
        self._sender: Sender | None = None
        self._bytes_sent_before = 0
        self._total_due_at = NEVER
        self._ended = False
        self._paused = False
        self._untouched = False
        # -- between requests
        self._idle_since = 0.0

    # -- what the pool and the sender call --------------------------------------------------------

    def send(self, sender: Sender, now: float) -> None:
        """Send the request; the connection must be idle."""
        transport, pool = self._transport, self._pool
        assert transport is not None
        self._sender = sender
        self._ended = False
        self._total_due_at = now + pool.total_s
        self.due_at = now + pool.first_byte_s
        if self.due_at < self.queued_at:
            pool.deadlines.watch(self)
        self.expect_reply()
        sender.sending = self
        sender.upstream_chosen(now, reused=self.served > 0)
        self.served += 1
        head, body = sender.request_head, sender.request_body
        self._bytes_sent_before = self._bytes_sent
        self._bytes_sent += len(head) + len(body)
        if len(body) > _JOIN_BYTES_MAX:
            transport.writelines((head, body))
        else:
            transport.write(head + body)

    def rest(self, now: float) -> None:
        """Wait for the next request, as long as the upstream may be expected to."""
        self._idle_since = now
        self.due_at = now + self._pool.idle_timeout_s
        if self.due_at < self.queued_at:
            self._pool.deadlines.watch(self)

    def is_stale(self, now: float) -> bool:
        """Whether an idle connection has something to read: only its end can be."""
        if self._transport is None or self._transport.is_closing():
            return True
        if now - self._idle_since < _STALE_CHECK_SECONDS:
            return False
        poll = select.poll()
        poll.register(self._transport.get_extra_info("socket").fileno(), select.POLLIN)
        return bool(poll.poll(0))

    def cancel(self) -> None:
        """Forget the request and close: replies could no longer be told apart."""
        self._sender = None
        self.abort()

    @property
    def lost(self) -> bool:
        """Whether the connection has ended already."""
        return self._transport is None

    def abort(self) -> None:
        """Close at once."""
        self.due_at = NEVER
        if self._transport is not None:
            self._transport.abort()

    def close(self) -> None:
        """Close in good order; for idle connections."""
        self.due_at = NEVER
        if self._transport is not None:
            self._transport.close()

    def pause_reading(self) -> None:
        """Take no more of the reply for now; only the total time still counts."""
        if not self._paused and self._transport is not None and not self._ended:
            self._paused = True
            self.due_at = self._total_due_at
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Go on taking the reply."""
        if self._paused and self._transport is not None:
            self._paused = False
            self._touch()
            self._transport.resume_reading()

    def _touch(self) -> None:
        pool = self._pool
        due_at = pool.now() + pool.between_bytes_s
        self.due_at = due_at if due_at < self._total_due_at else self._total_due_at
        if self.due_at < self.queued_at:
            self._pool.deadlines.watch(self)

    # -- asyncio.Protocol -------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Read, then let the sender flush or the pool have the connection back."""
        self.feed(data)
        if self._ended:
            self._finish()
        elif self._sender is not None:
            if not self._paused:
                self._touch()
            self._sender.reply_read()

    def eof_received(self) -> bool:
        """The upstream ends the connection: maybe the reply's end, maybe before anything."""
        sender = self._sender
        if self.feed_eof():
            self._finish()
        elif sender is not None and self._unanswered and not (sender.resent or sender.idempotent):
            return self._wait_for_proof(sender, _PROOF_LOOKS)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the pool, and the sender if it still waits."""
        sender, self._sender = self._sender, None
        transport, self._transport = self._transport, None
        retry_safe = sender is not None and not sender.resent and self._unanswered
        self.due_at = NEVER
        head_seen = self.head_seen
        self.release()
        if self.counted:
            self._pool.connection_closed(self)
        if sender is None or transport is None:
            return
        if retry_safe and (self._untouched or sender.idempotent):
            sender.resent = True
            self._pool.send_again(sender)
            return
        how = "was reset" if exc is not None else "was closed"
        when = "before its end" if head_seen else "before a reply came"
        sender.upstream_failed(Failure("closed", f"the connection {how} {when}"))

    def pause_writing(self) -> None:
        """The upstream reads slowly; the body is whole already, so nothing can be held back."""

    def resume_writing(self) -> None:
        """The upstream reads again."""

    @property
    def _unanswered(self) -> bool:
        """Whether an earlier request was answered here, and of this one's reply nothing came."""
        return self.served > 1 and not self.head_seen

    def _finish(self) -> None:
        transport = self._transport
        if transport is None:
            return
        self._ended = False
        self._sender = None
        if self._paused:
            self._paused = False
            transport.resume_reading()
        # A reply before the whole request was read leaves the rest of it in the way.
        if (
            self.keeps_alive
            and not transport.is_closing()
            and not transport.get_write_buffer_size()
        ):
            self._pool.connection_free(self)
        elif transport.get_write_buffer_size():
            self.abort()  # to flush it may take for ever
        else:
            self.close()

    def _wait_for_proof(self, sender: Sender, looks: int) -> bool:
        """Whether it isn't known yet if the request was touched, but soon may be."""
        proof = self._proof_of_no_touch()
        if proof is None and looks:
            loop = asyncio.get_running_loop()
            loop.call_later(_PROOF_SECONDS, self._look_again, sender, looks - 1)
            return True
        self._untouched = proof is True
        return False

    def _look_again(self, sender: Sender, looks: int) -> None:
        if self._sender is sender and not self._wait_for_proof(sender, looks):
            self.abort()

    def _proof_of_no_touch(self) -> bool | None:
        """Whether no process read a byte of this request; None as long as it isn't known.

        tcpi_bytes_acked counts the connection's bytes, and one for its SYN. With TLS the counts
        can't be compared, so nothing is proven.
        """
        transport = self._transport
        if transport is None or transport.get_extra_info("ssl_object") is not None:
            return False
        try:
            with socket.socket(
                fileno=os.dup(transport.get_extra_info("socket").fileno())
            ) as duplicate:
                info = duplicate.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES)
        except (OSError, AttributeError):
            return False
        if len(info) < _TCP_INFO_BYTES:
            return False
        acknowledged: int = struct.unpack_from("=Q", info, _BYTES_ACKED_OFFSET)[0]
        if acknowledged > self._bytes_sent_before + 1:
            return False
        return True if info[0] == _TCP_CLOSE else None

    # -- Watched ----------------------------------------------------------------------------------

    def on_deadline(self, now: float) -> None:
        """Too long: end the request, or an idle connection."""
        sender, self._sender = self._sender, None
        if sender is None:
            self._pool.connection_expired(self)
            self.close()
            return
        self.abort()
        timeouts = self._pool.timeouts
        if now >= self._total_due_at:
            failure = Failure("total_timeout", f"no whole reply within {timeouts.total_s:g} s")
        elif self.head_seen:
            detail = f"no byte for {timeouts.between_bytes_s:g} s"
            failure = Failure("between_bytes_timeout", detail)
        else:
            detail = f"no first byte within {timeouts.first_byte_s:g} s"
            failure = Failure("first_byte_timeout", detail)
        sender.upstream_failed(failure)

    # -- ReplyReader ------------------------------------------------------------------------------

    def reply_head(self, head: ReplyHead) -> None:
        """Hand the head on."""
        keep_alive = head.fields.get(b"keep-alive")
        if keep_alive is not None:
            self._pool.learn_idle_timeout(_keep_alive_timeout(keep_alive))
        if self._sender is not None:
            self._sender.reply_head(head)

    def reply_data(self, data: bytes) -> None:
        """Hand a piece of the body on."""
        if self._sender is not None:
            self._sender.reply_data(data)

    def reply_end(self) -> None:
        """Hand the end on; the connection itself is free once the read is over."""
        self._ended = True
        sender, self._sender = self._sender, None
        self.due_at = NEVER
        if sender is not None:
            sender.reply_end()

    def reply_switched(self, head: ReplyHead, rest: bytes) -> None:
        """Let the sender have the connection, where it asked for that."""
        take = getattr(self._sender, "reply_switched", None)
        if take is None:
            super().reply_switched(head, rest)
            return
        self._sender = None
        self.due_at = NEVER
        take(self, head, rest)

    def hand_over(self, protocol: asyncio.Protocol) -> tuple[asyncio.Transport, Callable[[], None]]:
        """Let `protocol` have the connection for good.

        Gives the transport, and what to call once the connection is gone.
        """
        transport, self._transport = self._transport, None
        assert transport is not None
        transport.set_protocol(protocol)
        transport.set_write_buffer_limits(
            bounds.WRITE_BUFFER_BYTES_HIGH, bounds.WRITE_BUFFER_BYTES_LOW
        )
        self.release()
        return transport, partial(self._pool.connection_closed, self)

    def reply_broken(self, detail: str) -> None:
        """Give up: nothing on this connection can be trusted any more."""
        sender, self._sender = self._sender, None
        self.abort()
        if sender is not None:
            sender.upstream_failed(Failure("malformed", detail))


def _keep_alive_timeout(value: bytes) -> float | None:
    """Seconds in a `Keep-Alive: timeout=N` field."""
    for token in tokens(value):
        name, _, seconds = token.partition(b"=")
        if name == b"timeout" and seconds.isdigit():
            return float(seconds)
    return None
