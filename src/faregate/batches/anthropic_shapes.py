"""Batches of messages and their results as Anthropic's API shows them.

Sources: Anthropic's API reference, "Message Batches" (the objects, processing_status, results),
and the types of its SDK for Python 2.12.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from faregate.batches.facts import BatchFacts, LineOutcome
from faregate.batches.openai_shapes import compact

BATCHES_PATH: Final = "/v1/messages/batches"

_encode: Final = msgspec.json.Encoder().encode
_STATES: Final = {
    "validating": "in_progress",
    "in_progress": "in_progress",
    "cancelling": "canceling",
}
_REST: Final = {"cancelled": "canceled", "expired": "expired"}


def _moment(time_s: int | None) -> str | None:
    if time_s is None:
        return None
    return dt.datetime.fromtimestamp(time_s, dt.UTC).isoformat().replace("+00:00", "Z")


def batch_told(batch: BatchFacts) -> dict[str, Any]:
    """A message batch; its counts are told once all of it has ended."""
    ended = not batch.is_open
    counts = (batch.succeeded, batch.errored, batch.cancelled, batch.expired)
    succeeded, errored, canceled, expired = counts if ended else (0, 0, 0, 0)
    return {
        "id": batch.batch_id,
        "type": "message_batch",
        "processing_status": _STATES.get(batch.state, "ended"),
        "request_counts": {
            "processing": 0 if ended else batch.total,
            "succeeded": succeeded,
            "errored": errored,
            "canceled": canceled,
            "expired": expired,
        },
        "created_at": _moment(batch.created_s),
        "expires_at": _moment(batch.expires_s),
        "ended_at": _moment(batch.times.get(batch.state)) if ended else None,
        "cancel_initiated_at": _moment(batch.times.get("cancelling")),
        "archived_at": None,
        # Relative: whoever asks knows by which address the gate is reached, and it does not.
        "results_url": f"{BATCHES_PATH}/{batch.batch_id}/results" if ended else None,
    }


def list_told(rows: Sequence[dict[str, Any]], *, has_more: bool) -> dict[str, Any]:
    """A page of a list."""
    return {
        "data": rows,
        "has_more": has_more,
        "first_id": rows[0]["id"] if rows else None,
        "last_id": rows[-1]["id"] if rows else None,
    }


def deleted_told(batch_id: str) -> dict[str, Any]:
    """What is said of a batch that was deleted."""
    return {"id": batch_id, "type": "message_batch_deleted"}


def reply_line(custom_id: str, body: bytes, *, succeeded: bool) -> bytes:
    """A result: what a call was answered."""
    if succeeded:
        return _line(custom_id, {"type": "succeeded", "message": compact(body)})
    return _line(custom_id, {"type": "errored", "error": compact(body)})


def error_line(custom_id: str, message: str, call_id: str | None = None) -> bytes:
    """A result: a call that has no answer."""
    error = {
        "type": "error",
        "error": {"type": "api_error", "message": message},
        "request_id": call_id,
    }
    return _line(custom_id, {"type": "errored", "error": error})


def rest_line(custom_id: str, outcome: LineOutcome, stopped: str | None) -> bytes:
    """A result: a call that was never made."""
    if outcome == "errored":
        error = {
            "type": "error",
            "error": {"type": "billing_error", "message": stopped or "The batch was stopped."},
            "request_id": None,
        }
        return _line(custom_id, {"type": "errored", "error": error})
    return _line(custom_id, {"type": _REST[outcome]})


def _line(custom_id: str, result: dict[str, Any]) -> bytes:
    return _encode({"custom_id": custom_id, "result": result}) + b"\n"
