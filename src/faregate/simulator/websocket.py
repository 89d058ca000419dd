"""WebSocket's handshake and frames, from the server's side.

Source: RFC 6455, sections 4.2.2, 5 and 7.4.1.
"""

import base64
import hashlib
import struct
from collections.abc import Iterator
from typing import Final

TEXT: Final = 1
BINARY: Final = 2
CLOSE: Final = 8
PING: Final = 9
PONG: Final = 10
NORMAL: Final = 1_000
GOING_AWAY: Final = 1_001
PROTOCOL_ERROR: Final = 1_002
NOT_UTF8: Final = 1_007
TOO_LARGE: Final = 1_009
MESSAGE_BYTES_MAX: Final = 16 * 1024 * 1024
CONTROL_BYTES_MAX: Final = 125

_ACCEPT: Final = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class BrokenFrameError(ValueError):
    """Bytes that are no frame of a caller; `code` closes the connection."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def handshake(key: str, protocol: str | None = None) -> bytes:
    """The head that switches to WebSocket."""
    digest = hashlib.sha1(f"{key}{_ACCEPT}".encode(), usedforsecurity=False).digest()
    chosen = f"Sec-WebSocket-Protocol: {protocol}\r\n" if protocol else ""
    return (
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {base64.b64encode(digest).decode()}\r\n{chosen}\r\n"
    ).encode()


def frame(opcode: int, payload: bytes) -> bytes:
    """One whole frame of a server, which masks nothing."""
    size = len(payload)
    if size <= CONTROL_BYTES_MAX:
        head = struct.pack("!BB", 0x80 | opcode, size)
    elif size < 1 << 16:
        head = struct.pack("!BBH", 0x80 | opcode, 126, size)
    else:
        head = struct.pack("!BBQ", 0x80 | opcode, 127, size)
    return head + payload


def closing(code: int) -> bytes:
    """The frame that closes a connection."""
    return frame(CLOSE, struct.pack("!H", code))


class Messages:
    """Cuts the bytes of a caller into messages."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._opcode = 0
        self._parts: list[bytes] = []

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """The messages that are complete now, with their opcodes.

        Raises `BrokenFrameError`.
        """
        self._data += data
        while (found := self._frame()) is not None:
            final, opcode, payload = found
            if opcode >= CLOSE:
                if not final or len(payload) > CONTROL_BYTES_MAX:
                    raise BrokenFrameError(PROTOCOL_ERROR, "a control frame is whole and short")
                yield opcode, payload
                continue
            if (opcode == 0) != bool(self._opcode):
                raise BrokenFrameError(PROTOCOL_ERROR, "a message begins once")
            self._opcode = self._opcode or opcode
            self._parts.append(payload)
            if sum(map(len, self._parts)) > MESSAGE_BYTES_MAX:
                raise BrokenFrameError(TOO_LARGE, "the message is too large")
            if final:
                opcode, self._opcode = self._opcode, 0
                whole, self._parts = b"".join(self._parts), []
                yield opcode, whole

    def _frame(self) -> tuple[bool, int, bytes] | None:
        data = self._data
        if len(data) < 2:
            return None
        first, second = data[0], data[1]
        opcode = first & 0x0F
        if first & 0x70 or not second & 0x80 or opcode not in (0, TEXT, BINARY, CLOSE, PING, PONG):
            raise BrokenFrameError(PROTOCOL_ERROR, "no frame, or one without a mask")
        size, at = second & 0x7F, 2
        if size >= 126:
            at = 4 if size == 126 else 10
            if len(data) < at:
                return None
            size = int.from_bytes(data[2:at])
        if size > MESSAGE_BYTES_MAX:
            raise BrokenFrameError(TOO_LARGE, "the frame is too large")
        if len(data) < at + 4 + size:
            return None
        mask, masked = bytes(data[at : at + 4]), bytes(data[at + 4 : at + 4 + size])
        del data[: at + 4 + size]
        keys = (mask * (size // 4 + 1))[:size]
        payload = (int.from_bytes(masked) ^ int.from_bytes(keys)).to_bytes(size)
        return bool(first & 0x80), opcode, payload
