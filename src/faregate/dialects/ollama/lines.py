"""Cuts a stream of JSON lines at their ends.

Source: Ollama API, "Streaming" (application/x-ndjson).
"""

from faregate.core import bounds
from faregate.wire.sse import EventTooLargeError


class LineSplitter:
    """Cuts a stream into whole lines; keeps what is still incomplete."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that `data` completes; raises `EventTooLargeError`."""
        if not self._rest and data.endswith(b"\n") and data.count(b"\n") == 1:
            return [data] if data.strip() else []  # the usual piece: one whole line
        if b"\n" not in data:
            self._rest += data
            self._check_size()
            return []
        whole, _, rest = (bytes(self._rest) + data).rpartition(b"\n")
        self._rest = bytearray(rest)
        self._check_size()
        return [line for line in whole.split(b"\n") if line.strip()]

    def _check_size(self) -> None:
        if len(self._rest) > bounds.STREAM_EVENT_BYTES_MAX:
            raise EventTooLargeError

    def take_rest(self) -> bytes:
        """What came after the last whole line; the stream has ended there."""
        rest, self._rest = bytes(self._rest), bytearray()
        return rest
