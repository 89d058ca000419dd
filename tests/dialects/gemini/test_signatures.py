"""Proofs of thoughts survive a caller that knows only Gemini's."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faregate.dialects.gemini import signatures
from faregate.dialects.neutral.parts import Thinking


def test_its_own_stay_untouched() -> None:
    assert signatures.written("Cq0B-_", "gemini") == "Cq0B-_"
    assert signatures.read("Cq0B-_") == ("Cq0B-_", "gemini")


@given(st.text(min_size=1, max_size=40).filter(lambda text: text.isprintable()))
def test_a_foreign_one_is_base64_and_comes_back(signature: str) -> None:
    shown = signatures.written(signature, "anthropic")
    base64.b64decode(shown, validate=True)
    for alphabet in (shown, shown.replace("+", "-").replace("/", "_")):
        assert signatures.read(alphabet) == (signature, "anthropic")


@pytest.mark.parametrize(
    "thought",
    [
        Thinking("why", "sig", origin="anthropic"),
        Thinking("", redacted="secret", origin="anthropic"),
        Thinking("short", "enc", id="rs_1", is_summary=True, origin="openai_responses"),
        Thinking("own", "Cq0=", origin="gemini"),
    ],
)
def test_all_of_a_thought_comes_back(thought: Thinking) -> None:
    shown = signatures.written_thought(thought)
    assert shown is not None
    assert signatures.read_thought(shown, thought.text) == thought


def test_what_only_looks_foreign_is_its_own() -> None:
    broken = base64.b64encode(b"faregate:").decode() + "!!"
    assert signatures.read(broken) == (broken, "gemini")
    nothing = base64.b64encode(b"faregate:json:{").decode()
    assert signatures.read_thought(nothing, "").origin == "json"
    wrong = signatures.written("json:{", "openai")
    assert signatures.read_thought(wrong, "t") == Thinking("t", "json:{", origin="openai")


def test_a_thought_without_proof_has_none() -> None:
    assert signatures.written_thought(Thinking("text")) is None


def test_base64_is_made_standard() -> None:
    assert signatures.standard("-_8") == "+/8="
    assert signatures.standard("AAAA") == "AAAA"
