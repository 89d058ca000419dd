"""Renders a refusal in the shape of Google's APIs, for Gemini's SDKs.

`error.status` is a canonical name (google.rpc.Code); `details` has an ErrorInfo with the code and
what is known as text, a RetryInfo where time is the way out, and a Help with addresses.

Sources: AIP-193; google/rpc/error_details.proto; Gemini API, "API errors" (generateContent).
"""

from typing import Any, Final

from faregate.core.refusals import Refusal
from faregate.dialects.refusal_members import (
    Fields,
    Statuses,
    encode,
    fields,
    members,
    message,
    wait_s,
)

CONTENT_TYPE: Final = "application/json"
DOMAIN: Final = "faregate"  # whose `reason` this is; AIP-193 wants one that nobody else uses

_STATUSES: Final = {
    401: "UNAUTHENTICATED",
    402: "FAILED_PRECONDITION",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    408: "DEADLINE_EXCEEDED",
    429: "RESOURCE_EXHAUSTED",
    501: "UNIMPLEMENTED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_FACTS: Final = (
    "call_id", "side", "scope", "subject", "param", "limit", "used", "resets_at", "needed",
    "available", "held", "affordable_max_tokens",
)  # fmt: skip


def canonical_status(refusal: Refusal) -> str:
    """Google's name for the code, whatever status it is told by."""
    status = refusal.kind.status
    return _STATUSES.get(status) or ("INTERNAL" if status >= 500 else "INVALID_ARGUMENT")


def _error(refusal: Refusal, call_id: str, status: int) -> dict[str, Any]:
    known = members(refusal, call_id, status)
    facts = {name: getattr(known, name) for name in _FACTS}
    details: list[dict[str, Any]] = [
        {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": refusal.code.upper(),
            "domain": DOMAIN,
            "metadata": {name: str(value) for name, value in facts.items() if value is not None},
        }
    ]
    seconds = wait_s(refusal, status)
    if seconds is not None:
        retry = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{seconds}s"}
        details.append(retry)
    links = [{"description": fix.text, "url": fix.url} for fix in refusal.fixes if fix.url]
    if links:
        details.append({"@type": "type.googleapis.com/google.rpc.Help", "links": links})
    return {
        "error": {
            "code": status,
            "message": message(refusal),
            "status": canonical_status(refusal),
            "details": details,
        }
    }


def render(refusal: Refusal, call_id: str, statuses: Statuses = None) -> tuple[Fields, bytes]:
    """The reply's fields and body, without framing and the call's id."""
    status = refusal.told_status(statuses)
    body = encode(_error(refusal, call_id, status))
    return fields(refusal, status, CONTENT_TYPE), body


def render_event(refusal: Refusal, call_id: str) -> bytes:
    """The refusal as a server-sent event, for a stream that has begun."""
    return b"data: %b\n\n" % encode(_error(refusal, call_id, refusal.status))
