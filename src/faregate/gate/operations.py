"""What the gate's addresses are for, and in which dialect each is spoken."""

from typing import Final

import msgspec

from faregate.dialects.embeddings import gemini
from faregate.dialects.renderers import RENDERERS, Renderer
from faregate.dialects.translation import Native
from faregate.dialects.whole_dialects import PATHS
from faregate.gate.translators import Translator


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One address of the gate that is forwarded.

    `name` is the vendors' word for it (`providers.vendors`), `path` as it is documented, with
    `{model}` where the path names it. `streams` is what the path says of streaming; None: the
    body does. `translator` is None where only targets of the same dialect can serve. `paths` are
    where bytes pass through to, whole replies and streams; None: where the dialect is usually
    spoken. `is_free`: such calls cost nothing and no credit is held.
    """

    name: str
    path: str
    dialect: str
    native: Native
    translator: Translator | None = None
    refusals: Renderer = RENDERERS["openai"]
    makes_output: bool = True
    has_prompts: bool = False
    streams: bool | None = None
    paths: tuple[str, str] | None = None
    is_free: bool = False

    @property
    def route(self) -> str:
        """The path alone, as rules, records and metrics name it."""
        return self.path.partition("?")[0]


# How dialects are addressed below a vendor's base URL: whole replies, and streams.
_TARGET_PATHS: Final[dict[str, tuple[str, str]]] = {
    **{dialect: (path, path) for dialect, path in PATHS.items()},
    "openai_chat": ("/chat/completions", "/chat/completions"),
    "openai_completions": ("/completions", "/completions"),
    "openai_responses": ("/responses", "/responses"),
    "openai_realtime": ("/realtime", "/realtime"),
    "anthropic": ("/messages", "/messages"),
    "anthropic_vertex": ("/models/{model}:rawPredict", "/models/{model}:streamRawPredict"),
    "gemini": (
        "/models/{model}:generateContent",
        "/models/{model}:streamGenerateContent?alt=sse",
    ),
    "bedrock_converse": ("/model/{model}/converse", "/model/{model}/converse-stream"),
    "bedrock_invoke": (
        "/model/{model}/invoke",
        "/model/{model}/invoke-with-response-stream",
    ),
    "cohere": ("/chat", "/chat"),
    "ollama": ("/chat", "/chat"),
}


def target_paths(dialect: str, model: str, vendor: str) -> tuple[str, str]:
    """Where a dialect is spoken: whole replies, and streams.

    Both are empty where each request says itself where it goes.
    """
    if dialect == gemini.NAME:
        path = f"/models/{{model}}{gemini.path(model, vendor)}"
        return path, path
    return _TARGET_PATHS.get(dialect, ("", ""))


def is_addressed(dialect: str) -> bool:
    """Whether the gate knows where a dialect is spoken."""
    return dialect in _TARGET_PATHS or dialect == gemini.NAME
