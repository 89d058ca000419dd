"""The operations that the gate serves, by their addresses."""

from typing import Final

from faregate.dialects import openai_chat
from faregate.dialects.openai import native as openai_native
from faregate.gate.operations import Operation
from faregate.gate.translators import translator

_CHAT: Final = Operation(
    name="generate",
    path=openai_chat.CHAT_PATH,
    dialect="openai_chat",
    native=openai_native.CHAT,
    translator=translator("openai_chat", ""),
)
_COMPLETIONS: Final = Operation(
    name="completions",
    path=openai_chat.COMPLETIONS_PATH,
    dialect="openai_completions",
    native=openai_native.COMPLETIONS,
    has_prompts=True,
)
_EMBEDDINGS: Final = Operation(
    name="embeddings",
    path="/v1/embeddings",
    dialect="openai_embeddings",
    native=openai_native.CHAT,
    makes_output=False,
)

OPERATIONS: Final[dict[str, Operation]] = {
    operation.path: operation for operation in (_CHAT, _COMPLETIONS, _EMBEDDINGS)
}
