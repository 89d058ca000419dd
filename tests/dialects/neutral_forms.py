"""Neutral requests, replies and streams for the properties of every dialect."""

import json
from collections.abc import Iterable
from typing import Any

from hypothesis import strategies as st

from faregate.dialects.neutral import parts, reply
from faregate.dialects.neutral.reply import Choice, Event, Reply
from faregate.dialects.neutral.request import (
    AnswerFormat,
    Message,
    Reasoning,
    Request,
    Tool,
    ToolChoice,
)
from faregate.dialects.usage import Usage

WORDS = st.text(
    st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"), min_size=1, max_size=20
).filter(lambda text: text.strip() == text)
NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,11}", fullmatch=True)
PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJ"
    "RU5ErkJggg=="
)
PDF = "JVBERi0xLjQKJSVFT0YK"
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
ARGUMENTS = st.dictionaries(NAMES, WORDS | st.integers(-99, 99) | st.booleans(), max_size=3).map(
    lambda value: json.dumps(value, separators=(",", ":"), ensure_ascii=False)
)


def _user_parts(features: frozenset[str]) -> st.SearchStrategy[Any]:
    kinds: list[st.SearchStrategy[Any]] = [WORDS.map(parts.Text)]
    if "image.url" in features:
        url = parts.Media(url="https://example.com/a.png")
        kinds.append(st.just(parts.Image(url)))
    if "image.data" in features:
        kinds.append(st.just(parts.Image(parts.Media(media_type="image/png", data=PNG))))
    if "document.data" in features:
        media = parts.Media(media_type="application/pdf", data=PDF)
        kinds.append(st.just(parts.Document(media, name="paper.pdf")))
    return st.one_of(kinds)


@st.composite
def _turns(draw: st.DrawFn, features: frozenset[str], tools: tuple[Tool, ...]) -> list[Message]:
    """One question and one answer, perhaps with a tool in between."""
    asked = draw(st.lists(_user_parts(features), min_size=1, max_size=3))
    texts = [part for part in asked if isinstance(part, parts.Text)]
    # Neighbouring texts of one message are one text for some dialects.
    asked = [part for part in asked if not isinstance(part, parts.Text)] + texts[:1]
    turns = [Message("user", tuple(asked))]
    if tools and draw(st.booleans()):
        count = draw(st.integers(1, 2))
        calls = [
            parts.ToolCall(f"call_{draw(NAMES)}_{at}", draw(st.sampled_from(tools)).name,
                           draw(ARGUMENTS))
            for at in range(count)
        ]  # fmt: skip
        turns.append(Message("assistant", tuple(calls)))
        results = [
            parts.ToolResult(
                call.id,
                (parts.Text(draw(WORDS)),),
                name=call.name,
                is_error=True if "tool_result.error" in features and draw(st.booleans()) else None,
            )
            for call in calls
        ]
        turns.append(Message("tool", tuple(results)))
    turns.append(Message("assistant", (parts.Text(draw(WORDS)),)))
    return turns


@st.composite
def _tools(draw: st.DrawFn, features: frozenset[str]) -> tuple[Tool, ...]:
    """None, one or two functions."""
    if "tools" not in features or not draw(st.booleans()):
        return ()
    names = draw(st.lists(NAMES, min_size=1, max_size=2, unique=True))
    strict = "tools.strict" in features
    return tuple(
        Tool(
            name=name,
            description=draw(st.none() | WORDS),
            parameters=SCHEMA,
            strict=draw(st.sampled_from([None, True])) if strict else None,
        )
        for name in names
    )


@st.composite
def requests(draw: st.DrawFn, features: Iterable[str]) -> Request:
    """Canonical requests that use nothing beyond `features`.

    Names of tool results are those of their calls. The last message is the user's.
    """
    carried = frozenset(features)

    def maybe(name: str, values: st.SearchStrategy[Any]) -> Any:
        return draw(st.none() | values) if name in carried else None

    tools = draw(_tools(carried))
    messages: list[Message] = []
    if "system" in carried and draw(st.booleans()):
        messages.append(Message("system", (parts.Text(draw(WORDS)),)))
    for _ in range(draw(st.integers(0, 2))):
        messages += draw(_turns(carried, tools))
    messages.append(Message("user", (parts.Text(draw(WORDS)),)))
    formats = [None]
    if "answer_format.json" in carried:
        formats.append(AnswerFormat(kind="json"))
    if "answer_format.schema" in carried:
        formats.append(AnswerFormat(kind="schema", name="answer", schema=SCHEMA, strict=True))
    choice = None
    if tools and "tool_choice" in carried:
        choices = [None, ToolChoice("auto"), ToolChoice("required"), ToolChoice("none")]
        choice = draw(st.sampled_from([*choices, ToolChoice("tool", (tools[0].name,))]))
    unit = st.sampled_from([0.0, 0.25, 0.5, 1.0])
    return Request(
        model="a-model",
        messages=tuple(messages),
        tools=tools,
        tool_choice=choice,
        parallel_tool_calls=maybe("parallel_tool_calls", st.booleans()) if tools else None,
        output_tokens_max=maybe("output_tokens_max", st.integers(1, 4_096)),
        answer_format=draw(st.sampled_from(formats)),
        n=maybe("n", st.integers(2, 4)),
        stop=maybe("stop", st.lists(NAMES, min_size=1, max_size=3).map(tuple)),
        reasoning=maybe(
            "reasoning",
            st.sampled_from(["low", "medium", "high"]).map(lambda one: Reasoning(effort=one)),
        ),
        temperature=maybe("temperature", unit),
        top_p=maybe("top_p", unit),
        top_k=maybe("top_k", st.integers(1, 100)),
        seed=maybe("seed", st.integers(0, 2**31 - 1)),
        presence_penalty=maybe("presence_penalty", unit),
        frequency_penalty=maybe("frequency_penalty", unit),
        user=maybe("user", NAMES),
        metadata=maybe("metadata", st.dictionaries(NAMES, NAMES, min_size=1, max_size=2)),
        stream=draw(st.booleans()),
    )  # fmt: skip


