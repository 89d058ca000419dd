"""One caller's connection: its requests in order, its slowness, its end.

A connection answers one request at a time. Requests that a client pipelines are read ahead as far
as they have already arrived, and reading stops until they are served; so a client can't make the
gate hold more than one read of them. What a request means is the application's affair: it is given
a head, told when the body is whole, when the client is gone, and when it reads slowly.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, cast

from faregate.core import bounds
from faregate.core.refusals import Refusal, refuse
from faregate.identity.certificates import PeerCertificate
from faregate.net.client_refusals import too_large, too_slow
from faregate.net.deadlines import NEVER
from faregate.net.exchange import Exchange
from faregate.net.tls import peer_certificate
from faregate.wire import reply
from faregate.wire.request_reader import RequestHead, RequestReader

if TYPE_CHECKING:
    from faregate.net.listener import Listener

_LINGER_SECONDS: Final = 2.0
_FLUSH_SECONDS: Final = 60.0  # to take what is left of a reply: two write buffers at most
_DISCARDED_BYTES_MAX: Final = 4 * bounds.MIB


class _Ahead:
    """A request that was read while another is answered; a refusal is the last of them."""

    __slots__ = ("head", "parts", "refusal", "whole")

    def __init__(self, head: RequestHead | None, refusal: Refusal | None = None) -> None:
        self.head = head
        self.refusal = refusal
        self.parts: list[bytes] = []
        self.whole = False


class ClientConnection(RequestReader, asyncio.Protocol):
    """One client. The application answers through `send`, then `finish`."""

    __slots__ = (
        "_ahead", "_body_began_at", "_body_bytes_read", "_buffered", "_busy", "_clogged",
        "_discarded", "_discarding", "_exchange", "_head", "_keep", "_listener", "_parts",
        "_paused", "_reading", "_receivers", "_refusal", "_transport", "due_at", "identity",
        "peer", "queued_at",
    )  # fmt: skip

    def __init__(self, listener: "Listener", peer: str = "") -> None:
        super().__init__()
        # -- for the connection's life
        self._listener = listener
        self._transport: asyncio.Transport | None = None
        self.peer = peer
        self.identity: object | None = None  # whom its certificate stands for; the application's
        self.due_at = NEVER
        self.queued_at = NEVER
        self._keep = True
        self._clogged = False  # it does not read what was sent: begin no other answer
        # -- for the current request: read first, then answered
        self._busy = False  # from its head to the end of its answer
        self._reading = False  # from its head to its end
        self._head: RequestHead | None = None
        self._exchange: Exchange | None = None
        self._refusal: Refusal | None = None  # to be sent once the read is over
        self._parts: list[bytes] = []
        self._body_bytes_read = 0
        self._body_began_at = 0.0
        self._buffered = 0  # of the body, counted in the listener's total
        # -- for the requests behind it
        self._ahead: deque[_Ahead] = deque()
        self._paused = False
        # -- for the end
        self._discarding = False
        self._discarded = 0
        # -- in another protocol: who takes its bytes, and is told by `drop` to end
        self._receivers: tuple[Callable[[bytes], None], Callable[[], None]] | None = None

    # -- what the application calls ----------------------------------------------------------------

    @property
    def closes(self) -> bool:
        """Whether the connection ends with the reply to the current request."""
        return not self._keep or self._reading or self._listener.draining

    @property
    def certificate(self) -> PeerCertificate | None:
        """The client's certificate, if it showed one that TLS has verified."""
        return peer_certificate(self._transport)

    @property
    def busy(self) -> bool:
        """Whether a request is being read or answered."""
        return self._busy

    def send(self, data: bytes) -> None:
        """Send a part of the reply."""
        if self._transport is not None:
            self._transport.write(data)

    def close_after_reply(self) -> None:
        """Let the reply to the current request be the last."""
        self._keep = False

    def finish(self, now: float = 0.0) -> None:
        """The reply is complete: go on to the next request, or close.

        `now` saves a look at the clock to those who have just looked.
        """
        self._exchange = None
        self._busy = False
        if self._transport is None:
            return
        listener = self._listener
        if not self._keep or self._reading or listener.draining:
            if self._reading:
                self._linger()
            else:
                self._end()
            return
        if self._ahead:
            self._busy = True
            listener.loop.call_soon(self._take_next)
            return
        seconds = listener.settings.keep_alive_timeout_s
        if self._head_bytes and self._in_head:
            seconds = listener.settings.head_timeout_s
        self.due_at = (now or listener.now()) + seconds
        if self.due_at < self.queued_at:
            listener.deadlines.watch(self)
        self.resume_reading()

    def abort(self) -> None:
        """Break the connection: the honest end of a reply cut short."""
        self._exchange = None
        self._read_no_more()
        if self._transport is not None:
            self._transport.abort()

    def drop(self) -> None:
        """Break the connection; a call under way ends as if its client left."""
        if self._receivers is not None:
            self._receivers[1]()
            return
        self._gone()
        self.abort()

    def close_if_idle(self) -> None:
        """Close unless a request is being read or answered."""
        if not self._busy and self.between_requests:
            self._end()

    # -- another protocol -------------------------------------------------------------------------

    def switch(self, receive: Callable[[bytes], None], end: Callable[[], None]) -> bool:
        """Hand what comes from here on to `receive`; `end` is called by `drop`.

        False where the client is gone, or spoke before it was answered.
        """
        if self._transport is None or self._reading or self._ahead or not self.between_requests:
            return False
        self._keep = False
        self._discarding = True
        self._receivers = receive, end
        return True

    def buffers(self, size: int) -> bool:
        """Count what is held for this client; whether the worker has room for it."""
        listener = self._listener
        listener.buffered_bytes += size - self._buffered
        self._buffered = size
        return listener.buffered_bytes <= bounds.BUFFERED_BODY_BYTES_MAX

    # -- asyncio.Protocol --------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for the first request."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(
            bounds.WRITE_BUFFER_BYTES_HIGH, bounds.WRITE_BUFFER_BYTES_LOW
        )
        if not self.peer:
            name = transport.get_extra_info("peername")
            self.peer = name[0] if isinstance(name, tuple) else ""
        listener = self._listener
        crowded = listener.full
        listener.opened(self)
        if crowded:
            limit = listener.settings.connections_max
            detail = f"This worker has {limit} connections open, which is its limit."
            self._refuse_all(refuse("gate_overloaded", detail, scope="gate", limit=limit))
            return
        self.due_at = listener.now() + listener.settings.first_byte_timeout_s
        listener.deadlines.watch(self)

    def data_received(self, data: bytes) -> None:
        """Read; the application is called from within."""
        if self._discarding:
            if self._receivers is not None:
                self._receivers[0](data)
                return
            self._discarded += len(data)
            if self._discarded > _DISCARDED_BYTES_MAX:
                self.abort()
            return
        began = self._in_head and not self._head_bytes
        self.feed(data)
        if self._reading:
            self._after_part()
        elif self._ahead:
            self.pause_reading()
        elif self._head_bytes and self._in_head and began and not self._busy:
            self.due_at = self._listener.now() + self._listener.settings.head_timeout_s
            self._listener.deadlines.watch(self)

    def eof_received(self) -> None:
        """The client ends the connection: whatever it waited for, it has left."""
        self._gone()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        self._transport = None
        self._gone()
        self.release()
        self._listener.closed(self)

    def pause_writing(self) -> None:
        """The client reads slowly."""
        self._clogged = True
        if self._exchange is not None:
            self._exchange.client_slow()

    @property
    def is_clogged(self) -> bool:
        """Whether the client does not read what was sent."""
        return self._clogged

    def resume_writing(self) -> None:
        """The client reads again."""
        self._clogged = False
        if self._exchange is not None:
            self._exchange.client_ready()
        elif self._busy and not self._reading:
            self._take_next()

    def _gone(self) -> None:
        self._read_no_more()
        self._forget_body()
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            if self._transport is not None:
                self._transport.abort()
            exchange.client_gone()

    # -- Watched -----------------------------------------------------------------------------------

    def on_deadline(self, now: float) -> None:
        """The client is too slow, or was idle for long enough."""
        settings = self._listener.settings
        if self._discarding:
            self.abort()
        elif self._reading:
            self._refuse_rest(too_slow("body", settings.body_timeout_s))
        elif self._busy:
            if self._clogged and self._exchange is None:
                self.abort()
        elif self.in_head:
            self._refuse_all(too_slow("head", settings.head_timeout_s))
        else:
            self._end()

    # -- RequestReader -----------------------------------------------------------------------------

    def request_head(self, head: RequestHead) -> None:
        """A request begins; if none is being answered, take it on at once."""
        if self._discarding:
            return
        if self._busy or self._clogged:
            self._busy = True
            self._ahead.append(_Ahead(head))
        else:
            self._take_on(head)

    def request_data(self, data: bytes) -> None:
        """A piece of a body."""
        if self._ahead:
            self._ahead[-1].parts.append(data)
        else:
            self._keep_part(data)

    def request_end(self) -> None:
        """A request is whole."""
        if self._ahead:
            self._ahead[-1].whole = True
        else:
            self._deliver()

    def request_at_once(self, head: RequestHead, body: bytes) -> None:
        """A whole request of a usual kind: nothing is kept of it meanwhile."""
        late = self._busy or self._clogged or self._discarding
        if late or len(body) > self._listener.settings.body_bytes_max:
            super().request_at_once(head, body)
            return
        self._busy = self._keep = True
        self._head = head
        self.due_at = NEVER
        exchange = self._exchange = self._listener.application.open_exchange(self, head)
        if exchange.refusal is None:
            exchange.request_whole(body)
        else:
            exchange.request_refused(exchange.refusal)

    def request_refused(self, refusal: Refusal) -> None:
        """Nothing from these bytes on makes sense: answer and close."""
        if self._discarding:
            return
        if self._busy and not self._reading:
            self._ahead.append(_Ahead(None, refusal))
        elif self._reading:
            self._refuse_rest(refusal)
        else:
            self._refuse_all(refusal)

    # -- the current request -----------------------------------------------------------------------

    def _take_on(self, head: RequestHead) -> None:
        self._busy = self._reading = True
        self._head = head
        self._keep = head.keep_alive
        self.due_at = NEVER
        self._body_began_at = NEVER
        exchange = self._exchange = self._listener.application.open_exchange(self, head)
        self._refusal = exchange.refusal

    def _keep_part(self, data: bytes) -> None:
        if self._refusal is not None:
            return
        self._parts.append(data)
        self._body_bytes_read += len(data)
        limit = self._listener.settings.body_bytes_max
        if self._body_bytes_read > limit:
            self._refusal = too_large(limit)
            self._parts.clear()

    def _deliver(self) -> None:
        """The current request is whole: have it answered."""
        self._reading = False
        parts = self._parts
        body = parts[0] if len(parts) == 1 else b"".join(parts)
        if self._body_bytes_read:
            self._forget_body()
        if self._refusal is not None:
            self._answer_refusal()
        elif self._exchange is not None:
            self._exchange.request_whole(body)

    def _answer_refusal(self) -> None:
        refusal, self._refusal = self._refusal, None
        if self._exchange is not None and refusal is not None:
            self._exchange.request_refused(refusal)

    def _forget_body(self) -> None:
        self._parts = []
        self._body_bytes_read = 0
        if self._buffered:
            self._listener.buffered_bytes -= self._buffered
            self._buffered = 0

    def _after_part(self) -> None:
        """The current request has come in part: wait for more, or refuse without it."""
        listener, head = self._listener, self._head
        settings = listener.settings
        if self._refusal is None and head is not None and head.length > settings.body_bytes_max:
            self._refusal = too_large(settings.body_bytes_max)
        if self._refusal is not None:
            self._refuse_rest(self._refusal)
            return
        now = listener.now()
        if self._body_began_at == NEVER:
            self._body_began_at = now
            if head is not None and head.expects_continue and not self._body_bytes_read:
                self.send(reply.CONTINUE)
        listener.buffered_bytes += self._body_bytes_read - self._buffered
        self._buffered = self._body_bytes_read
        if listener.buffered_bytes > bounds.BUFFERED_BODY_BYTES_MAX:
            detail = "This worker holds as many bytes of requests as it may."
            self._refuse_rest(refuse("gate_overloaded", detail, scope="gate"))
            return
        total_at = self._body_began_at + settings.body_timeout_s
        self.due_at = min(now + settings.body_idle_timeout_s, total_at)
        listener.deadlines.watch(self)

    def _refuse_rest(self, refusal: Refusal) -> None:
        """Answer the current request without the rest of it, and close."""
        self._keep = False
        self._forget_body()
        self._refusal = refusal
        self._answer_refusal()

    def _refuse_all(self, refusal: Refusal) -> None:
        """Answer what is no request, and close."""
        self._keep = False
        self._busy = self._reading = True
        self._listener.application.refuse_bytes(self, refusal)

    # -- the requests behind it --------------------------------------------------------------------

    def pause_reading(self) -> None:
        """Read no more for the moment."""
        if not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Read again."""
        if self._paused:
            self._paused = False
            if self._transport is not None:
                self._transport.resume_reading()

    def _take_next(self) -> None:
        """Answer a request that has been waiting."""
        if self._transport is None or not self._ahead or self._exchange is not None:
            return
        if self._clogged:
            listener = self._listener
            self.due_at = listener.now() + listener.settings.keep_alive_timeout_s
            listener.deadlines.watch(self)
            return
        ahead = self._ahead.popleft()
        if self._paused and not self._ahead:
            self.resume_reading()  # to see the client leave, if for nothing else
        if ahead.head is None:
            assert ahead.refusal is not None
            self._refuse_all(ahead.refusal)
            return
        self._take_on(ahead.head)
        for part in ahead.parts:
            self._keep_part(part)
        if ahead.whole:
            self._deliver()
        else:
            self._after_part()

    # -- the end -----------------------------------------------------------------------------------

    def _read_no_more(self) -> None:
        self.due_at = NEVER
        self._discarding = True
        self._reading = False
        self._ahead.clear()

    def _end(self) -> None:
        self._read_no_more()
        transport = self._transport
        if transport is None:
            return
        if transport.get_write_buffer_size():
            # A client that reads no more would keep the connection for ever.
            self.due_at = self._listener.now() + _FLUSH_SECONDS
            self._listener.deadlines.watch(self)
        transport.close()

    def _linger(self) -> None:
        """Close with more of the request still to come.

        Closing at once would make the kernel reset the connection and take the reply back from
        the client (RFC 9112 §9.6): so send the end first, and drop what comes for a while.
        """
        self._read_no_more()
        transport = self._transport
        if transport is None:
            return
        if transport.can_write_eof():
            transport.write_eof()
        self.due_at = self._listener.now() + _LINGER_SECONDS
        self._listener.deadlines.watch(self)
        self.resume_reading()
