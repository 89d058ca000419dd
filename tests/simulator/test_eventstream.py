"""A message of an event stream has its lengths and both of its sums."""

import struct
import zlib

from faregate.simulator.eventstream import event, exception


def unframed(data):
    """Messages as a reader that trusts nothing finds them."""
    found = []
    while data:
        total, headers_length, crc = struct.unpack("!III", data[:12])
        assert zlib.crc32(data[:8]) == crc
        assert zlib.crc32(data[: total - 4]) == struct.unpack("!I", data[total - 4 : total])[0]
        headers, fields = {}, data[12 : 12 + headers_length]
        while fields:
            size = fields[0]
            name = fields[1 : 1 + size].decode()
            kind, length = struct.unpack("!BH", fields[1 + size : 4 + size])
            assert kind == 7
            headers[name] = fields[4 + size : 4 + size + length].decode()
            fields = fields[4 + size + length :]
        found.append((headers, data[12 + headers_length : total - 4]))
        data = data[total:]
    return found


def test_messages():
    (one, other) = unframed(event("chunk", b"{}") + exception("throttlingException", b'{"a":1}'))
    assert one == (
        {":event-type": "chunk", ":content-type": "application/json", ":message-type": "event"},
        b"{}",
    )
    assert other[0][":exception-type"] == "throttlingException"
    assert other[0][":message-type"] == "exception"
    assert other[1] == b'{"a":1}'
