"""ElevenLabs' text to speech and speech to text, as targets.

Sources: ElevenLabs API reference, "Create speech", "Create transcript"; elevenlabs 2.78,
`text_to_speech`, `speech_to_text`; that voices are 0.7 to 1.2 times as fast as usual is of the
guide to voice settings.
"""

from typing import Any, Final
from urllib.parse import quote

import msgspec

from faregate.dialects import plain_usage
from faregate.dialects.audio import subtitles
from faregate.dialects.audio.neutral import (
    AudioFormat,
    Span,
    SpeechReply,
    SpeechRequest,
    Transcript,
    TranscriptionRequest,
)
from faregate.dialects.shapes import (
    Object,
    ShapeError,
    as_list,
    as_number,
    as_object,
    as_text,
    decode_reply,
)
from faregate.dialects.translation import Lost, MalformedReplyError, TargetFacts, Written
from faregate.dialects.usage import Usage
from faregate.wire import multipart

NAME: Final = "elevenlabs"
# OpenAI's pcm is of 24 kHz as well, in 16 bits without a head.
_FORMATS: Final[dict[AudioFormat, str]] = {
    "mp3": "mp3_44100_128",
    "opus": "opus_48000_128",
    "wav": "wav_24000",
    "pcm": "pcm_24000",
}
_SPEED_MIN: Final = 0.7
_SPEED_MAX: Final = 1.2
_OPENAI_VOICES: Final = frozenset(
    {"alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin", "nova", "onyx", "sage"}
    | {"shimmer", "verse"}
)


class Speech:
    """What is spoken. Its reply is the sound; a voice is asked for by its id."""

    name = NAME

    def write_request(self, request: SpeechRequest, target: TargetFacts) -> Written:
        """A request for a target, at a path that names the voice."""
        lost: list[Lost] = []
        body: Object = {"text": request.text, "model_id": target.model}
        form = _FORMATS.get(request.format)
        if form is None:
            lost.append(Lost("response_format", f"ElevenLabs can't give {request.format}."))
            form = _FORMATS["mp3"]
        voice = request.voice
        if voice in _OPENAI_VOICES:
            why = f"ElevenLabs has no voice of the id '{voice}', which is OpenAI's."
            lost.append(Lost("voice", why))
        elif not voice.strip("."):  # would be another address
            lost.append(Lost("voice", "A voice is asked for by its id."))
            voice = "none"
        if request.speed is not None and _SPEED_MIN <= request.speed <= _SPEED_MAX:
            body["voice_settings"] = {"speed": request.speed}
        elif request.speed not in (None, 1):
            lost.append(Lost("speed", "ElevenLabs speaks 0.7 to 1.2 times as fast as usual."))
        if request.instructions is not None:
            lost.append(Lost("instructions", "ElevenLabs takes no instructions beside the text."))
        if request.stream_format == "sse":
            lost.append(Lost("stream_format", "ElevenLabs sends the sound itself."))
        for name, value in request.others.items():
            if request.origin == NAME:
                body[name] = value
            else:
                lost.append(Lost(f"others.{name}", "ElevenLabs doesn't know it."))
        path = f"/text-to-speech/{quote(voice, safe='')}?output_format={form}"
        return Written(msgspec.json.encode(body), tuple(lost), path=path)

    def read_reply(self, body: bytes) -> SpeechReply:
        """The sound; what it costs follows from the request."""
        if not body or body[:1] == b"{":
            raise MalformedReplyError("the reply is no sound")
        return SpeechReply(body)


def _words(value: Any) -> tuple[Span, ...]:
    found = []
    for at, row in enumerate(as_list([] if value is None else value, "words")):
        one = as_object(row, f"words[{at}]")
        if one.get("type") == "audio_event":
            continue
        start, end = one.get("start"), one.get("end")
        if start is None or end is None:
            continue
        times = (as_number(start, f"words[{at}].start"), as_number(end, f"words[{at}].end"))
        found.append(
            Span(
                round(times[0] * 1_000),
                round(times[1] * 1_000),
                as_text(one.get("text"), f"words[{at}].text"),
            )
        )
    return tuple(found)


class Transcriptions:
    """What is written down, by Scribe."""

    name = NAME

    def write_request(self, request: TranscriptionRequest, target: TargetFacts) -> Written:
        """A form for a target."""
        lost: list[Lost] = []
        fields = [
            multipart.Field("model_id", target.model.encode()),
            multipart.Field("timestamps_granularity", b"word"),
            multipart.Field("tag_audio_events", b"false"),
        ]
        if request.language is not None:
            fields.append(multipart.Field("language_code", request.language.encode()))
        if request.temperature is not None:
            fields.append(multipart.Field("temperature", f"{request.temperature:g}".encode()))
        if request.prompt is not None:
            lost.append(Lost("prompt", "ElevenLabs takes no text to go on from."))
        if request.stream:
            lost.append(Lost("stream", "ElevenLabs gives the transcript as a whole."))
        if request.format == "diarized_json":
            lost.append(Lost("response_format", "Who speaks isn't told in this form."))
        for name, values in request.others.items():
            if request.origin == NAME:
                fields += [multipart.Field(name, value.encode()) for value in values]
            else:
                lost.append(Lost(f"others.{name}", "ElevenLabs doesn't know it."))
        fields.append(multipart.Field("file", request.audio, request.filename, request.media_type))
        body, content_type = multipart.write(fields)
        return Written(body, tuple(lost), content_type, path="/speech-to-text")

    def read_reply(self, body: bytes) -> Transcript:
        """A transcript, whose segments are gathered from its words."""
        try:
            reply = decode_reply(body)
            language = reply.get("language_code")
            spoken = _words(reply.get("words"))
            heard = plain_usage.to_ms(reply.get("audio_duration_secs"))
            return Transcript(
                text=as_text(reply.get("text"), "text"),
                language=language if isinstance(language, str) else None,
                duration_ms=heard,
                segments=subtitles.gathered(spoken),
                words=tuple(word for word in spoken if not word.text.isspace()),
                usage=None if heard is None else Usage(audio_input_ms=heard),
            )
        except ShapeError as error:
            raise MalformedReplyError(str(error)) from None


SPEECH: Final = Speech()
TRANSCRIPTIONS: Final = Transcriptions()
