"""Dialects by operation and name: what the gate can read and write."""

from typing import Any, Final

from faregate.dialects.anthropic import dialect as anthropic
from faregate.dialects.bedrock import dialect as bedrock
from faregate.dialects.cohere import dialect as cohere
from faregate.dialects.completions import dialect as completions
from faregate.dialects.embeddings import bedrock as bedrock_embeddings
from faregate.dialects.embeddings import cohere as cohere_embeddings
from faregate.dialects.embeddings import gemini as gemini_embeddings
from faregate.dialects.embeddings import ollama as ollama_embeddings
from faregate.dialects.embeddings import openai as openai_embeddings
from faregate.dialects.embeddings import voyage as voyage_embeddings
from faregate.dialects.gemini import dialect as gemini
from faregate.dialects.ollama import dialect as ollama
from faregate.dialects.openai import dialect as openai
from faregate.dialects.rerank import dialects as rerank
from faregate.dialects.responses import dialect as responses

# What reads and writes: a `translation.Dialect`, or a `whole_translation.WholeDialect` with the
# neutral form of its operation. Dialects of one operation translate into each other.
Translator = Any

_GENERATING: Final[dict[str, Translator]] = {
    "openai_chat": openai.DIALECT,
    "openai_responses": responses.DIALECT,
    "anthropic": anthropic.DIALECT,
    "gemini": gemini.DIALECT,
    "bedrock_converse": bedrock.DIALECT,
    "bedrock_invoke": bedrock.INVOKE,
    "cohere": cohere.DIALECT,
    "ollama": ollama.DIALECT,
}
_TRANSLATORS: Final[dict[str, dict[str, Translator]]] = {
    "generate": _GENERATING,
    # What only completes is asked as a chat, where a target has no completions.
    "completions": {"openai_completions": completions.DIALECT, **_GENERATING},
    "embeddings": {
        "openai_embeddings": openai_embeddings.DIALECT,
        "gemini_embeddings": gemini_embeddings.BATCH,
        "cohere_embeddings": cohere_embeddings.DIALECT,
        "ollama_embeddings": ollama_embeddings.DIALECT,
        "voyage_embeddings": voyage_embeddings.DIALECT,
        "bedrock_invoke": bedrock_embeddings.DIALECT,
    },
    "rerank": dict(rerank.DIALECTS),
}
# An operation that a vendor has no dialect for may be asked of it as another.
STANDS_IN: Final[dict[str, str]] = {"completions": "generate"}


def translator(operation: str, dialect: str) -> Translator | None:
    """What reads and writes a dialect of an operation; None: nothing does."""
    return _TRANSLATORS.get(operation, {}).get(dialect)
