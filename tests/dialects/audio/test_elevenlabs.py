"""ElevenLabs is asked in its own words, and its replies are read."""

import json

import pytest

from faregate.dialects.audio.elevenlabs import SPEECH, TRANSCRIPTIONS
from faregate.dialects.audio.neutral import AudioFormat, Span, SpeechRequest, TranscriptionRequest
from faregate.dialects.translation import MalformedReplyError, TargetFacts
from faregate.dialects.usage import Usage
from faregate.wire import multipart

TARGET = TargetFacts(model="eleven_multilingual_v2")
VOICE = "JBFqnCBsd6RMkjVDRZzb"


@pytest.mark.parametrize(
    ("form", "named"),
    [
        ("mp3", "mp3_44100_128"),
        ("opus", "opus_48000_128"),
        ("wav", "wav_24000"),
        ("pcm", "pcm_24000"),
    ],
)
def test_speech_names_its_voice_in_the_path(form: AudioFormat, named: str) -> None:
    request = SpeechRequest(
        model="x", origin="openai_speech", text="Hi", voice=VOICE, format=form, speed=1.2
    )
    written = SPEECH.write_request(request, TARGET)
    assert written.lost == ()
    assert written.path == f"/text-to-speech/{VOICE}?output_format={named}"
    assert json.loads(written.body) == {
        "text": "Hi", "model_id": "eleven_multilingual_v2", "voice_settings": {"speed": 1.2},
    }  # fmt: skip


def test_what_it_can_not_say_is_told() -> None:
    request = SpeechRequest(
        model="x", origin="openai_speech", text="Hi", voice="alloy", format="flac", speed=4,
        instructions="Calm", stream_format="sse", others={"later": 1},
    )  # fmt: skip
    assert [one.name for one in SPEECH.write_request(request, TARGET).lost] == [
        "response_format", "voice", "speed", "instructions", "stream_format", "others.later",
    ]  # fmt: skip
    odd = SpeechRequest(model="x", origin="o", text="Hi", voice="../../a?b", speed=1.0)
    written = SPEECH.write_request(odd, TARGET)
    assert written.path == "/text-to-speech/..%2F..%2Fa%3Fb?output_format=mp3_44100_128"
    assert written.lost == ()


@pytest.mark.parametrize("voice", ["", ".", ".."])
def test_a_voice_is_no_other_address(voice: str) -> None:
    asked = SpeechRequest(model="x", origin="o", text="Hi", voice=voice)
    written = SPEECH.write_request(asked, TARGET)
    assert [lost.name for lost in written.lost] == ["voice"]
    assert (written.path or "").startswith("/text-to-speech/none?")


def test_the_reply_is_the_sound() -> None:
    assert SPEECH.read_reply(b"ID3").audio == b"ID3"
    for wrong in (b"", b'{"detail":"x"}'):
        with pytest.raises(MalformedReplyError):
            SPEECH.read_reply(wrong)


def test_a_sound_is_sent_as_a_form() -> None:
    request = TranscriptionRequest(
        model="x", origin="openai_transcriptions", audio=b"\x00\xff", filename='a".mp3',
        media_type="audio/mpeg", language="en", temperature=0.5, prompt="p", stream=True,
        format="diarized_json", others={"include": ("logprobs",)},
    )  # fmt: skip
    written = TRANSCRIPTIONS.write_request(request, TargetFacts(model="scribe_v1"))
    told = ["prompt", "stream", "response_format", "others.include"]
    assert [one.name for one in written.lost] == told
    assert written.path == "/speech-to-text"
    found = multipart.parts(written.body, written.content_type.encode())
    assert {part.name: written.body[part.start : part.end] for part in found} == {
        "model_id": b"scribe_v1", "timestamps_granularity": b"word", "tag_audio_events": b"false",
        "language_code": b"en", "temperature": b"0.5", "file": b"\x00\xff",
    }  # fmt: skip


def test_a_transcript_is_read() -> None:
    reply = TRANSCRIPTIONS.read_reply(
        b"""{"language_code":"eng","language_probability":0.98,"text":"Hello, world. Yes",
        "words":[{"text":"Hello,","start":0.1,"end":0.5,"type":"word","logprob":-0.1},
        {"text":" ","start":0.5,"end":0.6,"type":"spacing"},
        {"text":"world.","start":0.6,"end":1.05,"type":"word"},
        {"text":"(laughs)","start":1.1,"end":1.2,"type":"audio_event"},
        {"text":"Yes","start":1.3,"end":1.5,"type":"word"},
        {"text":"?","type":"word"}],"audio_duration_secs":2.5}"""
    )
    assert reply.segments == (Span(100, 1_050, "Hello, world."), Span(1_300, 1_500, "Yes"))
    assert [word.text for word in reply.words] == ["Hello,", "world.", "Yes"]
    assert (reply.language, reply.duration_ms) == ("eng", 2_500)
    assert reply.usage == Usage(audio_input_ms=2_500)
    assert TRANSCRIPTIONS.read_reply(b'{"text":"a"}').usage is None
    for wrong in (b"", b"{}", b'{"text":"a","words":[1]}', b'{"text":"a","words":{}}'):
        with pytest.raises(MalformedReplyError):
            TRANSCRIPTIONS.read_reply(wrong)
