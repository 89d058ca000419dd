"""OpenAI's chat completions as a dialect."""

from typing import Final

from faregate.core.refusals import Refusal
from faregate.dialects import translation
from faregate.dialects.free_text import restored, restoring
from faregate.dialects.neutral.reply import Reply
from faregate.dialects.neutral.request import Request
from faregate.dialects.openai import mistral, native, quirks
from faregate.dialects.openai.reply import read_reply, write_reply
from faregate.dialects.openai.request_reader import read_request
from faregate.dialects.openai.request_writer import CARRIES, write_request
from faregate.dialects.openai.stream_reader import ChatStreamReader
from faregate.dialects.openai.stream_writer import ChatStreamWriter
from faregate.dialects.translation import Asked, TargetFacts, Written

__all__ = ["CARRIES", "DIALECT", "NATIVE"]


class ChatDialect:
    """Chat, under the name that origins are told by."""

    name = "openai_chat"
    stream_type = "text/event-stream"

    def read_request(self, body: bytes, model: str | None, *, stream: bool) -> Request | Refusal:
        """A caller's request; model and stream are said in the body."""
        return read_request(body, self.name)

    def write_request(self, request: Request, target: TargetFacts) -> Written:
        """The same for a target."""
        if quirks.MISTRAL_MESSAGES in target.quirks:
            return mistral.write_request(request, target, self.name)
        return write_request(request, target, self.name)

    def read_reply(self, body: bytes) -> Reply:
        """A vendor's whole reply."""
        return read_reply(body, self.name)

    def write_reply(self, reply: Reply, asked: Asked) -> bytes:
        """A whole reply for a caller."""
        return write_reply(restored(reply, asked.request), asked, self.name)

    def stream_reader(self) -> ChatStreamReader:
        """For one reply."""
        return ChatStreamReader(self.name)

    def stream_writer(self, asked: Asked) -> translation.StreamWriter:
        """For one reply."""
        return restoring(ChatStreamWriter(asked, self.name), asked.request)


DIALECT: Final[translation.Dialect] = ChatDialect()
NATIVE: Final[translation.Native] = native.CHAT
