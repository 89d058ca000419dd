"""Renders a refusal for OpenAI-style routes: one body for two readers.

It is RFC 9457 `application/problem+json` with an `error` member in OpenAI's shape, so that the
OpenAI SDKs raise their usual error with `code` set. `x-should-retry` is what those SDKs obey.
"""

import secrets
from typing import Final, NamedTuple

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
_KEPT_MAX: Final = 512  # a kilobyte or two each
_ANY_CALL: Final = secrets.token_hex(16)  # for a call's id; nobody else can write it


class _Rendered(NamedTuple):
    """A reply to any call; it holds the refusal, for whose identity it is kept."""

    refusal: Refusal
    fields: tuple[tuple[str, str], ...]
    parts: tuple[bytes, ...]


_kept: dict[tuple[int, int], _Rendered] = {}


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
    if refusal.repeats:
        kept = _kept.get((id(refusal), status)) or _keep(refusal, status)
        return list(kept.fields), call_id.encode("ascii").join(kept.parts)
    made = members(refusal, call_id, status)
    made.error = _error(refusal)
    return fields(refusal, status, CONTENT_TYPE), encode(made)


def _keep(refusal: Refusal, status: int) -> _Rendered:
    """Render for any call: the id stands between the parts."""
    made = members(refusal, _ANY_CALL, status)
    made.error = _error(refusal)
    parts = tuple(encode(made).split(_ANY_CALL.encode("ascii")))
    if len(_kept) >= _KEPT_MAX:
        _kept.clear()
    rendered = _Rendered(refusal, tuple(fields(refusal, status, CONTENT_TYPE)), parts)
    _kept[id(refusal), status] = rendered
    return rendered


def render_event(refusal: Refusal, call_id: str) -> bytes:
    """The refusal as a server-sent event, for a stream that has begun."""
    return b"data: %b\n\n" % encode({"error": _error(refusal)})
