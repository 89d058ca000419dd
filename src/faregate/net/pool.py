"""The connections to one origin: kept alive, bounded, shared.

Strategy: the connection used last is used first, so that those that are not needed grow old and
are closed. When none is idle one more is opened, up to a ceiling; beyond it requests wait in
line, each with a deadline, up to a bound. Every step costs the same however many connections or
waiting requests there are.
"""

import asyncio
import os
import ssl
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

import msgspec

from faregate.configuration.document import ProviderTimeouts
from faregate.net.connect import Address, Proxy, open_connection
from faregate.net.deadlines import NEVER, Deadlines
from faregate.net.upstream_connection import Failure, FailureKind, Sender, UpstreamConnection

IDLE_TIMEOUT_SECONDS: Final = 55.0  # below the 60 s after which common load balancers close
_IDLE_TIMEOUT_SECONDS_MIN: Final = 0.5


class Origin(msgspec.Struct, frozen=True):
    """Where a pool connects to, and how."""

    address: Address
    timeouts: ProviderTimeouts
    connections_max: int
    queue_max: int
    tls: ssl.SSLContext | None = None
    proxy: Proxy | None = None


class PoolState(msgspec.Struct, frozen=True):
    """A count of a pool's connections and of the requests in line."""

    open: int
    idle: int
    waiting: int


class _Waiting:
    """A request in line."""

    __slots__ = ("_pool", "due_at", "queued_at", "sender")

    def __init__(self, pool: "Pool", sender: Sender, due_at: float) -> None:
        self._pool = pool
        self.sender: Sender | None = sender
        self.due_at = due_at
        self.queued_at = NEVER

    def on_deadline(self, now: float) -> None:
        """Leave the line: it was too slow."""
        sender = self.sender
        if sender is None:
            return
        self._leave()
        seconds = self._pool.timeouts.queue_s
        detail = f"no connection became free within {seconds:g} s"
        sender.upstream_failed(Failure("queue_timeout", detail))

    def _leave(self) -> None:
        self.sender = None
        self.due_at = NEVER
        self._pool.left_line(self)

    def cancel(self) -> None:
        """Leave the line."""
        if self.sender is not None:
            self._leave()

    def pause_reading(self) -> None:
        """There is nothing to read yet."""

    def resume_reading(self) -> None:
        """There is nothing to read yet."""


