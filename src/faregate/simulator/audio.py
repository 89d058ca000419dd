"""Speech from text and text from speech: OpenAI's and ElevenLabs'.

Speech is silence, a frame of 24 ms for each character; a recording lasts a second for each
16,000 bytes of its file, whatever they hold.

Sources: OpenAI's API reference: Create speech, Create transcription, Create translation, their
streaming events; ElevenLabs' API reference: Create speech, Errors.
"""

import base64
import struct
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from faregate.simulator.answer import encode, text_tokens, tokens_of
from faregate.simulator.errors import ErrorKind, Headers, RefusedError, Voice, kinds
from faregate.simulator.exchange import Exchange, Message, Piece, sse
from faregate.simulator.multipart import Form
from faregate.simulator.replies import needs
from faregate.simulator.script import Script

TEXT_CHARACTERS_MAX: Final = 4_096
FRAME_SAMPLES: Final = 576  # 24 ms at 24,000 a second, also a frame of MPEG-2 layer 3
FRAMES_PER_PIECE: Final = 16
SAMPLES_PER_SECOND: Final = 24_000
RECORDED_BYTES_PER_SECOND: Final = 16_000
AUDIO_TOKENS_PER_SECOND: Final = 10

_TYPES: Final = {
    "mp3": "audio/mpeg",
    "opus": "audio/opus",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}
_FORMATS: Final = ("json", "text", "srt", "verbose_json", "vtt")
# MPEG-2 layer 3, 64 kbit/s, 24 kHz, one channel: 192 bytes; all zero is silence.
_MP3_FRAME: Final = b"\xff\xf3\x84\xc4" + bytes(188)


def silence(form: str, frames: int) -> Iterator[bytes]:
    """So many frames of silence, in blocks."""
    frame = _MP3_FRAME if form not in ("wav", "pcm") else bytes(FRAME_SAMPLES * 2)
    if form == "wav":
        size = frames * len(frame)
        rate = SAMPLES_PER_SECOND
        yield b"RIFF" + struct.pack("<I", 36 + size) + b"WAVEfmt " + struct.pack(
            "<IHHIIHH", 16, 1, 1, rate, rate * 2, 2, 16
        ) + b"data" + struct.pack("<I", size)  # fmt: skip
    for at in range(0, frames, FRAMES_PER_PIECE):
        yield frame * min(FRAMES_PER_PIECE, frames - at)


class Speech(Exchange):
    """One call that is answered with sound, as bytes or in events."""

    streamed = True

    def __init__(
        self, model: str, text: str, form: str, *, events: bool = False, headers: Headers = ()
    ) -> None:
        self.model = model
        self.headers = headers
        self._text = text
        self._form = form
        self._events = events
        self.stream_type = "text/event-stream" if events else _TYPES[form]

    def whole(self, script: Script) -> bytes:
        """The sound, where it can't be streamed."""
        return b"".join(silence(self._form, len(self._text)))

    def pieces(self, script: Script) -> Iterator[Piece]:
        """The sound in blocks."""
        for block in silence(self._form, len(self._text)):
            if self._events:
                shown = {"type": "speech.audio.delta", "audio": base64.b64encode(block).decode()}
                yield Piece(sse(shown), 1)
            else:
                yield Piece(block, 1)
        if self._events:
            counted = tokens_of(self._text) if script.input is None else script.input
            output = len(self._text)
            usage = {"input_tokens": counted, "output_tokens": output}
            usage["total_tokens"] = counted + output
            yield Piece(sse({"type": "speech.audio.done", "usage": usage}))


def read_speech(message: Message) -> Speech:
    """OpenAI's speech."""
    asked = msgspec.json.decode(message.body)
    text = asked.get("input") or ""
    needs(asked.get("model") or "", "input", len(text))
    needs(asked["model"], "voice", len(asked.get("voice") or ""))
    if len(text) > TEXT_CHARACTERS_MAX:
        words = f"Invalid 'input': string too long. Expected at most {TEXT_CHARACTERS_MAX}."
        raise RefusedError(words, param="input", code="string_above_max_length")
    form = asked.get("response_format") or "mp3"
    if form not in _TYPES:
        raise RefusedError(f"Invalid 'response_format': '{form}'.", param="response_format")
    return Speech(asked["model"], text, form, events=asked.get("stream_format") == "sse")


# -- Transcriptions -------------------------------------------------------------------------------


