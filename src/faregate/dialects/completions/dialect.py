"""OpenAI's completions as a dialect."""

from typing import Final

from faregate.core.refusals import Refusal
from faregate.dialects import translation
from faregate.dialects.completions import request as requests
from faregate.dialects.completions.reply import (
    CompletionsStreamReader,
    CompletionsStreamWriter,
    read_reply,
    write_reply,
)
from faregate.dialects.completions.request import CARRIES
from faregate.dialects.neutral.reply import Reply
from faregate.dialects.neutral.request import Request
from faregate.dialects.openai.native import COMPLETIONS
from faregate.dialects.translation import Asked, TargetFacts, Written

__all__ = ["CARRIES", "DIALECT", "NATIVE"]


class CompletionsDialect:
    """Completions."""

    name = requests.NAME
    stream_type = "text/event-stream"

    def read_request(self, body: bytes, model: str | None, *, stream: bool) -> Request | Refusal:
        """A caller's request; model and stream are said in the body."""
        return requests.read_request(body)

    def write_request(self, request: Request, target: TargetFacts) -> Written:
        """The same for a target."""
        return requests.write_request(request, target)

    def read_reply(self, body: bytes) -> Reply:
        """A vendor's whole completion."""
        return read_reply(body)

    def write_reply(self, reply: Reply, asked: Asked) -> bytes:
        """A whole completion for a caller."""
        return write_reply(reply, asked)

    def stream_reader(self) -> CompletionsStreamReader:
        """For one completion."""
        return CompletionsStreamReader()

    def stream_writer(self, asked: Asked) -> CompletionsStreamWriter:
        """For one completion."""
        return CompletionsStreamWriter(asked)


DIALECT: Final[translation.Dialect] = CompletionsDialect()
NATIVE: Final[translation.Native] = COMPLETIONS
