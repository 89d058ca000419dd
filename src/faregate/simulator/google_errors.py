"""Errors of Google's APIs: Gemini's own and Vertex AI's.

Sources: "Troubleshooting guide" and "Rate limits" of the Gemini API; "API errors" of Vertex AI;
google.rpc: Status, ErrorInfo, QuotaFailure, RetryInfo.
"""

from typing import Any, Final

from faregate.simulator.answer import encode
from faregate.simulator.errors import ErrorKind, Voice, kinds

_TYPES: Final = "type.googleapis.com/google.rpc."
_BUSY: Final = "The model is overloaded. Please try again later."


def _document(kind: ErrorKind) -> bytes:
    error = {"code": kind.status, "message": kind.message, "status": kind.type}
    if details := _details(kind):
        error["details"] = details
    return encode({"error": error})


def _details(kind: ErrorKind) -> list[dict[str, Any]]:
    if kind.code is None or not kind.code.isupper():
        wait = "86400s" if kind.code and "PerDay" in kind.code else "20s"
        return [] if kind.code is None else [
            {"@type": f"{_TYPES}QuotaFailure", "violations": [{"quotaId": kind.code}]},
            {"@type": f"{_TYPES}RetryInfo", "retryDelay": wait},
        ]  # fmt: skip
    service = {"service": "generativelanguage.googleapis.com"}
    info = {"reason": kind.code, "domain": "googleapis.com", "metadata": service}
    return [{"@type": f"{_TYPES}ErrorInfo", **info}]


_SHARED: Final = (
    ("invalid_request", 400, "INVALID_ARGUMENT", "Please use a valid role: user, model.", None),
    ("context_length", 400, "INVALID_ARGUMENT",
     "The input token count (1100000) exceeds the maximum number of tokens allowed (1048576).",
     None),
    ("content_policy", 400, "INVALID_ARGUMENT",
     "The prompt was blocked as it violates the usage guidelines.", None),
    ("server_error", 500, "INTERNAL",
     "An internal error has occurred. Please retry or report in the troubleshooting guide.", None),
    ("overloaded", 503, "UNAVAILABLE", _BUSY, None),
)  # fmt: skip

GEMINI: Final = Voice(
    kinds(
        *_SHARED,
        ("auth", 400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.",
         "API_KEY_INVALID"),
        ("permission", 403, "PERMISSION_DENIED",
         "Method doesn't allow unregistered callers (callers without established identity). "
         "Please use API Key or other form of API consumer identity to call this API.", None),
        ("not_found", 404, "NOT_FOUND",
         "models/{model} is not found for API version v1beta, or is not supported for "
         "generateContent. Call ListModels to see the list of available models and their "
         "supported methods.", None),
        ("rate_limit", 429, "RESOURCE_EXHAUSTED",
         "You exceeded your current quota, please check your plan and billing details. Please "
         "retry in {wait}s.", "GenerateRequestsPerMinutePerProjectPerModel"),
        ("quota", 429, "RESOURCE_EXHAUSTED",
         "You exceeded your current quota, please check your plan and billing details.",
         "GenerateRequestsPerDayPerProjectPerModel"),
    ),
    _document,
    vendor="gemini",
)  # fmt: skip

VERTEX: Final = Voice(
    kinds(
        *_SHARED,
        ("auth", 401, "UNAUTHENTICATED",
         "Request had invalid authentication credentials. Expected OAuth 2 access token, login "
         "cookie or other valid authentication credential.", "ACCESS_TOKEN_TYPE_UNSUPPORTED"),
        ("permission", 403, "PERMISSION_DENIED",
         "Permission 'aiplatform.endpoints.predict' denied on resource (or it may not exist).",
         "IAM_PERMISSION_DENIED"),
        ("not_found", 404, "NOT_FOUND",
         "Publisher Model `{model}` was not found or your project does not have access to it.",
         None),
        ("rate_limit", 429, "RESOURCE_EXHAUSTED",
         "Resource exhausted. Please try again later.", None),
        ("quota", 429, "RESOURCE_EXHAUSTED",
         "Quota exceeded for aiplatform.googleapis.com/generate_content_requests_per_day.",
         "GenerateContentRequestsPerDayPerProject"),
    ),
    _document,
    vendor="gemini",
)  # fmt: skip
