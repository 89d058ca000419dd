"""What Mistral's SDK reads more strictly than OpenAI's dialect is."""

from typing import Any

import msgspec
import pytest

from faregate.dialects.embeddings.neutral import EmbedReply, EmbedRequest
from faregate.dialects.mistral_callers import CHAT, EMBEDDINGS
from faregate.dialects.neutral.reply import (
    Ended,
    Event,
    Finished,
    Opened,
    PartClosed,
    TextDelta,
    ToolDelta,
    ToolOpened,
    UsageSeen,
)
from faregate.dialects.neutral.request import Request
from faregate.dialects.translation import Asked
from faregate.dialects.usage import Usage
from faregate.dialects.whole_translation import AskedWhole

ASKED = Asked(request=Request(model="m", messages=()), call_id="call_1", now_s=7)


def chunks(data: bytes) -> list[dict[str, Any]]:
    lines = [line.removeprefix(b"data: ") for line in data.split(b"\n\n") if line]
    assert lines[-1] == b"[DONE]"
    return [msgspec.json.decode(line) for line in lines[:-1]]


@pytest.mark.parametrize("closes", [True, False])
def test_a_call_comes_whole_and_usage_unasked(closes: bool) -> None:
    writer = CHAT.stream_writer(ASKED)
    events: list[Event] = [
        Opened(id="r", model="m"),
        TextDelta(0, 0, "so"),
        ToolOpened(0, 1, "a", "read"),
        ToolOpened(0, 2, "b", "write"),
        ToolDelta(0, 2, '{"x"'),
        ToolDelta(0, 1, "{}"),
        ToolDelta(0, 2, ":1}"),
        *([PartClosed(0, 1), PartClosed(0, 2)] if closes else []),
        Finished(0, "tool_calls"),
        UsageSeen(Usage(3, 4)),
        Ended(),
    ]
    found = chunks(b"".join(map(writer.write, events)) + writer.end())
    calls = [
        call
        for chunk in found
        for choice in chunk["choices"]
        for call in choice["delta"].get("tool_calls", ())
    ]
    assert calls == [
        {"index": 0, "id": "a", "type": "function",
         "function": {"name": "read", "arguments": "{}"}},
        {"index": 1, "id": "b", "type": "function",
         "function": {"name": "write", "arguments": '{"x":1}'}},
    ]  # fmt: skip
    assert found[-1]["usage"]["completion_tokens"] == 4


def test_a_list_of_vectors_has_an_id() -> None:
    request = EMBEDDINGS.read_request(b'{"model":"m","input":["a"]}', None, stream=False)
    assert isinstance(request, EmbedRequest)
    reply = EMBEDDINGS.read_reply(
        b'{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5]}],'
        b'"model":"m","usage":{"prompt_tokens":1,"total_tokens":1}}'
    )
    assert isinstance(reply, EmbedReply)
    asked = AskedWhole(request=request, call_id="call_1", now_s=7)
    written = msgspec.json.decode(EMBEDDINGS.write_reply(reply, asked))
    assert written["id"] == "call_1"
    assert written["data"][0]["embedding"] == [0.5]
