"""Body and head of a refusal agree, tell amounts exactly, and never promise what isn't so.

Money is decimal strings, moments are RFC 3339; a 402 has no Retry-After, for no wait pays.
"""

import json
import re
from typing import Any

import pytest
from tests.dialects.specimen_refusals import (
    CALL_ID,
    DECEMBER_NS,
    DOLLAR,
    REFUSALS,
    TOP_UP_URL,
    label,
)

from faregate.core.refusals import RETRY_SOON_S, Change, Fix, Refusal, refuse
from faregate.dialects.refusal_members import encode, fields, members, message, moment, wait_s

every_refusal = pytest.mark.parametrize("refusal", REFUSALS, ids=label)


def body(refusal: Refusal, status: int | None = None) -> dict[str, Any]:
    told = encode(members(refusal, CALL_ID, status or refusal.status))
    document = json.loads(told, parse_float=_no_float)
    assert isinstance(document, dict)
    return document


def _no_float(text: str) -> None:
    raise AssertionError(f"{text} is no whole number and no string")


def head(refusal: Refusal, status: int | None = None) -> dict[str, str]:
    return dict(fields(refusal, status or refusal.status, "text/plain"))


@every_refusal
def test_the_head_follows_from_what_would_fix_it(refusal: Refusal) -> None:
    told = head(refusal)
    status = refusal.status
    assert told["cache-control"] == "no-store"
    assert ("www-authenticate" in told) == (status == 401)
    long = (refusal.retry_after_s or 0) > RETRY_SOON_S
    assert (told.get("x-should-retry") == "false") == (not refusal.kind.retryable or long)
    if status == 402:
        assert "retry-after" not in told
        assert told["x-should-retry"] == "false"
    else:
        assert "link" not in told
        waits = refusal.retry_after_s
        assert told.get("retry-after") == (str(waits) if waits is not None else None)


@every_refusal
def test_the_body_says_no_more_than_is_known(refusal: Refusal) -> None:
    told = body(refusal)
    assert ("cost" in told) == (refusal.needed_nano is not None)
    assert ("resets_at" in told) == (refusal.resets_ns is not None)
    assert ("retry_after_s" in told) == ("retry-after" in head(refusal))
    policies = refusal.status == 429 and refusal.scope in ("limit", "quota")
    assert ("violated-policies" in told) == policies
    amounts = [told[name] for name in ("needed", "available", "held") if name in told]
    assert all(re.fullmatch(r"\d+\.\d{2,9}", amount) for amount in amounts)


def test_money_is_told_to_the_nano_dollar() -> None:
    refusal = refuse(
        "call_too_large",
        "x",
        scope="wallet",
        subject="shop",
        needed_nano=1,
        available_nano=10**18,
        held_nano=DOLLAR // 2,
        affordable_output_tokens=0,
    )
    told = body(refusal)
    assert (told["needed"], told["available"], told["held"]) == (
        "0.000000001", "1000000000.00", "0.50",
    )  # fmt: skip
    assert told["cost"] == {
        "estimated_max": "0.000000001",
        "available": "1000000000.00",
        "held": "0.50",
        "currency": "USD",
    }
    assert told["affordable_max_tokens"] == 0
    assert (told["scope"], told["subject"]) == ("wallet", "shop")


def test_a_budget_counts_in_dollars_and_a_limit_in_numbers() -> None:
    budget = refuse("budget_exhausted", "x", scope="budget", subject="b", limit=DOLLAR, used=0)
    assert (body(budget)["limit"], body(budget)["used"]) == ("1.00", "0.00")
    limit = refuse("rate_limited", "x", scope="limit", subject="burst", limit=10, used=0)
    assert (body(limit)["limit"], body(limit)["used"]) == (10, 0)
    assert body(limit)["violated-policies"] == ["burst"]
    assert "violated-policies" not in body(budget)  # money is no policy of the RateLimit fields


def test_a_moment_is_never_too_early() -> None:
    assert moment(DECEMBER_NS) == "2026-12-01T00:00:00Z"
    assert moment(DECEMBER_NS + 1) == "2026-12-01T00:00:01Z"
    assert moment(0) == "1970-01-01T00:00:00Z"


