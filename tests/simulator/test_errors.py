"""Errors have OpenAI's shape: message, type, param, code."""

import msgspec
import pytest

from faregate.providers.refusals import classify
from faregate.simulator.errors import ERRORS, error_body, invalid_request

MEANINGS = {
    "invalid_request": "invalid_request",
    "context_length": "context_length",
    "content_policy": "content_refused",
    "auth": "auth",
    "permission": "permission",
    "not_found": "invalid_request",
    "rate_limit": "rate_limited",
    "quota": "payment_required",
    "server_error": "overloaded",
    "overloaded": "overloaded",
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_mean_what_they_are_called(name):
    kind = ERRORS[name]
    body = error_body(kind.message, kind.type, param=kind.param, code=kind.code)
    assert set(msgspec.json.decode(body)["error"]) == {"message", "type", "param", "code"}
    assert classify("openai", kind.status, {}, body).meaning == MEANINGS[name]


def test_the_callers_mistake():
    assert msgspec.json.decode(invalid_request("no", param="model")) == {
        "error": {
            "message": "no",
            "type": "invalid_request_error",
            "param": "model",
            "code": None,
        }
    }