class Pool:
    """Sends requests to one origin."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        deadlines: Deadlines,
        now: Callable[[], float],
        origin: Origin,
    ) -> None:
        # -- for the pool's life
        self._loop = loop
        self.deadlines = deadlines
        self.now = now
        self.origin = origin
        self.timeouts = origin.timeouts
        self.total_s = origin.timeouts.total_s
        self.between_bytes_s = origin.timeouts.between_bytes_s
        self.first_byte_s = min(origin.timeouts.first_byte_s, origin.timeouts.total_s)
        self.idle_timeout_s = IDLE_TIMEOUT_SECONDS
        # -- connections: all of them are counted, only idle ones and attempts are kept here
        self._open = 0
        self._idle: dict[UpstreamConnection, None] = {}
        self._connecting: set[asyncio.Task[None]] = set()
        # -- the line; anyone may leave it from anywhere, and leaves no empty place
        self._line: OrderedDict[_Waiting, None] = OrderedDict()
        self._closed = False

    @property
    def state(self) -> PoolState:
        """The counts as they are now; attempts to connect count as open."""
        return PoolState(self._open, len(self._idle), len(self._line))

    def send(self, sender: Sender, now: float) -> None:
        """Send a request once a connection is there, or tell its sender why not."""
        leaving = 0
        while self._idle:
            connection, _ = self._idle.popitem()
            if connection.is_stale(now):
                connection.abort()
                leaving += 1
                continue
            connection.send(sender, now)
            return
        if self._open - leaving < self.origin.connections_max:
            self._connect()
        elif len(self._line) >= self.origin.queue_max:
            detail = f"{self._open} connections are in use and {len(self._line)} requests wait"
            self._refuse(sender, "queue_full", detail)
            return
        self._wait(sender, at_head=False)

    def send_again(self, sender: Sender) -> None:
        """Send once more, anew, what a stale connection did not deliver."""
        self._wait(sender, at_head=True)
        if len(self._line) > len(self._connecting) and self._open < self.origin.connections_max:
            self._connect()

    def _refuse(self, sender: Sender, kind: FailureKind, detail: str) -> None:
        sender.upstream_failed(Failure(kind, detail))

    def _wait(self, sender: Sender, *, at_head: bool) -> None:
        # Until a connection is there both limits hold: the line's, and that of connecting.
        waiting = _Waiting(self, sender, self.now() + self.timeouts.queue_s)
        self._line[waiting] = None
        if at_head:
            self._line.move_to_end(waiting, last=False)
        self.deadlines.watch(waiting)
        sender.sending = waiting

    def left_line(self, waiting: _Waiting) -> None:
        """A request in line was cancelled or is too old."""
        del self._line[waiting]

    def _next_sender(self) -> Sender:
        """Who is at the head of the line, which isn't empty."""
        waiting, _ = self._line.popitem(last=False)
        waiting.due_at = NEVER
        sender, waiting.sender = waiting.sender, None
        assert sender is not None
        return sender

    # -- what connections say ---------------------------------------------------------------------

    def connection_free(self, connection: UpstreamConnection) -> None:
        """A connection may serve the next request."""
        if self._line:
            connection.send(self._next_sender(), self.now())
        elif self._closed:
            connection.close()
        else:
            connection.rest(self.now())
            self._idle[connection] = None

    def connection_expired(self, connection: UpstreamConnection) -> None:
        """An idle connection is about to be closed for its age."""
        self._idle.pop(connection, None)

    def connection_closed(self, connection: UpstreamConnection) -> None:
        """A connection is gone; someone in line may open another."""
        self._idle.pop(connection, None)
        self._open -= 1
        if len(self._line) > len(self._connecting):
            self._connect()

    def learn_idle_timeout(self, seconds: float | None) -> None:
        """Stay a second below the idle timeout that the upstream states."""
        if seconds is not None:
            shorter = max(seconds - 1.0, _IDLE_TIMEOUT_SECONDS_MIN)
            self.idle_timeout_s = min(self.idle_timeout_s, shorter)

    # -- connecting -------------------------------------------------------------------------------

    def _connect(self) -> None:
        self._open += 1
        task = self._loop.create_task(self._open_one())
        self._connecting.add(task)
        task.add_done_callback(self._attempt_over)

    def _attempt_over(self, task: asyncio.Task[None]) -> None:
        self._connecting.discard(task)
        if task.cancelled():  # perhaps before its first step
            self._open -= 1

    async def _open_one(self) -> None:
        origin = self.origin
        try:
            async with asyncio.timeout(self.timeouts.connect_s):
                connection = await open_connection(
                    self._loop,
                    lambda: UpstreamConnection(self),
                    origin.address,
                    origin.tls,
                    origin.proxy,
                )
        except TimeoutError:
            detail = f"no connection within {self.timeouts.connect_s:g} s"
            self._connect_failed(Failure("connect_timeout", detail))
        except OSError as error:  # ssl.SSLError is one
            self._connect_failed(Failure("connect_failed", _reason(error)))
        except ValueError:
            self._connect_failed(Failure("connect_failed", "the host name is not valid"))
        except Exception:
            self._open -= 1
            raise
        else:
            if connection.lost:
                detail = "the connection was closed as soon as it opened"
                self._connect_failed(Failure("closed", detail))
                return
            self._connecting.discard(asyncio.current_task())
            connection.counted = True
            self.connection_free(connection)

    def _connect_failed(self, failure: Failure) -> None:
        self._open -= 1
        self._connecting.discard(asyncio.current_task())
        self._fail_next(failure)

    def _fail_next(self, failure: Failure) -> None:
        if self._line:
            self._next_sender().upstream_failed(failure)
        if len(self._line) > len(self._connecting) and self._open == 0:
            self._connect()

    def close(self) -> None:
        """Keep no connection any more than its request needs.

        Calls that began with this pool still go through it, to their end.
        """
        self._closed = True
        for connection in list(self._idle):
            connection.close()
        self._idle.clear()
        if not self._line:
            for task in self._connecting:
                task.cancel()


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate can't be verified: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {error.reason or error}"
    if error.errno is not None and error.errno > 0:  # look-ups of names have their own, below 0
        return os.strerror(error.errno)
    return error.strerror or str(error) or type(error).__name__
