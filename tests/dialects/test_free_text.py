"""Tools of free text are functions of one text on the way, and free text for their caller."""

from typing import Any

import pytest

from faregate.dialects.free_text import as_arguments, as_function, restored, restoring
from faregate.dialects.neutral.parts import Text, ToolCall
from faregate.dialects.neutral.reply import (
    Choice,
    Ended,
    Event,
    Finished,
    PartClosed,
    Reply,
    TextDelta,
    ToolDelta,
    ToolOpened,
)
from faregate.dialects.neutral.request import Request, Tool

PATCH = Tool(name="patch", description="Edits.", parameters={"syntax": "lark"}, custom=True)
READ = Tool(name="read", parameters={"type": "object"})
REQUEST = Request(model="m", messages=(), tools=(PATCH, READ))
PLAIN = Request(model="m", messages=(), tools=(READ,))


class Kept:
    """Keeps what is to be written."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def write(self, event: Event) -> bytes:
        self.events.append(event)
        return b"."

    def end(self) -> bytes:
        return b"end"


def test_a_tool_of_free_text_is_a_function_of_one_text() -> None:
    made: Any = as_function(PATCH)
    assert (made.name, made.description, made.custom) == ("patch", "Edits.", False)
    assert made.parameters["required"] == ["input"]
    assert '{"syntax":"lark"}' in made.parameters["properties"]["input"]["description"]
    assert as_function(READ) is READ
    assert as_arguments(ToolCall("a", "patch", 'a "b"', custom=True)) == '{"input":"a \\"b\\""}'
    assert as_arguments(ToolCall("a", "read", "{}")) == "{}"


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ('{"input": "a \\"b\\""}', 'a "b"'),
        ('{"other": 1}', '{"other": 1}'),
        ('{"input": 1}', '{"input": 1}'),
        ("no JSON", "no JSON"),
        ("", ""),
    ],
)
def test_a_call_of_it_is_free_text_again(arguments: str, text: str) -> None:
    read = ToolCall("b", "read", '{"input":"x"}')
    parts = (Text("so"), ToolCall("a", "patch", arguments), read)
    reply = Reply(id="r", model="m", choices=(Choice(parts=parts, finish="tool_calls"),))
    [choice] = restored(reply, REQUEST).choices
    assert choice.parts == (Text("so"), ToolCall("a", "patch", text, custom=True), read)
    assert restored(reply, PLAIN) is reply


@pytest.mark.parametrize("closes", [True, False])
def test_a_streamed_call_waits_until_it_is_whole(closes: bool) -> None:
    kept = Kept()
    writer = restoring(kept, REQUEST)
    events: list[Event] = [
        TextDelta(0, 0, "so"),
        ToolOpened(0, 1, "a", "patch"),
        ToolDelta(0, 1, '{"inp'),
        ToolOpened(0, 2, "b", "read"),
        ToolDelta(0, 2, "{}"),
        ToolDelta(0, 1, 'ut":"x"}'),
        *([PartClosed(0, 1)] if closes else []),
        Finished(0, "tool_calls"),
        Ended(),
    ]
    assert b"".join(map(writer.write, events)) + writer.end() == b"." * len(kept.events) + b"end"
    assert kept.events == [
        TextDelta(0, 0, "so"),
        ToolOpened(0, 2, "b", "read"),
        ToolDelta(0, 2, "{}"),
        ToolOpened(0, 1, "a", "patch", custom=True),
        ToolDelta(0, 1, "x"),
        *([PartClosed(0, 1)] if closes else []),
        Finished(0, "tool_calls"),
        Ended(),
    ]
    assert restoring(kept, PLAIN) is kept
