"""How a realtime session is opened at one target with one of its keys."""

from typing import Final
from urllib.parse import quote

from faregate.configuration.document import Model
from faregate.gate.operations import Operation
from faregate.gate.upstreams import Upstream
from faregate.gate.wires import Wire
from faregate.routing.targets import Choice
from faregate.wire.request_reader import RequestHead
from faregate.wire.websocket import new_key

_OURS: Final = frozenset((b"model", b"key", b"api-key", b"api_key", b"deployment"))
_KEY_LINE: Final = b"sec-websocket-key: "


class RealtimeWire(Wire):
    """One way to a realtime model.

    `context` and `limit` bound what a response of the model takes and puts out.
    """

    __slots__ = ("context", "limit")

    def __init__(
        self,
        choice: Choice,
        upstream: Upstream,
        model: Model,
        operation: Operation,
        sizes: tuple[int, int],
    ) -> None:
        super().__init__(choice, upstream, model, operation)
        self.context, self.limit = sizes

    def request_head(
        self,
        head: RequestHead,
        body_bytes: int,
        *,
        streamed: bool,
        signed: bytes = b"",
        form: bytes = b"",
    ) -> bytes:
        """The request for a WebSocket, with a key of its own."""
        protocols = head.fields.get(b"sec-websocket-protocol")
        return b"".join(
            (
                b"GET %b%b?%b HTTP/1.1\r\n" % (self.lane.prefix, self.path, self._query(head)),
                self.fields,
                self.upstream.forwarded(head),
                signed,
                b"connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n",
                b"sec-websocket-protocol: %b\r\n" % protocols if protocols else b"",
                _KEY_LINE + new_key(),
                b"\r\n\r\n",
            )
        )

    def _query(self, head: RequestHead) -> bytes:
        """The caller's query, with the model as the vendor knows it and without keys."""
        kept = [
            part
            for part in head.query.split(b"&")
            if part and part.partition(b"=")[0].lower() not in _OURS
        ]
        return b"&".join((b"model=" + quote(self.model, safe="").encode("ascii"), *kept))


def key_of(request_head: bytes) -> bytes:
    """The key in a head that was made here."""
    return request_head.rpartition(_KEY_LINE)[2].rstrip(b"\r\n")
