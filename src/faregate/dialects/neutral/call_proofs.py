"""What proves the thought behind a tool's call.

Gemini signs calls, and since version 3 wants the proof back. In the dialects of OpenAI's responses
and of Anthropic's messages it stands in an item of thoughts before the call, which callers send
back unchanged.
"""

from typing import Final

import msgspec

from faregate.dialects.neutral.parts import Part, Thinking, ToolCall

CALL: Final = "call:"  # in front of what proves the thought behind the call that follows


def with_proofs(parts: tuple[Part, ...], dialect: str) -> tuple[Part, ...]:
    """The parts of a caller's dialect, with a call's proof at it.

    It stood before the call.
    """
    if not any(isinstance(part, Thinking) and _proof(part, dialect) for part in parts):
        return parts
    found: list[Part] = []
    proof: Thinking | None = None
    for part in parts:
        if isinstance(part, Thinking) and _proof(part, dialect):
            proof = part
        elif isinstance(part, ToolCall) and proof is not None:
            signature = _proof(proof, dialect)
            found.append(msgspec.structs.replace(part, signature=signature, origin=proof.origin))
            proof = None
        else:
            found.append(part)
    return tuple(found)


def _proof(part: Thinking, dialect: str) -> str | None:
    """The proof of a call that these thoughts are; None: they are thoughts."""
    stated = part.signature or part.redacted or ""
    if part.origin == dialect or not stated.startswith(CALL):
        return None
    return stated.removeprefix(CALL)
