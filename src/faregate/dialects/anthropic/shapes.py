"""The blocks of Anthropic's Messages API as they stand in JSON.

Those of requests are strict: a block with a member that isn't known here is kept whole
(`parts.ServerPart`) rather than read without it. Those of replies pass over such members.

Source: Anthropic's API reference, "Messages", and the types of its SDK for Python 2.12.
"""

from typing import Any, Final, Literal

import msgspec

NAME: Final = "anthropic"
# Dialects whose proofs of thoughts are Anthropic's: Claude's hold wherever it is served.
KIN: Final = frozenset((NAME, "bedrock_converse"))
NOTHING: Final = msgspec.Raw(b"null")  # of a member that isn't there


class CacheControl(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """A mark for the prompt cache."""

    type: Literal["ephemeral"]
    ttl: Literal["5m", "1h"] | None = None


class Base64Source(msgspec.Struct, tag="base64", gc=False, forbid_unknown_fields=True):
    """Bytes in the request."""

    media_type: str
    data: str


class UrlSource(msgspec.Struct, tag="url", gc=False, forbid_unknown_fields=True):
    """Bytes that Anthropic fetches."""

    url: str


class FileSource(msgspec.Struct, tag="file", gc=False, forbid_unknown_fields=True):
    """A file that was uploaded to Anthropic."""

    file_id: str


class TextSource(msgspec.Struct, tag="text", gc=False, forbid_unknown_fields=True):
    """Plain text."""

    media_type: Literal["text/plain"]
    data: str


class CitationsConfig(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """Whether the model shall say which passages it used."""

    enabled: bool | None = None


class TextBlock(msgspec.Struct, tag="text"):
    """Text."""

    text: str
    cache_control: CacheControl | None = None
    citations: list[dict[str, Any]] | None = None


class ImageBlock(msgspec.Struct, tag="image", gc=False):
    """An image."""

    source: Base64Source | UrlSource | FileSource
    cache_control: CacheControl | None = None


class DocumentBlock(msgspec.Struct, tag="document", gc=False):
    """A PDF or plain text."""

    source: Base64Source | UrlSource | FileSource | TextSource
    title: str | None = None
    context: str | None = None
    citations: CitationsConfig | None = None
    cache_control: CacheControl | None = None


class Caller(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """Who called a tool: the model itself is all that other dialects know."""

    type: Literal["direct"]


class ToolUseBlock(msgspec.Struct, tag="tool_use", gc=False):
    """A call of the caller's tool."""

    id: str
    name: str
    input: msgspec.Raw
    cache_control: CacheControl | None = None
    caller: Caller | None = None


class ToolResultBlock(msgspec.Struct, tag="tool_result"):
    """What a tool gave."""

    tool_use_id: str
    content: str | list[msgspec.Raw] | None = None
    is_error: bool | None = None
    cache_control: CacheControl | None = None


class ThinkingBlock(msgspec.Struct, tag="thinking", gc=False):
    """Thoughts, or a summary of them, with their proof."""

    thinking: str
    signature: str | None = None


class RedactedThinkingBlock(msgspec.Struct, tag="redacted_thinking", gc=False):
    """Thoughts that are encrypted."""

    data: str


Block = (
    TextBlock
    | ImageBlock
    | DocumentBlock
    | ToolUseBlock
    | ToolResultBlock
    | ThinkingBlock
    | RedactedThinkingBlock
)


class _StrictText(TextBlock, tag="text", forbid_unknown_fields=True): ...


class _StrictImage(ImageBlock, tag="image", forbid_unknown_fields=True): ...


class _StrictDocument(DocumentBlock, tag="document", forbid_unknown_fields=True): ...


class _StrictToolUse(ToolUseBlock, tag="tool_use", forbid_unknown_fields=True): ...


class _StrictToolResult(ToolResultBlock, tag="tool_result", forbid_unknown_fields=True): ...


class _StrictThinking(ThinkingBlock, tag="thinking", forbid_unknown_fields=True): ...


class _StrictRedacted(RedactedThinkingBlock, tag="redacted_thinking", forbid_unknown_fields=True):
    pass


KNOWN_BLOCKS: Final = frozenset(
    ("text", "image", "document", "tool_use", "tool_result", "thinking", "redacted_thinking")
)
decode_strict_block: Final = msgspec.json.Decoder(
    _StrictText
    | _StrictImage
    | _StrictDocument
    | _StrictToolUse
    | _StrictToolResult
    | _StrictThinking
    | _StrictRedacted
).decode


class ReplyToolUse(msgspec.Struct, tag="tool_use", gc=False):
    """A call in a reply, whoever called."""

    id: str
    name: str
    input: msgspec.Raw = msgspec.Raw(b"{}")


ReplyBlock = TextBlock | ReplyToolUse | ThinkingBlock | RedactedThinkingBlock
decode_reply_block: Final = msgspec.json.Decoder(ReplyBlock).decode
REPLY_BLOCKS: Final = frozenset(("text", "tool_use", "thinking", "redacted_thinking"))
