"""Pieces of an answer reach the part that they belong to."""

from typing import Any

import msgspec
from tests.dialects.neutral_forms import assembled

from faregate.dialects.neutral import parts as p
from faregate.dialects.neutral import reply
from faregate.dialects.neutral.reply import Event
from faregate.dialects.openai.answer import Answer
from faregate.dialects.openai.chunk import Delta

CHAT = "openai_chat"


def events_of(*deltas: dict[str, Any], finish: str | None = "stop") -> list[Event]:
    """The events of these deltas."""
    answer, events = Answer(0, CHAT), []
    for delta in deltas:
        answer.read(msgspec.convert(delta, Delta), None, events)
    answer.finish(finish, None, events)
    answer.finish(finish, None, events)  # it is finished once
    return events


def parts_of(*deltas: dict[str, Any], finish: str | None = "stop") -> tuple[p.Part, ...]:
    """The parts that these deltas add up to."""
    return assembled(events_of(*deltas, finish=finish)).choices[0].parts


def call(name: str | None = None, said: str | None = None, **members: Any) -> dict[str, Any]:
    """A delta with a piece of one call."""
    return {"tool_calls": [{"function": {"name": name, "arguments": said}} | members]}


TWO = (p.ToolCall("a", "f", '{"x":1}'), p.ToolCall("b", "g", "{}"))


def test_calls_interleave_by_index():
    assert (
        parts_of(
            call("f", "", index=0, id="a"),
            call("g", "", index=1, id="b"),
            call(None, '{"x"', index=0),
            call(None, "{", index=1),
            call(None, ":1}", index=0),
            call(None, "}", index=1),
        )
        == TWO
    )


def test_calls_without_index_are_told_by_id():
    assert parts_of(call("f", '{"x":1}', id="a"), call("g", "{}", id="b")) == TWO
    assert parts_of(call("f", '{"x"', id="a"), call(None, ":1}"), call("g", "{}", id="b")) == TWO


def test_calls_that_all_have_index_0():
    assert parts_of(call("f", '{"x":1}', index=0, id="a"), call("g", "{}", index=0, id="b")) == TWO


def test_ids_and_names_that_are_repeated():
    repeated = (
        call("f", '{"x"', index=0, id="a"), call("f", ":1}", index=0, id="a"),
        call("g", "{}", index=1, id="b"),
    )  # fmt: skip
    assert parts_of(*repeated) == TWO


def test_a_name_that_comes_after_its_id():
    assert parts_of(call(None, None, index=0, id="a"), call("f", '{"x":1}', index=0)) == TWO[:1]


def test_calls_without_ids_are_numbered():
    found = parts_of(call("f", "{}", index=0), call("g", "{}", index=1, id="null"))
    assert found == (p.ToolCall("call_1", "f", "{}"), p.ToolCall("call_2", "g", "{}"))


def test_googles_proof_of_a_call():
    extra = {"google": {"thought_signature": "sig"}}
    opened = events_of(call("f", "", id="a", extra_content=extra))[0]
    assert opened == reply.ToolOpened(0, 0, "a", "f", "sig", CHAT)


def test_a_free_tool_and_the_older_form():
    custom = {"tool_calls": [{"index": 0, "id": "a", "custom": {"name": "g", "input": "free"}}]}
    assert reply.ToolOpened(0, 0, "a", "g", custom=True) in events_of(custom)
    older = {"function_call": {"name": "f", "arguments": "{}"}}
    assert parts_of(older) == (p.ToolCall("call_1", "f", "{}"),)


def test_a_slot_closes_the_one_before():
    events = events_of({"reasoning": "hm"}, {"content": "a"}, {"reasoning": "hm"}, {"content": "b"})
    closed = [event.part for event in events if isinstance(event, reply.PartClosed)]
    assert closed == [0, 1, 2]
    assert assembled(events).choices[0].parts == (
        p.Thinking("hm"), p.Text("a"), p.Thinking("hm"), p.Text("b"),
    )  # fmt: skip


def test_openrouters_thoughts():
    def text(index: int, said: str, **members: Any) -> dict[str, Any]:
        entry = {"type": "reasoning.text", "text": said, "index": index} | members
        return {"reasoning": said, "reasoning_details": [entry]}

    encrypted = {"type": "reasoning.encrypted", "data": "d", "index": 1, "id": "x"}
    found = parts_of(
        text(0, "a"), text(0, "b"), text(0, "", signature="s"), {"reasoning_details": [encrypted]}
    )
    assert found == (
        p.Thinking("ab", "s", origin=CHAT),
        p.Thinking("", None, "d", origin=CHAT),
    )


def test_a_summary_and_what_proves_it_are_one_thought():
    summary = {"type": "reasoning.summary", "summary": "a", "index": 0}
    encrypted = {"type": "reasoning.encrypted", "data": "d", "index": 0, "id": "rs_1"}
    events = events_of({"reasoning_details": [summary]}, {"reasoning_details": [encrypted]})
    assert events[:3] == [
        reply.ThinkingDelta(0, 0, "a", is_summary=True),
        reply.ThinkingSigned(0, 0, CHAT, signature="d", id="rs_1"),
        reply.Finished(0, "stop"),
    ]


def test_mistrals_chunks():
    chunk = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}
    text = {"type": "text", "text": "a"}
    assert parts_of({"content": [chunk, text, 1]}) == (p.Thinking("hm"), p.Text("a"))


def test_refusals_images_and_sound():
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    sound = {"id": "audio_1", "data": "AAAA"}
    events = events_of({"refusal": "no"}, {"images": [image]}, {"audio": sound})
    seen = [event.media for event in events if isinstance(event, reply.MediaSeen)]
    assert seen == [
        p.Image(p.Media(media_type="image/png", data="AAAA")),
        p.Audio(p.Media(data="AAAA"), id="audio_1"),
    ]
    assert events[-1] == reply.Finished(0, "refusal")


def test_sources_belong_to_the_text():
    stated = {"type": "url_citation", "url_citation": {"url": "u", "title": "t"}}
    events = events_of({"content": "a"}, {"annotations": [stated]})
    assert events[1] == reply.CitationSeen(0, 0, p.Citation(url="u", title="t"))


def test_ends_that_are_not_said():
    assert events_of({"content": "a"}, finish=None)[-1] == reply.Finished(0, "stop")
    assert events_of(call("f", "{}", id="a"), finish=None)[-1] == reply.Finished(0, "tool_calls")
