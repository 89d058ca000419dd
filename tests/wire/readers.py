"""Readers that write down what they say, as plain values that can be compared."""

from collections.abc import Iterable
from typing import Any

from faregate.core.refusals import Refusal
from faregate.wire.reply_reader import ReplyHead, ReplyReader
from faregate.wire.request_reader import RequestHead, RequestReader

Event = tuple[Any, ...]


def describe_head(head: RequestHead) -> Event:
    """Everything that a head states, but for its length, which may be that of an earlier one."""
    return (
        "head",
        head.method,
        head.path,
        head.query,
        tuple((name, value) for name, value in head.fields.items() if name != b"content-length"),
        head.http11,
        head.keep_alive,
        head.chunked,
        head.expects_continue,
    )


class RequestRecorder(RequestReader):
    """Pieces of one body are joined, for where they are cut is no one's promise."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[Event] = []
        self.heads: list[RequestHead] = []

    def request_head(self, head: RequestHead) -> None:
        self.heads.append(head)
        self.events.append(describe_head(head))

    def request_data(self, data: bytes) -> None:
        if self.events and self.events[-1][0] == "data":
            data = self.events.pop()[1] + data
        self.events.append(("data", data))

    def request_end(self) -> None:
        self.events.append(("end",))

    def request_refused(self, refusal: Refusal) -> None:
        self.events.append(("refused", refusal.code))

    @property
    def bodies(self) -> list[bytes]:
        """The body of every request that is whole."""
        bodies, body = [], b""
        for event in self.events:
            if event[0] == "data":
                body = event[1]
            elif event[0] == "end":
                bodies.append(body)
                body = b""
        return bodies

    @property
    def refused(self) -> str | None:
        """The code of the refusal, if there was one."""
        return self.events[-1][1] if self.events and self.events[-1][0] == "refused" else None


class ReplyRecorder(ReplyReader):
    """Expects as many replies as it is told to, one after the other."""

    def __init__(self, replies: int = 1) -> None:
        super().__init__()
        self.events: list[Event] = []
        self.heads: list[ReplyHead] = []
        self._replies = replies
        self.expect_reply()

    def reply_head(self, head: ReplyHead) -> None:
        self.heads.append(head)
        self.events.append(
            ("head", head.status, head.length, head.chunked, head.ends_with_connection)
        )

    def reply_data(self, data: bytes) -> None:
        if self.events and self.events[-1][0] == "data":
            data = self.events.pop()[1] + data
        self.events.append(("data", data))

    def reply_end(self) -> None:
        self.events.append(("end",))

    def reply_broken(self, detail: str) -> None:
        assert detail.endswith(".")
        self.events.append(("broken",))

    @property
    def body(self) -> bytes:
        """The body so far."""
        return b"".join(event[1] for event in self.events if event[0] == "data")

    @property
    def whole(self) -> bool:
        """Whether a reply came to its end."""
        return ("end",) in self.events

    @property
    def broken(self) -> bool:
        """Whether the reply was given up."""
        return ("broken",) in self.events


def read_requests(*pieces: bytes) -> RequestRecorder:
    """A recorder that was fed so."""
    reader = RequestRecorder()
    for piece in pieces:
        reader.feed(piece)
    return reader


def read_reply(*pieces: bytes, ends: bool = False) -> ReplyRecorder:
    """A recorder that was fed so, and told of the connection's end if it `ends`."""
    reader = ReplyRecorder()
    for piece in pieces:
        reader.feed(piece)
    if ends:
        reader.feed_eof()
    return reader


def splits(data: bytes) -> Iterable[tuple[bytes, ...]]:
    """`data` cut in two at every point, and into single bytes."""
    for point in range(1, len(data)):
        yield data[:point], data[point:]
    yield tuple(data[at : at + 1] for at in range(len(data)))
