"""Proofs of calls stand before them and come back to them, and to no other."""

import pytest

from faregate.dialects.neutral.call_proofs import CALL, with_proofs
from faregate.dialects.neutral.parts import Text, Thinking, ToolCall

FIRST = ToolCall("a", "read", "{}")
SECOND = ToolCall("b", "write", "{}")
SIGNED = ToolCall("a", "read", "{}", "sig", "gemini")


@pytest.mark.parametrize(
    "proof",
    [
        Thinking(signature=f"{CALL}sig", origin="gemini"),
        Thinking(redacted=f"{CALL}sig", origin="gemini"),
    ],
)
def test_a_proof_is_of_the_next_call(proof: Thinking) -> None:
    thought = Thinking("hm", "own", origin="gemini")
    found = with_proofs((thought, Text("so"), proof, FIRST, SECOND), "anthropic")
    assert found == (thought, Text("so"), SIGNED, SECOND)


def test_what_is_no_proof_stays() -> None:
    own = Thinking(signature=f"{CALL}sig", origin="anthropic")
    parts = (own, Thinking("hm", "sig", origin="gemini"), FIRST)
    assert with_proofs(parts, "anthropic") is parts


def test_a_proof_without_its_call_goes() -> None:
    assert with_proofs((Thinking(redacted=f"{CALL}s", origin="gemini"),), "anthropic") == ()
