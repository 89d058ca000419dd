"""Signatures of thoughts survive a conversation through any dialect."""

import base64

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from faregate.dialects.neutral.parts import carries_foreign, read_signature, shown_signature

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


def test_a_foreign_proof_is_seen_in_a_request() -> None:
    shown = shown_signature("sig", "gemini", "anthropic")
    packed = base64.b64encode(shown.encode()).decode()
    for proof, seen in ((shown, True), (packed, True), ("sig", False)):
        body = msgspec.json.encode({"signature": proof, "text": "our faregate: a name"})
        assert carries_foreign(body) is seen