@st.composite
def replies(draw: st.DrawFn, *, thinking: bool = False, tools: bool = True) -> Reply:
    """Whole replies with one answer."""
    found: list[parts.Part] = []
    if thinking and draw(st.booleans()):
        found.append(parts.Thinking(draw(WORDS)))
    calls = draw(st.integers(0, 2)) if tools else 0
    if not calls or draw(st.booleans()):
        found.append(parts.Text(draw(WORDS)))
    found += [
        parts.ToolCall(f"call_{draw(NAMES)}_{at}", draw(NAMES), draw(ARGUMENTS))
        for at in range(calls)
    ]
    finish = "tool_calls" if calls else draw(st.sampled_from(["stop", "length"]))
    inputs, outputs = draw(st.integers(1, 9_999)), draw(st.integers(1, 9_999))
    return Reply(
        id="reply-1",
        model="a-model",
        choices=(Choice(parts=tuple(found), finish=finish),),
        usage=Usage(inputs, outputs),
    )


def stream_of(whole: Reply, *, piece: int = 3) -> list[Event]:
    """The events of a reply; texts in pieces of so many characters."""
    events: list[Event] = [reply.Opened(id=whole.id, model=whole.model)]
    for number, choice in enumerate(whole.choices):
        for at, part in enumerate(choice.parts):
            if isinstance(part, parts.Text):
                events += [reply.TextDelta(number, at, text) for text in _pieces(part.text, piece)]
            elif isinstance(part, parts.Thinking):
                events += [
                    reply.ThinkingDelta(number, at, text) for text in _pieces(part.text, piece)
                ]
                if part.signature is not None:
                    events.append(
                        reply.ThinkingSigned(number, at, part.origin, signature=part.signature)
                    )
            elif isinstance(part, parts.ToolCall):
                events.append(reply.ToolOpened(number, at, part.id, part.name))
                events += [
                    reply.ToolDelta(number, at, text) for text in _pieces(part.arguments, piece)
                ]
            events.append(reply.PartClosed(number, at))
        events.append(reply.Finished(number, choice.finish, choice.stop_sequence))
    if whole.usage is not None:
        events.append(reply.UsageSeen(whole.usage))
    events.append(reply.Ended())
    return events


def _pieces(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


def assembled(events: Iterable[Event]) -> Reply:
    """The reply that a stream's events add up to."""
    head = reply.Opened(id="", model="")
    found: dict[int, dict[int, parts.Part]] = {}
    ends: dict[int, reply.Finished] = {}
    usage: Usage | None = None
    for event in events:
        if isinstance(event, reply.Opened):
            head = event
        elif isinstance(event, reply.Finished):
            assert event.choice not in ends, "an answer is finished twice"
            ends[event.choice] = event
        elif isinstance(event, reply.UsageSeen):
            usage = event.usage
        elif not isinstance(event, (reply.PartClosed, reply.Pinged, reply.Ended, reply.Failed)):
            into = found.setdefault(event.choice, {})
            into[event.part] = _with(into.get(event.part), event)
    choices = tuple(
        Choice(
            parts=tuple(part for _, part in sorted(found.get(number, {}).items())),
            finish=end.finish,
            stop_sequence=end.stop_sequence,
        )
        for number, end in sorted(ends.items())
    )
    return Reply(id=head.id, model=head.model, choices=choices, usage=usage)


def _with(part: Any, event: Any) -> parts.Part:
    if isinstance(event, reply.TextDelta):
        return parts.Text((part.text if part else "") + event.text)
    if isinstance(event, reply.RefusalDelta):
        return parts.RefusalText((part.text if part else "") + event.text)
    if isinstance(event, reply.ThinkingDelta):
        return parts.Thinking((part.text if part else "") + event.text)
    if isinstance(event, reply.ThinkingSigned):
        text = part.text if part else ""
        return parts.Thinking(text, event.signature, event.redacted, origin=event.origin)
    if isinstance(event, reply.ToolOpened):
        assert part is None, "a tool call opens twice"
        return parts.ToolCall(event.id, event.name, "", event.signature, event.origin)
    if isinstance(event, reply.ToolDelta):
        return parts.ToolCall(part.id, part.name, part.arguments + event.arguments)
    if isinstance(event, reply.MediaSeen):
        return event.media
    raise AssertionError(f"{event} belongs to no part")


@st.composite
def chopped(draw: st.DrawFn, data: bytes) -> list[bytes]:
    """`data` cut anywhere into pieces."""
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=12)))
    return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
