"""The operations that the gate serves, by their addresses."""

from collections.abc import Iterator
from typing import Final

from faregate.dialects import mistral_callers, openai_chat, token_counts
from faregate.dialects.anthropic import native as anthropic_native
from faregate.dialects.audio import native as audio
from faregate.dialects.cohere import dialect as cohere
from faregate.dialects.cohere import native as cohere_native
from faregate.dialects.completions import dialect as completions
from faregate.dialects.embeddings import cohere as cohere_embeddings
from faregate.dialects.embeddings import gemini as gemini_embeddings
from faregate.dialects.embeddings import gemini_native as gemini_embeddings_native
from faregate.dialects.embeddings import ollama as ollama_embeddings
from faregate.dialects.embeddings import openai as openai_embeddings
from faregate.dialects.gemini import dialect as gemini
from faregate.dialects.gemini import native as gemini_native
from faregate.dialects.images import native as images
from faregate.dialects.moderations import native as moderations
from faregate.dialects.ollama import dialect as ollama
from faregate.dialects.ollama import native as ollama_native
from faregate.dialects.openai import native as openai_native
from faregate.dialects.renderers import RENDERERS
from faregate.dialects.rerank import dialects as rerank
from faregate.dialects.responses import native as responses_native
from faregate.gate.operations import Operation
from faregate.gate.translators import caller

# Google's SDK asks for v1 since its version 3, for v1beta before.
_GEMINI: Final = ("/v1beta/models/{model}", "/v1/models/{model}")


def _generating() -> Iterator[Operation]:
    yield Operation(
        name="generate",
        path=openai_chat.CHAT_PATH,
        dialect="openai_chat",
        native=openai_native.CHAT,
        translator=caller("generate", "openai_chat"),
    )
    yield Operation(
        name="generate",
        path="/v1/responses",
        dialect="openai_responses",
        native=responses_native.NATIVE,
        translator=caller("generate", "openai_responses"),
    )
    yield Operation(
        name="completions",
        path=openai_chat.COMPLETIONS_PATH,
        dialect="openai_completions",
        native=openai_native.COMPLETIONS,
        translator=completions.DIALECT,
        has_prompts=True,
    )
    yield Operation(
        name="generate",
        path="/v1/messages",
        dialect="anthropic",
        native=anthropic_native.NATIVE,
        translator=caller("generate", "anthropic"),
        refusals=RENDERERS["anthropic"],
    )
    yield Operation(
        name="generate",
        path="/v2/chat",
        dialect="cohere",
        native=cohere_native.NATIVE,
        translator=cohere.DIALECT,
        refusals=RENDERERS["cohere"],
    )
    yield Operation(
        name="generate",
        path="/api/chat",
        dialect="ollama",
        native=ollama_native.NATIVE,
        translator=ollama.DIALECT,
        refusals=RENDERERS["ollama"],
    )
    yield Operation(
        name="generate",
        path="/api/generate",
        dialect="ollama_generate",
        native=ollama_native.GENERATE_NATIVE,
        translator=ollama.GENERATE_DIALECT,
        refusals=RENDERERS["ollama_generate"],
    )


def _gemini(base: str) -> Iterator[Operation]:
    for verb, streams in (("generateContent", False), ("streamGenerateContent", True)):
        yield Operation(
            name="generate",
            path=f"{base}:{verb}",
            dialect="gemini",
            native=gemini_native.NATIVE,
            translator=gemini.DIALECT,
            refusals=RENDERERS["gemini"],
            streams=streams,
        )
    # Without ?alt=sse a stream is one JSON array that grows.
    path = "/models/{model}:streamGenerateContent"
    yield Operation(
        name="generate",
        path=f"{base}:streamGenerateContent?alt=json",
        dialect="gemini",
        native=gemini_native.ARRAY_NATIVE,
        translator=gemini.ARRAY_DIALECT,
        refusals=RENDERERS["gemini_array"],
        streams=True,
        paths=(path, path),
    )
    yield Operation(
        name="count_tokens",
        path=f"{base}:countTokens",
        dialect="gemini",
        native=token_counts.GEMINI_NATIVE,
        translator=token_counts.GEMINI,
        refusals=RENDERERS["gemini"],
        makes_output=False,
        streams=False,
        paths=(token_counts.GEMINI_PATH,) * 2,
        is_free=True,
    )
    for verb, dialect in (
        ("embedContent", gemini_embeddings.DIALECT),
        ("batchEmbedContents", gemini_embeddings.BATCH),
    ):
        path = f"/models/{{model}}:{verb}"
        yield Operation(
            name="embeddings",
            path=f"{base}:{verb}",
            dialect="gemini_embeddings",
            native=gemini_embeddings_native.NATIVE,
            translator=dialect,
            refusals=RENDERERS["gemini"],
            makes_output=False,
            streams=False,
            paths=(path, path),
        )


