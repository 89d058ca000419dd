"""One call in one dialect, from its message to its answer."""

from collections.abc import Callable, Iterator
from typing import Any, Final, Literal, NamedTuple

import msgspec

from faregate.simulator.answer import Answer, Asked, compose, encode
from faregate.simulator.errors import Failure, Headers, RefusedError, Voice
from faregate.simulator.script import Script

# How a vendor takes its key: in which header, or in which form of Authorization.
Scheme = Literal["bearer", "x-api-key", "google", "xi-api-key", "aws", "any", "none"]


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A request as a dialect sees it.

    `headers` have names in lower case; `names` are the variable parts of the path; `vendor` is
    the one that the path began with.
    """

    method: str
    path: str
    query: dict[str, str] = {}
    headers: dict[str, str] = {}
    body: bytes = b""
    names: dict[str, str] = {}
    vendor: str = ""


class Piece(NamedTuple):
    """A part of a stream; `tokens` of the answer come with it."""

    data: bytes
    tokens: int = 0
    events: int = 1


class Exchange:
    """One call: what it asks, and how its answer is written."""

    content_type = "application/json"
    stream_type = "text/event-stream"
    headers: Headers = ()
    status = 200
    streamed = False
    model = ""

    def tokens(self, script: Script) -> int:
        """How many tokens an answer that isn't streamed has to wait for."""
        return 0

    def whole(self, script: Script) -> bytes:
        """The body of the answer."""
        raise NotImplementedError

    def pieces(self, script: Script) -> Iterator[Piece]:
        """The answer as a stream."""
        raise NotImplementedError

    def failed(self, failure: Failure) -> Failure:
        """An error that the script asks for, as this call is answered with it."""
        return failure

    def broken_off(self, failure: Failure, sent: int = 0) -> bytes:
        """What a stream shows of an error after so many events."""
        return b"data: " + failure.body + b"\n\n"


class Document(Exchange):
    """An answer that is the same whatever the script says of texts."""

    def __init__(
        self, body: bytes, content_type: str = "application/json", *, status: int = 200
    ) -> None:
        self._body = body
        self.content_type = content_type
        self.status = status

    def whole(self, script: Script) -> bytes:
        """The body of the answer."""
        return self._body


class Turn(Exchange):
    """A model's turn of a conversation."""

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self.model = asked.model
        self.streamed = asked.streamed

    def tokens(self, script: Script) -> int:
        """How many tokens an answer that isn't streamed has to wait for."""
        return compose(self.asked, script).usage.output

    def whole(self, script: Script) -> bytes:
        """The body of the answer."""
        return self.written(compose(self.asked, script), script)

    def pieces(self, script: Script) -> Iterator[Piece]:
        """The answer as a stream."""
        return self.events(compose(self.asked, script), script)

    def written(self, answer: Answer, script: Script) -> bytes:
        """The body of `answer`."""
        raise NotImplementedError

    def events(self, answer: Answer, script: Script) -> Iterator[Piece]:
        """`answer` as a stream."""
        raise NotImplementedError


class Endpoint(msgspec.Struct, frozen=True):
    """Who answers at an address, in whose voice, and which key it takes.

    `kept` says that the same request may get the same plan again.
    """

    read: Callable[[Message], Exchange]
    voice: Voice
    scheme: Scheme = "bearer"
    methods: tuple[str, ...] = ("POST",)
    kept: bool = True


def sse(document: object, name: str = "") -> bytes:
    """One server-sent event."""
    head = f"event: {name}\n".encode() if name else b""
    return head + b"data: " + encode(document) + b"\n\n"


_OBJECT: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


def members(body: bytes) -> dict[str, msgspec.Raw]:
    """The members of a JSON object, undecoded.

    Raises `msgspec.DecodeError` where it is none.
    """
    return _OBJECT.decode(body)


def only(given: dict[str, Any], known: frozenset[str], words: str) -> None:
    """Refuse members that the vendor does not know; `words` holds a {name}."""
    for name in given:
        if name not in known:
            raise RefusedError(words.replace("{name}", name), param=name)
