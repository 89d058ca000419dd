"""The dialects of Ollama's chat and generate, each as one object."""

from collections.abc import Callable
from typing import Final

from faregate.core.refusals import Refusal
from faregate.dialects.neutral.reply import Reply
from faregate.dialects.neutral.request import Request
from faregate.dialects.ollama import reply as replies
from faregate.dialects.ollama import request_reader, request_writer
from faregate.dialects.ollama.messages_reader import NAME
from faregate.dialects.ollama.stream_reader import OllamaStreamReader
from faregate.dialects.ollama.stream_writer import OllamaStreamWriter
from faregate.dialects.translation import Asked, Dialect, TargetFacts, Written

CARRIES: Final = request_writer.CARRIES
GENERATE_CARRIES: Final = request_writer.GENERATE_CARRIES


class OllamaDialect:
    """/api/chat or, if it `generates`, /api/generate; whole and streamed."""

    stream_type = "application/x-ndjson"

    def __init__(self, *, generates: bool = False) -> None:
        self.name = request_reader.GENERATE if generates else NAME
        self._generates = generates
        read, write = request_reader.read_chat, request_writer.write_chat
        if generates:
            read, write = request_reader.read_generate, request_writer.write_generate
        self._read = read
        self._write: Callable[[Request, TargetFacts], Written] = write

    def read_request(self, body: bytes, model: str | None, *, stream: bool) -> Request | Refusal:
        """A caller's request; it says model and stream itself."""
        return self._read(body, model, stream=stream)

    def write_request(self, request: Request, target: TargetFacts) -> Written:
        """The same for a target; what can't be carried is told."""
        return self._write(request, target)

    def read_reply(self, body: bytes) -> Reply:
        """A vendor's whole reply; raises `MalformedReplyError`."""
        return replies.read_reply(body)

    def write_reply(self, reply: Reply, asked: Asked) -> bytes:
        """A whole reply for a caller."""
        write = replies.write_generate if self._generates else replies.write_chat
        return write(reply, asked)

    def stream_reader(self) -> OllamaStreamReader:
        """For one reply."""
        return OllamaStreamReader()

    def stream_writer(self, asked: Asked) -> OllamaStreamWriter:
        """For one reply."""
        return OllamaStreamWriter(asked, generates=self._generates)


DIALECT: Final[Dialect] = OllamaDialect()
GENERATE_DIALECT: Final[Dialect] = OllamaDialect(generates=True)
