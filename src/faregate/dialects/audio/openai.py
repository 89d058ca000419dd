"""OpenAI's speech and transcriptions to and from the neutral form.

Text and subtitles are written here where the target only tells what was said and when.

Sources: OpenAI API reference, "Audio" (create speech, create transcription, objects).
"""

from typing import Any, Final, get_args

import msgspec

from faregate.core.refusals import Refusal, refuse
from faregate.dialects import plain_usage
from faregate.dialects.audio import native, subtitles
from faregate.dialects.audio.neutral import (
    AudioFormat,
    Span,
    SpeechReply,
    SpeechRequest,
    TextFormat,
    Transcript,
    TranscriptionRequest,
)
from faregate.dialects.form_native import read_form
from faregate.dialects.shapes import (
    Object,
    ShapeError,
    as_list,
    as_number,
    as_object,
    as_text,
    decode_object,
    decode_reply,
)
from faregate.dialects.translation import Lost, MalformedReplyError, TargetFacts, Written
from faregate.dialects.whole_translation import AskedWhole
from faregate.wire import multipart

SPEECH: Final = "openai_speech"
TRANSCRIPTIONS: Final = "openai_transcriptions"
TRANSLATIONS: Final = "openai_translations"  # the same forms, for another language
SPEECH_TYPES: Final[dict[AudioFormat, str]] = {
    "mp3": "audio/mpeg",
    "opus": "audio/opus",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}
_SPEECH_KNOWN: Final = frozenset(
    {"model", "input", "voice", "response_format", "speed", "instructions", "stream_format"}
)
_TEXT_FORMATS: Final[dict[str, TextFormat]] = {form: form for form in get_args(TextFormat)}
_TIMED: Final = ("srt", "vtt", "verbose_json")
_FORM_KNOWN: Final = frozenset(
    {"model", "file", "language", "prompt", "response_format", "temperature", "stream"}
)
_GRANULARITIES: Final = "timestamp_granularities"


def _speech(request: Object) -> SpeechRequest:
    given = {name: value for name, value in request.items() if value is not None}
    voice = given.get("voice")
    if isinstance(voice, dict):
        voice = voice.get("id")
    form = given.get("response_format", "mp3")
    if form not in SPEECH_TYPES:
        raise ShapeError("response_format", f"it must be one of {', '.join(SPEECH_TYPES)}")
    streamed = given.get("stream_format")
    if streamed not in (None, "sse", "audio"):
        raise ShapeError("stream_format", "it must be sse or audio")
    told = given.get("instructions")
    return SpeechRequest(
        model=as_text(given.get("model"), "model"),
        origin=SPEECH,
        text=as_text(given.get("input"), "input"),
        voice=as_text(voice, "voice"),
        format=form,
        speed=as_number(given["speed"], "speed") if "speed" in given else None,
        instructions=None if told is None else as_text(told, "instructions"),
        stream_format=streamed,
        others={name: value for name, value in given.items() if name not in _SPEECH_KNOWN},
    )


class Speech:
    """Speech, for callers."""

    name = SPEECH

    def read_request(
        self, body: bytes, model: str | None, *, stream: bool
    ) -> SpeechRequest | Refusal:
        """A caller's request; the model is said in the body."""
        request = decode_object(body)
        if isinstance(request, Refusal):
            return request
        try:
            return _speech(request)
        except ShapeError as error:
            return error.refusal()

    def write_reply(self, reply: SpeechReply, asked: AskedWhole[SpeechRequest]) -> bytes:
        """The sound itself."""
        return reply.audio

    def reply_type(self, asked: AskedWhole[SpeechRequest]) -> str:
        """The media type of the sound."""
        return SPEECH_TYPES[asked.request.format]


# -- transcriptions --------------------------------------------------------------------------------


def _texts(body: bytes, found: list[multipart.Part]) -> dict[str, tuple[str, ...]]:
    """The fields that aren't files, lists under their plain names; raises `ShapeError`."""
    fields: dict[str, tuple[str, ...]] = {}
    for part in found:
        if part.filename is not None:
            continue
        name = part.name.removesuffix("[]")
        try:
            fields[name] = (*fields.get(name, ()), body[part.start : part.end].decode())
        except UnicodeDecodeError:
            raise ShapeError(name, "it is not UTF-8") from None
    return fields


