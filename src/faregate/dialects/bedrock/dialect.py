"""Amazon Bedrock's Converse as a dialect, and Claude by InvokeModel."""

from typing import Final

from faregate.core.refusals import Refusal
from faregate.dialects.anthropic.dialect import Anthropic
from faregate.dialects.bedrock import invoke, reply, request_reader, request_writer
from faregate.dialects.bedrock.block_reader import NAME
from faregate.dialects.bedrock.stream_reader import StreamReader
from faregate.dialects.bedrock.stream_writer import StreamWriter
from faregate.dialects.neutral.reply import Reply
from faregate.dialects.neutral.request import Request
from faregate.dialects.translation import Asked, TargetFacts, Written
from faregate.wire.event_stream import MEDIA_TYPE


class BedrockConverse:
    """Converse; satisfies `translation.Dialect`."""

    name = NAME
    stream_type = MEDIA_TYPE

    def read_request(self, body: bytes, model: str | None, *, stream: bool) -> Request | Refusal:
        """A caller's request."""
        return request_reader.read_request(body, model, stream=stream)

    def write_request(self, request: Request, target: TargetFacts) -> Written:
        """The same for a target."""
        return request_writer.write_request(request, target)

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


class BedrockInvoke:
    """Claude behind InvokeModel; satisfies `translation.Dialect`.

    Callers are answered as Anthropic's own API answers.
    """

    name = "bedrock_invoke"
    stream_type = MEDIA_TYPE
    _inner: Final = Anthropic("bedrock")
    read_request = _inner.read_request
    write_request = _inner.write_request
    read_reply = _inner.read_reply
    write_reply = _inner.write_reply
    stream_writer = _inner.stream_writer

    def stream_reader(self) -> invoke.StreamReader:
        """For one reply."""
        return invoke.StreamReader()


# What the writer can carry, of `neutral.features.FEATURES`.
CARRIES: Final = frozenset(
    (
        "system", "tools", "tools.strict", "tools.server", "tool_choice", "tool_result.image",
        "tool_result.error", "image.data", "document.data", "document.text", "audio.data",
        "video.data", "thinking", "cache", "citations", "answer_format.schema",
        "output_tokens_max", "stop", "reasoning", "temperature", "top_p", "top_k", "user",
        "service_tier", "metadata",
    )
)  # fmt: skip

DIALECT: Final = BedrockConverse()
INVOKE: Final = BedrockInvoke()
