"""Amazon's binary event stream, read and written without I/O.

A message is: its length, the length of its headers, a checksum of these two; headers; payload; a
checksum of all. Lengths are checked before anything is kept, so what comes in is bounded; a
message whose checksums don't fit ends the stream, for nothing behind it can be found.

Source: AWS, "Event stream encoding" (application/vnd.amazon.eventstream), Smithy, "Amazon Event
Stream Specification".
"""

import struct
import uuid
import zlib
from collections.abc import Mapping
from typing import Final

import msgspec

from faregate.core import bounds
from faregate.wire.sse import EventTooLargeError

MEDIA_TYPE: Final = "application/vnd.amazon.eventstream"
HEADERS_BYTES_MAX: Final = 128 * bounds.KIB  # as the specification has it

# A time is milliseconds since 1970.
HeaderValue = bool | int | bytes | str | uuid.UUID

_PRELUDE: Final = struct.Struct(">III")
_CRC: Final = struct.Struct(">I")
_PRELUDE_BYTES: Final = _PRELUDE.size
_LEAST_BYTES: Final = _PRELUDE_BYTES + _CRC.size
_NUMBERS: Final = {
    2: struct.Struct(">b"),
    3: struct.Struct(">h"),
    4: struct.Struct(">i"),
    5: struct.Struct(">q"),
    8: struct.Struct(">q"),
}
_BYTES, _TEXT, _UUID, _LONG = 6, 7, 9, 5


class EventStreamError(Exception):
    """The bytes are no event stream: lengths, checksums or headers don't fit."""


class Message(msgspec.Struct, frozen=True):
    """One message; `headers` by name."""

    headers: dict[str, HeaderValue]
    payload: bytes

    def text(self, name: str) -> str:
        """A header of text; empty where there is none."""
        value = self.headers.get(name)
        return value if isinstance(value, str) else ""


class EventStreamReader:
    """Cuts a stream into messages; keeps what is still incomplete."""

    __slots__ = ("_bytes_max", "_rest", "_wanted")

    def __init__(self, bytes_max: int = bounds.STREAM_EVENT_BYTES_MAX) -> None:
        self._bytes_max = bytes_max
        self._rest = bytearray()
        self._wanted = _PRELUDE_BYTES  # bytes before which there is nothing to do

    def feed(self, data: bytes) -> list[Message]:
        """The messages that `data` completes, in order.

        Raises `EventStreamError`, and `EventTooLargeError`.
        """
        rest = self._rest
        rest += data
        if len(rest) < self._wanted:
            return []
        found = []
        start = 0
        while len(rest) - start >= _PRELUDE_BYTES:
            size, headers_size = self._lengths(rest, start)
            if len(rest) - start < size:
                self._wanted = size
                break
            found.append(_message(bytes(rest[start : start + size]), headers_size))
            start += size
            self._wanted = _PRELUDE_BYTES
        del rest[:start]
        return found

    def _lengths(self, rest: bytearray, start: int) -> tuple[int, int]:
        size, headers_size, crc = _PRELUDE.unpack_from(rest, start)
        if zlib.crc32(rest[start : start + 8]) != crc:
            raise EventStreamError("The checksum of a prelude does not fit.")
        if size < _LEAST_BYTES + headers_size or headers_size > HEADERS_BYTES_MAX:
            raise EventStreamError("The lengths of a prelude do not fit.")
        if size > self._bytes_max:
            raise EventTooLargeError
        return size, headers_size

    @property
    def empty(self) -> bool:
        """Whether nothing is kept of a message that is incomplete."""
        return not self._rest


def _message(text: bytes, headers_size: int) -> Message:
    (crc,) = _CRC.unpack_from(text, len(text) - 4)
    if zlib.crc32(text[:-4]) != crc:
        raise EventStreamError("The checksum of a message does not fit.")
    end = _PRELUDE_BYTES + headers_size
    try:
        headers = _headers(text, _PRELUDE_BYTES, end)
    except (struct.error, IndexError, UnicodeDecodeError, ValueError) as error:
        raise EventStreamError(f"The headers of a message can't be read: {error}.") from None
    return Message(headers, text[end:-4])


def _headers(text: bytes, at: int, end: int) -> dict[str, HeaderValue]:
    headers: dict[str, HeaderValue] = {}
    while at < end:
        name_end = at + 1 + text[at]
        name = text[at + 1 : name_end].decode()
        kind = text[name_end]
        at = name_end + 1
        if kind in (_BYTES, _TEXT):
            value_end = at + 2 + int.from_bytes(text[at : at + 2])
            value = text[at + 2 : value_end]
            headers[name] = value.decode() if kind == _TEXT else value
        elif kind == _UUID:
            value_end = at + 16
            headers[name] = uuid.UUID(bytes=text[at:value_end])
        elif kind <= 1:
            value_end = at
            headers[name] = kind == 0
        elif kind in _NUMBERS:
            number = _NUMBERS[kind]
            value_end = at + number.size
            (headers[name],) = number.unpack_from(text, at)
        else:
            raise ValueError(f"a header has the unknown type {kind}")
        if value_end > end:
            raise ValueError("a header ends behind the headers")
        at = value_end
    return headers


# -- writing ---------------------------------------------------------------------------------------


def encode(headers: Mapping[str, HeaderValue], payload: bytes) -> bytes:
    """One message; whole numbers are written as longs."""
    written = b"".join([_header(name.encode(), value) for name, value in headers.items()])
    size = _LEAST_BYTES + len(written) + len(payload)
    lengths = struct.pack(">II", size, len(written))
    message = b"%b%b%b%b" % (lengths, _CRC.pack(zlib.crc32(lengths)), written, payload)
    return message + _CRC.pack(zlib.crc32(message))


def _header(name: bytes, value: HeaderValue) -> bytes:
    start = b"%c%b" % (len(name), name)
    if isinstance(value, str):
        text = value.encode()
        return b"%b%c%b%b" % (start, _TEXT, len(text).to_bytes(2), text)
    if isinstance(value, bool):
        return start + (b"\0" if value else b"\1")
    if isinstance(value, int):
        return b"%b%c%b" % (start, _LONG, _NUMBERS[_LONG].pack(value))
    if isinstance(value, uuid.UUID):
        return b"%b%c%b" % (start, _UUID, value.bytes)
    return b"%b%c%b%b" % (start, _BYTES, len(value).to_bytes(2), value)


def encode_event(event_type: str, payload: bytes) -> bytes:
    """An event of JSON, with the headers that AWS gives it."""
    return encode(
        {
            ":event-type": event_type,
            ":content-type": "application/json",
            ":message-type": "event",
        },
        payload,
    )


def encode_exception(exception_type: str, payload: bytes) -> bytes:
    """An exception in mid-stream, with the headers that AWS gives it."""
    return encode(
        {
            ":exception-type": exception_type,
            ":content-type": "application/json",
            ":message-type": "exception",
        },
        payload,
    )
