"""A refusal is read right, whoever sends it and whatever it looks like, and nothing is made up."""

import time

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faregate.core.refusals import KINDS
from faregate.providers.refusals import (
    NOT_A_REFUSAL,
    REFUSAL_BODY_BYTES_MAX,
    RETRY_AFTER_SECONDS_MAX,
    classify,
    refusal_code,
    retry_after_seconds,
)
from faregate.providers.rules import all_rules

VENDORS = sorted({numbered.rule.provider for numbered in all_rules()} | {"nobody", ""})
NOW_S = 1_784_000_000.0
MINIMAX_EMPTY = b'{"base_resp":{"status_code":1008}}'


def error(**members: object) -> bytes:
    return msgspec.json.encode({"error": members})


@pytest.mark.parametrize(
    ("vendor", "status", "body", "meaning", "code"),
    [
        ("openai", 429, error(code="insufficient_quota"), "payment_required", "provider_unpaid"),
        ("openai", 429, error(code="rate_limit_exceeded"), "rate_limited", "provider_rate_limited"),
        # An exact code beats a bare status, wherever the two stand in the file.
        ("openai", 401, error(code="insufficient_quota"), "payment_required", "provider_unpaid"),
        ("openai", 401, b"", "auth", "provider_key_invalid"),
        ("anthropic", 200, error(type="overloaded_error"), "overloaded", "provider_overloaded"),
        ("groq", 413, error(code="rate_limit_exceeded"), "invalid_request", None),
        ("minimax", 200, MINIMAX_EMPTY, "payment_required", "provider_unpaid"),
        ("nobody", 402, b"<html>", "payment_required", "provider_unpaid"),
        ("nobody", 404, error(message="no such model"), "invalid_request", None),
        ("nobody", 418, b"", "invalid_request", None),
        ("nobody", 500, b"", "overloaded", "provider_failed"),
        ("nobody", 502, b"", "overloaded", "provider_failed"),
        ("nobody", 503, b"", "overloaded", "provider_overloaded"),
        ("nobody", 520, b"", "failed", "provider_failed"),
        ("mistral", 502, b"", "overloaded", "provider_overloaded"),
        ("nobody", 200, error(message="it broke"), "failed", "provider_failed"),
        ("openrouter", 200, error(code=402), "payment_required", "provider_unpaid"),
        ("openrouter", 200, error(code=502, message="down"), "overloaded", "provider_overloaded"),
        ("nobody", 200, b'{"choices":[],"error":null}', "none", None),
    ],
)  # fmt: skip
def test_known_answers(vendor, status, body, meaning, code):
    found = classify(vendor, status, {}, body)
    assert (found.meaning, found.refusal_code) == (meaning, code)


def test_a_402_that_asks_to_wait_is_a_rate_limit():
    assert classify("nobody", 402, [(b"Retry-After", b"3")], b"").meaning == "rate_limited"


def test_google_sends_a_list_of_one():
    body = b'[{"error":{"status":"FAILED_PRECONDITION","message":"enable billing"}}]'
    assert classify("gemini", 400, {}, body).meaning == "payment_required"


def test_every_meaning_has_a_code_that_exists():
    meanings = {numbered.rule.meaning for numbered in all_rules()} | {"failed", "none"}
    codes = {meaning: refusal_code(meaning) for meaning in meanings}
    assert {code for code in codes.values() if code} <= set(KINDS)
    own_words = {"invalid_request", "context_length", "content_refused", "none"}
    assert {meaning for meaning, code in codes.items() if code is None} == own_words


