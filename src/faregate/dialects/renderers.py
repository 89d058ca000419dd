"""Which renderer of refusals belongs to which dialect."""

from typing import Final, Protocol

from faregate.core.refusals import Refusal
from faregate.dialects import (
    anthropic_errors,
    cohere_errors,
    gemini_array_errors,
    gemini_errors,
    ollama_errors,
    problem,
)
from faregate.dialects.refusal_members import Fields, Statuses


class Renderer(Protocol):
    """Writes refusals as one dialect's SDKs expect them."""

    def render(
        self, refusal: Refusal, call_id: str, statuses: Statuses = None
    ) -> tuple[Fields, bytes]:
        """The reply's fields and body; `statuses` are an operator's own."""

    def render_event(self, refusal: Refusal, call_id: str) -> bytes:
        """The refusal as the last event of a stream."""


RENDERERS: Final[dict[str, Renderer]] = {
    "openai": problem,
    "anthropic": anthropic_errors,
    "gemini": gemini_errors,
    "gemini_array": gemini_array_errors,
    "cohere": cohere_errors,
    "ollama": ollama_errors,
    "ollama_generate": ollama_errors,
}
