"""Messages of application/vnd.amazon.eventstream, as bytes.

Written from the specification alone, so that it can judge those who read them.

Source: "Event stream encoding" of Amazon's documentation.
"""

import struct
import zlib
from typing import Final

CONTENT_TYPE: Final = "application/vnd.amazon.eventstream"
_STRING: Final = 7


def frame(headers: dict[str, str], payload: bytes) -> bytes:
    """One message: prelude, its sum, headers, payload, the sum of all."""
    fields = b"".join(
        bytes([len(name)])
        + name.encode()
        + struct.pack("!BH", _STRING, len(value))
        + value.encode()
        for name, value in headers.items()
    )
    prelude = struct.pack("!II", 16 + len(fields) + len(payload), len(fields))
    checked = prelude + struct.pack("!I", zlib.crc32(prelude)) + fields + payload
    return checked + struct.pack("!I", zlib.crc32(checked))


def event(kind: str, payload: bytes) -> bytes:
    """The message of an event."""
    return frame(
        {":event-type": kind, ":content-type": "application/json", ":message-type": "event"},
        payload,
    )


def exception(kind: str, payload: bytes) -> bytes:
    """The message of an error in a stream."""
    return frame(
        {
            ":exception-type": kind,
            ":content-type": "application/json",
            ":message-type": "exception",
        },
        payload,
    )
