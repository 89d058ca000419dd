"""Each item gives the events that OpenAI's SDK expects of it."""

from typing import Any

import pytest

from faregate.dialects.neutral import parts as p
from faregate.dialects.neutral import reply
from faregate.dialects.neutral.reply import Event
from faregate.dialects.responses.open_items import (
    CallItem,
    MessageItem,
    OpenItem,
    RefusalItem,
    ThoughtItem,
)

SOURCE = p.Citation(url="u", title="t", start=0, end=1)


def kinds(item: OpenItem, *events: Event) -> list[str]:
    """The kinds of all events, in order."""
    made = [kind for event in events for kind, _ in item.add(event)]
    return [kind.removeprefix("response.") for kind in (*made, *(kind for kind, _ in item.end()))]


def summary() -> ThoughtItem:
    """Thoughts that are a summary."""
    item = ThoughtItem("rs", 0)
    item.is_summary = True
    return item


@pytest.mark.parametrize(
    ("item", "events", "expected"),
    [
        (
            MessageItem("msg", 0),
            [reply.TextDelta(0, 0, "a"), reply.CitationSeen(0, 0, SOURCE)],
            ["content_part.added", "output_text.delta", "output_text.annotation.added",
             "output_text.done", "content_part.done"],
        ),
        (
            RefusalItem("msg", 0),
            [reply.RefusalDelta(0, 0, "no"), reply.RefusalDelta(0, 0, "!")],
            ["content_part.added", "refusal.delta", "refusal.delta", "refusal.done",
             "content_part.done"],
        ),
        (
            ThoughtItem("rs", 0),
            [reply.ThinkingDelta(0, 0, "a"), reply.ThinkingSigned(0, 0, "x", signature="s")],
            ["content_part.added", "reasoning_text.delta", "reasoning_text.done",
             "content_part.done"],
        ),
        (
            summary(),
            [reply.ThinkingDelta(0, 0, "a", is_summary=True)],
            ["reasoning_summary_part.added", "reasoning_summary_text.delta",
             "reasoning_summary_text.done", "reasoning_summary_part.done"],
        ),
        (ThoughtItem("rs", 0), [reply.ThinkingSigned(0, 0, "x", redacted="r")], []),
        (
            CallItem("fc", 0, reply.ToolOpened(0, 0, "c", "f")),
            [reply.ToolOpened(0, 0, "c", "f"), reply.ToolDelta(0, 0, "{}")],
            ["function_call_arguments.delta", "function_call_arguments.done"],
        ),
        (
            CallItem("fc", 0, reply.ToolOpened(0, 0, "c", "f", custom=True)),
            [reply.ToolDelta(0, 0, "x")],
            ["custom_tool_call_input.delta", "custom_tool_call_input.done"],
        ),
    ],
)  # fmt: skip
def test_events_come_in_order(item: OpenItem, events: list[Event], expected: list[str]):
    assert kinds(item, *events) == expected


def whole(item: OpenItem, *events: Event) -> Any:
    """The item at its end."""
    kinds(item, *events)
    return item.whole()


def test_items_are_whole_at_their_end():
    message = whole(MessageItem("msg", 0), reply.TextDelta(0, 0, "a", [{"token": "a"}]))
    assert message["content"][0] == {
        "type": "output_text", "text": "a", "annotations": [], "logprobs": [{"token": "a"}],
    }  # fmt: skip
    thought = whole(summary(), reply.ThinkingDelta(0, 0, "a"))
    assert thought["summary"] == [{"type": "summary_text", "text": "a"}]
    signed = whole(ThoughtItem("rs", 0), reply.ThinkingSigned(0, 0, "anthropic", redacted="r"))
    assert signed["encrypted_content"] == "faregate:anthropic:redacted:r"
    call = whole(CallItem("fc", 0, reply.ToolOpened(0, 0, "c", "f")), reply.ToolDelta(0, 0, "{}"))
    assert (call["call_id"], call["arguments"], call["status"]) == ("c", "{}", "completed")


def test_texts_that_follow_each_other_are_one():
    item = MessageItem("msg", 0)
    events = [reply.TextDelta(0, 0, "ab"), reply.TextDelta(0, 1, "cd")]
    assert item.takes(events[1], same_part=False)
    kinds(item, *events, reply.CitationSeen(0, 1, SOURCE))
    (text,) = item.whole()["content"]
    assert (text["text"], text["annotations"][0]["start_index"]) == ("abcd", 2)


def test_the_usual_event_is_made_whole():
    item = MessageItem("msg", 3)
    made = item.add_text('"', None, 9)
    assert made == (
        b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta",'
        b'"item_id":"msg","output_index":3,"content_index":0,"sequence_number":9,'
        b'"delta":"\\"","logprobs":[]}\n\n'
    )
