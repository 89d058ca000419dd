"""The addresses of all vendors, and which endpoint answers there."""

import re
from typing import Final
from urllib.parse import unquote

import msgspec

from faregate.simulator.answer import encode
from faregate.simulator.anthropic import (
    ANTHROPIC,
    model_row,
    models_page,
    read_count,
    read_messages,
)
from faregate.simulator.audio import (
    ELEVENLABS,
    read_elevenlabs,
    read_speech,
    read_transcription,
)
from faregate.simulator.bedrock import BEDROCK, read_conversation, read_invoked
from faregate.simulator.cohere import COHERE, read_cohere_chat, read_cohere_embeddings
from faregate.simulator.compatible_errors import VOICES
from faregate.simulator.embeddings import read_embeddings
from faregate.simulator.errors import AZURE, OPENAI, RefusedError
from faregate.simulator.exchange import Document, Endpoint, Exchange, Message
from faregate.simulator.gemini import read_gemini
from faregate.simulator.google import (
    OAUTH,
    read_claude,
    read_embedded,
    read_token,
)
from faregate.simulator.google import (
    model_row as gemini_row,
)
from faregate.simulator.google_errors import GEMINI, VERTEX
from faregate.simulator.moderations import read_moderation
from faregate.simulator.ollama import (
    OLLAMA,
    read_ollama,
    read_ollama_embeddings,
    read_show,
    tags_body,
)
from faregate.simulator.pictures import (
    STABILITY,
    read_edited_pictures,
    read_pictures,
    read_stable_picture,
)
from faregate.simulator.replies import (
    model_document,
    models_body,
    read_chat,
    read_completion,
)
from faregate.simulator.rerank import read_rerank
from faregate.simulator.responses import read_response
from faregate.simulator.script import DEVIATIONS

MODEL_NAMES: Final = [
    "sim",
    "sim:latency_ms=200,tokens=50,token_ms=5",
    "sim:error=rate_limit",
    "sim:refusal=openrouter:payment_required",
    "sim:stall_after=3",
]
# Beginnings of paths that vendors of OpenAI's format have before the rest, and whose they are.
PREFIXES: Final = (
    ("/api/v1/", "/v1/", "openrouter"),
    ("/inference/v1/", "/v1/", ""),
    ("/compatibility/v1/", "/v1/", ""),
    ("/v1beta/openai/", "/v1/", ""),
    ("/openai/v1/", "/v1/", ""),
)
_VENDOR: Final = re.compile(rf"/({'|'.join(DEVIATIONS)})(/.*)")
_DEPLOYMENT: Final = "/openai/deployments/(?P<deployment>[^/]+)"


class Found(msgspec.Struct, frozen=True):
    """An endpoint, the variable parts of its path, the path's vendor."""

    endpoint: Endpoint
    names: dict[str, str] = {}
    vendor: str = ""

    def vendor_of(self, headers: dict[str, str]) -> str:
        """The vendor of the path, or Azure where its header is there."""
        return self.vendor or ("azure" if "api-key" in headers else "")

    def spoken_by(self, vendor: str) -> Endpoint:
        """The endpoint, in the vendor's voice where that differs from OpenAI's."""
        voice = VOICES.get(vendor)
        if voice is None or self.endpoint.voice is not OPENAI:
            return self.endpoint
        return msgspec.structs.replace(self.endpoint, voice=voice)


def _read_models(message: Message) -> Exchange:
    name = message.names.get("model")
    if "x-goog-api-key" in message.headers or "key" in message.query:
        return _read_gemini_models(message)
    if "anthropic-version" in message.headers:
        return Document(encode(model_row(name)) if name else models_page(MODEL_NAMES))
    return Document(encode(model_document(name)) if name else models_body(MODEL_NAMES))


def _read_gemini_models(message: Message) -> Exchange:
    if name := message.names.get("model"):
        return Document(encode(gemini_row(name)))
    return Document(encode({"models": [gemini_row(name) for name in MODEL_NAMES]}))


def read_realtime(message: Message) -> Exchange:
    """A session without a WebSocket.

    Raises `RefusedError`.
    """
    raise RefusedError("This address takes only WebSocket connections.", status=426)


def _read_tags(message: Message) -> Exchange:
    return Document(tags_body(MODEL_NAMES))


def _read_version(message: Message) -> Exchange:
    return Document(encode({"version": "0.13.0"}))


_CHAT: Final = Endpoint(read_chat, AZURE)
_COMPLETIONS: Final = Endpoint(read_completion, AZURE)
_EMBEDDINGS: Final = Endpoint(read_embeddings, AZURE)
# Three vendors have this address; the key's header tells whose form is meant.
_MODELS: Final = Endpoint(_read_models, OPENAI, "any", ("GET",))

_GEMINI_MODEL: Final = r"/v1(?:beta|alpha)?/(?:models|tunedModels)/(?P<model>.+)"
_PUBLISHER: Final = (
    r"/v1(?:beta1)?/(?:projects/(?P<project>[^/]+)/locations/(?P<location>[^/]+)/)?publishers"
)
_GOOGLE_MODEL: Final = rf"{_PUBLISHER}/google/models/(?P<model>.+)"
_CLAUDE_MODEL: Final = rf"{_PUBLISHER}/anthropic/models/(?P<model>.+)"
_GENERATE: Final = ":(?P<action>generateContent|streamGenerateContent|countTokens)"
_EMBED: Final = ":(?P<action>embedContent|batchEmbedContents)"
_RAW: Final = ":(?P<action>rawPredict|streamRawPredict)"
_BEDROCK_MODEL: Final = "/model/(?P<model>.+)"
_CONVERSE: Final = "/(?P<action>converse|converse-stream|count-tokens)"
_INVOKE: Final = "/(?P<action>invoke|invoke-with-response-stream)"
_GEMINI_MODELS: Final = Endpoint(_read_gemini_models, GEMINI, "google", ("GET",))