class Transcription(Exchange):
    """The text of a recording."""

    def __init__(self, form: Form, *, translated: bool) -> None:
        self.model = form.text("model")
        self._form = form.text("response_format", "json")
        self._seconds = max(0.1, len(form.file("file").content) / RECORDED_BYTES_PER_SECOND)
        self._task = "translate" if translated else "transcribe"
        self._words = "word" in form.texts("timestamp_granularities")
        self._prompt = form.text("prompt")
        self.streamed = form.text("stream") == "true"
        if self._form not in _FORMATS:
            words = f"Invalid 'response_format': '{self._form}'."
            raise RefusedError(words, param="response_format")
        if self._form in ("text", "srt"):
            self.content_type = "text/plain; charset=utf-8"
        elif self._form == "vtt":
            self.content_type = "text/vtt; charset=utf-8"

    def whole(self, script: Script) -> bytes:
        """The body of the answer."""
        tokens = text_tokens(script)
        text = "".join(tokens)
        if self._form == "text":
            return text.encode() + b"\n"
        end_ms = round(self._seconds * 1000)
        if self._form == "srt":
            return f"1\n{_stamp(0, ',')} --> {_stamp(end_ms, ',')}\n{text}\n\n".encode()
        if self._form == "vtt":
            return f"WEBVTT\n\n{_stamp(0, '.')} --> {_stamp(end_ms, '.')}\n{text}\n\n".encode()
        if self._form == "json":
            usage = {} if script.no_usage else {"usage": self._usage(len(tokens))}
            return encode({"text": text, **usage})
        return encode(self._verbose(tokens))

    def pieces(self, script: Script) -> Iterator[Piece]:
        """The text as a stream."""
        tokens = text_tokens(script)
        for token in tokens:
            yield Piece(sse({"type": "transcript.text.delta", "delta": token}), 1)
        usage = {} if script.no_usage else {"usage": self._usage(len(tokens))}
        yield Piece(sse({"type": "transcript.text.done", "text": "".join(tokens), **usage}))

    def tokens(self, script: Script) -> int:
        """How many tokens an answer that isn't streamed has to wait for."""
        return len(text_tokens(script))

    def _usage(self, output: int) -> dict[str, Any]:
        """Whisper is billed by time, other models by tokens."""
        if "whisper" in self.model:
            return {"type": "duration", "seconds": int(-(-self._seconds // 1))}
        audio = -(-self._seconds * AUDIO_TOKENS_PER_SECOND // 1)
        text = tokens_of(self._prompt) if self._prompt else 0
        return {
            "type": "tokens",
            "input_tokens": int(audio) + text,
            "input_token_details": {"text_tokens": text, "audio_tokens": int(audio)},
            "output_tokens": output,
            "total_tokens": int(audio) + text + output,
        }

    def _verbose(self, tokens: list[str]) -> dict[str, Any]:
        text, seconds = "".join(tokens), self._seconds
        segment = {"id": 0, "seek": 0, "start": 0.0, "end": seconds, "text": text}
        segment |= {"tokens": list(range(len(tokens))), "temperature": 0.0, "avg_logprob": -0.1}
        segment |= {"compression_ratio": 1.0, "no_speech_prob": 0.0}
        body = {"task": self._task, "language": "english", "duration": seconds, "text": text}
        body["segments"] = [segment]
        if self._words:
            step = seconds / max(1, len(tokens))
            body["words"] = [
                {"word": token.strip(), "start": index * step, "end": (index + 1) * step}
                for index, token in enumerate(tokens)
            ]
        return {**body, "usage": {"type": "duration", "seconds": int(-(-seconds // 1))}}


def read_transcription(message: Message) -> Transcription:
    """A transcription, or a translation into English."""
    form = Form(message.headers.get("content-type", ""), message.body)
    needs(form.text("model"), "model", 1)
    return Transcription(form, translated=message.path.endswith("/translations"))


def _stamp(ms: int, point: str) -> str:
    return f"{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms // 1000 % 60:02}{point}{ms % 1000:03}"


# -- ElevenLabs -----------------------------------------------------------------------------------


def _document(kind: ErrorKind) -> bytes:
    return encode({"detail": {"status": kind.type, "message": kind.message}})


ELEVENLABS: Final = Voice(
    kinds(
        ("invalid_request", 400, "invalid_request", "The request is not valid.", None),
        ("context_length", 400, "max_character_limit_exceeded",
         "The text exceeds the character limit of this model.", None),
        ("content_policy", 403, "content_against_policy", "Refused by our terms of use.", None),
        ("auth", 401, "invalid_api_key", "Invalid API key", None),
        ("permission", 401, "missing_permissions",
         "The API key you used is missing the permission text_to_speech.", None),
        ("not_found", 404, "voice_not_found", "A voice with that id was not found.", None),
        ("rate_limit", 429, "too_many_concurrent_requests",
         "Too many concurrent requests. Your current subscription is associated with a maximum "
         "of 3 concurrent requests.", None),
        ("quota", 401, "quota_exceeded",
         "This request exceeds your quota of 10000. You have 5 credits remaining, while 20 "
         "credits are required for this request.", None),
        ("server_error", 500, "internal_server_error", "An unexpected error occurred.", None),
        ("overloaded", 429, "system_busy",
         "Our services are currently experiencing high traffic, please try again later.", None),
    ),
    _document,
    vendor="elevenlabs",
)  # fmt: skip


def read_elevenlabs(message: Message) -> Speech:
    """ElevenLabs' speech; `output_format` is codec, rate, bitrate."""
    asked = msgspec.json.decode(message.body)
    text = asked.get("text")
    if not isinstance(text, str) or not text:
        raise RefusedError("text: Field required", status=422)
    codec = message.query.get("output_format", "mp3_44100_128").partition("_")[0]
    if codec not in _TYPES:
        raise RefusedError(f"output_format {codec} is not supported")
    costs = (("character-cost", str(len(text))), ("request-id", "sim"))
    return Speech(asked.get("model_id") or "eleven", text, codec, headers=costs)
