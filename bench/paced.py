"""Calls at a steady rate below the maximum, and how long each took.

wrk only loads as hard as it can, and latency under full load says how long the queue is, not how
fast the gateway. Here calls come as from many independent callers (exponential gaps, the same
for every candidate) and each is timed from the moment that it was due, so that a pause of the
gateway counts for all calls that it delays.
"""

import collections
import gc
import random
import re
import select
import socket
import time
from dataclasses import dataclass

import calls
from calls import CALL
from processes import Candidate
from timer import Timer
from unavailable import Unavailable

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_NS_PER_S = 1_000_000_000
_SILENCE_SECONDS_MAX = 10.0


@dataclass(frozen=True)
class Latency:
    """Percentiles of one stretch of paced calls, in microseconds."""

    p50_us: float
    p99_us: float


class _Connection:
    """One kept connection; a call at a time."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.due_ns = 0
        self._received = b""

    def answered(self) -> bool:
        """Read what is there; whether the reply is whole now."""
        data = self.socket.recv(65_536)
        if not data:
            raise Unavailable("the gateway closed a connection in the middle of a call")
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        if not end:
            return False
        length = _LENGTH.search(head)
        whole = len(body) >= int(length[1]) if length else body.endswith(b"0\r\n\r\n")
        if whole:
            if not self._received.startswith(b"HTTP/1.1 200"):
                raise Unavailable(f"a paced call failed: {self._received[:200]!r}")
            self._received = b""
        return whole


def paced(candidate: Candidate, connections: int, rate: float, seconds: float) -> Latency:
    """Make `rate` calls a second over `connections` for `seconds`."""
    requests = calls.requests(CALL, candidate.port, candidate.key, candidate.more_headers)
    pool = [_Connection(candidate.port) for _ in range(connections)]
    gc.collect()
    gc.disable()
    try:
        for connection in pool:
            connection.socket.sendall(requests[0])
            while not connection.answered():
                continue
        latencies_ns = sorted(_measure(pool, requests, rate, seconds))
    finally:
        gc.enable()
        for connection in pool:
            connection.socket.close()
    count = len(latencies_ns)
    return Latency(latencies_ns[count // 2] / 1e3, latencies_ns[count * 99 // 100] / 1e3)


def _measure(
    pool: list[_Connection], requests: tuple[bytes, ...], rate: float, seconds: float
) -> list[int]:
    random_ = random.Random(rate)
    by_fd = {connection.socket.fileno(): connection for connection in pool}
    idle = collections.deque(pool)
    waiting: collections.deque[int] = collections.deque()
    latencies_ns: list[int] = []
    timer, poll = Timer(), select.epoll()
    poll.register(timer, select.EPOLLIN)
    for fd in by_fd:
        poll.register(fd, select.EPOLLIN)
    now_ns = time.monotonic_ns()
    due_ns, end_ns, sent = now_ns, now_ns + int(seconds * _NS_PER_S), 0
    try:
        while due_ns < end_ns or waiting or len(idle) < len(pool):
            while due_ns < end_ns and due_ns <= time.monotonic_ns():
                waiting.append(due_ns)
                due_ns += int(random_.expovariate(rate) * _NS_PER_S)
            while waiting and idle:
                connection = idle.popleft()
                connection.due_ns = waiting.popleft()
                connection.socket.send(requests[sent % len(requests)])
                sent += 1
            timer.set(due_ns if due_ns < end_ns else None)
            ready = poll.poll(_SILENCE_SECONDS_MAX)
            if not ready:
                raise Unavailable(f"no answer within {_SILENCE_SECONDS_MAX:.0f} s")
            for fd, _ in ready:
                if fd != timer.fileno() and by_fd[fd].answered():
                    latencies_ns.append(time.monotonic_ns() - by_fd[fd].due_ns)
                    idle.append(by_fd[fd])
    finally:
        poll.close()
        timer.close()
    return latencies_ns
