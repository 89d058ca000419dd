"""WebSocket without I/O: handshakes, frames, messages, closing.

Strict where RFC 6455 lets a receiver fail the connection: reserved bits and opcodes, masks on the
wrong side, lengths that aren't written in the shortest way, control frames in pieces, closing
codes that nobody may send. Extensions are never negotiated, so no frame is compressed.

Sources: RFC 6455 §4 (handshake), §5 (frames), §7.4 (closing codes), §8.1 (UTF-8); the IANA
registry of closing codes (1012 to 1014).
"""

import os
from base64 import b64decode, b64encode
from hashlib import sha1
from struct import Struct
from typing import Final, NamedTuple

CONTINUATION: Final = 0
TEXT: Final = 1
BINARY: Final = 2
CLOSE: Final = 8
PING: Final = 9
PONG: Final = 10

NORMAL: Final = 1000
GOING_AWAY: Final = 1001
PROTOCOL_ERROR: Final = 1002
UNSUPPORTED_DATA: Final = 1003
INVALID_TEXT: Final = 1007
POLICY: Final = 1008
TOO_LARGE: Final = 1009
INTERNAL_ERROR: Final = 1011
TRY_AGAIN: Final = 1013

CONTROL_BYTES_MAX: Final = 125
REASON_BYTES_MAX: Final = CONTROL_BYTES_MAX - 2
_VERSION: Final = b"13"
_KEY_BYTES: Final = 16
_ACCEPT: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_OPCODES: Final = frozenset((CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG))
_CODES: Final = frozenset((*range(1000, 1004), *range(1007, 1015)))
_SHORT: Final = Struct("!BB")
_MIDDLE: Final = Struct("!BBH")
_LONG: Final = Struct("!BBQ")
_NUMBERS_BYTES_MAX: Final = 1_024  # up to here one large number is masked quicker than lanes
_LANES: Final = tuple(bytes(byte ^ key for byte in range(256)) for key in range(256))


class BrokenFrameError(Exception):
    """Bytes that are no frame, or beyond a bound.

    `code` closes the connection.
    """

    def __init__(self, code: int, detail: str) -> None:
        super().__init__(detail)
        self.code = code


# -- the handshake ---------------------------------------------------------------------------------


def new_key() -> bytes:
    """A client's Sec-WebSocket-Key."""
    return b64encode(os.urandom(_KEY_BYTES))


def accept_of(key: bytes) -> bytes:
    """The Sec-WebSocket-Accept that answers a key."""
    return b64encode(sha1(key + _ACCEPT, usedforsecurity=False).digest())


def handshake_fault(fields: dict[bytes, bytes]) -> str | None:
    """What is wrong with a request's fields; None: they ask for a WebSocket."""
    if b"websocket" not in _tokens(fields.get(b"upgrade", b"")):
        return "The request has no 'Upgrade: websocket'."
    if b"upgrade" not in _tokens(fields.get(b"connection", b"")):
        return "The request has no 'Connection: Upgrade'."
    if fields.get(b"sec-websocket-version", b"").strip() != _VERSION:
        return "Only version 13 of WebSocket is spoken here."
    try:
        key = b64decode(fields.get(b"sec-websocket-key", b""), validate=True)
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        return "Sec-WebSocket-Key must be 16 bytes in base64."
    return None


def accept_fault(fields: dict[bytes, bytes], key: bytes, offered: tuple[bytes, ...]) -> str | None:
    """What is wrong with the fields of an answer of 101 to `key`.

    None: nothing.
    """
    if b"websocket" not in _tokens(fields.get(b"upgrade", b"")):
        return "it switched to something else than WebSocket"
    if b"upgrade" not in _tokens(fields.get(b"connection", b"")):
        return "its answer of 101 has no 'Connection: Upgrade'"
    if fields.get(b"sec-websocket-accept") != accept_of(key):
        return "its Sec-WebSocket-Accept does not belong to the key"
    if b"sec-websocket-extensions" in fields:
        return "it uses an extension that was not offered"
    chosen = fields.get(b"sec-websocket-protocol")
    if chosen is not None and chosen not in offered:
        return "it chose a subprotocol that was not offered"
    return None


