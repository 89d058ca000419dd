"""Tools of free text where a target's tools take objects.

They become functions of one text, `input`, and what the model calls so is free text again for the
caller, whose request says which tools are meant.

Source: OpenAI, "Function calling" (custom tools, grammars).
"""

from typing import Any, Final

import msgspec

from faregate.dialects.neutral.parts import ToolCall
from faregate.dialects.neutral.reply import (
    Choice,
    Event,
    Finished,
    PartClosed,
    Reply,
    ToolDelta,
    ToolOpened,
)
from faregate.dialects.neutral.request import Request, Tool
from faregate.dialects.translation import StreamWriter

_TEXT: Final = "input"
_GRAMMAR: Final = "It must fit this grammar:"
_decode: Final = msgspec.json.Decoder(dict[str, Any]).decode
_Part = tuple[int, int]  # choice, part


def as_function(tool: Tool) -> Tool:
    """A tool of free text as a function of one text; another as it is."""
    if not tool.custom:
        return tool
    text: dict[str, Any] = {"type": "string"}
    if tool.parameters:
        grammar = msgspec.json.encode(tool.parameters).decode()
        text["description"] = f"{_GRAMMAR} {grammar}"
    schema = {"type": "object", "properties": {_TEXT: text}, "required": [_TEXT]}
    return msgspec.structs.replace(tool, parameters=schema, custom=False)


def as_arguments(call: ToolCall) -> str:
    """The arguments of a call, those of free text as such a function's."""
    return msgspec.json.encode({_TEXT: call.arguments}).decode() if call.custom else call.arguments


def _text_of(arguments: str) -> str:
    try:
        text = _decode(arguments).get(_TEXT)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return arguments
    return text if isinstance(text, str) else arguments


def _names(request: Request) -> frozenset[str]:
    return frozenset(tool.name for tool in request.tools if isinstance(tool, Tool) and tool.custom)


def restored(reply: Reply, request: Request) -> Reply:
    """The reply, with free text where the caller's tools take that."""
    names = _names(request)
    if not names:
        return reply
    choices = tuple(_restored(choice, names) for choice in reply.choices)
    return msgspec.structs.replace(reply, choices=choices)


def _restored(choice: Choice, names: frozenset[str]) -> Choice:
    parts = tuple(
        msgspec.structs.replace(part, arguments=_text_of(part.arguments), custom=True)
        if isinstance(part, ToolCall) and not part.custom and part.name in names
        else part
        for part in choice.parts
    )
    return msgspec.structs.replace(choice, parts=parts)


def restoring(writer: StreamWriter, request: Request) -> StreamWriter:
    """The writer, for events in which such calls aren't free text yet."""
    names = _names(request)
    return _Restoring(writer, names) if names else writer


class _Restoring:
    """Keeps such calls until they are whole."""

    def __init__(self, writer: StreamWriter, names: frozenset[str]) -> None:
        self._writer = writer
        self._names = names
        self._calls: dict[_Part, tuple[ToolOpened, list[str]]] = {}

    def write(self, event: Event) -> bytes:
        """The bytes for one event, perhaps none."""
        write = self._writer.write
        if isinstance(event, ToolOpened) and not event.custom and event.name in self._names:
            self._calls[event.choice, event.part] = event, []
            return b""
        if not self._calls:
            return write(event)
        if isinstance(event, ToolDelta) and (event.choice, event.part) in self._calls:
            self._calls[event.choice, event.part][1].append(event.arguments)
            return b""
        if isinstance(event, PartClosed):
            return self._release((event.choice, event.part)) + write(event)
        if isinstance(event, Finished):
            of_answer = [place for place in self._calls if place[0] == event.choice]
            return b"".join(map(self._release, of_answer)) + write(event)
        return write(event)

    def end(self) -> bytes:
        """The rest; a call that isn't whole is not called."""
        return self._writer.end()

    def _release(self, place: _Part) -> bytes:
        kept = self._calls.pop(place, None)
        if kept is None:
            return b""
        opened, pieces = kept
        text = _text_of("".join(pieces))
        begun = self._writer.write(msgspec.structs.replace(opened, custom=True))
        return begun + self._writer.write(ToolDelta(*place, text))
