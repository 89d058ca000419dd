"""Memory of a gateway at rest, with idle connections, and with open streams."""

import socket
from collections.abc import Callable
from dataclasses import dataclass

import calls
import machine
from calls import SLOW_STREAM
from machine import Memory
from processes import Candidate
from unavailable import Unavailable

IDLE_CONNECTIONS = 10_000
OPEN_STREAMS = 5_000
_SPARE_FILES = 500
_SECONDS_MAX = 30.0


@dataclass(frozen=True)
class Footprint:
    """Memory of the measured processes in one state."""

    state: str
    memory: Memory


def footprints(candidate: Candidate) -> list[Footprint]:
    """Measure a gateway that has served nothing yet."""
    files = machine.raise_open_files(2 * IDLE_CONNECTIONS) - _SPARE_FILES
    idle = min(IDLE_CONNECTIONS, files)
    streams = min(OPEN_STREAMS, files // 2)
    listing = (
        f"GET /v1/models HTTP/1.1\r\nHost: 127.0.0.1:{candidate.port}\r\n"
        f"Authorization: Bearer {candidate.key}\r\n\r\n"
    ).encode()
    streamed = calls.requests(SLOW_STREAM, candidate.port, candidate.key)[0]
    found = [Footprint("at rest", _memory(candidate))]
    found.append(
        _while_open(candidate, f"{idle:,} idle connections", idle, listing, _answered_listing)
    )
    found.append(_while_open(candidate, f"{streams:,} open streams", streams, streamed, _streaming))
    return found


def _memory(candidate: Candidate) -> Memory:
    parts = [machine.memory(pid) for pid in candidate.pids()]
    return Memory(sum(part.rss_bytes for part in parts), sum(part.pss_bytes for part in parts))


def _answered_listing(data: bytes) -> bool:
    return b"\r\n\r\n" in data and data.rstrip().endswith(b"}")


def _streaming(data: bytes) -> bool:
    return b"data: {" in data


def _while_open(
    candidate: Candidate,
    state: str,
    count: int,
    request: bytes,
    settled: Callable[[bytes], bool],
) -> Footprint:
    """Open `count` connections, make a call on each, and measure while they are all open."""
    sockets: list[socket.socket] = []
    try:
        for _ in range(count):
            connection = socket.create_connection(("127.0.0.1", candidate.port), _SECONDS_MAX)
            sockets.append(connection)
            connection.sendall(request)
        for connection in sockets:
            _wait(connection, state, settled)
        memory = _memory(candidate)
        _see_open(sockets, state)
        return Footprint(state, memory)
    except OSError as error:
        raise Unavailable(f"{candidate.name}, {state}: {error}") from error
    finally:
        for connection in sockets:
            connection.close()


def _wait(connection: socket.socket, state: str, settled: Callable[[bytes], bool]) -> None:
    received = b""
    while not settled(received):
        data = connection.recv(65_536)
        if not data:
            raise Unavailable(f"{state}: a connection was closed: {received[:200]!r}")
        received += data
    if not received.startswith(b"HTTP/1.1 200"):
        raise Unavailable(f"{state}: a call was refused: {received[:200]!r}")


def _see_open(sockets: list[socket.socket], state: str) -> None:
    """None of them was closed before the measurement ended."""
    for connection in sockets:
        connection.setblocking(False)
        try:
            closed = connection.recv(65_536) == b""
        except BlockingIOError:
            closed = False
        if closed:
            raise Unavailable(f"{state}: a connection was closed before all were open")
