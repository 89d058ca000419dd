"""One connection of a caller: reads requests, plays their plans.

A reply that is whole is written where its request ends, with no task: benchmarks live there.
Every other plan is played by one task for the connection, which ends when the caller leaves;
reading is never paused, so that leaving is noticed at once, also in a stream that is stalled.
"""

import asyncio
import contextlib
import os
import socket
import struct
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol, cast
from urllib.parse import parse_qsl

import httptools
import msgspec

from faregate.simulator.answer import encode
from faregate.simulator.errors import invalid_request
from faregate.simulator.plan import End, Flood, Plan, Send, Wait, plan_document
from faregate.simulator.realtime_link import RealtimeLink
from faregate.simulator.received import (
    RECEIVED_BODY_BYTES_MAX,
    WAIT_SECONDS_MAX,
    Received,
    Records,
    State,
)
from faregate.simulator.routing import CONTROL_PATH, Router
from faregate.simulator.script import ScriptError
from faregate.simulator.websocket import handshake

REQUEST_BODY_BYTES_MAX: Final = 64 * 1024 * 1024
REQUEST_HEAD_BYTES_MAX: Final = 1024 * 1024
WAITING_REQUESTS_MAX: Final = 1_000
WRITE_BUFFER_BYTES_HIGH: Final = 64 * 1024
# What was written before a reset has to leave first: a reset throws away what is on its way.
RESET_DELAY_SECONDS: Final = 0.02
# A stream that fell behind by more than this keeps its rate from here on, not its end.
LATENESS_SECONDS_MAX: Final = 1.0

_END_STATES: Final[dict[End, State]] = {End.CLOSE: "closed", End.CUT: "cut", End.RESET: "reset"}

Answer = Plan | Callable[[], Awaitable[Plan]]


class _KeyScript(msgspec.Struct):
    key: str
    script: str | None = None


_decode_key: Final = msgspec.json.Decoder(_KeyScript).decode


class Owner(Protocol):
    """What a connection needs of the simulator that it belongs to."""

    records: Records
    router: Router
    stopping: bool

    def joined(self, connection: "Connection") -> None:
        """A caller connected."""

    def left(self, connection: "Connection") -> None:
        """A connection ended."""

    def reset(self) -> None:
        """Forget what was received."""


