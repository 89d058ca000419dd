"""Replies and records mean one thing each."""

import pytest
from tests.runner.stand_ins import record

from faregate.runner.verdicts import (
    PAUSE_S_MAX,
    Pause,
    found_of,
    pause_of,
    stop_of,
    stop_of_record,
)


@pytest.mark.parametrize("status", [200, 400, 401, 402, 403, 404, 413, 501, 505])
def test_these_are_answers(status: int) -> None:
    assert pause_of(status, "5", 0) is None


def test_pauses_grow_and_are_bounded() -> None:
    assert [pause_of(503, None, n) for n in (0, 1, 2)] == [Pause(1.0), Pause(2.0), Pause(4.0)]
    assert pause_of(502, None, 10_000) == Pause(PAUSE_S_MAX)
    assert pause_of(429, "86400", 0) == Pause(86_400.0)
    assert pause_of(429, "0", 0) == Pause(0.1)
    assert pause_of(503, "0", 3) == Pause(8.0)
    assert pause_of(429, "Sun, 22 Nov 2026 00:00:00 GMT", 0) == Pause(1.0)
    assert pause_of(408, None, 9) == Pause(0.0)


@pytest.mark.parametrize(
    "body",
    [
        b'{"error": {"code": "credit_exhausted", "message": "None left."},'
        b' "fixes": [{"text": "Top up."}]}',
        b'{"error": {"message": "None left.", "details": {"error_code": "credit_exhausted",'
        b' "fixes": [{"text": "Top up."}]}}}',
    ],
)
def test_no_credit_is_told_with_its_way_out(body: bytes) -> None:
    for status in (402, 429):  # an operator may tell it by another status
        error = stop_of(status, body, 3)
        assert error is not None
        assert (error.code, error.message, error.line) == (
            "credit_exhausted", "None left. Top up.", 3,
        )  # fmt: skip


@pytest.mark.parametrize("body", [b"", b"[]", b'{"error": 7}', b'{"error": {"details": []}}', b"{"])
def test_any_body_is_read(body: bytes) -> None:
    error = stop_of(402, body, 1)
    assert error is not None
    assert error.code == "status_402"
    assert stop_of(400, body, 1) is None


def test_a_record_tells_too_that_there_is_no_credit() -> None:
    refused = record("c", outcome="refused", status=402, refusal="credit_exhausted", detail="Gone.")
    error = stop_of_record(refused, 3)
    assert error is not None
    assert (error.code, error.message, error.line) == ("credit_exhausted", "Gone.", 3)
    assert stop_of_record(record("c", outcome="refused", status=429, refusal="x"), 3) is None
    assert stop_of_record(record("c"), 3) is None


def test_records_tell_what_became_of_a_call() -> None:
    assert found_of(None) == "not_made"
    assert found_of(record("c", state="open", outcome=None)) == "open"
    assert found_of(record("c", outcome="refused")) == "refused"
    assert found_of(record("c", outcome="cancelled", provider="")) == "refused"
    assert found_of(record("c", outcome="cancelled")) == "made"
    assert found_of(record("c", outcome="answered")) == "made"
