"""A script says what it says: every option is read, and a wrong one is answered with the right."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faregate.simulator.script import (
    OPTIONS,
    PLAIN,
    SCRIPT_CHARACTERS_MAX,
    Cut,
    Script,
    ScriptError,
    parse_script,
    refusal_rule,
    script_of_model,
)


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("", PLAIN),
        ("latency_ms=200, tokens=50,token_ms=5", Script(latency_ms=200, tokens=50, token_ms=5)),
        ("text=Paris%2C%20of%20course", Script(text="Paris, of course")),
        ("cut_after=3", Script(cut_after=Cut(3, "events"))),
        ("cut_after=120b,reset", Script(cut_after=Cut(120, "bytes"), reset=True)),
        ("reset=false,close=true,no_usage=1", Script(close=True, no_usage=True)),
        ("refusal=*:overloaded", Script(refusal="*:overloaded")),
    ],
)
def test_scripts(text, script):
    assert parse_script(text) == script


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_every_option_has_an_example_that_is_read(option):
    script = parse_script(option.example)
    assert script != PLAIN
    assert getattr(script, option.name) != getattr(PLAIN, option.name)


def test_every_field_is_an_option():
    assert {option.name for option in OPTIONS} == set(Script.__struct_fields__)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("latencyms=1", "no option 'latencyms'. Did you mean 'latency_ms'?"),
        ("zzz", "Known: arguments, cache_write, cached, close, cut_after,"),
        ("tokens=many", "tokens takes a whole number from 0 to 100000, not 'many'"),
        ("tokens=-1", "not '-1'"),
        ("tokens=" + "9" * 15, "from 0 to 100000"),
        ("status=99", "from 200 to 599"),
        ("error=rate_limits", "Did you mean 'rate_limit'?"),
        ("malformed=jsn", "Did you mean 'json'?"),
        ("refusal=groq", "provider:meaning"),
        ("refusal=gorq:auth", "Did you mean 'groq'?"),
        ("refusal=groq:payment_required", "has no 'payment_required' of 'groq'"),
        ("reset=maybe", "no value, or true or false"),
        ("x" * (SCRIPT_CHARACTERS_MAX + 1), "at most"),
    ],
)
def test_a_wrong_script_is_answered_with_the_right_word(text, words):
    with pytest.raises(ScriptError) as caught:
        parse_script(text)
    assert words in str(caught.value)


@given(st.text(max_size=60))
def test_any_text_is_a_script_or_an_error(text):
    with contextlib.suppress(ScriptError):
        assert isinstance(parse_script(text), Script)


def test_the_model_may_hold_a_script():
    assert script_of_model("sim") is None
    assert script_of_model("gpt-4o:latency_ms=1") is None
    assert script_of_model("sim:tokens=3") == Script(tokens=3)


def test_the_rule_of_a_refusal():
    rule = refusal_rule("openrouter:payment_required")
    assert (rule.provider, rule.meaning) == ("openrouter", "payment_required")
    with pytest.raises(ScriptError):
        refusal_rule("nobody:auth")


def test_a_script_knows_its_failures():
    assert not Script(latency_ms=1, tokens=4, close=True).fails()
    failing = Script(error="auth", latency_ms=7, cut_after=Cut(1, "events"))
    assert failing.fails()
    assert failing.healthy() == Script(latency_ms=7)
