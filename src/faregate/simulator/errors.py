"""Errors in OpenAI's words and shape.

Source: the error guide of OpenAI's API documentation, and bodies that it sent.
"""

from typing import Any, Final

import msgspec


class ErrorKind(msgspec.Struct, frozen=True):
    """One error; `{model}` and `{wait}` in its message are filled in."""

    status: int
    message: str
    type: str
    code: str | None
    param: str | None = None
    retry_after_s: int | None = None


ERRORS: Final[dict[str, ErrorKind]] = {
    "invalid_request": ErrorKind(
        400,
        "Invalid value: 'assistent'. Supported values are: 'system', 'assistant', 'user', "
        "'function', 'tool', and 'developer'.",
        "invalid_request_error",
        "invalid_value",
        "messages[0].role",
    ),
    "context_length": ErrorKind(
        400,
        "This model's maximum context length is 8192 tokens. However, your messages resulted in "
        "9402 tokens. Please reduce the length of the messages.",
        "invalid_request_error",
        "context_length_exceeded",
        "messages",
    ),
    "content_policy": ErrorKind(
        400,
        "Your request was rejected as a result of our safety system.",
        "invalid_request_error",
        "content_policy_violation",
    ),
    "auth": ErrorKind(
        401,
        "Incorrect API key provided: sim-****. You can find your API key at "
        "https://platform.openai.com/account/api-keys.",
        "invalid_request_error",
        "invalid_api_key",
    ),
    "permission": ErrorKind(
        403,
        "Country, region, or territory not supported",
        "request_forbidden",
        "unsupported_country_region_territory",
    ),
    "not_found": ErrorKind(
        404,
        "The model `{model}` does not exist or you do not have access to it.",
        "invalid_request_error",
        "model_not_found",
    ),
    "rate_limit": ErrorKind(
        429,
        "Rate limit reached for {model} in organization org-simulator on requests per min (RPM): "
        "Limit 3, Used 3, Requested 1. Please try again in {wait}s.",
        "requests",
        "rate_limit_exceeded",
        retry_after_s=20,
    ),
    "quota": ErrorKind(
        429,
        "You exceeded your current quota, please check your plan and billing details.",
        "insufficient_quota",
        "insufficient_quota",
    ),
    "server_error": ErrorKind(
        500,
        "The server had an error while processing your request. Sorry about that!",
        "server_error",
        None,
    ),
    "overloaded": ErrorKind(
        503,
        "That model is currently overloaded with other requests. You can retry your request.",
        "server_error",
        "server_is_overloaded",
    ),
}


def error_body(
    message: str, error_type: str, *, param: str | None = None, code: str | None = None
) -> bytes:
    """The JSON of one error."""
    error: dict[str, Any] = {"message": message, "type": error_type, "param": param, "code": code}
    return msgspec.json.encode({"error": error})


def invalid_request(message: str, *, param: str | None = None, code: str | None = None) -> bytes:
    """The JSON of an error that the caller made."""
    return error_body(message, "invalid_request_error", param=param, code=code)