def test_ways_out_for_programs_are_told_whole() -> None:
    fixes = (
        Fix("Do this.", url="https://example.com/", command="run"),
        Fix("Wait.", change=Change("wait", seconds=0)),
        Fix("Ask for less.", change=Change("set", name="max_tokens", value=0)),
        Fix("Pay.", change=Change("top_up", name="shop", amount="0.01")),
    )
    assert body(refuse("model_unknown", "x", fixes=fixes))["fixes"] == [
        {"text": "Do this.", "url": "https://example.com/", "command": "run"},
        {"text": "Wait.", "change": {"kind": "wait", "seconds": 0}},
        {"text": "Ask for less.", "change": {"kind": "set", "name": "max_tokens", "value": 0}},
        {"text": "Pay.", "change": {"kind": "top_up", "name": "shop", "amount": "0.01"}},
    ]


def test_extra_fields_go_along() -> None:
    refusal = refuse("method_not_allowed", "x", headers=(("allow", "GET"),))
    assert head(refusal)["allow"] == "GET"


@pytest.mark.parametrize(
    ("fixes", "link"),
    [
        ((Fix("a"),), None),
        ((Fix("a", url=TOP_UP_URL),), TOP_UP_URL),
        ((Fix("a", url="https://x/docs"), Fix("b", url="https://x/pay")), "https://x/docs"),
        (
            (
                Fix("a", url="https://x/docs"),
                Fix("b", url="https://x/pay", change=Change("top_up", name="w", amount="1")),
            ),
            "https://x/pay",
        ),
        # Nothing in an address can end the line or the address.
        ((Fix("a", url="https://x/\r\na: b>;\u00e9"),), "https://x/%0D%0Aa:%20b%3E;%C3%A9"),
        ((Fix("a", url="https://x/pay?a=1&b=%20#c"),), "https://x/pay?a=1&b=%20#c"),
    ],
)  # fmt: skip
def test_the_page_to_pay_on_is_linked(fixes: tuple[Fix, ...], link: str | None) -> None:
    told = head(refuse("credit_exhausted", "x", fixes=fixes))
    assert told.get("link") == (f'<{link}>; rel="payment"' if link else None)
    assert "link" not in head(refuse("model_unknown", "x", fixes=fixes))


def test_a_402_promises_no_time_by_whatever_status_it_is_told() -> None:
    empty = refuse("credit_exhausted", "x", retry_after_s=5)
    assert wait_s(empty, 402) is None
    assert "retry-after" not in head(empty, 429)
    assert head(empty, 429)["x-should-retry"] == "false"
    assert "retry_after_s" not in body(empty, 429)
    limited = refuse("rate_limited", "x", retry_after_s=5)
    assert wait_s(limited, 429) == 5
    assert "retry-after" not in head(limited, 402)


def test_an_operators_status_is_told_everywhere_and_the_code_stays() -> None:
    refusal = refuse("model_not_allowed", "x")
    assert body(refusal, 401)["status"] == 401
    assert body(refusal, 401)["code"] == "model_not_allowed"
    assert "www-authenticate" in head(refusal, 401)  # RFC 9110 §15.5.2: a 401 must have it


def test_a_message_needs_no_way_out() -> None:
    refusal = Refusal(kind=refuse("model_unknown", "x").kind, detail="There is no 'x'.")
    assert message(refusal) == "There is no model of this name. There is no 'x'."


def test_a_token_that_is_not_taken_is_told_as_oauth_does() -> None:
    for code in ("token_invalid", "token_expired"):
        challenge = head(refuse(code, "x"))["www-authenticate"]
        assert challenge.startswith('Bearer realm="faregate", error="invalid_token", error_desc')
    for code in ("key_missing", "key_unknown", "certificate_missing"):  # RFC 6750 §3.1: no error
        assert head(refuse(code, "x"))["www-authenticate"] == 'Bearer realm="faregate"'


def test_a_reason_is_never_told_to_callers() -> None:
    refusal = refuse("token_invalid", "x", reason="hidden-canary")
    assert "hidden" not in str(head(refusal))
    assert "hidden" not in str(body(refusal))
