"""Usage of responses and transcriptions, in the words of OpenAI's reference."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from openai.types.realtime import RealtimeResponseUsage

from faregate.dialects.realtime.usage import add_usage, read_usage
from faregate.dialects.usage import Usage

STATED: dict[str, Any] = {
    "total_tokens": 253,
    "input_tokens": 132,
    "output_tokens": 121,
    "input_token_details": {
        "text_tokens": 40,
        "audio_tokens": 80,
        "image_tokens": 12,
        "cached_tokens": 64,
        "cached_tokens_details": {"text_tokens": 0, "audio_tokens": 60, "image_tokens": 4},
    },
    "output_token_details": {"text_tokens": 30, "audio_tokens": 91},
}


def test_a_response_states_kinds_and_what_of_them_was_cached() -> None:
    assert RealtimeResponseUsage.model_validate(STATED).input_tokens == 132
    usage = read_usage(STATED)
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens) == (132, 121)
    assert (usage.cached_input_tokens, usage.audio_input_tokens) == (64, 20)
    assert (usage.image_input_tokens, usage.audio_output_tokens) == (8, 91)


def test_a_transcription_states_tokens_or_seconds() -> None:
    tokens = {
        "type": "tokens", "total_tokens": 22, "input_tokens": 13, "output_tokens": 9,
        "input_token_details": {"text_tokens": 0, "audio_tokens": 13},
    }  # fmt: skip
    usage = read_usage(tokens)
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens, usage.audio_input_tokens) == (13, 9, 13)
    assert read_usage({"type": "duration", "seconds": 2.5}) == Usage(audio_input_ms=2_500)


COUNTS = st.none() | st.integers(-5, 10**13) | st.text(max_size=3) | st.booleans()
ANY = st.recursive(
    COUNTS,
    lambda inner: st.dictionaries(
        st.sampled_from([*STATED, *STATED["input_token_details"], "seconds"]), inner, max_size=6
    ),
    max_leaves=12,
)


@given(ANY)
def test_any_object_gives_a_usage_that_is_no_nonsense_or_none(stated: Any) -> None:
    usage = read_usage(stated)
    if usage is not None:
        assert (usage.audio_input_tokens or 0) >= 0
        assert (usage.image_input_tokens or 0) >= 0


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_usages_add_up(one: int, other: int) -> None:
    both = add_usage(Usage(one, 1, cached_input_tokens=one), Usage(other, 2))
    assert both == Usage(one + other, 3, cached_input_tokens=one)
    assert add_usage(both, Usage(0, 0)) == both
