"""One WebSocket of a realtime session: frames in, events out.

Events of the caller are answered in order, but a cancel is heard at once.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final, Literal

from faregate.simulator.answer import encode
from faregate.simulator.realtime import Said, Session
from faregate.simulator.received import RECEIVED_BODY_BYTES_MAX, Received
from faregate.simulator.websocket import (
    CLOSE,
    NORMAL,
    NOT_UTF8,
    PING,
    PONG,
    TEXT,
    BrokenFrameError,
    Messages,
    closing,
    frame,
)

WAITING_EVENTS_MAX: Final = 10_000

Ended = Literal["served", "cut", "closed"]


class RealtimeLink:
    """The server's side of one session.

    `send` waits for room, `end` closes the connection.
    """

    def __init__(
        self,
        session: Session,
        record: Received,
        send: Callable[[bytes], Awaitable[None]],
        end: Callable[[Ended], None],
    ) -> None:
        self._session = session
        self._record = record
        self._send = send
        self._end = end
        self._messages = Messages()
        self._waiting: deque[bytes] = deque()
        self._woken = asyncio.Event()
        self._cancelled = False
        self._answering = False
        self._task = asyncio.get_running_loop().create_task(self._run())

    def received(self, data: bytes) -> None:
        """Bytes of the caller."""
        try:
            for opcode, payload in self._messages.feed(data):
                self._take(opcode, payload)
        except BrokenFrameError as error:
            self._close(error.code, "closed")

    def lost(self) -> None:
        """The connection is gone."""
        self._task.cancel()

    def _take(self, opcode: int, payload: bytes) -> None:
        if opcode == PING:
            self._soon(frame(PONG, payload))
        elif opcode == CLOSE:
            code = int.from_bytes(payload[:2]) if len(payload) >= 2 else NORMAL
            self._close(code, "served")
        elif opcode == TEXT:
            self._note(payload)
            try:
                payload.decode()
            except UnicodeDecodeError:
                self._close(NOT_UTF8, "closed")
                return
            if self._answering and b'"response.cancel"' in payload:
                self._cancelled = True
                return
            self._waiting.append(payload)
            self._woken.set()
            if len(self._waiting) > WAITING_EVENTS_MAX:
                self._close(NORMAL, "closed")

    def _note(self, payload: bytes) -> None:
        """Keep what the caller said, a line each, as the body of its record."""
        self._record.body_bytes += len(payload)
        room = RECEIVED_BODY_BYTES_MAX - len(self._record.body)
        self._record.body += payload[: max(0, room - 1)] + b"\n" if room > 0 else b""

    def _soon(self, data: bytes) -> None:
        task = asyncio.ensure_future(self._send(data))
        task.add_done_callback(lambda done: done.cancelled() or done.exception())

    def _close(self, code: int, state: Ended) -> None:
        self._task.cancel()
        self._soon(closing(code))
        asyncio.get_running_loop().call_soon(self._end, state)

    async def _run(self) -> None:
        for said in self._session.opening():
            await self._say(said)
        while True:
            while self._waiting:
                if await self._answer(self._waiting.popleft()):
                    return
            self._woken.clear()
            await self._woken.wait()

    async def _answer(self, event: bytes) -> bool:
        """Say what there is to say; whether the script ended the session."""
        script = self._session.script
        responding = b'"response.create"' in event
        self._answering, self._cancelled = True, False
        for sent, said in enumerate(self._session.answer(event)):
            if responding and sent == script.stall_after:
                await asyncio.get_running_loop().create_future()
            if responding and script.cut_after is not None and sent >= script.cut_after.count:
                self._end("cut")
                return True
            if responding and sent == script.error_in_stream_after:
                await self._say(self._session.broken_off())
                break
            if said.wait_ms:
                await asyncio.sleep(said.wait_ms / 1000)
            if self._cancelled:
                await self._say(self._session.cancelled())
                break
            await self._say(said)
        self._answering = False
        return False

    async def _say(self, said: Said) -> None:
        await self._send(frame(TEXT, encode(said.document)))
        self._record.events_sent += 1
