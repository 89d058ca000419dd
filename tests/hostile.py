"""A server that does exactly what a list of steps says: for tests of clients and proxies.

    async with HostileUpstream([ReadRequest(), SendBytes(b"HTTP/1.1 200 OK\\r\\n"), Reset()]) as up:
        ...  # connect to 127.0.0.1, up.port
        connection = await up.connection(0)
        assert connection.received.startswith(b"POST ")
        await connection.closed(timeout_s=1)

It works on bare sockets and parses no more HTTP than the end of a request, so that it can break
every rule. Each connection plays the next script; the last script is played again for all that
follow. A connection that reaches the end of its script is closed.
"""

import asyncio
import contextlib
import socket
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

READ_BYTES = 64 * 1024


@dataclass(frozen=True)
class Read:
    """Read until so many bytes arrived on this connection since the last read step."""

    count: int


@dataclass(frozen=True)
class ReadRequest:
    """Read one request: its head, and its body by Content-Length or by the last chunk."""


@dataclass(frozen=True)
class ReadHead:
    """Read up to the empty line after the headers."""


@dataclass(frozen=True)
class ReadToEnd:
    """Read until the other side ends."""


@dataclass(frozen=True)
class SendBytes:
    """Send bytes, in pieces of `piece` with `pause_s` between them where given.

    `times` repeats them, without holding more than one copy.
    """

    data: bytes
    piece: int = 0
    pause_s: float = 0.0
    times: int = 1


@dataclass(frozen=True)
class Sleep:
    """Do nothing for so long."""

    seconds: float


@dataclass(frozen=True)
class Stall:
    """Stay silent until the other side leaves; what it sends is still recorded."""


@dataclass(frozen=True)
class HalfClose:
    """Send FIN and go on reading."""


@dataclass(frozen=True)
class Close:
    """Close with FIN (RST by the kernel where bytes were left unread)."""


@dataclass(frozen=True)
class Reset:
    """Close with RST."""


Step = (
    Read
    | ReadRequest
    | ReadHead
    | ReadToEnd
    | SendBytes
    | Sleep
    | Stall
    | HalfClose
    | Close
    | Reset
)


@dataclass
class HostileConnection:
    """What came on one connection, and how it ended."""

    number: int
    received: bytearray = field(default_factory=bytearray)
    opened_s: float = field(default_factory=time.monotonic)
    closed_s: float | None = None
    # The other side sent FIN (b"" was read), or RST.
    peer_ended: bool = False
    peer_reset: bool = False
    # The step that the script reached, counted from 0.
    step: int = -1
    _done: asyncio.Event = field(default_factory=asyncio.Event)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def arrived(self, count: int, timeout_s: float = 5.0) -> bytes:
        """Wait until so many bytes came in all; all of them."""
        async with asyncio.timeout(timeout_s):
            while len(self.received) < count:
                self._news.clear()
                await self._news.wait()
        return bytes(self.received)

    async def closed(self, timeout_s: float = 5.0) -> float:
        """Wait for its end; seconds that it was open."""
        await asyncio.wait_for(self._done.wait(), timeout_s)
        assert self.closed_s is not None
        return self.closed_s - self.opened_s


class HostileUpstream:
    """A listening socket on 127.0.0.1 that plays scripts; an async context manager."""

    def __init__(self, *scripts: Sequence[Step]) -> None:
        self._scripts = scripts or ([Stall()],)
        self.connections: list[HostileConnection] = []
        self._arrived = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()
        self._listener: socket.socket | None = None
        self.port = 0

    @property
    def address(self) -> str:
        """http://127.0.0.1:port"""
        return f"http://127.0.0.1:{self.port}"

    async def connection(self, number: int, timeout_s: float = 5.0) -> HostileConnection:
        """The connection of that number, counted from 0, once it is there."""
        async with asyncio.timeout(timeout_s), self._arrived:
            await self._arrived.wait_for(lambda: len(self.connections) > number)
        return self.connections[number]

    async def __aenter__(self) -> Self:
        listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        listener.setblocking(False)
        self._listener = listener
        self.port = listener.getsockname()[1]
        self._start(self._accept(listener))
        return self

    async def __aexit__(self, *_: object) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert self._listener is not None
        self._listener.close()

    def _start(self, work) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            peer, _ = await loop.sock_accept(listener)
            peer.setblocking(False)
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            number = len(self.connections)
            connection = HostileConnection(number)
            self.connections.append(connection)
            script = self._scripts[min(number, len(self._scripts) - 1)]
            self._start(_Player(peer, connection).play(script))
            async with self._arrived:
                self._arrived.notify_all()


class _Player:
    """Plays one script on one socket."""

    def __init__(self, peer: socket.socket, connection: HostileConnection) -> None:
        self._peer = peer
        self._connection = connection
        self._unread = bytearray()
        self._loop = asyncio.get_running_loop()

    async def play(self, script: Sequence[Step]) -> None:
        connection = self._connection
        try:
            for number, step in enumerate(script):
                connection.step = number
                await self._do(step)
        except (EOFError, BrokenPipeError):
            connection.peer_ended = True
        except ConnectionError:
            connection.peer_reset = True
        except OSError:
            # Close and Reset ended it; what follows them in a script has no socket.
            pass
        finally:
            self._peer.close()
            connection.closed_s = time.monotonic()
            connection._done.set()

    async def _do(self, step: Step) -> None:
        match step:
            case Read(count):
                await self._until(lambda: count if len(self._unread) >= count else 0)
            case ReadHead():
                await self._until(self._head_length)
            case ReadRequest():
                await self._until(self._request_length)
            case ReadToEnd() | Stall():
                with contextlib.suppress(EOFError):
                    while True:
                        await self._receive()
                self._connection.peer_ended = True
            case SendBytes():
                await self._send(step)
            case Sleep(seconds):
                await asyncio.sleep(seconds)
            case HalfClose():
                self._peer.shutdown(socket.SHUT_WR)
            case Close():
                self._peer.close()
            case Reset():
                self._peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self._peer.close()

    async def _receive(self) -> None:
        data = await self._loop.sock_recv(self._peer, READ_BYTES)
        if not data:
            raise EOFError
        self._connection.received += data
        self._connection._news.set()
        self._unread += data

    async def _until(self, length) -> None:
        while not (count := length()):
            await self._receive()
        del self._unread[:count]

    def _head_length(self) -> int:
        return self._unread.find(b"\r\n\r\n") + 4 if b"\r\n\r\n" in self._unread else 0

    def _request_length(self) -> int:
        head_length = self._head_length()
        if not head_length:
            return 0
        fields = {}
        for line in bytes(self._unread[:head_length]).lower().split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            fields[name] = value.strip()
        if fields.get(b"transfer-encoding") == b"chunked":
            end = self._unread.find(b"\r\n0\r\n\r\n", head_length - 2)
            return end + 7 if end >= 0 else 0
        length = head_length + int(fields.get(b"content-length", b"0"))
        return length if len(self._unread) >= length else 0

    async def _send(self, step: SendBytes) -> None:
        piece = step.piece or len(step.data)
        for _ in range(step.times):
            for offset in range(0, len(step.data), max(1, piece)):
                await self._loop.sock_sendall(self._peer, step.data[offset : offset + piece])
                if step.pause_s:
                    await asyncio.sleep(step.pause_s)