def _mistral() -> Iterator[Operation]:
    """For Mistral's SDK, which reads more strictly than OpenAI's dialect is."""
    yield Operation(
        name="generate",
        path=mistral_callers.CHAT_PATH,
        dialect="mistral_chat",
        native=openai_native.CHAT,
        translator=mistral_callers.CHAT,
    )
    yield Operation(
        name="embeddings",
        path=mistral_callers.EMBEDDINGS_PATH,
        dialect="mistral_embeddings",
        native=openai_embeddings.NATIVE,
        translator=mistral_callers.EMBEDDINGS,
        makes_output=False,
    )


def _without_output() -> Iterator[Operation]:
    yield Operation(
        name="count_tokens",
        path="/v1/messages/count_tokens",
        dialect="anthropic",
        native=token_counts.ANTHROPIC_NATIVE,
        translator=token_counts.ANTHROPIC,
        refusals=RENDERERS["anthropic"],
        makes_output=False,
        paths=(token_counts.ANTHROPIC_PATH,) * 2,
        is_free=True,
    )
    yield Operation(
        name="embeddings",
        path="/v1/embeddings",
        dialect="openai_embeddings",
        native=openai_embeddings.NATIVE,
        translator=openai_embeddings.DIALECT,
        makes_output=False,
    )
    yield Operation(
        name="embeddings",
        path="/v2/embed",
        dialect="cohere_embeddings",
        native=cohere_embeddings.NATIVE,
        translator=cohere_embeddings.DIALECT,
        refusals=RENDERERS["cohere"],
        makes_output=False,
    )
    for path, dialect in (
        ("/api/embed", ollama_embeddings.DIALECT),
        ("/api/embeddings", ollama_embeddings.LEGACY),
    ):
        below = path.removeprefix("/api")
        yield Operation(
            name="embeddings",
            path=path,
            dialect="ollama_embeddings",
            native=ollama_embeddings.NATIVE,
            translator=dialect,
            refusals=RENDERERS["ollama"],
            makes_output=False,
            paths=(below, below),
        )
    for path, name in (("/v1/rerank", "jina_rerank"), ("/v2/rerank", "cohere_rerank")):
        yield Operation(
            name="rerank",
            path=path,
            dialect=name,
            native=rerank.NATIVE,
            translator=caller("rerank", name),
            refusals=RENDERERS["openai" if name == "jina_rerank" else "cohere"],
            makes_output=False,
        )


def _openais() -> Iterator[Operation]:
    for path, name, native in (
        ("/v1/moderations", "moderations", moderations.NATIVE),
        ("/v1/images/generations", "images", images.NATIVE),
        ("/v1/images/edits", "image_edits", images.EDITS),
        ("/v1/images/variations", "image_variations", images.VARIATIONS),
        ("/v1/audio/speech", "speech", audio.SPEECH),
        ("/v1/audio/transcriptions", "transcriptions", audio.TRANSCRIPTIONS),
        ("/v1/audio/translations", "translations", audio.TRANSLATIONS),
    ):
        yield Operation(
            name=name,
            path=path,
            dialect=f"openai_{name}",
            native=native,
            translator=caller(name, f"openai_{name}"),
            makes_output=False,
        )


OPERATIONS: Final[dict[str, Operation]] = {
    operation.path: operation
    for each in (_generating(), *map(_gemini, _GEMINI), _mistral(), _without_output(), _openais())
    for operation in each
}
