"""Speech and transcriptions pass through; what they cost is bounded and read."""

import json

import pytest
from tests.dialects.audio.sounds import wav
from tests.wire.test_multipart import TYPE, form

from faregate.core.refusals import Refusal
from faregate.dialects.audio.native import SPEECH, TRANSCRIPTIONS
from faregate.dialects.usage import Usage


def test_speech_is_billed_by_its_input() -> None:
    body = json.dumps(
        {"model": "tts-1", "input": "Grüße aus Köln 🎺", "voice": "alloy"}, ensure_ascii=False
    ).encode()
    most, likely = SPEECH.most(body), SPEECH.likely(body)
    assert most is not None
    assert likely is not None
    assert most.characters == likely.characters == 16
    assert most.input_tokens == 22 + 256
    assert most.output_tokens is not None
    assert likely.output_tokens is not None
    assert most.output_tokens > likely.output_tokens > 16
    for wrong in (b"{", b"{}", b'{"input":1}'):
        assert SPEECH.most(wrong) is None
        assert SPEECH.likely(wrong) is None


def test_a_stream_of_speech_is_asked_for_by_its_format() -> None:
    for more, streamed in ((b"", False), (b',"stream_format":"sse"', True)):
        peeked = SPEECH.peek(b'{"model":"m","input":"a"%b}' % more, None, stream=False)
        assert not isinstance(peeked, Refusal)
        assert (peeked.model, peeked.stream) == ("m", streamed)
    assert isinstance(SPEECH.peek(b'{"input":"a"}', None, stream=False), Refusal)


def test_a_stream_of_speech_states_tokens() -> None:
    meter = SPEECH.stream_meter(hide_usage=False, measures=False)
    meter.feed(b'data: {"type":"speech.audio.delta","audio":"AAAA"}\n\n')
    meter.feed(
        b'data: {"type":"speech.audio.done","usage":{"input_tokens":14,"output_tokens":101,'
        b'"total_tokens":115}}\n\n'
    )
    assert meter.usage == Usage(14, 101)


def test_audio_is_bounded_by_its_length() -> None:
    body = form(("model", None, b"whisper-1"), ("file", "a.wav", wav(61_000)))
    most = TRANSCRIPTIONS.most_form(body, TYPE)
    assert most is not None
    assert most.audio_input_ms == 61_000
    assert most.input_tokens == 61 * 32 + len("whisper-1") + 256
    assert most.output_tokens == 61 * 20 + 256
    assert TRANSCRIPTIONS.likely_form(body, TYPE) == Usage(610, 244, audio_input_ms=61_000)
    unknown = form(("model", None, b"whisper-1"), ("file", "a.webm", bytes(8_000)))
    assert TRANSCRIPTIONS.likely_form(unknown, TYPE) == Usage(10, 4, audio_input_ms=1_000)
    peeked = TRANSCRIPTIONS.peek_form(body, TYPE)
    assert not isinstance(peeked, Refusal)
    assert peeked.model == "whisper-1"


@pytest.mark.parametrize(
    ("body", "usage"),
    [
        (
            b'{"text":"a","usage":{"type":"tokens","input_tokens":14,"input_token_details":'
            b'{"text_tokens":0,"audio_tokens":14},"output_tokens":45,"total_tokens":59}}',
            Usage(14, 45, audio_input_tokens=14),
        ),
        (b'{"text":"a","usage":{"type":"duration","seconds":9}}', Usage(audio_input_ms=9_000)),
        (b'{"task":"transcribe","duration":8.47,"text":"a"}', Usage(audio_input_ms=8_470)),
        (b'{"text":"a"}', None),
        (b"1\n00:00:00,000 --> 00:00:01,000\na\n", None),
    ],
)
def test_a_reply_is_read(body: bytes, usage: Usage | None) -> None:
    assert TRANSCRIPTIONS.read_usage(body) == usage
