"""Reads Ollama's messages, in requests and in replies.

Ollama's calls may have no ids, and results then name the tool alone: a result is of the oldest
call of its tool that has none.

Sources: Ollama API, "Generate a chat message", "Tool calling", "Vision"; ollama 0.6, `_types`.
"""

from typing import Any, Final

import msgspec

from faregate.dialects import tool_errors
from faregate.dialects.neutral import parts
from faregate.dialects.neutral.request import Message
from faregate.dialects.shapes import (
    Object,
    ShapeError,
    as_list,
    as_object,
    as_text,
    optional_list,
    optional_object,
)

NAME: Final = "ollama"
# The first characters of base64, by what the file begins with.
_MAGIC: Final = (
    ("/9j/", "image/jpeg"),
    ("iVBORw0KGgo", "image/png"),
    ("R0lGOD", "image/gif"),
    ("UklGR", "image/webp"),
)


class MessagesReader:
    """Reads messages in their order, and gives ids to calls without one."""

    __slots__ = ("_calls", "_open", "_stem")

    def __init__(self, stem: str) -> None:
        self._stem = stem
        self._calls = 0
        self._open: list[tuple[str, str]] = []  # name and id of the calls without a result

    def read(self, value: object) -> list[Message]:
        """A conversation; raises `ShapeError`."""
        messages: list[Message] = []
        for at, one in enumerate(as_list(value, "messages")):
            place = f"messages[{at}]"
            message = as_object(one, place)
            role = message.get("role")
            if role == "tool":
                result: tuple[parts.Part, ...] = (self._result(message, place),)
                if messages and messages[-1].role == "tool":
                    result = messages.pop().parts + result
                messages.append(Message("tool", result))
            elif role == "assistant":
                messages.append(Message("assistant", tuple(self.answer(message, place))))
            elif role in ("system", "user", "developer"):
                messages.append(Message(role, tuple(said(message, place))))
            else:
                problem = "it must be 'system', 'user', 'assistant' or 'tool'"
                raise ShapeError(f"{place}.role", problem)
        return messages

    def answer(self, message: Object, place: str) -> list[parts.Part]:
        """The parts of an assistant's message; raises `ShapeError`."""
        found: list[parts.Part] = []
        thinking = message.get("thinking")
        if thinking:
            found.append(parts.Thinking(as_text(thinking, f"{place}.thinking")))
        if message.get("content") or message.get("images"):
            found += said(message, place)
        return found + list(self.calls(message.get("tool_calls"), f"{place}.tool_calls"))

    def calls(self, value: object, place: str) -> list[parts.ToolCall]:
        """Calls of tools; raises `ShapeError`."""
        made: list[parts.ToolCall] = []
        for at, one in enumerate(optional_list(value, place)):
            inner = f"{place}[{at}]"
            call = as_object(one, inner)
            function = as_object(call.get("function"), f"{inner}.function")
            name = as_text(function.get("name"), f"{inner}.function.name")
            arguments = optional_object(function.get("arguments"), f"{inner}.function.arguments")
            call_id = as_text(call.get("id") or f"{self._stem}{self._calls}", f"{inner}.id")
            self._calls += 1
            self._open.append((name, call_id))
            text = msgspec.json.encode(arguments).decode()
            made.append(parts.ToolCall(call_id, name, text))
        return made

    def _result(self, message: Object, place: str) -> parts.ToolResult:
        name = message.get("tool_name") or message.get("name")
        if name is not None:
            as_text(name, f"{place}.tool_name")
        call_id = message.get("tool_call_id")
        if call_id:
            as_text(call_id, f"{place}.tool_call_id")
            self._open = [one for one in self._open if one[1] != call_id]
        else:
            call_id = self._oldest(name)
        found: Any = tuple(said(message, place))
        is_error = None
        first = found[0] if found else None
        if isinstance(first, parts.Text) and (told := tool_errors.read(first.text)) is not None:
            is_error, found = True, (parts.Text(told), *found[1:])
        return parts.ToolResult(call_id, found, name=name, is_error=is_error)

    def _oldest(self, name: str | None) -> str:
        for at, (called, call_id) in enumerate(self._open):
            if name in (None, called):
                del self._open[at]
                return call_id
        self._calls += 1
        return f"{self._stem}{self._calls - 1}"


def said(message: Object, place: str) -> list[Any]:
    """Images and the text of a message; raises `ShapeError`."""
    found: list[parts.Part] = [
        parts.Image(image_source(as_text(one, f"{place}.images[{at}]")))
        for at, one in enumerate(optional_list(message.get("images"), f"{place}.images"))
    ]
    text = as_text(message.get("content") or "", f"{place}.content")
    if text or not found:
        found.append(parts.Text(text))
    return found


def image_source(data: str) -> parts.Media:
    """An image in base64, whose kind only its bytes tell."""
    for magic, media_type in _MAGIC:
        if data.startswith(magic):
            return parts.Media(media_type=media_type, data=data)
    return parts.Media(media_type="image/png", data=data)
