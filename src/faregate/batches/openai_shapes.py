"""Files, batches and lines of output as OpenAI's API shows them.

Sources: OpenAI's API reference, "Files" and "Batch" (the objects and the request output object),
and the types of its SDK for Python 3.54.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from faregate.batches.facts import BatchFacts, FileFacts, LineError, LineOutcome

_encode: Final = msgspec.json.Encoder().encode

_ENDED_ERRORS: Final = {
    "cancelled": ("batch_cancelled", "The batch was cancelled before this line was sent."),
    "expired": (
        "batch_expired",
        "The batch's completion window ended before this line was sent.",
    ),
    "errored": ("batch_failed", "The batch was stopped before this line was sent."),
}


def file_told(file: FileFacts) -> dict[str, Any]:
    """A file object."""
    return {
        "id": file.file_id,
        "object": "file",
        "bytes": file.size_bytes,
        "created_at": file.created_s,
        "expires_at": file.expires_s,
        "filename": file.filename,
        "purpose": file.purpose,
        "status": "processed",
        "status_details": None,
    }


def batch_told(batch: BatchFacts) -> dict[str, Any]:
    """A batch object."""
    times = batch.times
    return {
        "id": batch.batch_id,
        "object": "batch",
        "endpoint": batch.endpoint,
        "errors": _errors_told(batch.errors),
        "input_file_id": batch.input_file,
        "completion_window": "24h",
        "status": batch.state,
        "output_file_id": batch.output_file,
        "error_file_id": batch.error_file,
        "created_at": batch.created_s,
        "in_progress_at": times.get("in_progress"),
        "expires_at": batch.expires_s,
        "finalizing_at": times.get("finalizing"),
        "completed_at": times.get("completed"),
        "failed_at": times.get("failed"),
        "expired_at": times.get("expired"),
        "cancelling_at": times.get("cancelling"),
        "cancelled_at": times.get("cancelled"),
        "request_counts": {
            "total": batch.total,
            "completed": batch.succeeded,
            "failed": batch.errored,
        },
        "metadata": batch.metadata,
    }


def _errors_told(errors: Sequence[LineError]) -> dict[str, Any] | None:
    if not errors:
        return None
    rows = [
        {"code": one.code, "line": one.line, "message": one.message, "param": one.param}
        for one in errors
    ]
    return {"object": "list", "data": rows}


def list_told(rows: Sequence[dict[str, Any]], *, has_more: bool) -> dict[str, Any]:
    """A page of a list."""
    return {
        "object": "list",
        "data": rows,
        "has_more": has_more,
        "first_id": rows[0]["id"] if rows else None,
        "last_id": rows[-1]["id"] if rows else None,
    }


def reply_line(
    batch_id: str, line: int, custom_id: str, status: int, call_id: str, body: bytes
) -> bytes:
    """A line of the output or the error file: what a call was answered."""
    response = {"status_code": status, "request_id": call_id, "body": compact(body)}
    return _line(batch_id, line, custom_id, response, None)


def error_line(batch_id: str, line: int, custom_id: str, code: str, message: str) -> bytes:
    """A line of the error file: a call that has no answer."""
    return _line(batch_id, line, custom_id, None, {"code": code, "message": message})


def rest_line(batch_id: str, line: int, custom_id: str, outcome: LineOutcome) -> bytes:
    """A line of the error file: a call that was never made."""
    return error_line(batch_id, line, custom_id, *_ENDED_ERRORS[outcome])


def compact(body: bytes) -> Any:
    """A body as JSON without line ends; what is no JSON becomes a text."""
    try:
        return msgspec.Raw(msgspec.json.format(body, indent=-1))
    except (msgspec.DecodeError, RecursionError):
        return body.decode("utf-8", "replace")


def _line(batch_id: str, line: int, custom_id: str, response: Any, error: Any) -> bytes:
    told = {
        "id": f"batch_req_{batch_id.rpartition('_')[2]}_{line}",
        "custom_id": custom_id,
        "response": response,
        "error": error,
    }
    return _encode(told) + b"\n"
