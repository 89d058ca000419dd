"""Parts of messages: text, media, tool calls and results, thinking.

A part says all that any dialect says of it. A writer whose dialect can't carry a member tells so
(`translation.Written.lost`); it never leaves one out in silence.
"""

from typing import Any, Final, Literal

import msgspec

Json = Any  # a decoded JSON value

_FOREIGN: Final = "faregate:"


class CacheMark(msgspec.Struct, frozen=True):
    """The prompt up to here shall be kept in the vendor's cache.

    None: as long as it likes.
    """

    ttl: Literal["5m", "1h"] | None = None


class Media(msgspec.Struct, frozen=True, kw_only=True):
    """Where bytes are.

    One of a URL, base64 text or an id of an uploaded file.

    `media_type` is as in "image/png"; None where the caller did not say it (of a URL).
    """

    media_type: str | None = None
    url: str | None = None
    data: str | None = None
    file_id: str | None = None


class Citation(msgspec.Struct, frozen=True, kw_only=True):
    """A source of a piece of an answer's text.

    `start` and `end` are characters of the text that it belongs to. `raw` is the whole citation
    as its dialect wrote it, and `origin` that dialect, for what only it can say.
    """

    url: str | None = None
    title: str | None = None
    cited_text: str | None = None
    start: int | None = None
    end: int | None = None
    document: int | None = None
    raw: Json = None
    origin: str = ""


class Text(msgspec.Struct, frozen=True, tag="text"):
    """Text of whoever's message it is in."""

    text: str
    cache: CacheMark | None = None
    citations: tuple[Citation, ...] = ()


class RefusalText(msgspec.Struct, frozen=True, tag="refusal"):
    """What a model says where it declines (OpenAI's `refusal`)."""

    text: str


class Image(msgspec.Struct, frozen=True, tag="image"):
    """An image; `detail` is OpenAI's: auto, low, high, original."""

    source: Media
    detail: str | None = None
    cache: CacheMark | None = None


class Audio(msgspec.Struct, frozen=True, tag="audio"):
    """Sound.

    `format` is as in wav, mp3. `id` names an earlier answer of the vendor's.
    """

    source: Media
    format: str | None = None
    id: str | None = None
    transcript: str | None = None


class Video(msgspec.Struct, frozen=True, tag="video"):
    """A film."""

    source: Media
    cache: CacheMark | None = None


class Document(msgspec.Struct, frozen=True, tag="document"):
    """A PDF or another file.

    `text` instead of a source where it is plain text.
    """

    source: Media | None = None
    text: str | None = None
    name: str | None = None
    context: str | None = None
    cite: bool | None = None
    cache: CacheMark | None = None


class ToolCall(msgspec.Struct, frozen=True, tag="tool_call"):
    """A model wants a tool: `arguments` is JSON text, as it was written.

    `signature` is the vendor's proof of the thought behind it, to be given back unchanged to
    whom `origin` (a dialect) says. `custom`: a tool of free text, whose input `arguments` is.
    """

    id: str
    name: str
    arguments: str
    signature: str | None = None
    origin: str = ""
    custom: bool = False
    cache: CacheMark | None = None


class ToolResult(msgspec.Struct, frozen=True, tag="tool_result"):
    """What a tool gave; `name` is the tool's, where the dialect says it."""

    call_id: str
    parts: tuple["Text | Image | Document | Audio | Video", ...]
    name: str | None = None
    is_error: bool | None = None
    custom: bool = False
    cache: CacheMark | None = None


class Thinking(msgspec.Struct, frozen=True, tag="thinking"):
    """A model's thoughts: text, a summary, or only what proves them.

    `signature` and `redacted` (thoughts encrypted) mean something only to the vendors of the
    dialect `origin`. `id` is the item's, where it has one.
    """

    text: str = ""
    signature: str | None = None
    redacted: str | None = None
    id: str | None = None
    is_summary: bool = False
    origin: str = ""


class ServerPart(msgspec.Struct, frozen=True, tag="server"):
    """A part that only its own dialect knows.

    Such as a search that the vendor did.

    `raw` is the part as it was written.
    """

    origin: str
    raw: Json


Part = (
    Text
    | RefusalText
    | Image
    | Audio
    | Video
    | Document
    | ToolCall
    | ToolResult
    | Thinking
    | ServerPart
)


def shown_signature(signature: str, origin: str, dialect: str) -> str:
    """A signature as `dialect` writes it; a foreign one says whose it is.

    Callers give it back as it is, so a conversation keeps its thoughts through any dialect.
    """
    return signature if origin == dialect else f"{_FOREIGN}{origin}:{signature}"


def carries_foreign(body: bytes) -> bool:
    """Whether a request brings a signature of `shown_signature`.

    Also as base64.
    """
    return b'"faregate:' in body or b'"ZmFyZWdhdGU6' in body


def read_signature(shown: str, dialect: str) -> tuple[str, str]:
    """The signature and its origin, from what `shown_signature` wrote."""
    if shown.startswith(_FOREIGN):
        origin, colon, signature = shown[len(_FOREIGN) :].partition(":")
        if colon and origin:
            return signature, origin
    return shown, dialect
