"""Speech is sound of a length that follows from the text; recordings become text."""

import io
import wave

import pytest
from tests.simulator.asking import ask, upload

from faregate.simulator.audio import ELEVENLABS
from faregate.simulator.errors import ERRORS

SPEECH = "/v1/audio/speech"
TEXT = "/v1/audio/transcriptions"
VOICE = "/v1/text-to-speech/rachel"


def speech(**members):
    return ask(SPEECH, {"model": "sim", "input": "hello", "voice": "x", **members})


def test_speech():
    with wave.open(io.BytesIO(speech(response_format="wav").body)) as sound:
        assert sound.getnframes() / sound.getframerate() == pytest.approx(0.12)
    found = speech()
    assert found.headers["content-type"] == "audio/mpeg"
    assert found.body.count(b"\xff\xf3") == 5
    events = speech(stream_format="sse").events
    assert events[-1]["usage"] == {"input_tokens": 2, "output_tokens": 5, "total_tokens": 7}


@pytest.mark.parametrize(
    "members", [{"input": ""}, {"voice": ""}, {"response_format": "x"}, {"input": "x" * 4_097}]
)
def test_what_is_refused(members):
    assert speech(**members).status == 400


def text(form="json", model="sim:text=Good day", **members):
    fields = [("model", model), ("response_format", form), *members.items()]
    return upload(TEXT, fields, file=b"x" * 20_000)


@pytest.mark.parametrize(
    ("form", "body"),
    [
        ("text", "Good day\n"),
        ("srt", "1\n00:00:00,000 --> 00:00:01,250\nGood day\n\n"),
        ("vtt", "WEBVTT\n\n00:00:00.000 --> 00:00:01.250\nGood day\n\n"),
    ],
)
def test_texts(form, body):
    assert text(form).body.decode() == body


def test_documents():
    usage = text().json["usage"]
    assert (usage["input_tokens"], usage["output_tokens"]) == (13, 2)
    assert text(model="whisper-1").json["usage"] == {"type": "duration", "seconds": 2}
    found = text("verbose_json", **{"timestamp_granularities[]": "word"}).json
    assert (found["duration"], found["segments"][0]["text"]) == (1.25, "Good day")
    assert [word["word"] for word in found["words"]] == ["Good", "day"]
    events = text(stream="true").events
    assert [event.get("delta") for event in events] == ["Good", " day", None]


def test_translations_and_mistakes():
    fields = [("model", "sim"), ("response_format", "verbose_json")]
    assert upload("/v1/audio/translations", fields, file=b"x").json["task"] == "translate"
    assert upload(TEXT, fields).status == 400
    assert upload(TEXT, [], file=b"x").status == 400
    assert text("xml").status == 400
    assert ask(TEXT, {}).status == 400


def test_elevenlabs():
    found = ask(f"{VOICE}?output_format=pcm_16000", {"text": "hello", "model_id": "sim"})
    assert (len(found.body), found.headers["character-cost"]) == (5 * 1_152, "5")
    assert ask(f"{VOICE}/stream", {"text": "a"}).headers["content-type"] == "audio/mpeg"
    assert ask(VOICE, {}).status == 422
    assert ask(f"{VOICE}?output_format=x", {"text": "a"}).status == 400


@pytest.mark.parametrize("name", ERRORS)
def test_errors_of_elevenlabs(name):
    found = ask(VOICE, {"text": "hello", "model_id": f"sim:error={name}"})
    kind = ELEVENLABS.kinds[name]
    assert (found.status, found.json["detail"]["status"]) == (kind.status, kind.type)
