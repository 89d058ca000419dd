"""Why an answer ended, in chat's words and those of its followers.

Sources: OpenAI API reference, "The chat completion object"; Mistral, "Chat completion API"
(model_length); DeepSeek, "Create chat completion" (insufficient_system_resource); Zhipu, "Chat
completion" (sensitive, network_error); Together and others (eos).
"""

from collections.abc import Iterable
from typing import Final

from faregate.dialects.neutral.parts import Part, RefusalText, ToolCall
from faregate.dialects.neutral.reply import Finish

_READ: Final[dict[str, Finish]] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    "eos": "stop",
    "eos_token": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop_sequence",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_length": "context_length",
    "sensitive": "content_filter",
    "safety": "content_filter",
    "refusal": "refusal",
    "error": "error",
    "insufficient_system_resource": "error",
    "network_error": "error",
}
_WRITTEN: Final[dict[Finish, str]] = {
    "stop": "stop",
    "length": "length",
    "stop_sequence": "stop",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
    "refusal": "content_filter",
    "pause": "stop",
    "context_length": "length",
    "error": "error",
}


def read_finish(stated: str | None, *, calls: bool, refuses: bool) -> Finish:
    """The end of an answer; one that calls tools waits for them."""
    finish = _READ.get(stated.lower(), "stop") if stated else "stop"
    if finish != "stop":
        return finish
    if calls:
        return "tool_calls"
    return "refusal" if refuses else "stop"


def finish_of(stated: str | None, parts: Iterable[Part]) -> Finish:
    """The same for a whole answer."""
    kinds = {type(part) for part in parts}
    return read_finish(stated, calls=ToolCall in kinds, refuses=RefusalText in kinds)


def write_finish(finish: Finish, *, refuses: bool) -> str:
    """Chat's word for it; `refuses`: the answer has a refusal's text."""
    return "stop" if finish == "refusal" and refuses else _WRITTEN[finish]
