"""Errors in OpenAI's words, and the frame for other vendors' words.

Source: the error guide of OpenAI's API documentation, and bodies that it sent.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import msgspec

Headers = tuple[tuple[str, str], ...]


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


class Failure(NamedTuple):
    """An error as it is sent."""

    status: int
    headers: Headers
    body: bytes


class RefusedError(ValueError):
    """A request that the vendor does not take: which error, and its words."""

    def __init__(
        self,
        message: str,
        kind: str = "invalid_request",
        *,
        param: str | None = None,
        code: str | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.kind = kind
        self.param = param
        self.code = code
        self.status = status


class Voice(msgspec.Struct, frozen=True):
    """How a vendor words its errors, by the names of `ERRORS`.

    `headers` are those that the vendor adds to a kind of error; `vendor` is whose refusals it may
    word.
    """

    kinds: Mapping[str, ErrorKind]
    write: Callable[[ErrorKind], bytes]
    headers: Callable[[ErrorKind], Headers] = lambda _kind: ()
    vendor: str = ""

    def failure(self, name: str, model: str = "", wait: int | None = None) -> Failure:
        """The error `name`, in this vendor's words."""
        kind = self.kinds[name]
        wait = wait if wait is not None else kind.retry_after_s
        message = kind.message.replace("{model}", model).replace("{wait}", str(wait))
        return self._sent(msgspec.structs.replace(kind, message=message), wait)

    def refusal(self, refused: RefusedError) -> Failure:
        """The answer to a request that this vendor does not take."""
        kind = self.kinds[refused.kind]
        named = {"code": refused.code} if refused.code or refused.kind == "invalid_request" else {}
        kind = msgspec.structs.replace(
            kind,
            message=refused.message,
            param=refused.param,
            status=refused.status or kind.status,
            **named,
        )
        return self._sent(kind, kind.retry_after_s)

    def _sent(self, kind: ErrorKind, wait: int | None) -> Failure:
        fields = [("content-type", "application/json"), *self.headers(kind)]
        if wait is not None:
            fields.append(("retry-after", str(wait)))
            if kind.code == "rate_limit_exceeded":
                fields.append(("x-ratelimit-remaining-requests", "0"))
                fields.append(("x-ratelimit-reset-requests", f"{wait}s"))
        return Failure(kind.status, tuple(fields), self.write(kind))


def kinds(*rows: tuple[str, int, str, str, str | None]) -> Mapping[str, ErrorKind]:
    """A vendor's errors from rows of name, status, type, message and code."""
    made = {}
    for name, status, error_type, message, code in rows:
        wait = ERRORS[name].retry_after_s
        made[name] = ErrorKind(status, message, error_type, code, retry_after_s=wait)
    return made


def _openai_document(kind: ErrorKind) -> bytes:
    return error_body(kind.message, kind.type, param=kind.param, code=kind.code)


OPENAI: Final = Voice(ERRORS, _openai_document, vendor="openai")


def _azure_document(kind: ErrorKind) -> bytes:
    if kind.type == "azure":
        return msgspec.json.encode({"error": {"code": kind.code, "message": kind.message}})
    return _openai_document(kind)


# Azure's own gate answers before OpenAI's code does: "Azure OpenAI REST API reference", Errors.
AZURE: Final = Voice(
    {
        **ERRORS,
        **kinds(
            (
                "auth", 401, "azure",
                "Access denied due to invalid subscription key or wrong API endpoint. Make sure to "
                "provide a valid key for an active subscription and use a correct regional API "
                "endpoint for your resource.", "401",
            ),
            (
                "not_found", 404, "azure",
                "The API deployment for this resource does not exist. If you created the "
                "deployment within the last 5 minutes, please wait a moment and try again.",
                "DeploymentNotFound",
            ),
            (
                "rate_limit", 429, "azure",
                "Requests to the ChatCompletions_Create Operation under Azure OpenAI API have "
                "exceeded call rate limit of your current OpenAI S0 pricing tier. Please retry "
                "after {wait} seconds.", "429",
            ),
        ),
    },
    _azure_document,
    vendor="azure_openai",
)  # fmt: skip
