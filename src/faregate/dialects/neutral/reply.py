"""A reply in no vendor's dialect, whole or as a stream of events."""

from typing import Literal

import msgspec

from faregate.dialects.neutral.parts import Citation, Json, Part
from faregate.dialects.usage import Usage

Finish = Literal[
    "stop",  # the model had no more to say
    "length",  # the output limit
    "stop_sequence",  # one of the request's
    "tool_calls",  # it waits for results of tools
    "content_filter",  # cut or withheld by the vendor's filter
    "refusal",  # the model declined
    "pause",  # the vendor wants the turn to be sent again (Anthropic's pause_turn)
    "context_length",  # the model's window is full
    "error",
]


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """One answer.

    `logprobs` is the list of tokens as OpenAI's chat writes it.
    """

    parts: tuple[Part, ...]
    finish: Finish
    stop_sequence: str | None = None
    logprobs: Json = None


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """A whole reply.

    `created_s` is seconds since 1970, None where it isn't said.
    """

    id: str
    model: str
    choices: tuple[Choice, ...]
    usage: Usage | None = None
    created_s: int | None = None
    service_tier: str | None = None
    fingerprint: str | None = None


# -- a stream --------------------------------------------------------------------------------------
#
# `choice` is the answer's number. `part` is the part's number within it, in the order in which
# parts opened; it opens with its first event. Parts may be open at the same time and their events
# interleave: a writer whose dialect goes part by part keeps back what is ahead of its turn.


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """The stream's first event; `usage` where the input is told beforehand."""

    id: str
    model: str
    created_s: int | None = None
    usage: Usage | None = None
    service_tier: str | None = None
    fingerprint: str | None = None


class TextDelta(msgspec.Struct, frozen=True):
    """More text.

    `logprobs` is the list of its tokens as OpenAI's chat writes it.
    """

    choice: int
    part: int
    text: str
    logprobs: Json = None


class RefusalDelta(msgspec.Struct, frozen=True):
    """More of what a model says where it declines."""

    choice: int
    part: int
    text: str


class CitationSeen(msgspec.Struct, frozen=True):
    """A source of the text part's text so far."""

    choice: int
    part: int
    citation: Citation


class ThinkingDelta(msgspec.Struct, frozen=True):
    """More thoughts."""

    choice: int
    part: int
    text: str
    is_summary: bool = False
    id: str | None = None


class ThinkingSigned(msgspec.Struct, frozen=True):
    """What proves the part's thoughts.

    `redacted` stands for all of them.
    """

    choice: int
    part: int
    origin: str
    signature: str | None = None
    redacted: str | None = None
    id: str | None = None


class ToolOpened(msgspec.Struct, frozen=True):
    """The model begins to call a tool."""

    choice: int
    part: int
    id: str
    name: str
    signature: str | None = None
    origin: str = ""
    custom: bool = False


class ToolDelta(msgspec.Struct, frozen=True):
    """More of the call's arguments."""

    choice: int
    part: int
    arguments: str


class MediaSeen(msgspec.Struct, frozen=True):
    """A whole image or a piece of sound in the answer."""

    choice: int
    part: int
    media: Part


class ServerPartSeen(msgspec.Struct, frozen=True):
    """A whole part that only its own dialect knows."""

    choice: int
    part: int
    origin: str
    raw: Json


class PartClosed(msgspec.Struct, frozen=True):
    """The part is whole; a reader may leave it out, `Finished` closes all."""

    choice: int
    part: int


class Finished(msgspec.Struct, frozen=True):
    """The answer is whole."""

    choice: int
    finish: Finish
    stop_sequence: str | None = None


class UsageSeen(msgspec.Struct, frozen=True):
    """The usage of the call so far; the last one counts."""

    usage: Usage


class Failed(msgspec.Struct, frozen=True):
    """The vendor's error in mid-stream.

    `raw` is the event's data, for its class.
    """

    message: str
    raw: bytes = b""


class Pinged(msgspec.Struct, frozen=True):
    """The vendor keeps the stream awake."""


class Ended(msgspec.Struct, frozen=True):
    """The stream's own end ([DONE], message_stop, response.completed)."""


Event = (
    Opened
    | TextDelta
    | RefusalDelta
    | CitationSeen
    | ThinkingDelta
    | ThinkingSigned
    | ToolOpened
    | ToolDelta
    | MediaSeen
    | ServerPartSeen
    | PartClosed
    | Finished
    | UsageSeen
    | Failed
    | Pinged
    | Ended
)
