"""Speech, and what was said, in no vendor's words.

Sources: OpenAI API reference, "Audio"; ElevenLabs API reference, "Text to speech", "Speech to
text".
"""

from typing import Any, Literal

import msgspec

from faregate.dialects.usage import Usage

AudioFormat = Literal["mp3", "opus", "aac", "flac", "wav", "pcm"]
TextFormat = Literal["json", "text", "srt", "verbose_json", "vtt", "diarized_json"]


class SpeechRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A text to be spoken.

    `others` are members that only dialects like `origin` know.
    """

    model: str
    origin: str
    text: str
    voice: str
    format: AudioFormat = "mp3"
    speed: float | None = None
    instructions: str | None = None
    stream_format: Literal["sse", "audio"] | None = None
    others: dict[str, Any] = {}


class SpeechReply(msgspec.Struct, frozen=True):
    """The sound, in the format that was asked for."""

    audio: bytes
    usage: Usage | None = None


class TranscriptionRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A sound to be written down."""

    model: str
    origin: str
    audio: bytes
    filename: str = "audio"
    media_type: str = "application/octet-stream"
    language: str | None = None
    prompt: str | None = None
    format: TextFormat = "json"
    temperature: float | None = None
    granularities: tuple[str, ...] = ()
    stream: bool = False
    others: dict[str, tuple[str, ...]] = {}


class Span(msgspec.Struct, frozen=True):
    """What was said between two moments: a word or a segment."""

    start_ms: int
    end_ms: int
    text: str


class Transcript(msgspec.Struct, frozen=True, kw_only=True):
    """What was said; `segments` and `words` only where the vendor tells when."""

    text: str
    language: str | None = None
    duration_ms: int | None = None
    segments: tuple[Span, ...] = ()
    words: tuple[Span, ...] = ()
    usage: Usage | None = None
