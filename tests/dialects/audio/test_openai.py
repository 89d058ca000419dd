"""Speech and transcriptions come through the neutral form as they were asked for."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.dialects.audio.sounds import wav
from tests.wire.test_multipart import TYPE, form

from faregate.core.refusals import Refusal
from faregate.dialects.audio import openai
from faregate.dialects.audio.neutral import (
    Span,
    SpeechReply,
    SpeechRequest,
    TextFormat,
    Transcript,
    TranscriptionRequest,
)
from faregate.dialects.audio.openai import SPEECH_CALLER, TRANSCRIPTIONS_DIALECT
from faregate.dialects.translation import MalformedReplyError, TargetFacts
from faregate.dialects.usage import Usage
from faregate.dialects.whole_translation import AskedWhole

TARGET = TargetFacts(model="m")


def spoken(**members: object) -> SpeechRequest | Refusal:
    body = {"model": "m", "input": "Hi", "voice": "v"} | members
    return SPEECH_CALLER.read_request(json.dumps(body).encode(), None, stream=False)


def test_speech_is_asked_for() -> None:
    request = spoken(
        voice={"id": "voice_1"}, response_format="wav", speed=1.5, instructions="Calm",
        stream_format="sse", later=1,
    )  # fmt: skip
    assert request == SpeechRequest(
        model="m", origin="openai_speech", text="Hi", voice="voice_1", format="wav", speed=1.5,
        instructions="Calm", stream_format="sse", others={"later": 1},
    )  # fmt: skip
    assert isinstance(request, SpeechRequest)
    asked = AskedWhole(request=request, call_id="c", now_s=1)
    assert SPEECH_CALLER.write_reply(SpeechReply(b"RIFF"), asked) == b"RIFF"
    assert SPEECH_CALLER.reply_type(asked) == "audio/wav"


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"model": None}, "model"),
        ({"input": 1}, "input"),
        ({"voice": {}}, "voice"),
        ({"response_format": "midi"}, "response_format"),
        ({"speed": "fast"}, "speed"),
        ({"stream_format": "x"}, "stream_format"),
        ({"instructions": []}, "instructions"),
    ],
)
def test_a_wrong_member_of_speech_is_named(members: dict[str, object], param: str) -> None:
    refusal = spoken(**members)
    assert isinstance(refusal, Refusal)
    assert refusal.param == param
    assert isinstance(SPEECH_CALLER.read_request(b"[", None, stream=False), Refusal)


# -- transcriptions --------------------------------------------------------------------------------

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
REQUESTS = st.builds(
    TranscriptionRequest,
    model=st.just("m"),
    origin=st.just("openai_transcriptions"),
    audio=st.binary(max_size=80),
    filename=st.just("a b.mp3"),
    media_type=st.just("audio/mpeg"),
    language=st.none() | TEXTS,
    prompt=st.none() | TEXTS,
    format=st.sampled_from(["json", "text", "srt", "verbose_json", "vtt", "diarized_json"]),
    temperature=st.none() | st.integers(0, 4).map(lambda quarters: quarters / 4),
    granularities=st.sampled_from([(), ("word",), ("word", "segment")]),
    others=st.dictionaries(st.sampled_from(["include", "x"]), st.tuples(TEXTS), max_size=2),
)


@given(REQUESTS)
def test_a_form_comes_back(request: TranscriptionRequest) -> None:
    written = TRANSCRIPTIONS_DIALECT.write_request(request, TARGET)
    assert written.lost == ()
    read = TRANSCRIPTIONS_DIALECT.read_form(written.body, written.content_type.encode())
    assert read == request


def test_a_stream_is_not_made_of_a_whole_reply() -> None:
    asked = TranscriptionRequest(model="m", origin="", audio=b"", format="srt", stream=True)
    written = TRANSCRIPTIONS_DIALECT.write_request(asked, TARGET)
    assert [lost.name for lost in written.lost] == ["stream"]
    assert b'name="stream"' not in written.body


REPLY = Transcript(
    text="Well then. What now?",
    language="english",
    duration_ms=2_500,
    segments=(Span(0, 1_000, " Well then."), Span(1_000, 2_500, " What now?")),
    words=(Span(0, 400, "Well"), Span(400, 1_000, "then.")),
    usage=Usage(audio_input_ms=3_000),
)


def answer(
    form: TextFormat, reply: Transcript = REPLY, granularities: tuple[str, ...] = ()
) -> bytes:
    request = TranscriptionRequest(
        model="m", origin="x", audio=b"", format=form, granularities=granularities
    )
    asked = AskedWhole(request=request, call_id="c", now_s=1)
    kind = TRANSCRIPTIONS_DIALECT.reply_type(asked)
    assert kind.startswith("application/json" if form.endswith("json") else "text/plain")
    return TRANSCRIPTIONS_DIALECT.write_reply(reply, asked)


def test_a_transcript_is_given_in_the_format_that_was_asked_for() -> None:
    assert answer("text") == b"Well then. What now?\n"
    assert answer("srt").startswith(b"1\n00:00:00,000 --> 00:00:01,000\nWell then.\n\n2\n")
    assert answer("vtt").startswith(b"WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nWell then.\n\n")
    said = {"text": "Well then. What now?", "usage": {"type": "duration", "seconds": 3.0}}
    assert json.loads(answer("json")) == said


def test_a_transcript_with_times_comes_back() -> None:
    body = answer("verbose_json", granularities=("word", "segment"))
    assert TRANSCRIPTIONS_DIALECT.read_reply(body) == REPLY
    plain = json.loads(answer("verbose_json"))
    assert "words" not in plain
    assert [one["id"] for one in plain["segments"]] == [0, 1]


def test_tokens_come_back() -> None:
    tokens = Transcript(text="a", usage=Usage(14, 45, audio_input_tokens=14))
    assert TRANSCRIPTIONS_DIALECT.read_reply(answer("json", tokens)) == tokens
    assert json.loads(answer("json", Transcript(text="a"))) == {"text": "a"}


def test_words_make_subtitles_where_there_are_no_segments() -> None:
    reply = Transcript(text="Well then.", words=REPLY.words)
    assert answer("srt", reply) == b"1\n00:00:00,000 --> 00:00:01,000\nWell then.\n\n"
    assert json.loads(answer("verbose_json", reply))["duration"] == 1.0
    with pytest.raises(MalformedReplyError):
        answer("vtt", Transcript(text="Well then."))
    assert answer("vtt", Transcript(text="")) == b"WEBVTT\n\n"


@pytest.mark.parametrize(
    ("asked", "unsupported", "sent", "lost"),
    [
        ("srt", (), "srt", 0),
        ("srt", ("srt",), "verbose_json", 0),
        ("vtt", ("srt", "vtt"), "verbose_json", 0),
        ("text", ("text",), "json", 0),
        ("srt", ("srt", "verbose_json"), "json", 1),
        ("diarized_json", ("diarized_json",), "json", 0),
    ],
)
def test_a_target_is_asked_for_what_it_can_give(
    asked: TextFormat, unsupported: tuple[str, ...], sent: str, lost: int
) -> None:
    lacking = frozenset(f"response_format.{name}" for name in unsupported)
    assert openai.can_pass(asked, lacking) == (asked not in unsupported)
    assert openai.can_pass(None, lacking)
    request = TranscriptionRequest(model="m", origin="x", audio=b"a", format=asked)
    written = TRANSCRIPTIONS_DIALECT.write_request(
        request, TargetFacts(model="m", unsupported=lacking)
    )
    assert len(written.lost) == lost
    assert f'name="response_format"\r\n\r\n{sent}\r\n'.encode() in written.body


FILE = ("file", "a.wav", wav(10))
MODEL = ("model", None, b"m")


@pytest.mark.parametrize(
    ("parts", "param"),
    [
        ([MODEL], "file"),
        ([MODEL, FILE, FILE], "file"),
        ([MODEL, ("file", None, b"x")], "file"),
        ([FILE], "model"),
        ([MODEL, FILE, ("response_format", None, b"xml")], "response_format"),
        ([MODEL, FILE, ("temperature", None, b"hot")], "temperature"),
        ([MODEL, FILE, ("prompt", None, b"a"), ("prompt", None, b"b")], "prompt"),
        ([MODEL, FILE, ("prompt", None, b"\xff")], "prompt"),
    ],
)
def test_a_wrong_field_is_named(parts: list[tuple[str, str | None, bytes]], param: str) -> None:
    refusal = TRANSCRIPTIONS_DIALECT.read_form(form(*parts), TYPE)
    assert isinstance(refusal, Refusal)
    assert refusal.param == param


def test_only_forms_have_a_file_in_them() -> None:
    assert isinstance(TRANSCRIPTIONS_DIALECT.read_request(b"{}", None, stream=False), Refusal)
    assert isinstance(TRANSCRIPTIONS_DIALECT.read_form(b"{}", b"application/json"), Refusal)
    for wrong in (b"", b"{}", b'{"text":1}', b'{"text":"a","segments":[{}]}'):
        with pytest.raises(MalformedReplyError):
            TRANSCRIPTIONS_DIALECT.read_reply(wrong)
