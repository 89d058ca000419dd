"""Blocks are read as parts; what only Bedrock knows is kept whole."""

from typing import Any

import pytest

from faregate.dialects.anthropic.losses import Losses
from faregate.dialects.bedrock.block_reader import read_block, read_blocks, read_citation
from faregate.dialects.bedrock.block_writer import BlockWriter, shown_thought
from faregate.dialects.neutral import parts

WEB = {"title": "T", "sourceContent": [{"text": "a"}, {"text": "b"}],
       "location": {"web": {"url": "https://example.com"}}}  # fmt: skip
PAGE = {"location": {"documentPage": {"documentIndex": 2, "start": 1, "end": 2}}}


@pytest.mark.parametrize(
    "block",
    [
        {"text": "x"},
        {"video": {"format": "mp4", "source": {"s3Location": {"uri": "s3://b/k"}}}},
        {"audio": {"format": "mp3", "source": {"bytes": "aGk="}}},
        {"document": {"format": "txt", "name": "n", "source": {"text": "t"}}},
        {"citationsContent": {"content": [{"text": "x"}], "citations": [WEB, PAGE]}},
        # Kept whole:
        {"image": {"format": "png",
                   "source": {"s3Location": {"uri": "s3://b", "bucketOwner": "1"}}}},
        {"image": {"format": "png", "source": {"bytes": ""}, "error": {"message": "e"}}},
        {"document": {"name": "n", "source": {"content": [{"text": "t"}]}}},
        {"document": {"name": "n", "format": "md", "source": {"text": "t"}}},
        {"toolUse": {"toolUseId": "1", "name": "n", "input": {}, "type": "server_tool_use"}},
        {"toolResult": {"toolUseId": "1", "content": [], "type": "nova_grounding_result"}},
        {"toolResult": {"toolUseId": "1", "content": [{"searchResult": {}}]}},
        {"searchResult": {"source": "s"}},
        {"cachePoint": {"type": "new"}},
        {"text": "x", "new": 1},
    ],
)  # fmt: skip
def test_a_block_comes_back(block: dict[str, Any]):
    part = read_block(block, "here")
    writer = BlockWriter(Losses(), own=True, claude=False)
    assert writer.write(part) == [block]
    assert writer.losses == {}


def test_sources():
    assert read_citation(WEB) == parts.Citation(
        url="https://example.com", title="T", cited_text="ab", raw=WEB, origin="bedrock_converse"
    )
    assert read_citation(PAGE).document == 2
    odd = {"location": 3, "title": 1, "sourceContent": {"x": 1}}
    assert read_citation(odd) == parts.Citation(raw=odd, origin="bedrock_converse")


def test_a_cache_point_marks_what_stands_before_it():
    point = {"cachePoint": {"type": "default", "ttl": "5m"}}
    marked, alone = read_blocks([{"text": "x"}, point, point], "here")
    assert marked == parts.Text("x", parts.CacheMark("5m"))
    assert isinstance(alone, parts.ServerPart)


@pytest.mark.parametrize(
    "thought",
    [
        parts.Thinking("t"),
        parts.Thinking("t", "s", origin="bedrock_converse"),
        parts.Thinking("t", "s", origin="gemini"),
        parts.Thinking(redacted="ZGFyaw==", origin="bedrock_converse"),
        parts.Thinking(redacted="dark", origin="responses"),
    ],
)
def test_thoughts_come_back_through_a_caller(thought: parts.Thinking):
    assert read_block(shown_thought(thought), "here") == thought


def test_redacted_thoughts_that_look_like_ours_are_kept():
    block = {"reasoningContent": {"redactedContent": "ZmFyZWdhdGU6?"}}
    expected = parts.Thinking(redacted="ZmFyZWdhdGU6?", origin="bedrock_converse")
    assert read_block(block, "here") == expected
