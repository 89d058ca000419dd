"""The dialect of Cohere's chat as one object."""

from typing import Final

from faregate.core.refusals import Refusal
from faregate.dialects.cohere import reply as replies
from faregate.dialects.cohere import request_reader, request_writer
from faregate.dialects.cohere.request_reader import NAME
from faregate.dialects.cohere.stream_reader import CohereStreamReader
from faregate.dialects.cohere.stream_writer import CohereStreamWriter
from faregate.dialects.neutral.reply import Reply
from faregate.dialects.neutral.request import Request
from faregate.dialects.translation import Asked, Dialect, TargetFacts, Written

CARRIES: Final = request_writer.CARRIES


class CohereDialect:
    """/v2/chat, whole and streamed."""

    name = NAME
    stream_type = "text/event-stream"

    def read_request(self, body: bytes, model: str | None, *, stream: bool) -> Request | Refusal:
        """A caller's request; it says model and stream itself."""
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

    def stream_reader(self) -> CohereStreamReader:
        """For one reply."""
        return CohereStreamReader()

    def stream_writer(self, asked: Asked) -> CohereStreamWriter:
        """For one reply."""
        return CohereStreamWriter(asked)


DIALECT: Final[Dialect] = CohereDialect()
