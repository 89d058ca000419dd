"""What every dialect's refusal says: members of its body and its fields.

The members are those of RFC 9457 and Faregate's own; each dialect puts them where its SDKs look.
Amounts are decimal strings in dollars, moments RFC 3339.

Sources: RFC 9457 §3; RFC 9110 §10.2.3 (Retry-After), §11.6.1 (WWW-Authenticate), §15.5.3 (402);
RFC 6750 §3 (of tokens);
draft-nottingham-httpbis-402 (no-store); IANA link relations (payment);
draft-ietf-httpapi-ratelimit-headers-11 §5.1 (violated-policies).
"""

import datetime as dt
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

import msgspec

from faregate.core.money import CURRENCY, format_amount
from faregate.core.refusals import Fix, Kind, Refusal

Statuses = Mapping[str, int] | None  # codes that an operator tells by other statuses
Fields = list[tuple[str, str]]

encode = msgspec.json.Encoder().encode

_SECOND_NS: Final = 1_000_000_000
_POLICY_SCOPES: Final = frozenset(("limit", "quota"))
_PAYMENT_CHANGES: Final = frozenset(("top_up", "raise"))
# What may stand in an address as it is; all else is written as %XX, a line's end too.
_URL_CHARACTERS: Final = ":/?#[]@!$&'()*+,;=%~"
_CHALLENGE: Final = 'Bearer realm="faregate"'
# RFC 6750 §3: of a token that was sent and isn't taken, the error is named.
_TOKEN_CODES: Final = frozenset(("token_invalid", "token_expired"))


class Cost(msgspec.Struct, omit_defaults=True, gc=False):
    """Money: the most that a call may cost, and what there is for it."""

    estimated_max: str | None = None
    available: str | None = None
    held: str | None = None
    currency: str = msgspec.field(default_factory=lambda: CURRENCY)


class OpenAIError(msgspec.Struct, gc=False):
    """The member that OpenAI's SDKs read."""

    message: str
    type: str
    code: str
    param: str | None


class Members(msgspec.Struct, omit_defaults=True, gc=False):
    """The body of a refusal; facts that aren't known are left out."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    side: str
    scope: str
    retryable: bool
    call_id: str
    fixes: tuple[Fix, ...]
    param: str | None = None
    subject: str | None = None
    retry_after_s: int | None = None
    limit: int | str | None = None
    used: int | str | None = None
    resets_at: str | None = None
    needed: str | None = None
    available: str | None = None
    held: str | None = None
    cost: Cost | None = None
    affordable_max_tokens: int | None = None
    violated_policies: tuple[str, ...] | None = msgspec.field(
        default=None, name="violated-policies"
    )
    error: OpenAIError | None = None
    error_code: str | None = None


def members(refusal: Refusal, call_id: str, status: int) -> Members:
    """What all dialects have in common; `status` is the one that is told."""
    kind = refusal.kind
    made = Members(
        refusal.type_uri,
        kind.title,
        status,
        refusal.detail,
        f"/v1/calls/{call_id}",
        kind.code,
        kind.side,
        refusal.scope,
        kind.retryable,
        call_id,
        refusal.fixes,
        refusal.param,
        refusal.subject,
    )
    if refusal.retry_after_s is not None:
        made.retry_after_s = wait_s(refusal, status)
    if refusal.limit is not None or refusal.used is not None:
        made.limit = _volume(refusal, refusal.limit)
        made.used = _volume(refusal, refusal.used)
    if refusal.resets_ns is not None:
        made.resets_at = moment(refusal.resets_ns)
    if refusal.needed_nano is not None or refusal.available_nano is not None:
        _add_money(made, refusal)
    made.affordable_max_tokens = refusal.affordable_output_tokens
    if kind.status == 429 and refusal.subject is not None and refusal.scope in _POLICY_SCOPES:
        made.violated_policies = (refusal.subject,)
    return made


def _add_money(made: Members, refusal: Refusal) -> None:
    made.needed = _amount(refusal.needed_nano)
    made.available = _amount(refusal.available_nano)
    made.held = _amount(refusal.held_nano)
    made.cost = Cost(made.needed, made.available, made.held)


def _amount(nano: int | None) -> str | None:
    return format_amount(nano) if nano is not None else None


def _volume(refusal: Refusal, count: int | None) -> int | str | None:
    """A count; an amount where it is a budget's."""
    return _amount(count) if refusal.scope == "budget" else count


def moment(ns: int) -> str:
    """RFC 3339 in UTC, whole seconds, never before `ns`."""
    seconds = -(-ns // _SECOND_NS)
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def message(refusal: Refusal) -> str:
    """One text for people: what it is, what was wrong, what to do."""
    fixes = refusal.fixes
    fix = fixes[0].text if fixes else ""
    return f"{refusal.kind.title}. {refusal.detail} {fix}".rstrip()


def wait_s(refusal: Refusal, status: int) -> int | None:
    """Seconds to wait; none where the way out is payment."""
    return None if 402 in (status, refusal.kind.status) else refusal.retry_after_s


def fields(refusal: Refusal, status: int, content_type: str) -> Fields:
    """The fields of the reply, without framing and the call's id."""
    kind = refusal.kind
    made = [("content-type", content_type), ("cache-control", "no-store")]
    if 401 in (status, kind.status):
        made.append(("www-authenticate", _challenge(kind)))
    if refusal.retry_after_s is not None and (seconds := wait_s(refusal, status)) is not None:
        made.append(("retry-after", str(seconds)))
    if not refusal.should_retry:
        made.append(("x-should-retry", "false"))
    if kind.status == 402 and (url := _payment_url(refusal.fixes)) is not None:
        made.append(("link", f'<{quote(url, safe=_URL_CHARACTERS)}>; rel="payment"'))
    made.extend(refusal.headers)
    return made


def _challenge(kind: Kind) -> str:
    if kind.code not in _TOKEN_CODES:
        return _CHALLENGE
    return f'{_CHALLENGE}, error="invalid_token", error_description="{kind.title}"'


def _payment_url(fixes: tuple[Fix, ...]) -> str | None:
    """The page to pay on: that of a fix that pays, else the first that there is."""
    pages = [fix for fix in fixes if fix.url is not None]
    paying = [f for f in pages if f.change is not None and f.change.kind in _PAYMENT_CHANGES]
    return (paying or pages)[0].url if pages else None
