"""OpenAI's speech and transcriptions, where bytes pass through.

A reply of audio states no usage: speech is billed by the characters of its input, or by tokens,
of which there are some 21 in a second of speech, and some 15 characters are said in one. A
transcription states tokens or its length; text and subtitles state nothing.

Sources: OpenAI API reference, "Audio" (speech, transcriptions, translations, streaming); OpenAI,
"Pricing" (transcription and speech: tokens and estimated cost of a minute).
"""

from typing import Any, Final

import msgspec

from faregate.core.refusals import Refusal
from faregate.dialects import plain_usage
from faregate.dialects.audio import lengths
from faregate.dialects.form_native import Form, FormNative
from faregate.dialects.plain_native import Peek, PlainNative
from faregate.dialects.usage import Usage

# Of speech, at a quarter of the usual speed: 4 * 21 / 15, rounded up; and at the usual one.
_SPOKEN_TOKENS_A_CHARACTER_MAX: Final = 6
_SPOKEN_TOKENS_A_CHARACTER: Final = 1.4
# Of audio that is listened to, a second: Gemini's 32 are the most; nobody says 20 tokens in one.
_HEARD_TOKENS_A_SECOND: Final = 32
_SAID_TOKENS_A_SECOND: Final = 20
# The usual ones, of which OpenAI reckons that a minute costs 0.6 cents.
_HEARD_TOKENS_A_SECOND_USUAL: Final = 10
_SAID_TOKENS_A_SECOND_USUAL: Final = 4
_LEAST_TOKENS: Final = 256


class _Speech(msgspec.Struct, gc=False):
    input: Any = None
    instructions: Any = None
    stream_format: Any = None


class _Transcript(msgspec.Struct, gc=False):
    usage: Any = None
    duration: Any = None


_decode_speech = msgspec.json.Decoder(_Speech).decode
_decode_transcript = msgspec.json.Decoder(_Transcript).decode
_ERRORS: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def _read_speech(body: bytes) -> tuple[str, str] | None:
    try:
        request = _decode_speech(body)
    except _ERRORS:
        return None
    if not isinstance(request.input, str):
        return None
    told = request.instructions
    return request.input, told if isinstance(told, str) else ""


def most_spoken(body: bytes) -> Usage | None:
    """The most that speech can cost: its characters, and the tokens of those."""
    request = _read_speech(body)
    if request is None:
        return None
    text, told = request
    return Usage(
        input_tokens=len((text + told).encode(errors="surrogatepass")) + _LEAST_TOKENS,
        output_tokens=len(text) * _SPOKEN_TOKENS_A_CHARACTER_MAX + _LEAST_TOKENS,
        characters=len(text),
    )


def likely_spoken(body: bytes) -> Usage | None:
    """What speech costs, for its reply doesn't say."""
    request = _read_speech(body)
    if request is None:
        return None
    text, told = request
    return Usage(
        input_tokens=-(-len((text + told).encode(errors="surrogatepass")) // 4),
        output_tokens=round(len(text) * _SPOKEN_TOKENS_A_CHARACTER),
        characters=len(text),
    )


def read_usage(body: bytes) -> Usage | None:
    """The usage of a transcription, or its length where it says no more."""
    try:
        reply = _decode_transcript(body)
    except _ERRORS:
        return None
    usage = plain_usage.from_object(reply.usage)
    if usage is None and (heard := plain_usage.to_ms(reply.duration)) is not None:
        usage = Usage(audio_input_ms=heard)
    return usage


def _most_heard(body: bytes, form: Form) -> Usage | None:
    heard = sum(lengths.most_ms(body[part.start : part.end]) for part in form.files("file"))
    seconds = -(-heard // 1_000)
    prompt = sum(part.end - part.start for part in form.parts if part.filename is None)
    return Usage(
        input_tokens=seconds * _HEARD_TOKENS_A_SECOND + prompt + _LEAST_TOKENS,
        output_tokens=seconds * _SAID_TOKENS_A_SECOND + _LEAST_TOKENS,
        audio_input_ms=seconds * 1_000,  # OpenAI counts whole ones
    )


def _likely_heard(body: bytes, form: Form) -> Usage | None:
    heard = sum(lengths.likely_ms(body[part.start : part.end]) for part in form.files("file"))
    seconds = -(-heard // 1_000)
    return Usage(
        input_tokens=seconds * _HEARD_TOKENS_A_SECOND_USUAL,
        output_tokens=seconds * _SAID_TOKENS_A_SECOND_USUAL,
        audio_input_ms=heard,
    )


class SpeechNative(PlainNative):
    """Speech, whose stream is asked for by another name than others."""

    def peek(self, body: bytes, model: str | None, *, stream: bool) -> Peek | Refusal:
        """Read what the gate needs."""
        peeked = super().peek(body, model, stream=stream)
        if isinstance(peeked, Refusal):
            return peeked
        streamed = _decode_speech(body).stream_format == "sse"
        return msgspec.structs.replace(peeked, stream=streamed)


SPEECH: Final = SpeechNative(
    read_usage=plain_usage.read_usage,
    read_usage_in_part=plain_usage.read_usage_in_part,
    most=most_spoken,
    likely=likely_spoken,
    priced=("input", "instructions", "stream_format"),
)
TRANSCRIPTIONS: Final = FormNative(
    read_usage=read_usage,
    read_usage_in_part=plain_usage.read_usage_in_part,
    most_of_form=_most_heard,
    likely_of_form=_likely_heard,
)
TRANSLATIONS: Final = TRANSCRIPTIONS
