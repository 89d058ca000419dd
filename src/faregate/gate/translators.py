"""Dialects by operation and name: what the gate can read and write."""

from typing import Any, Final

from faregate.dialects import token_counts, whole_dialects
from faregate.dialects.anthropic import dialect as anthropic
from faregate.dialects.bedrock import dialect as bedrock
from faregate.dialects.cohere import dialect as cohere
from faregate.dialects.completions import dialect as completions
from faregate.dialects.gemini import dialect as gemini
from faregate.dialects.ollama import dialect as ollama
from faregate.dialects.openai import dialect as openai
from faregate.dialects.responses import dialect as responses

# What reads and writes: a `translation.Dialect`, or a half of a `whole_translation.WholeDialect`
# with the neutral form of its operation. Dialects of one operation translate into each other.
Translator = Any

_GENERATING: Final[dict[str, Translator]] = {
    "openai_chat": openai.DIALECT,
    "openai_responses": responses.DIALECT,
    "anthropic": anthropic.DIALECT,
    "anthropic_vertex": anthropic.VERTEX,
    "gemini": gemini.DIALECT,
    "bedrock_converse": bedrock.DIALECT,
    "bedrock_invoke": bedrock.INVOKE,
    "cohere": cohere.DIALECT,
    "ollama": ollama.DIALECT,
}
_COMPLETIONS: Final[dict[str, Translator]] = {
    "openai_completions": completions.DIALECT,
    # What only completes is asked as a chat, where a target has no completions.
    **_GENERATING,
}
_EITHER: Final = {"generate": _GENERATING, "completions": _COMPLETIONS}
_COUNTS: Final = {"count_tokens": token_counts.DIALECTS}
_CALLERS: Final[dict[str, Any]] = _EITHER | whole_dialects.CALLERS | _COUNTS
_TARGETS: Final[dict[str, Any]] = _EITHER | whole_dialects.TARGETS | _COUNTS
# An operation that a vendor has no dialect for may be asked of it as another.
STANDS_IN: Final[dict[str, str]] = {"completions": "generate"}


def caller(operation: str, dialect: str) -> Translator | None:
    """What reads requests and writes replies; None: they aren't translated."""
    return _CALLERS.get(operation, {}).get(dialect)


def translator(operation: str, dialect: str) -> Translator | None:
    """What writes for targets and reads their replies; None: nothing does."""
    return _TARGETS.get(operation, {}).get(dialect)
