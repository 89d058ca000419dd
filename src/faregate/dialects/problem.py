"""Renders a refusal for OpenAI-style routes: one body for two readers.

It is RFC 9457 `application/problem+json` with an `error` member in OpenAI's shape, so that the
OpenAI SDKs raise their usual error with `code` set. `x-should-retry` is what those SDKs obey.

Sources: RFC 9457 §3; RFC 9110 §10.2.3 (Retry-After), §11.6.1 (WWW-Authenticate).
"""

import msgspec

from faregate.core.refusals import Refusal

CONTENT_TYPE = "application/problem+json"

_encode = msgspec.json.Encoder().encode


def problem(refusal: Refusal, call_id: str) -> dict[str, object]:
    """The members of the body; absent facts are left out."""
    kind = refusal.kind
    first_fix = refusal.fixes[0].text if refusal.fixes else ""
    members: dict[str, object] = {
        "type": refusal.type_uri,
        "title": kind.title,
        "status": kind.status,
        "detail": refusal.detail,
        "instance": f"/v1/calls/{call_id}",
        "code": kind.code,
        "side": kind.side,
        "scope": refusal.scope,
        "retryable": kind.retryable,
        "call_id": call_id,
    }
    for name in ("param", "retry_after_s", "limit", "used"):
        value = getattr(refusal, name)
        if value is not None:
            members[name] = value
    members["fixes"] = refusal.fixes
    members["error"] = {
        "message": f"{kind.title}. {refusal.detail} {first_fix}".rstrip(),
        "type": kind.openai_type,
        "code": kind.code,
        "param": refusal.param,
    }
    return members


def render(refusal: Refusal, call_id: str) -> tuple[list[tuple[str, str]], bytes]:
    """The reply's fields and body, without framing and the call's id."""
    kind = refusal.kind
    fields = [("content-type", CONTENT_TYPE), ("cache-control", "no-store")]
    if kind.status == 401:
        fields.append(("www-authenticate", 'Bearer realm="faregate"'))
    if refusal.retry_after_s is not None:
        fields.append(("retry-after", str(refusal.retry_after_s)))
    if not kind.retryable:
        fields.append(("x-should-retry", "false"))
    fields.extend(refusal.headers)
    return fields, _encode(problem(refusal, call_id))


def render_event(refusal: Refusal, call_id: str) -> bytes:
    """The refusal as a server-sent event, for a stream that has begun."""
    return b"data: %b\n\n" % _encode({"error": problem(refusal, call_id)["error"]})
