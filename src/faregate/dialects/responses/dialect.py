"""OpenAI's responses as a dialect."""

from typing import Final

from faregate.core.refusals import Refusal
from faregate.dialects import translation
from faregate.dialects.free_text import restored, restoring
from faregate.dialects.neutral.reply import Reply
from faregate.dialects.neutral.request import Request
from faregate.dialects.responses import items_reader
from faregate.dialects.responses.native import NATIVE
from faregate.dialects.responses.reply import read_reply, write_reply
from faregate.dialects.responses.request_reader import read_request
from faregate.dialects.responses.request_writer import CARRIES, write_request
from faregate.dialects.responses.stream_reader import ResponsesStreamReader
from faregate.dialects.responses.stream_writer import ResponsesStreamWriter
from faregate.dialects.translation import Asked, TargetFacts, Written

__all__ = ["CARRIES", "DIALECT", "NATIVE"]


class ResponsesDialect:
    """Responses."""

    name = items_reader.DIALECT
    stream_type = "text/event-stream"

    def read_request(self, body: bytes, model: str | None, *, stream: bool) -> Request | Refusal:
        """A caller's request; model and stream are said in the body."""
        return read_request(body)

    def write_request(self, request: Request, target: TargetFacts) -> Written:
        """The same for a target."""
        return write_request(request, target)

    def read_reply(self, body: bytes) -> Reply:
        """A vendor's whole response."""
        return read_reply(body)

    def write_reply(self, reply: Reply, asked: Asked) -> bytes:
        """A whole response for a caller."""
        return write_reply(restored(reply, asked.request), asked)

    def stream_reader(self) -> ResponsesStreamReader:
        """For one response."""
        return ResponsesStreamReader()

    def stream_writer(self, asked: Asked) -> translation.StreamWriter:
        """For one response."""
        return restoring(ResponsesStreamWriter(asked), asked.request)


DIALECT: Final[translation.Dialect] = ResponsesDialect()
