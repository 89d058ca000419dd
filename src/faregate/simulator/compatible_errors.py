"""Errors of vendors that speak OpenAI's format, but not in errors.

Sources: Mistral's "Errors" and bodies that it sent; OpenRouter's "Errors and debugging".
"""

from typing import Final

from faregate.simulator.answer import encode
from faregate.simulator.errors import ERRORS, ErrorKind, Voice, kinds


def _mistral_document(kind: ErrorKind) -> bytes:
    if kind.status == 401:
        return encode({"detail": kind.message})
    shown = {"type": kind.type, "param": kind.param, "code": kind.code}
    return encode({"object": "error", "message": kind.message, **shown})


def _openrouter_document(kind: ErrorKind) -> bytes:
    return encode({"error": {"message": kind.message, "code": kind.status}})


MISTRAL: Final = Voice(
    {
        **ERRORS,
        **kinds(
            ("invalid_request", 400, "invalid_request_message_order",
             "Expected last role User or Tool (or Assistant with prefix True) for serving but got "
             "assistant", "3230"),
            ("auth", 401, "auth", "Unauthorized", None),
            ("not_found", 400, "invalid_model", "Invalid model: {model}", "1500"),
            ("rate_limit", 429, "rate_limited", "Rate limit exceeded", "1300"),
            ("quota", 402, "payment_required", "You have exceeded your usage limit.", None),
            ("server_error", 500, "internal_server_error", "Internal server error", "3000"),
            ("overloaded", 503, "service_unavailable", "Service unavailable.", "3505"),
        ),
    },
    _mistral_document,
    vendor="mistral",
)  # fmt: skip

OPENROUTER: Final = Voice(
    {
        **ERRORS,
        **kinds(
            ("auth", 401, "auth", "No auth credentials found", None),
            ("not_found", 400, "not_found", "{model} is not a valid model ID", None),
            ("rate_limit", 429, "rate_limited", "Rate limit exceeded: limit_rpm", None),
            ("quota", 402, "payment", "Insufficient credits. Add more using "
             "https://openrouter.ai/settings/credits", None),
            ("server_error", 502, "provider", "Provider returned error", None),
            ("overloaded", 503, "provider", "No instances available", None),
        ),
    },
    _openrouter_document,
    vendor="openrouter",
)  # fmt: skip

VOICES: Final = {"mistral": MISTRAL, "openrouter": OPENROUTER}
