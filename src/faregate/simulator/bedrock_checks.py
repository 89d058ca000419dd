"""What Converse refuses of a conversation.

Sources: "Using the Converse API", "Tool use" of the Amazon Bedrock guide, and messages of
ValidationException that it sent.
"""

from typing import Any, Final

from faregate.simulator.answer import encode
from faregate.simulator.anthropic import SIGNATURE_PREFIX
from faregate.simulator.errors import RefusedError

_ALTERNATE: Final = (
    "A conversation must alternate between user and assistant roles. Make sure the conversation "
    "alternates between user and assistant roles and try again."
)
_BLOCKS: Final = frozenset(
    (
        "text", "image", "document", "video", "audio", "toolUse", "toolResult", "guardContent",
        "cachePoint", "reasoningContent", "citationsContent", "searchResult",
    )
)  # fmt: skip


def check_conversation(messages: list[dict[str, Any]], *, tools: bool) -> tuple[str, ...]:
    """Refuse what does not hang together; the results that end it."""
    if not messages or messages[0].get("role") != "user":
        raise RefusedError(
            "A conversation must start with a user message. Try again with a conversation that "
            "starts with a user message."
        )
    open_calls: list[str] = []
    results: tuple[str, ...] = ()
    before = "assistant"
    for index, message in enumerate(messages):
        role, blocks = message.get("role"), message.get("content")
        if role not in ("user", "assistant") or role == before:
            raise RefusedError(_ALTERNATE)
        before = role
        if not isinstance(blocks, list) or not blocks:
            raise RefusedError(
                f"The content field in the Message object at messages.{index} is empty. Add a "
                "ContentBlock object to the content field and try again."
            )
        for number, block in enumerate(blocks):
            _check_block(f"messages.{index}.content.{number}", block)
        found = [block["toolResult"] for block in blocks if "toolResult" in block]
        calls = [block["toolUse"]["toolUseId"] for block in blocks if "toolUse" in block]
        if (found or calls) and not tools:
            raise RefusedError(
                "The toolConfig field must be defined when using toolUse and toolResult content "
                "blocks."
            )
        if sorted(result["toolUseId"] for result in found) != sorted(open_calls):
            raise RefusedError(
                f"Expected toolResult blocks at messages.{index}.content for the following Ids: "
                f"{', '.join(open_calls)}"
            )
        open_calls = calls
        results = tuple(_text(result) for result in found)
    return results


def _check_block(place: str, block: Any) -> None:
    if not isinstance(block, dict) or len(block) != 1 or not set(block) <= _BLOCKS:
        raise RefusedError(f"{place} is not a block that is known: it must have one member.")
    if "text" in block and not str(block["text"]).strip():
        raise RefusedError(
            f"The text field in the ContentBlock object at {place} is blank. Add text to the text "
            "field, and try again."
        )
    thought = (block.get("reasoningContent") or {}).get("reasoningText")
    if thought and not str(thought.get("signature", "")).startswith(SIGNATURE_PREFIX):
        raise RefusedError(f"{place}: Invalid `signature` in `thinking` block")


def _text(result: dict[str, Any]) -> str:
    parts = result.get("content") or []
    return "".join(
        str(part["text"]) if "text" in part else encode(part.get("json")).decode() for part in parts
    )