_FIXED: Final[dict[str, Endpoint]] = {
    "/v1/chat/completions": Endpoint(read_chat, OPENAI),
    "/chat/completions": Endpoint(read_chat, OPENAI),
    "/v1/completions": Endpoint(read_completion, OPENAI),
    "/v1/embeddings": Endpoint(read_embeddings, OPENAI),
    "/v1/responses": Endpoint(read_response, OPENAI),
    "/v1/models": _MODELS,
    "/v1/realtime": Endpoint(read_realtime, OPENAI, methods=("GET",)),
    "/openai/realtime": Endpoint(read_realtime, OPENAI, methods=("GET",)),
    "/v1/moderations": Endpoint(read_moderation, OPENAI),
    "/v1/images/generations": Endpoint(read_pictures, OPENAI),
    "/v1/images/edits": Endpoint(read_edited_pictures, OPENAI),
    "/v1/images/variations": Endpoint(read_edited_pictures, OPENAI),
    "/v1/audio/speech": Endpoint(read_speech, OPENAI),
    "/v1/audio/transcriptions": Endpoint(read_transcription, OPENAI),
    "/v1/audio/translations": Endpoint(read_transcription, OPENAI),
    "/v2/chat": Endpoint(read_cohere_chat, COHERE),
    "/v2/embed": Endpoint(read_cohere_embeddings, COHERE),
    "/v2/rerank": Endpoint(read_rerank, COHERE),
    "/v1/rerank": Endpoint(read_rerank, OPENAI),
    "/api/chat": Endpoint(read_ollama, OLLAMA),
    "/api/generate": Endpoint(read_ollama, OLLAMA),
    "/api/embed": Endpoint(read_ollama_embeddings, OLLAMA),
    "/api/embeddings": Endpoint(read_ollama_embeddings, OLLAMA),
    "/api/show": Endpoint(read_show, OLLAMA),
    "/api/tags": Endpoint(_read_tags, OLLAMA, methods=("GET",)),
    "/api/version": Endpoint(_read_version, OLLAMA, methods=("GET",)),
    "/v1beta/models": _GEMINI_MODELS,
    "/token": Endpoint(read_token, OAUTH, "none", kept=False),
    "/v1/messages": Endpoint(read_messages, ANTHROPIC, "x-api-key"),
    "/v1/messages/count_tokens": Endpoint(read_count, ANTHROPIC, "x-api-key"),
}
_VARIABLE: Final = tuple(
    (re.compile(pattern), endpoint)
    for pattern, endpoint in (
        (_GEMINI_MODEL + _GENERATE, Endpoint(read_gemini, GEMINI, "google")),
        (_GEMINI_MODEL + _EMBED, Endpoint(read_embedded, GEMINI, "google")),
        (_GOOGLE_MODEL + _GENERATE, Endpoint(read_gemini, VERTEX, "google")),
        (_GOOGLE_MODEL + ":(?P<action>predict)", Endpoint(read_embedded, VERTEX, "google")),
        (_GOOGLE_MODEL + _EMBED, Endpoint(read_embedded, VERTEX, "google")),
        (_CLAUDE_MODEL + _RAW, Endpoint(read_claude, ANTHROPIC, "google")),
        (_BEDROCK_MODEL + _CONVERSE, Endpoint(read_conversation, BEDROCK, "aws")),
        (_BEDROCK_MODEL + _INVOKE, Endpoint(read_invoked, BEDROCK, "aws")),
        (r"/v1(?:beta|alpha)/models/(?P<model>.+)", _GEMINI_MODELS),
        (r"/v1/models/(?P<model>.+)", _MODELS),
        (f"{_DEPLOYMENT}/chat/completions", _CHAT),
        (f"{_DEPLOYMENT}/completions", _COMPLETIONS),
        (f"{_DEPLOYMENT}/embeddings", _EMBEDDINGS),
        (f"{_DEPLOYMENT}/images/generations", Endpoint(read_pictures, AZURE)),
        (
            "/v1/text-to-speech/(?P<voice>[^/]+)(?:/stream)?",
            Endpoint(read_elevenlabs, ELEVENLABS, "xi-api-key"),
        ),
        (
            "/v2beta/stable-image/generate/(?:core|ultra|sd3)",
            Endpoint(read_stable_picture, STABILITY),
        ),
        ("/openai/responses", Endpoint(read_response, AZURE)),
    )
)


def find(path: str) -> Found | None:
    """The endpoint at a path, as it came."""
    vendor = ""
    if path in _FIXED:
        return Found(_FIXED[path])
    if not path.startswith("/openai/") and (named := _VENDOR.fullmatch(path)):
        vendor, path = named[1], named[2]
    for prefix, plain, owner in PREFIXES:
        if path.startswith(prefix):
            path = plain + path[len(prefix) :]
            vendor = vendor or owner
            break
    if path in _FIXED:
        return Found(_FIXED[path], vendor=vendor)
    for pattern, endpoint in _VARIABLE:
        if found := pattern.fullmatch(path):
            names = {name: unquote(part) for name, part in found.groupdict().items() if part}
            return Found(endpoint, names, vendor)
    return None
