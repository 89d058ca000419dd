"""Every refusal is an error of Google's: a canonical status, and details that programs read."""

import json
import re
from typing import Any

import pytest
from tests.dialects.specimen_refusals import CALL_ID, REFUSALS, label

from faregate.core.refusals import Refusal, refuse
from faregate.dialects.gemini_errors import DOMAIN, canonical_status, render, render_event

# google.rpc.Code, less the two that no refusal can be.
CODES = {
    "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND",
    "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE",
    "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "UNAUTHENTICATED",
}  # fmt: skip

every_refusal = pytest.mark.parametrize("refusal", REFUSALS, ids=label)


def detail(error: dict[str, Any], name: str) -> dict[str, Any] | None:
    kind = f"type.googleapis.com/google.rpc.{name}"
    return next((each for each in error["details"] if each["@type"] == kind), None)


@every_refusal
def test_every_code_has_googles_shape(refusal: Refusal) -> None:
    fields, body = render(refusal, CALL_ID)
    document = json.loads(body)
    assert list(document) == ["error"]
    error = document["error"]
    assert set(error) == {"code", "message", "status", "details"}
    assert error["code"] == refusal.status
    assert error["status"] in CODES
    assert refusal.detail in error["message"]
    info = detail(error, "ErrorInfo")
    assert info is not None
    assert (info["reason"], info["domain"]) == (refusal.code.upper(), DOMAIN)
    assert re.fullmatch(r"[A-Z][A-Z0-9_]+[A-Z0-9]", info["reason"])
    assert len(info["reason"]) <= 63
    assert {type(value) for value in info["metadata"].values()} == {str}
    assert info["metadata"]["call_id"] == CALL_ID
    retry = detail(error, "RetryInfo")
    waits = dict(fields).get("retry-after")
    assert (retry["retryDelay"] if retry else None) == (f"{waits}s" if waits else None)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("key_missing", "UNAUTHENTICATED"),
        ("credit_exhausted", "FAILED_PRECONDITION"),
        ("rate_limited", "RESOURCE_EXHAUSTED"),
        ("request_invalid", "INVALID_ARGUMENT"),
        ("internal_error", "INTERNAL"),
        ("provider_unpaid", "UNAVAILABLE"),
        ("upstream_timeout", "DEADLINE_EXCEEDED"),
    ],
)
def test_the_status_follows_from_the_code(code: str, status: str) -> None:
    assert canonical_status(refuse(code, "x")) == status
    error = json.loads(render(refuse(code, "x"), CALL_ID, {code: 418})[1])["error"]
    assert (error["code"], error["status"]) == (418, status)


def test_an_address_to_go_to_is_help() -> None:
    refusal = next(each for each in REFUSALS if each.code == "credit_exhausted")
    helping = detail(json.loads(render(refusal, CALL_ID)[1])["error"], "Help")
    assert helping is not None
    assert helping["links"] == [{"description": refusal.fixes[0].text, "url": refusal.fixes[0].url}]


def test_a_stream_ends_with_the_error() -> None:
    event = render_event(refuse("upstream_closed", "x"), CALL_ID)
    assert json.loads(event.removeprefix(b"data: "))["error"]["code"] == 502
