"""Chunks are written as OpenAI's SDK adds them up."""

from typing import Any

import msgspec

from faregate.dialects.neutral import parts as p
from faregate.dialects.neutral import reply
from faregate.dialects.neutral.reply import Event
from faregate.dialects.neutral.request import Request
from faregate.dialects.openai.stream_writer import ChatStreamWriter
from faregate.dialects.translation import Asked
from faregate.dialects.usage import Usage

HEAD = reply.Opened(id="1", model="m", created_s=5)


def asked(*, usage: bool = False) -> Asked:
    """A call that wants a stream."""
    request = Request(model="m", messages=(), stream_usage=usage)
    return Asked(request=request, call_id="call-1", now_s=7)


def written(*events: Event, usage: bool = False) -> bytes:
    """The stream of these events."""
    writer = ChatStreamWriter(asked(usage=usage))
    return b"".join(map(writer.write, events)) + writer.end()


def chunks(*events: Event, usage: bool = False) -> list[Any]:
    """The stream's data."""
    stream = written(*events, usage=usage)
    return [
        msgspec.json.decode(line[6:]) for line in stream.splitlines() if line.startswith(b"data: {")
    ]


def deltas(*events: Event) -> list[Any]:
    """What the chunks add to the first answer."""
    return [chunk["choices"][0]["delta"] for chunk in chunks(HEAD, *events, reply.Ended())]


def test_a_plain_stream():
    events = [HEAD, reply.TextDelta(0, 0, "Hi"), reply.TextDelta(0, 0, '"!'),
              reply.Finished(0, "stop"), reply.UsageSeen(Usage(1, 2)), reply.Ended()]  # fmt: skip
    found = chunks(*events, usage=True)
    head = {"id": "1", "object": "chat.completion.chunk", "created": 5, "model": "m"}

    def choice(delta: dict[str, Any], finish: str | None = None) -> Any:
        one = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return head | {"choices": [one]}

    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    assert found == [
        choice({"role": "assistant", "content": "", "refusal": None}),
        choice({"content": "Hi"}),
        choice({"content": '"!'}),
        choice({}, "stop"),
        head | {"choices": [], "usage": usage},
    ]
    assert written(*events).endswith(b'"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n')


def test_calls_are_numbered_among_themselves():
    found = deltas(
        reply.TextDelta(0, 0, "a"),
        reply.ToolOpened(0, 1, "c1", "f", "sig", "gemini"),
        reply.ToolOpened(0, 2, "c2", "g", custom=True),
        reply.ToolDelta(0, 2, "free"),
        reply.ToolDelta(0, 1, "{}"),
    )
    calls = [delta["tool_calls"][0] for delta in found if "tool_calls" in delta]
    proof = {"google": {"thought_signature": "faregate:gemini:sig"}}
    assert calls == [
        {"index": 0, "id": "c1", "type": "function", "extra_content": proof,
         "function": {"name": "f", "arguments": ""}},
        {"index": 1, "id": "c2", "type": "custom", "custom": {"name": "g", "input": ""}},
        {"index": 1, "custom": {"input": "free"}},
        {"index": 0, "function": {"arguments": "{}"}},
    ]  # fmt: skip


def test_thoughts_and_their_proof():
    found = deltas(
        reply.ThinkingDelta(0, 0, "hm"),
        reply.ThinkingSigned(0, 0, "anthropic", signature="s"),
        reply.ThinkingSigned(0, 1, "anthropic", redacted="r"),
        reply.ThinkingDelta(0, 2, "short", is_summary=True),
        reply.ThinkingSigned(0, 2, "openai_responses", signature="e", id="rs_1"),
    )
    assert found[1]["reasoning_content"] == found[1]["reasoning"] == "hm"
    entries = [delta["reasoning_details"][0] for delta in found[1:]]
    assert entries == [
        {"type": "reasoning.text", "text": "hm", "index": 0},
        {"type": "reasoning.text", "text": "", "index": 0, "signature": "faregate:anthropic:s"},
        {"type": "reasoning.encrypted", "data": "faregate:anthropic:r", "index": 1},
        {"type": "reasoning.summary", "summary": "short", "index": 2},
        {"type": "reasoning.encrypted", "data": "faregate:openai_responses:e", "index": 2,
         "id": "rs_1"},
    ]  # fmt: skip


def test_citations_are_numbered_and_shifted():
    source = p.Citation(url="u", title="t", start=0, end=1)
    found = deltas(
        reply.TextDelta(0, 0, "abc"),
        reply.CitationSeen(0, 0, source),
        reply.TextDelta(0, 1, "d"),
        reply.CitationSeen(0, 1, source),
    )
    notes = [delta["annotations"][0] for delta in found if "annotations" in delta]
    assert [note["index"] for note in notes] == [0, 1]
    assert [note["url_citation"]["start_index"] for note in notes] == [0, 3]


def test_refusals_media_and_log_probabilities():
    image = p.Image(p.Media(media_type="image/png", data="AAAA"))
    sound = p.Audio(p.Media(data="BBBB"), id="audio_1", transcript="hi")
    found = deltas(
        reply.RefusalDelta(0, 0, "no"),
        reply.MediaSeen(0, 1, image),
        reply.MediaSeen(0, 2, sound),
    )
    assert found[1] == {"refusal": "no"}
    assert found[2]["images"][0]["index"] == 0
    assert found[3]["audio"] == {"id": "audio_1", "data": "BBBB", "transcript": "hi"}
    tokens = [{"token": "a", "logprob": -0.5}]
    one = chunks(HEAD, reply.TextDelta(0, 0, "a", tokens), reply.Ended())[1]["choices"][0]
    assert one["logprobs"] == {"content": tokens}


def test_a_stop_sequence_is_told():
    last = chunks(HEAD, reply.Finished(0, "stop_sequence", "END"), reply.Ended())[-1]
    assert last["choices"][0]["finish_reason"] == "stop"
    assert last["choices"][0]["stop_reason"] == "END"


def test_an_error_is_the_last_event():
    found = chunks(HEAD, reply.TextDelta(0, 0, "a"), reply.Failed("broken"), reply.Ended())
    assert found[-1]["error"]["message"] == "broken"
    assert b"[DONE]" not in written(HEAD, reply.Failed("broken"))


def test_a_stream_without_its_end():
    finished = written(HEAD, reply.TextDelta(0, 0, "a"), reply.Finished(0, "stop"))
    assert finished.endswith(b"data: [DONE]\n\n")
    assert "ended before" in chunks(HEAD, reply.TextDelta(0, 0, "a"))[-1]["error"]["message"]


def test_pings_are_comments():
    assert written(HEAD, reply.Pinged(), reply.Ended()).startswith(b": ping\n\n")


def test_several_answers_have_their_own_chunks():
    found = chunks(HEAD, reply.TextDelta(1, 0, "b"), reply.TextDelta(0, 0, "a"), reply.Ended())
    assert [chunk["choices"][0]["index"] for chunk in found] == [1, 1, 0, 0]
