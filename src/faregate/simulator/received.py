"""What the simulator received: bounded, the newest are kept."""

import asyncio
import time
from collections import deque
from typing import Any, Final, Literal

import msgspec

RECEIVED_BODY_BYTES_MAX: Final = 64 * 1024  # of each request, kept
RECEIVED_MAX_DEFAULT: Final = 1_000
WAIT_SECONDS_MAX: Final = 60.0

# receiving: its body is still under way; in_flight: being answered; served: answered whole;
# cut, reset, closed: ended as the script says; cancelled: the caller left first.
State = Literal["receiving", "in_flight", "served", "cut", "reset", "closed", "cancelled"]


class Received:
    """One request as it came, and how it ended."""

    __slots__ = (
        "body",
        "body_bytes",
        "connection",
        "counts",
        "ended_s",
        "events_sent",
        "headers",
        "method",
        "number",
        "received_s",
        "state",
        "target",
    )

    def __init__(self, number: int, connection: int, counts: "Counts") -> None:
        self.number = number
        self.counts = counts  # where its end is counted: not in those of after a reset
        self.connection = connection
        self.method = b""
        self.target = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = b""
        self.body_bytes = 0
        self.received_s = time.time()
        self.ended_s: float | None = None
        self.state: State = "receiving"
        self.events_sent = 0

    def header(self, name: str) -> str | None:
        """The first value of the field `name` (lower case), or None."""
        wanted = name.encode()
        for field, value in self.headers:
            if field.lower() == wanted:
                return value.decode("latin-1")
        return None

    def json(self) -> Any:
        """Its body, decoded."""
        return msgspec.json.decode(self.body)

    def document(self) -> dict[str, Any]:
        """As /v1/_simulator/requests shows it."""
        after = None if self.ended_s is None else round((self.ended_s - self.received_s) * 1e3, 3)
        return {
            "number": self.number,
            "connection": self.connection,
            "method": self.method.decode("latin-1"),
            "target": self.target.decode("latin-1"),
            "headers": [(n.decode("latin-1"), v.decode("latin-1")) for n, v in self.headers],
            "body": self.body.decode("utf-8", "replace"),
            "body_bytes": self.body_bytes,
            "received_s": self.received_s,
            "state": self.state,
            "events_sent": self.events_sent,
            "ended_after_ms": after,
        }


class Counts(msgspec.Struct):
    """Totals since the start or the last reset; `open_connections` is of now.

    A request counts in `requests` once its head is here, in `arrived` once it is whole, in
    `finished` however it ended.
    """

    requests: int = 0
    arrived: int = 0
    finished: int = 0
    cancelled: int = 0
    connections: int = 0
    open_connections: int = 0


class Records:
    """The last requests, the counts, and those who wait for a count."""

    def __init__(self, keep: int = RECEIVED_MAX_DEFAULT) -> None:
        self.received: deque[Received] = deque(maxlen=keep)
        self.counts = Counts()
        self._waiters: list[tuple[dict[str, int], asyncio.Future[None]]] = []

    def begin(self, connection: int, *, counted: bool = True) -> Received:
        """A new request on a connection.

        A question to the simulator itself isn't counted.
        """
        if not counted:
            return Received(0, connection, Counts())
        counts = self.counts
        counts.requests += 1
        record = Received(counts.requests, connection, counts)
        self.received.append(record)
        if self._waiters:
            self._wake()
        return record

    def arrived(self, record: Received) -> None:
        """Its body is complete."""
        record.state = "in_flight"
        record.counts.arrived += 1
        if self._waiters:
            self._wake()

    def end(self, record: Received, state: State) -> None:
        """It ended, if it had not before."""
        if record.ended_s is not None:
            return
        record.ended_s = time.time()
        record.state = state
        record.counts.finished += 1
        if state == "cancelled":
            record.counts.cancelled += 1
        if self._waiters:
            self._wake()

    def connected(self, change: int) -> None:
        """A connection came (1) or went (-1)."""
        self.counts.open_connections += change
        if change > 0:
            self.counts.connections += 1
        if self._waiters:
            self._wake()

    def reset(self) -> None:
        """Forget everything but the open connections."""
        self.received.clear()
        self.counts = Counts(open_connections=self.counts.open_connections)

    async def wait(self, counts: dict[str, int], timeout_s: float) -> bool:
        """Wait until every count has at least its number; else False."""
        if self._reached(counts):
            return True
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiter = (counts, future)
        self._waiters.append(waiter)
        try:
            await asyncio.wait_for(future, timeout_s)
        except TimeoutError:
            return False
        finally:
            self._waiters.remove(waiter)
        return True

    def snapshot(self, last: int | None = None) -> dict[str, Any]:
        """Counts and the last requests, oldest first."""
        records = list(self.received)
        shown = records if last is None else records[max(0, len(records) - last) :]
        return {**msgspec.structs.asdict(self.counts), "received": [r.document() for r in shown]}

    def _reached(self, counts: dict[str, int]) -> bool:
        return all(getattr(self.counts, name) >= number for name, number in counts.items())

    def _wake(self) -> None:
        for counts, future in self._waiters:
            if not future.done() and self._reached(counts):
                future.set_result(None)
