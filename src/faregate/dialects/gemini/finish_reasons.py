"""Why an answer ended, in Gemini's words and in ours.

Sources: Gemini API, "Generating content" (FinishReason, BlockReason); google-genai 3.4,
`types.FinishReason`.
"""

from typing import Final

from faregate.dialects.neutral.reply import Finish

_FILTERED: Final = (
    "SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII",
    "IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION", "ESCALATION", "MODEL_ARMOR",
)  # fmt: skip
_FINISHES: Final[dict[str, Finish]] = {
    "FINISH_REASON_UNSPECIFIED": "stop",
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "CONTINUATION": "pause",
    **dict.fromkeys(_FILTERED, "content_filter"),
}
# CONTINUATION is not written: SDKs would go on with a token that there isn't.
_REASONS: Final[dict[Finish, str]] = {
    "stop": "STOP",
    "stop_sequence": "STOP",
    "tool_calls": "STOP",
    "length": "MAX_TOKENS",
    "context_length": "MAX_TOKENS",
    "content_filter": "SAFETY",
    "refusal": "SAFETY",
    "pause": "OTHER",
    "error": "OTHER",
}


def read(reason: str, *, calls_tools: bool) -> Finish:
    """Our word; what isn't known, as MALFORMED_FUNCTION_CALL, is an error."""
    finish = _FINISHES.get(reason, "error")
    return "tool_calls" if finish == "stop" and calls_tools else finish


def written(finish: Finish) -> str:
    """Gemini's word."""
    return _REASONS[finish]
