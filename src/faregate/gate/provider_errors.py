"""What a provider's error means for a call, and who is told what.

A mistake of the caller's goes back in the provider's words; a trouble of our account there is one
of an attempt, of which `gate.attempts` decides what is next.
"""

import time
from typing import TYPE_CHECKING, Final

import msgspec

from faregate.core import bounds
from faregate.core.refusals import Refusal, refuse
from faregate.gate.attempts import attempt_broken, attempt_failed
from faregate.gate.finish import add_attempt
from faregate.net.upstream_connection import Failure, FailureKind
from faregate.policies.masking import mask
from faregate.providers.refusals import (
    Classification,
    classify,
    may_refuse,
    retry_after_seconds,
)
from faregate.routing.troubles import Kind, Scope, Trouble
from faregate.wire import content_coding
from faregate.wire.reply_reader import ReplyHead
from faregate.wire.sse import event_data

if TYPE_CHECKING:
    from faregate.gate.relay import Relay

FAILURE_CODES: Final[dict[FailureKind, str]] = {
    "connect_failed": "upstream_unreachable",
    "connect_timeout": "upstream_timeout",
    "queue_full": "upstream_busy",
    "queue_timeout": "upstream_busy",
    "first_byte_timeout": "upstream_timeout",
    "between_bytes_timeout": "upstream_timeout",
    "total_timeout": "upstream_timeout",
    "closed": "upstream_closed",
    "malformed": "upstream_malformed",
}
_KINDS: Final[dict[str, Kind]] = {
    "upstream_unreachable": "unreachable",
    "upstream_timeout": "timeout",
    "upstream_busy": "busy",
    "upstream_closed": "closed",
    "upstream_malformed": "failed",
    "provider_failed": "failed",
}
_NEVER_SENT: Final = frozenset(("connect_failed", "connect_timeout", "queue_full", "queue_timeout"))
_BUSY_RETRY_AFTER_S: Final = 1
_SAID_CHARACTERS_MAX: Final = 1_000
_OF_THE_REQUEST: Final = frozenset(("invalid_request", "context_length", "content_refused"))
_LOOKED_AT: Final = 200
_PREAMBLES: Final = (b"event: message_start", b"event: response.created")
_COHERE_BEGINS: Final = b"event: message-start"
_ERROR_EVENTS: Final = (b'data: {"error"', b'data:{"error"', b"event: error", b'[{"error"')
_LATE_ERRORS: Final = (
    b"\nevent: error",
    b"\nevent: response.failed",
    b"\nevent: message-end",
    b'\ndata: {"error"',
)
_COHERE_ENDS: Final = b"event: message-end"
_COHERE_FAILED: Final = b'"finish_reason":"ERROR"'


# -- what begins well and is an error --------------------------------------------------------------


def looks_like_error(data: bytes) -> bool:
    """Whether the first piece of a reply of 200 may be that of an error."""
    if data.find(b'"error"', 0, _LOOKED_AT) < 0 and not data.startswith(b"event: error"):
        return False
    if data.startswith(_COHERE_ENDS):
        return _COHERE_FAILED in data.replace(b" ", b"")
    start = data[:_LOOKED_AT]
    if start.startswith(b"data:") and b'"error":{' in start:
        return True
    return start.startswith((b"{", *_ERROR_EVENTS)) or start.lstrip().startswith(b"{")


def is_preamble(data: bytes) -> bool:
    """Whether a stream has begun without any part of an answer."""
    if data.startswith(_PREAMBLES):
        return b"elta" not in data and b"block_start" not in data
    if data.startswith(_COHERE_BEGINS):
        return b"event: content-" not in data and b"event: tool-" not in data
    # OpenAI's first event names the role, and has no content yet.
    return (
        b'"content":""' in data
        and b'"role":"assistant"' in data
        and (data.count(b"data:") == 1 or b'\ndata: {"error"' in data)
    )


def error_behind_preamble(data: bytes) -> bytes | None:
    """The error that ends a stream before any part of an answer.

    None: there is none, or it isn't whole yet.
    """
    for mark in _LATE_ERRORS:
        _, found, rest = data.partition(mark)
        if found and ends_event(rest):
            late = found[1:] + rest
            if not late.startswith(_COHERE_ENDS) or _COHERE_FAILED in late.replace(b" ", b""):
                return late
    return None


def ends_event(data: bytes) -> bool:
    """Whether the first event, or line, in `data` is whole."""
    if data.startswith(b"{"):
        return b"\n" in data
    return b"\n\n" in data or b"\r\n\r\n" in data


def is_error(call: "Relay", head: ReplyHead, body: bytes) -> bool:
    """Whether a whole reply of 200 is an error."""
    upstream = call.upstream
    vendor = upstream.vendor if upstream is not None else ""
    content = decoded(head, body)
    if not may_refuse(vendor, content):
        return False
    return classify(vendor, head.status, text_fields(head), content).meaning != "none"


# -- attempts that fail ----------------------------------------------------------------------------


def fail_before_reply(call: "Relay", failure: Failure, code: str) -> None:
    """The connection failed before anything went to the caller."""
    status = call.reply.status if call.reply is not None else 0
    add_attempt(call, status, code, call.gate.now())
    retry_after_s = _BUSY_RETRY_AFTER_S if code == "upstream_busy" else None
    acted = failure.kind not in _NEVER_SENT
    trouble = Trouble(_KINDS[code], "model", None, acted, failure.detail)
    attempt_failed(call, trouble, upstream_refusal(call, code, failure.detail, retry_after_s))


