"""Signatures of thoughts as Gemini's `thoughtSignature`, which is base64.

Gemini's own pass unchanged. Those of another vendor are written with their origin, all of it in
base64, for SDKs decode the member; SDKs may give it back in the alphabet of URLs.
"""

import base64
import binascii
from typing import Final

import msgspec

from faregate.dialects.neutral.parts import Thinking, read_signature, shown_signature

NAME: Final = "gemini"
# For calls that Gemini did not make itself, or whose proof is lost: since Gemini 3 it refuses them
# without one (Gemini API, "Thought signatures", FAQs).
UNSIGNED: Final = "skip_thought_signature_validator"
_FOREIGN: Final = base64.b64encode(b"faregate:").decode()  # nine bytes: nothing hangs over
_WITH_MEMBERS: Final = "json:"


class _Members(msgspec.Struct, omit_defaults=True):
    signature: str | None = None
    redacted: str | None = None
    id: str | None = None
    is_summary: bool = False


def written(signature: str, origin: str) -> str:
    """A signature as `thoughtSignature`."""
    shown = shown_signature(signature, origin, NAME)
    if origin == NAME:
        return shown
    return base64.b64encode(shown.encode()).decode()


def written_thought(thought: Thinking) -> str | None:
    """What proves a thought as `thoughtSignature`; None where nothing does."""
    if thought.origin == NAME or (thought.redacted is None and thought.id is None):
        return None if thought.signature is None else written(thought.signature, thought.origin)
    members = _Members(thought.signature, thought.redacted, thought.id, thought.is_summary)
    return written(_WITH_MEMBERS + msgspec.json.encode(members).decode(), thought.origin)


def read(shown: str) -> tuple[str, str]:
    """The signature and its origin, of a `thoughtSignature`."""
    if shown.startswith(_FOREIGN):
        try:
            text = base64.b64decode(standard(shown), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return shown, NAME
        return read_signature(text, NAME)
    return shown, NAME


def read_thought(shown: str, text: str) -> Thinking:
    """A thought and what proves it."""
    signature, origin = read(shown)
    if origin != NAME and signature.startswith(_WITH_MEMBERS):
        try:
            members = msgspec.json.decode(signature[len(_WITH_MEMBERS) :], type=_Members)
        except (msgspec.DecodeError, RecursionError):
            members = _Members(signature)
        return Thinking(
            text, members.signature, members.redacted, members.id, members.is_summary, origin
        )
    return Thinking(text, signature, origin=origin)


def standard(data: str) -> str:
    """Base64 in its usual alphabet, with its padding."""
    if "-" in data or "_" in data:
        data = data.replace("-", "+").replace("_", "/")
    lacking = -len(data) % 4
    return data + "=" * lacking if lacking else data
