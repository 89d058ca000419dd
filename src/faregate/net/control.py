"""A child's end of its control channel: a JSON object a line, both ways.

When the channel ends, whoever started this process is gone, and it has to leave by itself.
"""

import asyncio
import json
import socket
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any, Final

LINE_BYTES_MAX: Final = 64 * 1024
# A supervisor that reads nothing is told nothing more beyond this.
UNREAD_BYTES_MAX: Final = 1024 * 1024
SPENT_MAX: Final = 50  # accounts that a line may tell the spend of
_CLOSE_SECONDS: Final = 1.0


class ControlChannel:
    """Speaks over an inherited socket.

    `on_message` gets each message's type and data.
    """

    def __init__(
        self, fd: int, on_message: Callable[[str, Any], None], on_end: Callable[[], None]
    ) -> None:
        self._socket = socket.socket(fileno=fd)
        self._on_message = on_message
        self._on_end = on_end
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Begin to listen."""
        reader, self._writer = await asyncio.open_connection(
            sock=self._socket, limit=LINE_BYTES_MAX
        )
        self._reading = asyncio.get_running_loop().create_task(self._read(reader))

    async def _read(self, reader: asyncio.StreamReader) -> None:
        try:
            while line := await reader.readline():
                self._on_message(*_read(line))
        except (OSError, ValueError):
            pass  # a channel that breaks has ended
        self._on_end()

    def send(self, kind: str, data: Any = None) -> None:
        """Send a message; dropped where the channel has ended or isn't read."""
        writer = self._writer
        if writer is None or writer.is_closing():
            return
        if writer.transport.get_write_buffer_size() > UNREAD_BYTES_MAX:
            return
        message = {"type": kind} if data is None else {"type": kind, "data": data}
        writer.write(json.dumps(message, separators=(",", ":")).encode() + b"\n")

    async def close(self) -> None:
        """Send what is still to be sent, if it is read soon, and close."""
        if self._reading is not None:
            self._reading.cancel()
        writer, self._writer = self._writer, None
        if writer is None:
            return
        writer.close()
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await writer.wait_closed()
        except TimeoutError:
            writer.transport.abort()
        except OSError:
            return


def parts_of(told: Mapping[str, Any], most: int) -> Iterator[dict[str, Any]]:
    """`told` in parts that fit into a line."""
    names = iter(told)
    while part := list(islice(names, most)):
        yield {name: told[name] for name in part}


def _read(line: bytes) -> tuple[str, Any]:
    """The type and data of a message; raises `ValueError` where it isn't one."""
    message = json.loads(line)
    if not isinstance(message, dict):
        raise ValueError("no message")  # noqa: TRY004 - as any other line that is none
    return str(message.get("type")), message.get("data")
