"""Mistral's chat and embeddings as its own SDK reads them.

Its SDK reads no calls of tools in pieces: each comes whole. A stream states its usage unasked, and
a list of vectors has an id. Requests are read as OpenAI's, which know Mistral's members.

Source: Mistral's SDK for Python, models of DeltaMessage, ToolCall, FunctionCall, CompletionChunk,
EmbeddingResponse.
"""

from typing import Final

import msgspec

from faregate.dialects.embeddings.neutral import EmbedReply, EmbedRequest
from faregate.dialects.embeddings.openai import OpenAIEmbeddings
from faregate.dialects.neutral.reply import Event, Finished, PartClosed, ToolDelta, ToolOpened
from faregate.dialects.openai.dialect import ChatDialect
from faregate.dialects.openai.stream_writer import ChatStreamWriter
from faregate.dialects.translation import Asked, StreamWriter
from faregate.dialects.whole_translation import AskedWhole

CHAT_PATH: Final = "/mistral/v1/chat/completions"
EMBEDDINGS_PATH: Final = "/mistral/v1/embeddings"


class MistralStreamWriter:
    """For one reply; calls wait until they are whole."""

    def __init__(self, asked: Asked) -> None:
        request = msgspec.structs.replace(asked.request, stream_usage=True)
        self._writer = ChatStreamWriter(msgspec.structs.replace(asked, request=request))
        self._calls: dict[tuple[int, int], tuple[ToolOpened, list[str]]] = {}

    def write(self, event: Event) -> bytes:
        """The bytes for one event."""
        if isinstance(event, ToolOpened):
            self._calls[event.choice, event.part] = event, []
            return b""
        if not self._calls:
            return self._writer.write(event)
        if isinstance(event, ToolDelta):
            call = self._calls.get((event.choice, event.part))
            if call is not None:
                call[1].append(event.arguments)
            return b""
        if isinstance(event, PartClosed):
            return self._release((event.choice, event.part)) + self._writer.write(event)
        if isinstance(event, Finished):
            of_answer = [place for place in self._calls if place[0] == event.choice]
            return b"".join(map(self._release, of_answer)) + self._writer.write(event)
        return self._writer.write(event)

    def end(self) -> bytes:
        """The rest; a call that isn't whole is not called."""
        return self._writer.end()

    def _release(self, place: tuple[int, int]) -> bytes:
        kept = self._calls.pop(place, None)
        return b"" if kept is None else self._writer.whole_call(kept[0], "".join(kept[1]))


class MistralChat(ChatDialect):
    """Chat as Mistral's SDK reads it."""

    def stream_writer(self, asked: Asked) -> StreamWriter:
        """For one reply."""
        return MistralStreamWriter(asked)


class MistralEmbeddings(OpenAIEmbeddings):
    """Embeddings as Mistral's SDK reads them."""

    def write_reply(self, reply: EmbedReply, asked: AskedWhole[EmbedRequest]) -> bytes:
        """A reply for a caller."""
        written = super().write_reply(reply, asked)
        return b'{"id":%b,%b' % (msgspec.json.encode(asked.call_id), written[1:])


CHAT: Final = MistralChat()
EMBEDDINGS: Final = MistralEmbeddings()
