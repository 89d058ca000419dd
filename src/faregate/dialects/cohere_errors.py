"""Renders a refusal in the shape of Cohere's API.

Its SDKs choose their error by the status and show the body: `message`, and `id`, the call's.
`details` has all that Faregate says. A stream ends with a message that has an error.

Sources: Cohere API v2, "Errors", "Chat with streaming" (message-end); cohere 7.0, `errors`.
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


class CohereError(msgspec.Struct, gc=False):
    """The body of a reply."""

    message: str
    id: str
    details: Members


class CohereEnd(msgspec.Struct, tag_field="type", tag="message-end", gc=False):
    """The last event of a stream."""

    id: str
    delta: dict[str, str]
    details: Members


def render(refusal: Refusal, call_id: str, statuses: Statuses = None) -> tuple[Fields, bytes]:
    """The reply's fields and body, without framing and the call's id."""
    status = refusal.told_status(statuses)
    body = CohereError(message(refusal), call_id, members(refusal, call_id, status))
    return fields(refusal, status, CONTENT_TYPE), encode(body)


def render_event(refusal: Refusal, call_id: str) -> bytes:
    """The refusal as a server-sent event, for a stream that has begun."""
    delta = {"error": message(refusal), "finish_reason": "ERROR"}
    end = CohereEnd(call_id, delta, members(refusal, call_id, refusal.status))
    return b"event: message-end\ndata: %b\n\n" % encode(end)