@pytest.mark.parametrize("vendor", VENDORS)
def test_the_digits_402_in_a_text_mean_nothing(vendor):
    for text in ("402", "Error 402: Payment Required", "your 402 tokens", "credit 402"):
        for status in (200, 404, 429, 500):
            plain = classify(vendor, status, {}, error(message="x", code="y"))
            found = classify(vendor, status, {}, error(message=text, code="402"))
            assert found == plain


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 200_000,
        b'{"a":' * 50_000,
        b'{"error":' * 50_000 + b"1" + b"}" * 50_000,
        b"\xff\xfe\x00",
        b'"\xff"',
        b"1" * 100_000,
        b"<html><body>402 Payment Required</body></html>",
        b"null",
        b"[]",
        b'{"error":[[[{"code":1}]]]}',
        b'{"error":{"code":1e400}}',
        b"\xef\xbb\xbf{}",
    ],
    ids=range(12),
)
def test_garbage_is_read_by_its_status(body):
    assert classify("openai", 429, {}, body).meaning == "rate_limited"
    assert classify("nobody", 402, {}, body).meaning == "payment_required"


def test_a_huge_body_is_not_read():
    body = error(code="insufficient_quota", filling="x" * REFUSAL_BODY_BYTES_MAX)
    assert classify("openai", 429, {}, body).meaning == "rate_limited"


def test_time_is_bounded():
    evil = error(
        message="Trial key " * 20_000, details=[{"violations": [{}] * 1_000}] * 100, code="x"
    )
    message = msgspec.json.encode({"message": "Trial key " * 20_000, "detail": "top" * 50_000})
    started = time.process_time()
    for vendor in VENDORS:
        for status in (200, 402, 429):
            classify(vendor, status, {}, evil)
            classify(vendor, status, {}, message)
    assert (time.process_time() - started) / (len(VENDORS) * 6) < 0.05


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["error", "code", "type", "message", "details", "status", "detail"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(
    vendor=st.sampled_from(VENDORS),
    status=st.integers(100, 999),
    headers=st.lists(st.tuples(st.binary(max_size=12), st.binary(max_size=12)), max_size=4),
    body=st.binary(max_size=200) | JSON.map(msgspec.json.encode),
)
def test_no_answer_is_too_odd(vendor, status, headers, body):
    found = classify(vendor, status, headers, body)
    assert found.refusal_code is None or found.refusal_code in KINDS
    if status >= 400:
        assert found != NOT_A_REFUSAL
    wait = retry_after_seconds(headers, body, NOW_S)
    assert wait is None or 0 <= wait <= RETRY_AFTER_SECONDS_MAX


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({}, None),
        ({"retry-after": "20"}, 20),
        ({"retry-after": " 1.5 "}, 1.5),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after": "Tue, 14 Jul 2026 03:33:50 GMT"}, 30),
        ({"retry-after": "Tue, 14 Jul 2020 03:33:50 GMT"}, 0),
        ({"retry-after": "Tue, 99 Jul 2026 03:33:50 GMT"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "9" * 15}, RETRY_AFTER_SECONDS_MAX),
        ({"retry-after": "9" * 5_000}, None),
        ({"x-ratelimit-reset-requests": "6m0s"}, 360),
        ({"x-ratelimit-reset-requests": "12ms"}, 0.012),
        ({"x-ratelimit-reset-tokens": "1h2m3.5s"}, 3723.5),
        ({"x-ratelimit-reset-tokens": "4"}, 4),
        ({"x-ratelimit-reset": str(int(NOW_S + 7))}, 7),
        ({"x-ratelimit-reset": str(int((NOW_S + 7) * 1000))}, 7),
        ({"x-ratelimit-reset-requests": "1s", "x-ratelimit-reset-tokens": "9s"}, 9),
        (
            {
                "x-ratelimit-reset-requests": "1s",
                "x-ratelimit-remaining-requests": "0",
                "x-ratelimit-reset-tokens": "9s",
                "x-ratelimit-remaining-tokens": "70",
            },
            1,
        ),
    ],
)
def test_how_long_to_wait(headers, wait):
    found = retry_after_seconds(headers, b"", NOW_S)
    assert found == (None if wait is None else pytest.approx(wait))


def test_google_names_the_wait_in_the_body():
    body = error(details=[{"@type": "x"}, {"retryDelay": "34s"}])
    assert retry_after_seconds({}, body, NOW_S) == 34
    assert retry_after_seconds({}, error(details=[{"retryDelay": "?"}]), NOW_S) is None
