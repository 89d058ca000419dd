"""What a caller's connection and what answers it say to each other."""

from typing import TYPE_CHECKING, Protocol

from faregate.core.refusals import Refusal
from faregate.wire.request_reader import RequestHead

if TYPE_CHECKING:
    from faregate.net.client_connection import ClientConnection


class Exchange(Protocol):
    """One request, as the application sees it through.

    It answers with `ClientConnection.send` and, once, `finish`; before the request is whole it
    may only answer in order to end the connection. A `refusal` that its head deserves is given
    back to it by `request_refused` once it is known whether the request came in one piece, so
    that the connection can live on if it did.
    """

    refusal: Refusal | None

    def request_whole(self, body: bytes) -> None:
        """The whole request is there."""

    def request_refused(self, refusal: Refusal) -> None:
        """The rest of the request can't be accepted.

        The connection ends after the answer.
        """

    def client_gone(self) -> None:
        """The client has left; nothing can be sent to it."""

    def client_slow(self) -> None:
        """The client reads too slowly: send no more for the moment."""

    def client_ready(self) -> None:
        """The client reads again."""


class Application(Protocol):
    """What answers requests."""

    def open_exchange(self, connection: "ClientConnection", head: RequestHead) -> Exchange:
        """Take on a request by its head, before its body has come."""

    def refuse_bytes(self, connection: "ClientConnection", refusal: Refusal) -> None:
        """Answer what is no request, or comes too late to be one."""