def _transcription(body: bytes, found: list[multipart.Part]) -> TranscriptionRequest:
    files = [part for part in found if part.name == "file"]
    fields = _texts(body, found)
    single = {name: values[0] for name, values in fields.items() if values[0]}
    for name in _FORM_KNOWN & fields.keys():
        if len(fields[name]) > 1:
            raise ShapeError(name, "it stands twice")
    if len(files) != 1 or files[0].filename is None:
        raise ShapeError("file", "there must be one, and it must be a file")
    if "model" not in single:
        raise ShapeError("model", "it is missing")
    form = single.get("response_format", "json")
    if form not in _TEXT_FORMATS:
        raise ShapeError("response_format", f"it must be one of {', '.join(_TEXT_FORMATS)}")
    try:
        temperature = float(single["temperature"]) if "temperature" in single else None
    except ValueError:
        raise ShapeError("temperature", "it must be a number") from None
    file = files[0]
    return TranscriptionRequest(
        model=single["model"],
        origin=TRANSCRIPTIONS,
        audio=body[file.start : file.end],
        filename=file.filename or "audio",
        media_type=file.media_type or "application/octet-stream",
        language=single.get("language"),
        prompt=single.get("prompt"),
        format=_TEXT_FORMATS[form],
        temperature=temperature,
        granularities=fields.get(_GRANULARITIES, ()),
        stream=single.get("stream", "").lower() in ("true", "1"),
        others={
            name: values
            for name, values in fields.items()
            if name not in _FORM_KNOWN and name != _GRANULARITIES
        },
    )


def _asked_format(request: TranscriptionRequest, target: TargetFacts) -> str | None:
    """The format to ask a target for; None: it has none that this one can be made of."""
    for form in (request.format, "verbose_json" if request.format in _TIMED else "json"):
        if f"response_format.{form}" not in target.unsupported:
            return form
    return None


def can_pass(response_format: str | None, unsupported: frozenset[str]) -> bool:
    """Whether a target gives this format itself; else the form is translated."""
    return f"response_format.{response_format or 'json'}" not in unsupported


def _write(request: TranscriptionRequest, target: TargetFacts) -> Written:
    lost: list[Lost] = []
    form = _asked_format(request, target)
    if form is None:
        lost.append(
            Lost("response_format", f"It can't give {request.format}, nor the times in it.")
        )
        form = "json"
    if request.stream:
        lost.append(Lost("stream", f"It can't give {request.format}, which is made of the whole."))
    fields = [multipart.Field("model", target.model.encode())]
    for name, value in (
        ("language", request.language),
        ("prompt", request.prompt),
        ("response_format", form),
        ("temperature", None if request.temperature is None else f"{request.temperature:g}"),
    ):
        if value is not None:
            fields.append(multipart.Field(name, value.encode()))
    listed = {_GRANULARITIES: request.granularities} | request.others
    for name, values in listed.items():
        if name != _GRANULARITIES and request.origin != TRANSCRIPTIONS:
            lost.append(Lost(f"others.{name}", "OpenAI's transcriptions don't know it."))
            continue
        key = f"{name}[]" if name == _GRANULARITIES or len(values) > 1 else name
        fields += [multipart.Field(key, value.encode()) for value in values]
    fields.append(multipart.Field("file", request.audio, request.filename, request.media_type))
    body, content_type = multipart.write(fields)
    return Written(body, tuple(lost), content_type)


def _spans(value: Any, place: str, text: str) -> tuple[Span, ...]:
    found = []
    for at, row in enumerate(as_list([] if value is None else value, place)):
        one = as_object(row, f"{place}[{at}]")
        start, end = (
            as_number(one.get(name), f"{place}[{at}].{name}") for name in ("start", "end")
        )
        said = as_text(one.get(text), f"{place}[{at}].{text}")
        found.append(Span(round(start * 1_000), round(end * 1_000), said))
    return tuple(found)


def _read(body: bytes) -> Transcript:
    try:
        reply = decode_reply(body)
        language = reply.get("language")
        return Transcript(
            text=as_text(reply.get("text"), "text"),
            language=language if isinstance(language, str) else None,
            duration_ms=plain_usage.to_ms(reply.get("duration")),
            segments=_spans(reply.get("segments"), "segments", "text"),
            words=_spans(reply.get("words"), "words", "word"),
            usage=native.read_usage(body),
        )
    except ShapeError as error:
        raise MalformedReplyError(str(error)) from None


