"""What a provider's refusal means, and whether to try again.

    classify("openai", 429, headers, body).meaning -> "payment_required"

The same classification serves a reply of any status, a body of 200 that carries an error, and
one event of a stream (its data alone, with status 200). It never raises, whatever the body is.

Sources: each row of refusals.json names its own; RFC 9110 §10.2.3 (Retry-After).
"""

import datetime as dt
import re
from typing import Final, Literal

import msgspec

from faregate.providers.rules import (
    ANY_VENDOR,
    Headers,
    Meaning,
    NumberedRule,
    RefusalScope,
    Retry,
    header_value,
    rules_of,
    served_marks,
)

# A refusal is a few hundred bytes, with a proxy's page around it some KiB; of what is larger
# only the status is read.
REFUSAL_BODY_BYTES_MAX: Final = 256 * 1024
# A wait that is longer is a quota, not a pause; and a number that a stranger sent needs an end.
RETRY_AFTER_SECONDS_MAX: Final = 86_400.0

# Two more than the rules have: "failed" is an error that no rule explains, "none" no refusal.
ClassifiedMeaning = Meaning | Literal["failed", "none"]

_REFUSAL_CODES: Final[dict[str, str | None]] = {
    "payment_required": "provider_unpaid",
    "quota_exhausted": "provider_quota_exhausted",
    "rate_limited": "provider_rate_limited",
    "overloaded": "provider_overloaded",
    "auth": "provider_key_invalid",
    "permission": "provider_denied",
    "failed": "provider_failed",
    "invalid_request": None,
    "context_length": None,
    "content_refused": None,
    "none": None,
}
# Statuses that say "overloaded" by themselves (RFC 9110 §15.6.4; 529 is Anthropic's).
_OVERLOADED_STATUSES: Final = frozenset({503, 529})


class Classification(msgspec.Struct, frozen=True):
    """What an answer means.

    `refusal_code` is Faregate's code for it, or None where the provider's own answer goes to the
    caller unchanged. `rule` is the row of refusals.json, counted from 0, and `source` where it is
    documented; None and empty where no row matched.
    """

    meaning: ClassifiedMeaning
    refusal_code: str | None
    detail: str = ""
    retry: Retry = "never"
    scope: RefusalScope = "request"
    rule: int | None = None
    source: str = ""


NOT_A_REFUSAL: Final = Classification("none", None)
_FAILED: Final = Classification("failed", "provider_failed", "error", "backoff", "model")
_NOT_SERVED: Final = Classification("invalid_request", None, "the request was not served")


def classify(vendor: str, status: int, headers: Headers, body: bytes) -> Classification:
    """What `vendor` says with this answer.

    `headers` is a mapping with lower-case names, or pairs of text or bytes. `body` is the body
    after any content coding was taken off, or the data of one event of a stream.
    """
    document = _decode(body)
    found = _find(vendor, status, document, headers)
    if found is not None:
        return found
    if status >= 500:
        return _FAILED
    if status >= 400:
        return _NOT_SERVED
    return _classify_served(vendor, document, headers)


def may_refuse(vendor: str, body: bytes) -> bool:
    """Whether a whole answer below 300 is worth `classify`.

    Quick, for nearly none is.
    """
    marks = served_marks(vendor)
    return not marks or any(mark in body for mark in marks)


def refusal_code(meaning: ClassifiedMeaning) -> str | None:
    """Faregate's code for a meaning.

    None: the provider's answer goes out unchanged.
    """
    return _REFUSAL_CODES[meaning]


def retry_after_seconds(headers: Headers, body: bytes, now_s: float) -> float | None:
    """How long the provider asks to wait, or None where it doesn't say.

    `now_s` is seconds since 1970-01-01 UTC. Reads retry-after-ms, Retry-After (seconds or a
    date), the RetryInfo of Google's errors, and x-ratelimit-reset-*; the answer is between 0 and
    `RETRY_AFTER_SECONDS_MAX`.
    """
    wait = _number(header_value(headers, "retry-after-ms"))
    if wait is not None:
        return _bounded(wait / 1000)
    retry_after = header_value(headers, "retry-after")
    wait = _number(retry_after)
    if wait is None and retry_after:
        wait = _until_date(retry_after, now_s)
    if wait is None:
        wait = _retry_info(body)
    if wait is None:
        wait = _rate_limit_reset(headers, now_s)
    return None if wait is None else _bounded(wait)


def _find(vendor: str, status: int, document: object, headers: Headers) -> Classification | None:
    for numbered in rules_of(vendor):
        if numbered.rule.matches(status, document, headers):
            return _classified(numbered, status)
    return None


def _classified(numbered: NumberedRule, status: int) -> Classification:
    rule = numbered.rule
    code = _REFUSAL_CODES[rule.meaning]
    # The rows for anyone try an unexplained 500 again like an overload; what the caller is told
    # is that the provider failed.
    if (
        rule.provider == ANY_VENDOR
        and rule.meaning == "overloaded"
        and status not in _OVERLOADED_STATUSES
    ):
        code = "provider_failed"
    return Classification(
        rule.meaning, code, rule.detail, rule.retry, rule.scope, numbered.index, rule.source
    )


