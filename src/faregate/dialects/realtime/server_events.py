"""What a vendor says in a session, as far as it decides something.

Most events are pieces of text and audio; of those only the size is looked at.

Sources: OpenAI API reference, Realtime, server events; OpenAI, "Managing costs" of Realtime (a
token for 50 ms of the model's audio).
"""

import re
from typing import Any, Final

import msgspec

from faregate.core.refusals import Refusal
from faregate.dialects import problem
from faregate.dialects.realtime.client_events import has_short_audio, read_limit
from faregate.dialects.realtime.usage import read_usage
from faregate.dialects.usage import Usage

CREATED: Final = "response.created"
DONE: Final = "response.done"
TRANSCRIBED: Final = "conversation.item.input_audio_transcription.completed"
ERROR: Final = "error"
_SESSIONS: Final = frozenset(
    (
        "session.created", "session.updated",
        "transcription_session.created", "transcription_session.updated",
    )
)  # fmt: skip
_READ: Final = frozenset((CREATED, DONE, TRANSCRIBED, ERROR, *_SESSIONS))
_kind_at_start = re.compile(
    rb'\s*\{\s*(?:"event_id"\s*:\s*"[^"\\]*"\s*,\s*)?"type"\s*:\s*"([^"\\]*)"'
).match
_DELTA_OVERHEAD_BYTES: Final = 200  # the names and ids around a piece
_BYTES_A_TOKEN: Final = 4
_AUDIO_CHARACTERS_A_TOKEN: Final = 48_000 * 4 // 3 // 20


class Told(msgspec.Struct, frozen=True, gc=False):
    """One event of the vendor's.

    `usage` is what it states; `limit` the session's output limit (-1: none); `tokens` a guess of
    the output that a piece is; `in_conversation` False for a response that stands apart.
    `transcriber` is the model that hears the caller's audio as well; empty: none.
    """

    kind: str
    tokens: int = 0
    usage: Usage | None = None
    limit: int | None = None
    in_conversation: bool | None = None
    is_session: bool = False
    transcriber: str = ""
    instructions_bytes: int = 0
    has_short_audio: bool = False


class _Event(msgspec.Struct):
    type: str = ""
    response: Any = None
    session: Any = None
    usage: Any = None


_decode: Final = msgspec.json.Decoder(_Event).decode
_encode: Final = msgspec.json.Encoder().encode


def read(payload: bytes) -> Told | None:
    """One event; None where it can't be read, or decides nothing."""
    found = _kind_at_start(payload)
    if found is not None:
        kind = found.group(1)
        if kind.endswith(b".delta"):
            return Told("delta", _guess(kind, len(payload)))
        if kind.decode("latin-1") not in _READ:
            return None
    try:
        event = _decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    if event.type not in _READ:
        return None
    if event.type == TRANSCRIBED:
        return Told(TRANSCRIBED, usage=read_usage(event.usage))
    if event.type in _SESSIONS:
        return _session(event.type, event.session, short=has_short_audio(payload.lower()))
    response = event.response if isinstance(event.response, dict) else {}
    apart = "conversation_id" in response and response["conversation_id"] is None
    named = isinstance(response.get("conversation_id"), str)
    return Told(
        event.type,
        usage=read_usage(response.get("usage")),
        in_conversation=True if named else False if apart else None,
    )


def _session(kind: str, session: Any, *, short: bool) -> Told:
    session = session if isinstance(session, dict) else {}
    words = session.get("instructions")
    return Told(
        kind,
        limit=read_limit(session),
        is_session=True,
        transcriber=_transcriber(session),
        has_short_audio=short,
        instructions_bytes=len(words.encode(errors="replace")) if isinstance(words, str) else 0,
    )


def _transcriber(session: dict[str, Any]) -> str:
    """The model of a session's transcription: where it is now, and where it was in the beta."""
    audio = session.get("audio")
    heard = audio.get("input") if isinstance(audio, dict) else None
    for place in (
        heard.get("transcription") if isinstance(heard, dict) else None,
        session.get("input_audio_transcription"),
    ):
        if isinstance(place, dict) and isinstance(name := place.get("model"), str):
            return name
    return ""


def _guess(kind: bytes, size: int) -> int:
    inner = max(size - _DELTA_OVERHEAD_BYTES, 0)
    each = _AUDIO_CHARACTERS_A_TOKEN if b"audio.delta" in kind else _BYTES_A_TOKEN
    return max(inner // each, 1)


def error_event(refusal: Refusal, call_id: str, number: int, event_id: str | None) -> bytes:
    """A refusal as the event that OpenAI's SDKs take for an error."""
    told = problem.problem(refusal, call_id)
    error = told.error
    assert error is not None
    shown = {
        "type": error.type,
        "code": error.code,
        "message": error.message,
        "param": error.param,
        "event_id": event_id,
    }
    told.error = None
    return _encode(
        {
            "type": ERROR,
            "event_id": f"event_{call_id}_{number}",
            "error": shown,
            "faregate": {"refusal": told},
        }
    )