def offered_protocols(fields: dict[bytes, bytes]) -> tuple[bytes, ...]:
    """The subprotocols of a request, as they are written."""
    offered = fields.get(b"sec-websocket-protocol", b"")
    return tuple(one for part in offered.split(b",") if (one := part.strip(b" \t")))


def _tokens(value: bytes) -> list[bytes]:
    return [part.strip(b" \t").lower() for part in value.split(b",")]


# -- writing frames --------------------------------------------------------------------------------


def mask(payload: bytes, key: bytes) -> bytes:
    """`payload` masked, or unmasked, by four bytes."""
    size = len(payload)
    if size <= _NUMBERS_BYTES_MAX:
        keys = (key * (size // 4 + 1))[:size]
        mixed = int.from_bytes(payload, "little") ^ int.from_bytes(keys, "little")
        return mixed.to_bytes(size, "little")
    whole = bytearray(size)
    for lane in range(4):
        whole[lane::4] = payload[lane::4].translate(_LANES[key[lane]])
    return bytes(whole)


def frame(opcode: int, payload: bytes, *, masked: bool, final: bool = True) -> bytes:
    """One frame; a client's are `masked`, by a new key each."""
    first = 0x80 | opcode if final else opcode
    size, bit = len(payload), 0x80 if masked else 0
    if size <= CONTROL_BYTES_MAX:
        head = _SHORT.pack(first, bit | size)
    elif size < 1 << 16:
        head = _MIDDLE.pack(first, bit | 126, size)
    else:
        head = _LONG.pack(first, bit | 127, size)
    if not masked:
        return head + payload
    key = os.urandom(4)
    return b"".join((head, key, mask(payload, key)))


def closing(code: int, reason: str = "") -> bytes:
    """The payload of a closing frame; a reason that is too long is cut."""
    cut = reason.encode()[:REASON_BYTES_MAX].decode("utf-8", "ignore")
    return code.to_bytes(2) + cut.encode()


# -- reading frames --------------------------------------------------------------------------------


class Frame(NamedTuple):
    """One frame as it came.

    `payload` is without its mask, `raw` all of its bytes.
    """

    final: bool
    opcode: int
    payload: bytes
    raw: bytes

    @property
    def is_control(self) -> bool:
        """Whether it may stand within a message."""
        return self.opcode >= CLOSE


class FrameReader:
    """Cuts one side's bytes into frames; `masked`: that side is a client.

    A message in pieces may have `message_bytes_max` bytes in all.
    """

    def __init__(self, *, masked: bool, message_bytes_max: int) -> None:
        self._masked = masked
        self._most = message_bytes_max
        self._data = b""
        self._parts: list[bytes] = []  # of a frame that is longer than one read
        self._wanted = 0
        self._held = 0
        self._message_bytes = 0
        self._in_message = False
        self._closed = False
        self.broken: BrokenFrameError | None = None

    @property
    def held_bytes(self) -> int:
        """What waits for the rest of its frame."""
        return self._held

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that `data` completes.

        Whatever follows a closing frame, or what isn't one (`broken` says why), is dropped.
        """
        if self._closed:
            return []
        self._held += len(data)
        if self._held < self._wanted:
            self._parts.append(data)
            return []
        if self._parts:
            data = b"".join((*self._parts, data))
            self._parts = []
        found: list[Frame] = []
        at = end = 0
        try:
            while not self._closed:
                start, end = self._measure(data, at)
                if end > len(data):
                    break
                found.append(self._cut(data, at, start, end))
                at = end
        except BrokenFrameError as error:
            self.broken, self._closed = error, True
        rest = b"" if self._closed else data[at:]
        self._held = len(rest)
        self._wanted = end - at if rest else 0
        self._parts = [rest] if rest else []
        return found

    def _measure(self, data: bytes, at: int) -> tuple[int, int]:
        """Where the payload of the frame at `at` begins and ends; its head is checked."""
        if len(data) < at + 2:
            return at, at + 2
        first, second = data[at], data[at + 1]
        opcode, size = first & 0x0F, second & 0x7F
        if first & 0x70:
            raise BrokenFrameError(PROTOCOL_ERROR, "a reserved bit is set")
        if opcode not in _OPCODES:
            raise BrokenFrameError(PROTOCOL_ERROR, f"there is no opcode {opcode}")
        if bool(second & 0x80) is not self._masked:
            said = "has no mask" if self._masked else "is masked"
            raise BrokenFrameError(PROTOCOL_ERROR, f"a frame {said}")
        start = at + 2
        if opcode >= CLOSE:
            if not first & 0x80:
                raise BrokenFrameError(PROTOCOL_ERROR, "a control frame is in pieces")
            if size > CONTROL_BYTES_MAX:
                raise BrokenFrameError(PROTOCOL_ERROR, "a control frame is too long")
        elif (opcode == CONTINUATION) is not self._in_message:
            raise BrokenFrameError(PROTOCOL_ERROR, "a message begins once, and goes on after that")
        if size > CONTROL_BYTES_MAX:
            width, least = (2, 126) if size == 126 else (8, 1 << 16)
            start += width
            if len(data) < start:
                return start, start
            size = int.from_bytes(data[at + 2 : start])
            if size < least or size >> 63:
                raise BrokenFrameError(PROTOCOL_ERROR, "a length isn't written in the shortest way")
        before = 0 if opcode >= CLOSE else self._message_bytes
        if before + size > self._most:
            raise BrokenFrameError(TOO_LARGE, f"a message may have {self._most} bytes")
        if self._masked:
            start += 4
        return start, start + size

    def _cut(self, data: bytes, at: int, start: int, end: int) -> Frame:
        first = data[at]
        opcode, final = first & 0x0F, bool(first & 0x80)
        payload = data[start:end]
        if self._masked:
            payload = mask(payload, data[start - 4 : start])
        if opcode >= CLOSE:
            if opcode == CLOSE:
                check_closing(payload)
                self._closed = True
        else:
            self._in_message = not final
            self._message_bytes = 0 if final else self._message_bytes + len(payload)
        return Frame(final, opcode, payload, data[at:end])


def check_closing(payload: bytes) -> None:
    """Raise `BrokenFrameError` where a closing frame's payload is not one."""
    if not payload:
        return
    code = int.from_bytes(payload[:2])
    if len(payload) == 1 or not (code in _CODES or 3000 <= code < 5000):
        raise BrokenFrameError(PROTOCOL_ERROR, "that is no closing code")
    check_text(payload[2:])


def check_text(payload: bytes) -> None:
    """Raise `BrokenFrameError` where a text is not UTF-8."""
    if payload.isascii():
        return
    try:
        payload.decode()
    except UnicodeDecodeError:
        raise BrokenFrameError(INVALID_TEXT, "a text is not UTF-8") from None


class Messages:
    """Puts messages together from one side's data frames.

    Their reader bounds them.
    """

    def __init__(self) -> None:
        self._opcode = 0
        self._parts = bytearray()

    @property
    def held_bytes(self) -> int:
        """What waits for the rest of its message."""
        return len(self._parts)

    def add(self, one: Frame) -> tuple[int, bytes] | None:
        """The message that a data frame completes, with its opcode."""
        if one.final and one.opcode != CONTINUATION:
            return one.opcode, one.payload
        if one.opcode != CONTINUATION:
            self._opcode = one.opcode
        self._parts += one.payload
        if not one.final:
            return None
        whole, self._parts = bytes(self._parts), bytearray()
        return self._opcode, whole