class Connection(asyncio.Protocol):
    """The server's side of one connection."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._records = owner.records
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport
        # The request that is being read.
        self._target = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._head_bytes = 0
        self._body: list[bytes] = []
        self._body_bytes = 0
        self._simulate: bytes | None = None
        self._record: Received | None = None
        self._early = False
        # Requests that are waiting for their turn, and the task that answers them.
        self._waiting: deque[tuple[Answer, Received, bool]] = deque()
        self._task: asyncio.Task[None] | None = None
        self._room = asyncio.Event()
        self._room.set()
        self._ending = False
        self._number = 0
        self._link: RealtimeLink | None = None

    # -- asyncio -----------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A caller connected."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass
        self._transport.set_write_buffer_limits(high=WRITE_BUFFER_BYTES_HIGH)
        self._owner.joined(self)
        self._records.connected(1)
        self._number = self._records.counts.connections

    def connection_lost(self, exc: Exception | None) -> None:
        """The caller left, or this side closed."""
        self._owner.left(self)
        if self._task is not None:
            self._task.cancel()
        if self._link is not None:
            self._link.lost()
        if self._record is not None:
            self._records.end(self._record, "cancelled")
        for _, record, _ in self._waiting:
            self._records.end(record, "cancelled")
        self._waiting.clear()
        self._records.connected(-1)

    def pause_writing(self) -> None:
        """The caller reads more slowly than is written."""
        self._room.clear()

    def resume_writing(self) -> None:
        """The caller caught up."""
        self._room.set()

    def data_received(self, data: bytes) -> None:
        """Bytes of one or more requests."""
        if self._ending:
            return
        if self._link is not None:
            self._link.received(data)
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._switch(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            self._refuse(400, "The request is not valid HTTP/1.1.")

    # -- httptools ---------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """A request begins."""
        self._target = b""
        self._headers = []
        self._head_bytes = 0
        self._body = []
        self._body_bytes = 0
        self._simulate = None
        self._early = False

    def on_url(self, url: bytes) -> None:
        """A piece of the target."""
        self._target += url
        self._count_head(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """One field."""
        self._headers.append((name, value))
        self._count_head(len(name) + len(value))
        if len(name) == 10 and name.lower() == b"x-simulate":
            self._simulate = value

    def on_headers_complete(self) -> None:
        """The head is complete: the request counts from here."""
        asked = self._target.startswith(CONTROL_PATH)
        self._record = record = self._records.begin(self._number, counted=not asked)
        record.method = self._parser.get_method()
        record.target = self._target
        record.headers = self._headers
        if self._simulate is not None and b"early" in self._simulate:
            plan = self._owner.router.early(self._target, self._simulate)
            if plan is not None:
                self._early = True
                self._answer(plan, record, keep_alive=True)
                return
        for name, value in self._headers:
            if len(name) == 6 and name.lower() == b"expect" and value.lower() == b"100-continue":
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self._body_bytes += len(body)
        if self._body_bytes > REQUEST_BODY_BYTES_MAX:
            self._refuse(413, f"The body is larger than {REQUEST_BODY_BYTES_MAX} bytes.")
        elif not self._early:
            self._body.append(body)

    def on_message_complete(self) -> None:
        """The request is complete: find its plan and play it."""
        record = self._record
        if record is None or self._ending or self._parser.should_upgrade():
            return
        self._record = None
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        record.body = (
            body if len(body) <= RECEIVED_BODY_BYTES_MAX else body[:RECEIVED_BODY_BYTES_MAX]
        )
        record.body_bytes = self._body_bytes
        if self._early:
            return
        self._records.arrived(record)
        keep_alive = self._parser.should_keep_alive()
        if self._target.startswith(CONTROL_PATH):
            self._control(record, keep_alive=keep_alive)
            return
        router = self._owner.router
        plan = router.plan(record.method, self._target, body, self._simulate, self._headers)
        self._answer(plan, record, keep_alive=keep_alive)

    # -- WebSocket -----------------------------------------------------------------------------

    def _switch(self, rest: bytes) -> None:
        """Go on as a realtime session, or refuse that."""
        record, router = self._record, self._owner.router
        if record is None or self._task is not None:
            self._refuse(400, "An upgrade must be the only request of its connection.")
            return
        self._records.arrived(record)
        fields = {name.lower(): value.decode("latin-1") for name, value in self._headers}
        key = fields.get(b"sec-websocket-key")
        session = router.realtime(self._target, self._simulate, self._headers)
        if isinstance(session, Plan) or key is None:
            if key is None:
                body = invalid_request("Only WebSocket is spoken here.")
                session = plan_document(400, body)
            assert isinstance(session, Plan)
            self._record = None
            self._answer(session, record, keep_alive=False)
            return
        offered = [name.strip() for name in fields.get(b"sec-websocket-protocol", "").split(",")]
        protocol = "realtime" if "realtime" in offered else None
        self._transport.write(handshake(key, protocol))
        self._link = RealtimeLink(session, record, self._send, self._end_link)
        if rest:
            self._link.received(rest)

    async def _send(self, data: bytes) -> None:
        if not self._room.is_set():
            await self._room.wait()
        self._transport.write(data)

    def _end_link(self, state: State) -> None:
        record, self._record = self._record, None
        if record is not None:
            self._records.end(record, state)
        self._close()

    # -- Answering -----------------------------------------------------------------------------

    def _answer(self, answer: Answer, record: Received, *, keep_alive: bool) -> None:
        if self._task is None and isinstance(answer, Plan) and self._room.is_set():
            whole = answer.whole
            if whole is not None and keep_alive:
                self._transport.write(whole.data)
                record.events_sent = whole.events
                self._records.end(record, "served")
                return
        self._waiting.append((answer, record, keep_alive))
        if len(self._waiting) > WAITING_REQUESTS_MAX:
            self._transport.abort()
        elif self._task is None:
            self._task = self._loop.create_task(self._answer_waiting())

    async def _answer_waiting(self) -> None:
        while self._waiting:
            answer, record, keep_alive = self._waiting.popleft()
            try:
                plan = answer if isinstance(answer, Plan) else await answer()
                ended = await self._play(plan, record)
            except asyncio.CancelledError:
                self._records.end(record, "cancelled")
                raise
            if ended is not None:
                self._records.end(record, _END_STATES[ended])
                return
            self._records.end(record, "served")
            if not keep_alive or self._owner.stopping:
                self._close()
                return
        self._task = None

    async def _play(self, plan: Plan, record: Received) -> End | None:
        write, room = self._transport.write, self._room
        due = self._loop.time()
        for step in plan.steps():
            if isinstance(step, Send):
                if not room.is_set():
                    await room.wait()
                write(step.data)
                record.events_sent += step.events
            elif isinstance(step, Wait):
                due += step.ms / 1000
                late = self._loop.time() - due
                if late < 0:
                    await asyncio.sleep(-late)
                elif late > LATENESS_SECONDS_MAX:
                    due += late
            elif isinstance(step, Flood):
                for _ in range(step.times):
                    write(step.block)
                    record.events_sent += step.events
                    # Let other connections have their turn, even where the caller keeps up.
                    await (asyncio.sleep(0) if room.is_set() else room.wait())
            else:
                await self._end(step)
                return step
        return None

    async def _end(self, end: End) -> None:
        if end is End.STALL:
            await self._loop.create_future()
        elif end is End.RESET:
            await asyncio.sleep(RESET_DELAY_SECONDS)
            self._ending = True
            reset_on_close(self._transport)
            self._transport.abort()
        else:
            self._close()

    def _close(self) -> None:
        self._ending = True
        self._transport.close()

    def _count_head(self, count: int) -> None:
        self._head_bytes += count
        if self._head_bytes > REQUEST_HEAD_BYTES_MAX:
            self._refuse(431, f"The head is larger than {REQUEST_HEAD_BYTES_MAX} bytes.")

    def _refuse(self, status: int, message: str) -> None:
        if self._ending:
            return
        if self._record is not None:
            self._records.end(self._record, "closed")
        whole = plan_document(status, invalid_request(message), (("connection", "close"),)).whole
        if whole is not None and self._task is None:
            self._transport.write(whole.data)
        self._close()

    # -- Ending from outside ---------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """Whether a call is in flight here."""
        return self._task is not None or self._record is not None

    def close_idle(self) -> None:
        """Close it if nothing is in flight."""
        if not self.busy:
            self._close()

    def abort(self) -> None:
        """Close it now."""
        self._transport.abort()

    # -- Questions of tests ------------------------------------------------------------------------

    def _control(self, record: Received, *, keep_alive: bool) -> None:
        """Answer /v1/_simulator/..."""
        records = self._records
        path, _, query = self._target[len(CONTROL_PATH) :].partition(b"?")
        asked = {k: int(v) for k, v in parse_qsl(query.decode("latin-1")) if v.isdecimal()}
        last = asked.pop("last", None)

        async def snapshot() -> Plan:
            if path == b"wait":
                wait_ms = asked.pop("timeout_ms", 5_000)
                counts = {k: v for k, v in asked.items() if k in records.snapshot(0)}
                await records.wait(counts, min(wait_ms / 1000, WAIT_SECONDS_MAX))
            return _document(records.snapshot(last))

        if path == b"key" and record.method == b"POST":
            self._answer(self._give_script(record.body), record, keep_alive=keep_alive)
        elif path in (b"requests", b"wait"):
            self._answer(snapshot, record, keep_alive=keep_alive)
        elif path == b"reset" and record.method == b"POST":
            self._owner.reset()
            self._answer(_document({"reset": True}), record, keep_alive=keep_alive)
        else:
            known = "GET requests, GET wait, POST key, POST reset"
            body = invalid_request(f"Under {CONTROL_PATH.decode()} there are: {known}.")
            self._answer(plan_document(404, body), record, keep_alive=keep_alive)

    def _give_script(self, body: bytes) -> Plan:
        """Break or repair a key: {"key": ..., "script": ... or null}."""
        try:
            asked = _decode_key(body)
            self._owner.router.give_script(asked.key, asked.script)
        except (msgspec.DecodeError, ScriptError) as error:
            return plan_document(400, invalid_request(str(error), code="invalid_script"))
        return _document({"key": asked.key, "script": asked.script})


def _document(document: dict[str, Any]) -> Plan:
    return plan_document(200, encode(document))


def reset_on_close(transport: asyncio.Transport) -> None:
    """Make closing send RST instead of FIN: SO_LINGER of 0 seconds."""
    inner = transport.get_extra_info("socket")
    with contextlib.suppress(OSError), socket.socket(fileno=os.dup(inner.fileno())) as copy:
        copy.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