def fail_broken(call: "Relay", code: str, detail: str) -> None:
    """A reply of which nothing has gone can't be used."""
    status = call.reply.status if call.reply is not None else 0
    add_attempt(call, status, code, call.gate.now())
    trouble = Trouble(_KINDS[code], "model", None, True, detail)
    attempt_failed(call, trouble, upstream_refusal(call, code, detail, None))


def break_attempt(call: "Relay", code: str, detail: str) -> None:
    """A reply broke off after a part of it has gone."""
    attempt_broken(call, Trouble(_KINDS[code], "model", None, True, detail))


def fail_in_stream(call: "Relay", event: bytes, known: str | None = None) -> bool:
    """Fail where a stream's first word is an error.

    `event` is its data, or the event. `known` is what is said of it where it is one for sure;
    without, False: it is none.
    """
    head, data = call.reply, event
    assert head is not None
    if event.startswith((b"event:", b"data:")):
        lines = event.replace(b"\r\n", b"\n")
        first = next((one for one in lines.split(b"\n\n") if b"data" in one), lines)
        data = event_data(first)
    found = _classified(call, head, data)
    if found.meaning == "none" and event.startswith(b"{"):
        data = event.partition(b"\n")[0]
        found = _classified(call, head, data)
    if found.meaning == "none":
        if known is None and not event.startswith((b"event: error", _COHERE_ENDS)):
            return False
        found = Classification("failed", "provider_failed", known or "an error in its stream")
    if call.sending is not None:
        call.sending.cancel()
        call.sending = None
    _settle(call, head, found, data)
    return True


def settle_error(call: "Relay", head: ReplyHead) -> None:
    """A collected error reply: what it means, and what is next."""
    body = b"".join(call.kept)
    plain = decoded(head, body)
    _settle(call, head, _classified(call, head, plain), body, plain)


def give_up_on_error_body(call: "Relay", head: ReplyHead) -> None:
    """An error reply without end: its status alone must do."""
    if call.sending is not None:
        call.sending.cancel()
        call.sending = None
    found = _classified(call, head, b"")
    if found.refusal_code is None:
        found = Classification("failed", "provider_failed", "an error page without end")
    _settle(call, head, found, b"")


def _classified(call: "Relay", head: ReplyHead, body: bytes) -> Classification:
    if 300 <= head.status < 400:
        detail = "a redirect; the provider's base_url may be wrong"
        return Classification("failed", "provider_failed", detail)
    vendor = call.upstream.vendor if call.upstream is not None else ""
    return classify(vendor, head.status, text_fields(head), body)


def _settle(
    call: "Relay", head: ReplyHead, found: Classification, body: bytes, plain: bytes | None = None
) -> None:
    now = call.gate.now()
    add_attempt(call, head.status, found.meaning, now)
    seconds = retry_after_seconds(text_fields(head), body, time.time())
    trouble = _trouble(found, seconds)
    code = found.refusal_code
    if code is None:
        wire = call.wire
        if wire is not None and wire.native is not None and head.status >= 400:
            attempt_failed(call, trouble, (head, body))
        else:
            attempt_failed(call, trouble, _rejected(call, head.status, plain or body))
        return
    wait_s = max(1, -int(-seconds // 1)) if seconds is not None else None
    if wait_s is None and code == "provider_rate_limited":
        wait_s = _BUSY_RETRY_AFTER_S
    detail = f"it answered with status {head.status}"
    if found.detail:
        detail += f" ({found.detail})"
    attempt_failed(call, trouble, upstream_refusal(call, code, detail, wait_s))


def _trouble(found: Classification, seconds: float | None) -> Trouble:
    meaning = found.meaning
    kind: Kind = "failed" if meaning == "none" else meaning
    scope: Scope = "request" if kind in _OF_THE_REQUEST else found.scope
    if scope == "request" and kind not in _OF_THE_REQUEST:
        scope = "model"
    return Trouble(kind, scope, seconds, kind == "failed", found.detail)


def _rejected(call: "Relay", status: int, body: bytes) -> Refusal:
    """The caller's mistake in the provider's words, for another dialect."""
    said = said_by_provider(_message(body))
    name = call.upstream.name if call.upstream is not None else "unknown"
    text = f"Provider '{name}' refused the request with status {status}: {said}"
    return refuse("request_rejected", text)


def said_by_provider(text: str) -> str:
    """A provider's words as they may be told: without keys, and not too many."""
    return mask(text.encode("utf-8", "replace")).decode("utf-8", "replace")[:_SAID_CHARACTERS_MAX]


def _message(body: bytes) -> str:
    """The sentence in an error's body."""
    try:
        document = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return "it said no more."
    if isinstance(document, list) and document:
        document = document[0]
    for path in (("error", "message"), ("message",), ("detail",), ("error",), ("Message",)):
        found: object = document
        for step in path:
            found = found.get(step) if isinstance(found, dict) else None
        if isinstance(found, str) and found:
            return found
    return "it said no more."


def upstream_refusal(call: "Relay", code: str, detail: str, retry_after_s: int | None) -> Refusal:
    """A trouble at a provider, as its caller is told."""
    name = call.upstream.name if call.upstream is not None else "unknown"
    text = f"Provider '{name}': {detail}."
    return refuse(code, text, scope="provider", retry_after_s=retry_after_s)


def decoded(head: ReplyHead, body: bytes) -> bytes:
    """A body to look into; empty where its coding can't be taken off."""
    coding = head.fields.get(b"content-encoding")
    if coding is None or coding == b"identity":
        return body
    try:
        return content_coding.decode(body, coding, bounds.REQUEST_BODY_BYTES_MAX)
    except content_coding.CODING_ERRORS:
        return b""


def text_fields(head: ReplyHead) -> dict[str, str]:
    """A reply's fields as text."""
    return {
        name.decode("latin-1"): value.decode("latin-1") for name, value in head.all_fields().items()
    }