def _classify_served(vendor: str, document: object, headers: Headers) -> Classification:
    """An answer that began well: it is a refusal only if it carries an error."""
    error = document.get("error") if isinstance(document, dict) else None
    if not error:
        return NOT_A_REFUSAL
    # An error after the first byte can't change the status, so some vendors put the number into
    # the error (OpenRouter, "Errors and Debugging"). A number there is a status; in a text never.
    code = error.get("code") if isinstance(error, dict) else None
    if isinstance(code, int) and not isinstance(code, bool) and 400 <= code <= 599:
        return _find(vendor, code, document, headers) or (_FAILED if code >= 500 else _NOT_SERVED)
    return _FAILED


def _decode(body: bytes) -> object:
    if not body or len(body) > REFUSAL_BODY_BYTES_MAX:
        return None
    try:
        document = msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    # Google's streaming addresses send a list of one error.
    if isinstance(document, list) and document:
        return document[0]
    return document


# -- How long to wait -----------------------------------------------------------------------------

_NUMBER: Final = re.compile(r"\s*(\d{1,15}(?:\.\d{1,9})?)\s*", re.ASCII)
# Go's time.Duration, as OpenAI, Groq and Google write it: 6m0s, 1h2m3.5s, 12ms.
_DURATION: Final = re.compile(
    r"\s*(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m(?!s))?"
    r"(?:(\d{1,9}(?:\.\d{1,9})?)s)?(?:(\d{1,9}(?:\.\d{1,9})?)ms)?\s*",
    re.ASCII,
)
_DURATION_SECONDS: Final = (86_400.0, 3_600.0, 60.0, 1.0, 0.001)
# IMF-fixdate of RFC 9110 §5.6.7; the two old forms are not sent by anyone who is alive.
_DATE: Final = re.compile(
    r"\s*[A-Za-z]{3}, (\d{2}) ([A-Z][a-z]{2}) (\d{4}) (\d{2}):(\d{2}):(\d{2}) GMT\s*", re.ASCII
)
_MONTHS: Final = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)
_RESET_KINDS: Final = ("requests", "tokens")
# A larger number is a date in seconds, or in milliseconds, since 1970.
_EPOCH_SECONDS_MIN: Final = 1e9
_EPOCH_MILLISECONDS_MIN: Final = 1e12


def _bounded(seconds: float) -> float:
    return min(max(seconds, 0.0), RETRY_AFTER_SECONDS_MAX)


def _number(text: str | None) -> float | None:
    match = _NUMBER.fullmatch(text) if text else None
    return float(match[1]) if match else None


def _duration(text: str) -> float | None:
    match = _DURATION.fullmatch(text)
    if match is None or not any(match.groups()):
        return None
    parts = zip(match.groups(), _DURATION_SECONDS, strict=True)
    return sum(float(amount) * unit for amount, unit in parts if amount)


def _until_date(text: str, now_s: float) -> float | None:
    match = _DATE.fullmatch(text)
    if match is None or match[2] not in _MONTHS:
        return None
    day, _, year, hour, minute, second = match.groups()
    month = _MONTHS.index(match[2]) + 1
    try:
        date = dt.datetime(
            int(year), month, int(day), int(hour), int(minute), int(second), tzinfo=dt.UTC
        )
    except ValueError:
        return None
    return date.timestamp() - now_s


def _retry_info(body: bytes) -> float | None:
    """google.rpc.RetryInfo: {"error": {"details": [{"retryDelay": "34s"}]}}."""
    document = _decode(body)
    error = document.get("error") if isinstance(document, dict) else None
    details = error.get("details") if isinstance(error, dict) else None
    for detail in details[:32] if isinstance(details, list) else ():
        delay = detail.get("retryDelay") if isinstance(detail, dict) else None
        if isinstance(delay, str):
            return _duration(delay[:64])
    return None


def _rate_limit_reset(headers: Headers, now_s: float) -> float | None:
    """The reset of the limit that is used up; of all limits where none says so, the last."""
    resets: list[float] = []
    used_up: list[float] = []
    for kind in _RESET_KINDS:
        reset = _reset(header_value(headers, f"x-ratelimit-reset-{kind}"), now_s)
        if reset is None:
            continue
        resets.append(reset)
        if _number(header_value(headers, f"x-ratelimit-remaining-{kind}")) == 0:
            used_up.append(reset)
    if not resets:
        return _reset(header_value(headers, "x-ratelimit-reset"), now_s)
    return max(used_up or resets)


def _reset(text: str | None, now_s: float) -> float | None:
    if not text:
        return None
    number = _number(text)
    if number is None:
        return _duration(text[:64])
    if number >= _EPOCH_MILLISECONDS_MIN:
        return number / 1000 - now_s
    return number - now_s if number >= _EPOCH_SECONDS_MIN else number