def _seconds(span: Span) -> Object:
    return {"start": span.start_ms / 1_000, "end": span.end_ms / 1_000}


def _usage(reply: Transcript) -> Object:
    usage = reply.usage
    if usage is None:
        return {}
    if usage.input_tokens is not None or usage.output_tokens is not None:
        inputs, outputs = usage.input_tokens or 0, usage.output_tokens or 0
        audio = usage.audio_input_tokens
        parts = {"text_tokens": max(inputs - (audio or 0), 0), "audio_tokens": audio or 0}
        return {
            "usage": {
                "type": "tokens",
                "input_tokens": inputs,
                "output_tokens": outputs,
                "total_tokens": inputs + outputs,
                **({} if audio is None else {"input_token_details": parts}),
            }
        }
    if usage.audio_input_ms is None:
        return {}
    return {"usage": {"type": "duration", "seconds": usage.audio_input_ms / 1_000}}


def _verbose(reply: Transcript, granularities: tuple[str, ...]) -> Object:
    duration_ms = reply.duration_ms
    if duration_ms is None:
        duration_ms = max((one.end_ms for one in (*reply.segments, *reply.words)), default=0)
    body: Object = {
        "task": "transcribe",
        "language": reply.language or "",
        "duration": duration_ms / 1_000,
        "text": reply.text,
    }
    if "segment" in granularities or not granularities:
        body["segments"] = [
            {
                "id": at,
                "seek": 0,
                **_seconds(span),
                "text": span.text,
                "tokens": [],
                "temperature": 0.0,
                "avg_logprob": 0.0,
                "compression_ratio": 0.0,
                "no_speech_prob": 0.0,
            }
            for at, span in enumerate(reply.segments)
        ]
    if "word" in granularities:
        body["words"] = [{"word": span.text.strip(), **_seconds(span)} for span in reply.words]
    return body | _usage(reply)


class Transcriptions:
    """Transcriptions."""

    name = TRANSCRIPTIONS

    def read_form(self, body: bytes, content_type: bytes) -> TranscriptionRequest | Refusal:
        """A caller's form."""
        form = read_form(body, content_type)
        if isinstance(form, Refusal):
            return form
        try:
            return _transcription(body, form.parts)
        except ShapeError as error:
            return error.refusal()

    def read_request(
        self, body: bytes, model: str | None, *, stream: bool
    ) -> TranscriptionRequest | Refusal:
        """Always a refusal: only forms have a file in them."""
        return refuse("request_invalid", "A transcription is asked for with a form.")

    def write_request(self, request: TranscriptionRequest, target: TargetFacts) -> Written:
        """The same for a target, in a format that the asked one is made of."""
        return _write(request, target)

    def read_reply(self, body: bytes) -> Transcript:
        """A vendor's reply in JSON, with times or without."""
        return _read(body)

    def write_reply(self, reply: Transcript, asked: AskedWhole[TranscriptionRequest]) -> bytes:
        """A reply in the format that was asked for; raises `MalformedReplyError`."""
        request = asked.request
        if request.format == "text":
            return f"{reply.text.strip()}\n".encode()
        if request.format in ("srt", "vtt"):
            spaced = [Span(one.start_ms, one.end_ms, f" {one.text}") for one in reply.words]
            segments = reply.segments or subtitles.gathered(spaced)
            if not segments and reply.text.strip():
                raise MalformedReplyError("the reply doesn't tell when its text was said")
            write = subtitles.srt if request.format == "srt" else subtitles.vtt
            return write(segments).encode()
        if request.format == "verbose_json":
            return msgspec.json.encode(_verbose(reply, request.granularities))
        return msgspec.json.encode({"text": reply.text} | _usage(reply))

    def reply_type(self, asked: AskedWhole[TranscriptionRequest]) -> str:
        """The media type of that reply."""
        is_json = asked.request.format.endswith("json")
        return "application/json" if is_json else "text/plain; charset=utf-8"


SPEECH_CALLER: Final = Speech()
TRANSCRIPTIONS_DIALECT: Final = Transcriptions()
