"""What a reply, or the record of a call, means for its line."""

from typing import Any, Final, Literal, NamedTuple

import msgspec

from faregate.batches.facts import LineError
from faregate.calllog.frames import CallRecord
from faregate.core.refusals import KINDS

PAUSE_S: Final = 1.0  # before the first repetition; each further one doubles it
PAUSE_S_MAX: Final = 600.0
RESEND_WITHIN_S: Final = 3_600.0  # beyond it, the record of a call may have been deleted

_TIMEOUT: Final = KINDS["request_timeout"].status  # the call came too late to be begun
_LIMITED: Final = KINDS["rate_limited"].status
_HOPELESS_5XX: Final = (KINDS["method_unknown"].status, KINDS["http_version_unsupported"].status)
_STOPPING: Final = (KINDS["key_revoked"].status, KINDS["credit_exhausted"].status)
# An operator may tell these by another status than 402; payment mends them all the same.
_PAYING: Final = ("credit_exhausted", "call_too_large")

Found = Literal["not_made", "refused", "made", "open"]


class Pause(NamedTuple):
    """The line is to be called again, after so many seconds."""

    seconds: float


def pause_of(status: int, retry_after: str | None, failures: int) -> Pause | None:
    """How long to wait before the line is called again; None: it is answered.

    Time mends a 429. Of a 5xx it is the operator or a provider who does, and the batch has the
    whole of its window for that.
    """
    if status == _TIMEOUT:
        return Pause(0.0)
    if status != _LIMITED and (status < 500 or status in _HOPELESS_5XX):
        return None
    grown = min(PAUSE_S * 2.0 ** min(failures, 20), PAUSE_S_MAX)
    if retry_after is not None and retry_after.isascii() and retry_after.isdigit():
        # A true time is kept; one of zero must not make a storm.
        return Pause(max(float(retry_after[:9]), 0.1 if status == _LIMITED else grown))
    return Pause(grown)


def stop_of(status: int, body: bytes, line: int) -> LineError | None:
    """Why no further line can pass, if the reply says that none can."""
    if status < 400:
        return None
    try:
        told: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        told = None
    told = told if isinstance(told, dict) else {}
    error = told.get("error")
    error = error if isinstance(error, dict) else {}
    details = error.get("details")
    details = details if isinstance(details, dict) else told
    code = error.get("code") or details.get("error_code") or f"status_{status}"
    if status not in _STOPPING and code not in _PAYING:
        return None
    fixes = details.get("fixes")
    texts = [
        fix["text"]
        for fix in (fixes if isinstance(fixes, list) else ())
        if isinstance(fix, dict) and isinstance(fix.get("text"), str)
    ]
    message = str(error.get("message") or f"A call was answered {status}.")
    message = " ".join([message, *(text for text in texts if text not in message)])
    return LineError(str(code), message, line)


def stop_of_record(record: CallRecord, line: int) -> LineError | None:
    """The same, by the record of a call whose reply nobody has."""
    if record.refusal is None:
        return None
    if record.status not in _STOPPING and record.refusal not in _PAYING:
        return None
    return LineError(record.refusal, record.detail or f"A call was answered {record.status}.", line)


def found_of(record: CallRecord | None) -> Found:
    """What became of a call whose reply nobody has, by its record.

    A call that isn't on record has reached no provider: its start is in the journal before the
    provider sees a byte.
    """
    if record is None:
        return "not_made"
    if record.state == "open":
        return "open"
    if record.outcome == "refused" or (record.outcome == "cancelled" and not record.provider):
        return "refused"
    return "made"
