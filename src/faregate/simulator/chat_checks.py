"""What OpenAI refuses of a chat's messages.

Unknown members pass, and so do conversations that are no list: plain load needs no more.

Source: OpenAI's API reference: Create chat completion, and messages of its errors.
"""

import re
from typing import Any, Final

from faregate.simulator.errors import RefusedError

ROLES: Final = ("system", "assistant", "user", "function", "tool", "developer")

_MISTRAL_CALL_ID: Final = re.compile(r"[a-zA-Z0-9]{9}")
_PARTS: Final = {
    "user": ("text", "image_url", "input_audio", "file"),
    "assistant": ("text", "refusal"),
    "system": ("text",),
    "developer": ("text",),
    "tool": ("text",),
}
# Members of a part that some vendors take besides: Mistral's and DeepSeek's thinking.
_PARTS_OF_VENDORS: Final = {"mistral": ("thinking", "reference", "document_url", "image_url")}


def check_messages(messages: object, vendor: str) -> None:
    """Refuse messages that do not hang together."""
    if not isinstance(messages, list):
        return
    open_calls: list[str] = []
    for index, message in enumerate(messages):
        if not isinstance(message, dict):
            place = f"messages[{index}]"
            raise RefusedError(f"Invalid type for '{place}': expected an object.", param=place)
        role = message.get("role")
        if role not in ROLES:
            raise RefusedError(
                f"Invalid value: '{role}'. Supported values are: 'system', 'assistant', 'user', "
                "'function', 'tool', and 'developer'.",
                param=f"messages[{index}].role",
                code="invalid_value",
            )
        _check_parts(index, message, vendor)
        if role == "tool":
            _check_result(index, message, open_calls, vendor)
            open_calls.remove(str(message["tool_call_id"]))
            continue
        _check_answered(open_calls)
        open_calls = _calls(index, message)
    _check_answered(open_calls)


def _check_parts(index: int, message: dict[str, Any], vendor: str) -> None:
    content = message.get("content")
    allowed = _PARTS.get(str(message["role"]), ("text",))
    for number, part in enumerate(content if isinstance(content, list) else []):
        kind = part.get("type") if isinstance(part, dict) else None
        if kind not in (*allowed, *_PARTS_OF_VENDORS.get(vendor, ())):
            listed = ", ".join(f"'{name}'" for name in allowed)
            raise RefusedError(
                f"Invalid value: '{kind}'. Supported values are: {listed}.",
                param=f"messages[{index}].content[{number}].type",
                code="invalid_value",
            )


def _check_result(index: int, message: dict[str, Any], calls: list[str], vendor: str) -> None:
    name = message.get("tool_call_id")
    place = f"messages[{index}].tool_call_id"
    if vendor == "mistral" and not _MISTRAL_CALL_ID.fullmatch(str(name)):
        raise RefusedError(
            f"Tool call id was {name} but must be a-z, A-Z, 0-9, with a length of 9.", code="3280"
        )
    if name not in calls:
        raise RefusedError(
            "Invalid parameter: messages with role 'tool' must be a response to a preceeding "
            "message with 'tool_calls'.",
            param=place,
        )


def _check_answered(calls: list[str]) -> None:
    if calls:
        raise RefusedError(
            "An assistant message with 'tool_calls' must be followed by tool messages responding "
            "to each 'tool_call_id'. The following tool_call_ids did not have response messages: "
            f"{', '.join(calls)}",
            param="messages",
        )


def _calls(index: int, message: dict[str, Any]) -> list[str]:
    names = []
    for number, call in enumerate(message.get("tool_calls") or []):
        place = f"messages[{index}].tool_calls[{number}]"
        function = call.get("function") or call.get("custom") or {}
        arguments = function.get("arguments", function.get("input"))
        if not isinstance(arguments, str):
            raise RefusedError(
                f"Invalid type for '{place}.function.arguments': expected a string.",
                param=f"{place}.function.arguments",
                code="invalid_type",
            )
        if not isinstance(call.get("id"), str) or not function.get("name"):
            words = f"Missing required parameter: '{place}.id'."
            raise RefusedError(words, param=place, code="missing_required_parameter")
        names.append(call["id"])
    return names
