"""Renders a refusal for OpenAI-style routes: one body for two readers.

It is RFC 9457 `application/problem+json` with an `error` member in OpenAI's shape, so that the
OpenAI SDKs raise their usual error with `code` set. `x-should-retry` is what those SDKs obey.
"""

from faregate.core.refusals import Refusal
from faregate.dialects.refusal_members import (
    Fields,
    Members,
    OpenAIError,
    Statuses,
    encode,
    fields,
    members,
    message,
)

CONTENT_TYPE = "application/problem+json"


def problem(refusal: Refusal, call_id: str, statuses: Statuses = None) -> Members:
    """The body; absent facts are left out."""
    made = members(refusal, call_id, refusal.told_status(statuses))
    made.error = _error(refusal)
    return made


def _error(refusal: Refusal) -> OpenAIError:
    kind = refusal.kind
    return OpenAIError(message(refusal), kind.openai_type, kind.code, refusal.param)


def render(refusal: Refusal, call_id: str, statuses: Statuses = None) -> tuple[Fields, bytes]:
    """The reply's fields and body, without framing and the call's id.

    `statuses` are the codes that an operator tells by other statuses.
    """
    status = refusal.told_status(statuses)
    made = members(refusal, call_id, status)
    made.error = _error(refusal)
    return fields(refusal, status, CONTENT_TYPE), encode(made)


def render_event(refusal: Refusal, call_id: str) -> bytes:
    """The refusal as a server-sent event, for a stream that has begun."""
    return b"data: %b\n\n" % encode({"error": _error(refusal)})
