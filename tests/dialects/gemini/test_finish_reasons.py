"""Why an answer ended is told in Gemini's words and in ours."""

from typing import get_args

import pytest

from faregate.dialects.gemini.finish_reasons import read, written
from faregate.dialects.neutral.reply import Finish

# Of google-genai 3.4, `types.FinishReason`.
FILTERED = (
    "SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY",
    "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION", "ESCALATION", "MODEL_ARMOR",
)  # fmt: skip
FAILED = (
    "OTHER", "MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS", "NO_IMAGE",
    "IMAGE_OTHER", "MISSING_THOUGHT_SIGNATURE", "MALFORMED_RESPONSE", "PUP_LIMITED_DISABLED",
    "SOMETHING_NEW",
)  # fmt: skip


def test_every_reason_is_read() -> None:
    assert {read(reason, calls_tools=False) for reason in FILTERED} == {"content_filter"}
    assert {read(reason, calls_tools=True) for reason in FAILED} == {"error"}
    assert read("STOP", calls_tools=False) == "stop"
    assert read("STOP", calls_tools=True) == "tool_calls"
    assert read("MAX_TOKENS", calls_tools=True) == "length"


@pytest.mark.parametrize("finish", get_args(Finish))
def test_every_finish_is_written(finish: Finish) -> None:
    assert written(finish) in ("STOP", "MAX_TOKENS", "SAFETY", "OTHER")


@pytest.mark.parametrize("finish", ["stop", "length", "content_filter", "error"])
def test_plain_ends_come_back(finish: Finish) -> None:
    assert read(written(finish), calls_tools=False) == finish
