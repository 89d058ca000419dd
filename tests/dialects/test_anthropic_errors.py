"""Every refusal is an error of Anthropic's, with all that Faregate knows in its details."""

import json
from typing import get_args

import pytest
from anthropic.types.shared import ErrorResponse
from anthropic.types.shared.error_type import ErrorType
from tests.dialects.specimen_refusals import CALL_ID, REFUSALS, label

from faregate.core.refusals import KINDS, Refusal, refuse
from faregate.dialects import problem
from faregate.dialects.anthropic_errors import error_type, render, render_event

# Of the reference's "Errors"; the SDK's types leave request_too_large to the status.
KNOWN_TYPES = {*get_args(ErrorType), "request_too_large"}
BY_STATUS = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    504: "timeout_error",
}

every_refusal = pytest.mark.parametrize("refusal", REFUSALS, ids=label)


@every_refusal
def test_every_code_has_anthropics_shape(refusal: Refusal) -> None:
    fields, body = render(refusal, CALL_ID)
    document = json.loads(body)
    assert set(document) == {"type", "error", "request_id"}
    assert (document["type"], document["request_id"]) == ("error", CALL_ID)
    error = document["error"]
    assert set(error) == {"type", "message", "details"}
    assert error["type"] in KNOWN_TYPES
    assert error["type"] == BY_STATUS.get(refusal.status, error["type"])
    assert refusal.detail in error["message"]
    assert dict(fields)["request-id"] == CALL_ID
    assert dict(fields)["content-type"] == "application/json"
    if error["type"] != "request_too_large":
        assert ErrorResponse.model_validate(document).error.message == error["message"]


@every_refusal
def test_details_are_the_members_of_the_problem(refusal: Refusal) -> None:
    details = json.loads(render(refusal, CALL_ID)[1])["error"]["details"]
    members = json.loads(problem.render(refusal, CALL_ID)[1])
    assert details.pop("error_code") == members["code"] == refusal.code
    del members["error"]
    assert details == members


@every_refusal
def test_the_head_is_that_of_every_dialect(refusal: Refusal) -> None:
    own = {"content-type", "request-id"}
    ours = {pair for pair in render(refusal, CALL_ID)[0] if pair[0] not in own}
    assert ours == {pair for pair in problem.render(refusal, CALL_ID)[0] if pair[0] not in own}


def test_overload_has_a_type_of_its_own() -> None:
    assert error_type(KINDS["provider_overloaded"]) == "overloaded_error"
    assert error_type(KINDS["provider_unpaid"]) == "api_error"  # never our bill as theirs
    assert error_type(KINDS["target_too_long"]) == "invalid_request_error"


def test_the_type_follows_the_code_and_not_an_operators_status() -> None:
    body = render(refuse("credit_exhausted", "x"), CALL_ID, {"credit_exhausted": 429})[1]
    error = json.loads(body)["error"]
    assert (error["type"], error["details"]["status"]) == ("billing_error", 429)


def test_a_stream_ends_with_the_event_error() -> None:
    event = render_event(refuse("upstream_closed", 'line\nwith "quotes"'), CALL_ID)
    name, data = event.removesuffix(b"\n\n").split(b"\n")
    assert name == b"event: error"
    document = json.loads(data.removeprefix(b"data: "))
    assert document["error"]["details"]["error_code"] == "upstream_closed"
