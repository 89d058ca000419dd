"""Anthropic's Messages as a dialect, and its forms at other services.

Vertex AI takes the model in the path and the API's version in the body; Bedrock's InvokeModel
also says by its path whether the reply is streamed.
"""

from typing import Final

from faregate.core.refusals import Refusal
from faregate.dialects.anthropic import reply, request_reader, request_writer
from faregate.dialects.anthropic.request_writer import Service
from faregate.dialects.anthropic.shapes import NAME
from faregate.dialects.anthropic.stream_reader import StreamReader
from faregate.dialects.anthropic.stream_writer import StreamWriter
from faregate.dialects.neutral.reply import Reply
from faregate.dialects.neutral.request import Request
from faregate.dialects.translation import Asked, TargetFacts, Written


class Anthropic:
    """The dialect as a service takes it; satisfies `translation.Dialect`."""

    name = NAME
    stream_type = "text/event-stream"

    def __init__(self, service: Service = "anthropic") -> None:
        self._service = service

    def read_request(self, body: bytes, model: str | None, *, stream: bool) -> Request | Refusal:
        """A caller's request."""
        return request_reader.read_request(body, model, stream=stream)

    def write_request(self, request: Request, target: TargetFacts) -> Written:
        """The same for a target."""
        return request_writer.write_request(request, target, self._service)

    def read_reply(self, body: bytes) -> Reply:
        """A vendor's whole reply."""
        return reply.read_reply(body)

    def write_reply(self, whole: Reply, asked: Asked) -> bytes:
        """A whole reply for a caller."""
        return reply.write_reply(whole, asked)

    def stream_reader(self) -> StreamReader:
        """For one reply."""
        return StreamReader()

    def stream_writer(self, asked: Asked) -> StreamWriter:
        """For one reply."""
        return StreamWriter(asked)


# What the writer can carry, of `neutral.features.FEATURES`.
CARRIES: Final = frozenset(
    (
        "system", "tools", "tools.strict", "tools.server", "tool_choice", "parallel_tool_calls",
        "tool_result.image", "tool_result.error", "image.url", "image.data", "document.url",
        "document.data", "document.text", "thinking", "cache", "citations",
        "answer_format.schema", "output_tokens_max", "stop", "reasoning", "temperature", "top_p",
        "top_k", "user", "service_tier",
    )
)  # fmt: skip

DIALECT: Final = Anthropic()
VERTEX: Final = Anthropic("vertex")
BEDROCK: Final = Anthropic("bedrock")
