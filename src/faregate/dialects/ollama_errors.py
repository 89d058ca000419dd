"""Renders a refusal in the shape of Ollama's API.

Its SDKs read `error`, a text, which ends in the code; `details` has all that Faregate says.

Sources: Ollama API, "Errors" (the body, and the line of a stream); ollama 0.6, `ResponseError`.
"""

from typing import Final

import msgspec

from faregate.core.refusals import Refusal
from faregate.dialects.refusal_members import (
    Fields,
    Members,
    Statuses,
    encode,
    fields,
    members,
    message,
)

CONTENT_TYPE: Final = "application/json"


class OllamaError(msgspec.Struct, gc=False):
    """The body of a reply, and the line of a stream."""

    error: str
    details: Members


def _error(refusal: Refusal, call_id: str, status: int) -> OllamaError:
    text = f"{message(refusal)} ({refusal.code})"
    return OllamaError(text, members(refusal, call_id, status))


def render(refusal: Refusal, call_id: str, statuses: Statuses = None) -> tuple[Fields, bytes]:
    """The reply's fields and body, without framing and the call's id."""
    status = refusal.told_status(statuses)
    body = encode(_error(refusal, call_id, status))
    return fields(refusal, status, CONTENT_TYPE), body


def render_event(refusal: Refusal, call_id: str) -> bytes:
    """The refusal as a line, for a stream that has begun."""
    return encode(_error(refusal, call_id, refusal.status)) + b"\n"
