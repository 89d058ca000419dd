"""What the gate's addresses are for, and in which dialect each is spoken."""

from typing import Final

import msgspec

from faregate.dialects.renderers import RENDERERS, Renderer
from faregate.dialects.translation import Dialect, Native


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One address of the gate that is forwarded.

    `name` is the vendors' word for it (`providers.vendors`), `path` as it is documented, with
    `{model}` where the path names it. `streams` is what the path says of streaming; None: the
    body does. `translator` is None where only targets of the same dialect can serve.
    """

    name: str
    path: str
    dialect: str
    native: Native
    translator: Dialect | None = None
    refusals: Renderer = RENDERERS["openai"]
    makes_output: bool = True
    has_prompts: bool = False
    streams: bool | None = None


# How dialects are addressed below a vendor's base URL: whole replies, and streams.
TARGET_PATHS: Final[dict[str, tuple[str, str]]] = {
    "openai_chat": ("/chat/completions", "/chat/completions"),
    "mistral": ("/chat/completions", "/chat/completions"),
    "openai_completions": ("/completions", "/completions"),
    "openai_responses": ("/responses", "/responses"),
    "openai_embeddings": ("/embeddings", "/embeddings"),
    "anthropic": ("/messages", "/messages"),
    "gemini": (
        "/models/{model}:generateContent",
        "/models/{model}:streamGenerateContent?alt=sse",
    ),
    "bedrock_converse": ("/model/{model}/converse", "/model/{model}/converse-stream"),
    "cohere": ("/chat", "/chat"),
    "ollama": ("/api/chat", "/api/chat"),
}
