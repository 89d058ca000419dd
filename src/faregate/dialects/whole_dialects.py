"""The dialects of operations that answer as a whole, by operation.

Names are those of `providers.vendors.DIALECTS`. Targets that `Written.path` sends elsewhere have
no path here.
"""

from typing import Any, Final

from faregate.dialects.audio import elevenlabs
from faregate.dialects.audio import openai as audio
from faregate.dialects.embeddings import bedrock, cohere, gemini, ollama, openai, voyage
from faregate.dialects.images import openai as images
from faregate.dialects.images import stability
from faregate.dialects.rerank import dialects as rerank
from faregate.dialects.whole_translation import FormCaller, WholeCaller, WholeTarget

# What callers ask in. Gemini and Ollama have a second address: gemini.BATCH, ollama.LEGACY.
CALLERS: Final[dict[str, dict[str, WholeCaller[Any, Any] | FormCaller[Any, Any]]]] = {
    "embeddings": {
        one.name: one for one in (openai.DIALECT, gemini.DIALECT, cohere.DIALECT, ollama.DIALECT)
    },
    "rerank": {name: rerank.DIALECTS[name] for name in (rerank.COHERE, rerank.JINA)},
    "images": {images.NAME: images.CALLER},
    "speech": {audio.SPEECH: audio.SPEECH_CALLER},
    "transcriptions": {audio.TRANSCRIPTIONS: audio.TRANSCRIPTIONS_DIALECT},
    "translations": {audio.TRANSLATIONS: audio.TRANSCRIPTIONS_DIALECT},
}
TARGETS: Final[dict[str, dict[str, WholeTarget[Any, Any]]]] = {
    "embeddings": {
        openai.NAME: openai.DIALECT,
        gemini.NAME: gemini.BATCH,
        cohere.NAME: cohere.DIALECT,
        ollama.NAME: ollama.DIALECT,
        voyage.NAME: voyage.DIALECT,
        bedrock.NAME: bedrock.DIALECT,
    },
    "rerank": dict(rerank.DIALECTS),
    "images": {stability.NAME: stability.TARGET},
    "speech": {elevenlabs.NAME: elevenlabs.SPEECH},
    "transcriptions": {
        audio.TRANSCRIPTIONS: audio.TRANSCRIPTIONS_DIALECT,
        elevenlabs.NAME: elevenlabs.TRANSCRIPTIONS,
    },
    "translations": {audio.TRANSLATIONS: audio.TRANSCRIPTIONS_DIALECT},
}
# Below a vendor's base URL for the dialect; `gemini.path` tells Gemini's for a vendor and model.
PATHS: Final[dict[str, str]] = {
    openai.NAME: "/embeddings",
    cohere.NAME: "/embed",
    ollama.NAME: "/embed",
    voyage.NAME: "/embeddings",
    bedrock.NAME: "/model/{model}/invoke",
    rerank.COHERE: "/rerank",
    rerank.JINA: "/rerank",
    rerank.VOYAGE: "/rerank",
    images.NAME: "/images/generations",
    "openai_image_edits": "/images/edits",
    "openai_image_variations": "/images/variations",
    audio.SPEECH: "/audio/speech",
    audio.TRANSCRIPTIONS: "/audio/transcriptions",
    audio.TRANSLATIONS: "/audio/translations",
    "openai_moderations": "/moderations",
}
