"""Renders a refusal in the shape of Anthropic's API.

The SDKs choose their error by the status, and read `error.type`, `error.message`,
`error.details.error_code` and the field `request-id`; `details` has all that Faregate says.

Sources: Anthropic's API reference, "Errors" (types by status, shape, the event `error` of a
stream) and its shared types (billing_error, timeout_error); the SDK for Python 2.12.
"""

from typing import Final

import msgspec

from faregate.core.refusals import Kind, Refusal
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

_TYPES: Final = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
}
# What Anthropic answers with 529; its SDKs know the type by any status.
_OVERLOADED: Final = frozenset(("provider_overloaded", "gate_overloaded", "upstream_busy"))


class AnthropicError(msgspec.Struct, gc=False):
    """The member that the SDKs read."""

    type: str
    message: str
    details: Members


class AnthropicBody(msgspec.Struct, tag_field="type", tag="error", gc=False):
    """The body of a reply, and the data of an event."""

    error: AnthropicError
    request_id: str


def error_type(kind: Kind) -> str:
    """Anthropic's name for the code, whatever status it is told by."""
    if kind.code in _OVERLOADED:
        return "overloaded_error"
    return _TYPES.get(kind.status) or (
        "api_error" if kind.status >= 500 else "invalid_request_error"
    )


def _body(refusal: Refusal, call_id: str, status: int) -> AnthropicBody:
    details = members(refusal, call_id, status)
    details.error_code = refusal.kind.code
    return AnthropicBody(
        AnthropicError(error_type(refusal.kind), message(refusal), details), call_id
    )


def render(refusal: Refusal, call_id: str, statuses: Statuses = None) -> tuple[Fields, bytes]:
    """The reply's fields and body, without framing and our own call id."""
    status = refusal.told_status(statuses)
    head = fields(refusal, status, CONTENT_TYPE)
    head.append(("request-id", call_id))
    return head, encode(_body(refusal, call_id, status))


def render_event(refusal: Refusal, call_id: str) -> bytes:
    """The refusal as a server-sent event, for a stream that has begun."""
    return b"event: error\ndata: %b\n\n" % encode(_body(refusal, call_id, refusal.status))
