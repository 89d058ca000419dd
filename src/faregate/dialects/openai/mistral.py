"""Mistral's chat, where it deviates from OpenAI's.

It refuses members that it doesn't know, wants ids of calls to be nine letters or digits, takes
thoughts as chunks of content, names a seed `random_seed`, and goes on with a last message of the
assistant only where `prefix` says so.

Source: Mistral's SDK for Python, models of ChatCompletionRequest, AssistantMessage, ThinkChunk,
ToolMessage; Mistral, "Function calling" (ids).
"""

import hashlib
import re
from typing import Any, Final

import msgspec

from faregate.dialects.neutral.parts import (
    Audio,
    Document,
    Part,
    RefusalText,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Video,
)
from faregate.dialects.neutral.request import Message, Request, Tool, ToolChoice
from faregate.dialects.openai import quirks
from faregate.dialects.openai.media import write_url
from faregate.dialects.openai.messages_writer import MessagesWriter
from faregate.dialects.openai.request_writer import CARRIES as CHATS
from faregate.dialects.openai.request_writer import write_members
from faregate.dialects.openai.thoughts import write_proof
from faregate.dialects.translation import Lost, TargetFacts, Written

_NONE: Final = frozenset({
    "verbosity", "modalities", "logit_bias", "user", "store", "speech", "tools.custom",
})  # fmt: skip
CARRIES: Final = (CHATS - _NONE - {"cache", "service_tier", "video.url", "video.data"}) | {
    "document.url", "tool_result.image",
}  # fmt: skip
_TIERS: Final = ("auto", "standard_only")
_QUIRKS: Final = frozenset({
    quirks.NO_STREAM_OPTIONS, quirks.TOOL_IMAGES, quirks.AUTOMATIC_CACHE, quirks.RANDOM_SEED,
})  # fmt: skip
_ID: Final = re.compile(r"[A-Za-z0-9]{9}")
_encode: Final = msgspec.json.Encoder().encode


def short_id(call_id: str) -> str:
    """An id that Mistral takes; the same for the same id."""
    if _ID.fullmatch(call_id):
        return call_id
    return hashlib.blake2b(call_id.encode(errors="surrogatepass"), digest_size=5).hexdigest()[:9]


def _taken(part: Part) -> Part:
    """A part as Mistral takes it: short ids, functions only, a refusal as text."""
    if isinstance(part, ToolCall):
        arguments = part.arguments
        if part.custom:
            arguments = _encode({"input": arguments}).decode()
        return msgspec.structs.replace(
            part, id=short_id(part.id), arguments=arguments, custom=False
        )
    if isinstance(part, ToolResult):
        return msgspec.structs.replace(part, call_id=short_id(part.call_id))
    return Text(part.text) if isinstance(part, RefusalText) else part


class _Messages(MessagesWriter):
    """Writes messages with Mistral's parts."""

    def messages(self, messages: tuple[Message, ...]) -> list[dict[str, Any]]:
        """All of them; a last message of the assistant is what the answer begins with."""
        written = super().messages(tuple(map(self._shortened, messages)))
        if written and written[-1]["role"] == "assistant":
            written[-1]["prefix"] = True
        return written

    def _shortened(self, message: Message) -> Message:
        if message.name is not None:
            self.lose("messages.name", "Messages have no participant's name.")
        return Message(message.role, tuple(map(_taken, message.parts)))

    def assistant(self, message: Message) -> dict[str, Any]:
        """An earlier answer, its own thoughts in front."""
        made = super().assistant(message)
        thoughts = [
            self._thought(part)
            for part in message.parts
            if isinstance(part, Thinking) and part.text and part.origin in ("", self.dialect)
        ]
        if thoughts:
            said = made["content"] or []
            said = [{"type": "text", "text": said}] if isinstance(said, str) else said
            made["content"] = [*thoughts, *said]
        return made

    def _thought(self, part: Thinking) -> dict[str, Any]:
        inner = [{"type": "text", "text": part.text}]
        made: dict[str, Any] = {"type": "thinking", "thinking": inner, "closed": True}
        if part.signature is not None:
            made |= write_proof(part.signature, "signature", part.origin, self.dialect)
        return made

    def document(self, part: Document) -> dict[str, Any] | None:
        """A document by its URL, which may hold it."""
        if part.text is not None or part.source is None:
            return super().document(part)
        url = write_url(part.source, "application/pdf")
        if url is None:
            return {"type": "file", "file_id": part.source.file_id}
        made = {"type": "document_url", "document_url": url}
        return made if part.name is None else made | {"document_name": part.name}

    def video(self, part: Video) -> dict[str, Any] | None:
        """There are no films."""
        self.lose("messages.video", "Mistral takes no films.")
        return None

    def audio(self, part: Audio) -> dict[str, Any] | None:
        """Sound in base64, or by its URL."""
        said = part.source.data or part.source.url
        if said is None:
            return super().audio(part)
        return {"type": "input_audio", "input_audio": said}


def write_request(request: Request, target: TargetFacts, dialect: str) -> Written:
    """A request for Mistral."""
    facts = msgspec.structs.replace(
        target, quirks=target.quirks | _QUIRKS, unsupported=target.unsupported | _NONE
    )
    writer = _Messages(facts, dialect)
    tier = request.service_tier
    if tier is not None and tier not in _TIERS:
        writer.lose("service_tier", "Mistral has no such tier.")
        request = msgspec.structs.replace(request, service_tier=None)
    choice = request.tool_choice
    if choice is not None and choice.mode == "allowed":
        allowed = [
            tool for tool in request.tools if isinstance(tool, Tool) and tool.name in choice.names
        ]
        choice = ToolChoice("required" if choice.required else "auto")
        request = msgspec.structs.replace(request, tools=tuple(allowed), tool_choice=choice)
    body = write_members(request, facts, writer)
    for tool in body.get("tools", ()):
        if tool.get("type") == "function":
            tool["function"].setdefault("parameters", {"type": "object", "properties": {}})
    lost = tuple(Lost(name, why) for name, why in writer.lost.items())
    return Written(_encode(body), lost)
