"""Gemini's dialect, with streams of events or of one JSON array."""

from typing import Final

from faregate.core.refusals import Refusal
from faregate.dialects.gemini import reply as replies
from faregate.dialects.gemini import request_reader, request_writer
from faregate.dialects.gemini.signatures import NAME
from faregate.dialects.gemini.stream_reader import GeminiStreamReader
from faregate.dialects.gemini.stream_writer import GeminiStreamWriter
from faregate.dialects.neutral.reply import Reply
from faregate.dialects.neutral.request import Request
from faregate.dialects.translation import Asked, Dialect, TargetFacts, Written

CARRIES: Final = request_writer.CARRIES


class GeminiDialect:
    """Both calls to generate; `as_array`: streamed without alt=sse."""

    def __init__(self, *, as_array: bool = False) -> None:
        self.name = NAME
        self.stream_type = "application/json" if as_array else "text/event-stream"
        self._as_array = as_array

    def read_request(self, body: bytes, model: str | None, *, stream: bool) -> Request | Refusal:
        """A caller's request; `model` and `stream` are the path's."""
        return request_reader.read_request(body, model, stream=stream)

    def write_request(self, request: Request, target: TargetFacts) -> Written:
        """The same for a target; what can't be carried is told."""
        return request_writer.write_request(request, target)

    def read_reply(self, body: bytes) -> Reply:
        """A vendor's whole reply; raises `MalformedReplyError`."""
        return replies.read_reply(body)

    def write_reply(self, reply: Reply, asked: Asked) -> bytes:
        """A whole reply for a caller."""
        return replies.write_reply(reply, asked)

    def stream_reader(self) -> GeminiStreamReader:
        """For one reply, in either form."""
        return GeminiStreamReader()

    def stream_writer(self, asked: Asked) -> GeminiStreamWriter:
        """For one reply."""
        return GeminiStreamWriter(asked, as_array=self._as_array)


DIALECT: Final[Dialect] = GeminiDialect()
ARRAY_DIALECT: Final[Dialect] = GeminiDialect(as_array=True)
