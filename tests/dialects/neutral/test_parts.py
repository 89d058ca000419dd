"""Signatures of thoughts survive a conversation through any dialect."""

from hypothesis import given
from hypothesis import strategies as st

from faregate.dialects.neutral.parts import read_signature, shown_signature

DIALECTS = st.sampled_from(["openai_chat", "anthropic", "gemini", "bedrock_converse"])


@given(st.text(), DIALECTS, DIALECTS)
def test_a_shown_signature_is_read_back(signature: str, origin: str, dialect: str):
    if origin == dialect and signature.startswith("faregate:"):
        return
    shown = shown_signature(signature, origin, dialect)
    assert read_signature(shown, dialect) == (signature, origin)


def test_a_signature_of_the_dialect_itself_is_unchanged():
    assert shown_signature("abc", "anthropic", "anthropic") == "abc"
    assert read_signature("abc", "anthropic") == ("abc", "anthropic")
    assert read_signature("faregate:", "anthropic") == ("faregate:", "anthropic")
