"""What a vendor's events mean; most of them are only measured."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.realtime import RealtimeErrorEvent

from faregate.core.refusals import refuse
from faregate.dialects.realtime import server_events
from faregate.dialects.realtime.server_events import Told, read
from faregate.dialects.usage import Usage


def told(event: dict[str, Any]) -> Told:
    found = read(json.dumps(event).encode())
    assert found is not None
    return found


def test_a_response_states_its_usage_wherever_its_type_stands() -> None:
    response = {"usage": {"input_tokens": 5, "output_tokens": 3}, "conversation_id": "conv_1"}
    for event in (
        {"type": "response.done", "event_id": "e", "response": response},
        {"event_id": "e", "type": "response.done", "response": response},
        {"response": {**response, "type": "x"}, "type": "response.done"},
    ):
        done = told(event)
        assert (done.kind, done.in_conversation) == ("response.done", True)
        assert done.usage == Usage(5, 3)
    apart = told({"type": "response.done", "response": {"conversation_id": None}})
    assert (apart.in_conversation, apart.usage) == (False, None)


def test_a_session_states_its_limit_and_who_listens() -> None:
    audio = {"input": {"transcription": {"model": "whisper-1"}}}
    session = {"max_output_tokens": "inf", "audio": audio, "instructions": "be kind"}
    found = told({"type": "session.created", "session": session})
    assert (found.limit, found.transcriber, found.is_session) == (-1, "whisper-1", True)
    assert found.instructions_bytes == 7
    before = {"max_response_output_tokens": 50, "input_audio_transcription": {"model": "old"}}
    found = told({"type": "session.updated", "session": before})
    assert (found.limit, found.transcriber) == (50, "old")


def test_pieces_are_measured() -> None:
    audio = told({"type": "response.output_audio.delta", "delta": "A" * 64_000})
    assert 19 <= audio.tokens <= 21
    words = told({"type": "response.output_text.delta", "event_id": "x" * 150, "delta": "a" * 400})
    assert 90 <= words.tokens <= 120
    assert told({"type": "response.output_text.delta", "delta": ""}).tokens == 1


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[]", b'{"type":7}', b'{"type":"rate_limits.updated"}', b"\xff", b"[" * 10_000],
)
def test_what_decides_nothing_is_none(data: bytes) -> None:
    assert read(data) is None


ANY = st.recursive(
    st.none() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(
        st.sampled_from(["usage", "session", "audio", "input", "transcription", "model",
                         "input_tokens", "max_output_tokens", "instructions"]), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(ANY, ANY, st.sampled_from(sorted(server_events._READ)))
def test_no_event_crashes_it(session: Any, response: Any, kind: str) -> None:
    found = read(json.dumps({"type": kind, "session": session, "response": response}).encode())
    assert found is not None
    assert found.kind == kind


def test_a_refusal_is_an_error_that_openais_types_take() -> None:
    refusal = refuse("credit_exhausted", "The wallet is empty.")
    event = json.loads(server_events.error_event(refusal, "call_1", 2, "mine"))
    read_back = RealtimeErrorEvent.model_validate(event)
    assert read_back.error.code == "credit_exhausted"
    assert read_back.error.event_id == "mine"
    assert event["faregate"]["refusal"]["fixes"]
    assert event["faregate"]["refusal"]["instance"] == "/v1/calls/call_1"


@pytest.mark.parametrize(("name", "short"), [("audio/pcm", False), ("audio/PCMU", True)])
def test_a_session_says_how_long_its_audio_is(name: str, short: bool) -> None:
    audio = {"input": {"format": {"type": name}}}
    assert told({"type": "session.created", "session": {"audio": audio}}).has_short_audio is short
