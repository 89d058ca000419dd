"""Blocks are read as parts; foreign proofs of thoughts come back as they were given out."""

from typing import Any

import msgspec
import pytest

from faregate.dialects.anthropic.block_reader import read_block, read_citation, shown_proof
from faregate.dialects.neutral import parts
from faregate.dialects.shapes import ShapeError

CITED: dict[str, Any] = {
    "type": "char_location", "cited_text": "The sky.", "document_index": 0,
    "document_title": "Sky", "start_char_index": 0, "end_char_index": 8, "file_id": None,
}  # fmt: skip
FOUND: dict[str, Any] = {
    "type": "web_search_result_location", "cited_text": "Rain.", "encrypted_index": "E",
    "title": "Weather", "url": "https://example.com/rain",
}  # fmt: skip


def _read(block: dict[str, Any]) -> parts.Part:
    return read_block(msgspec.Raw(msgspec.json.encode(block)), "here")


def test_text_with_its_sources():
    read = _read({"type": "text", "text": "Blue.", "citations": [CITED, FOUND]})
    assert isinstance(read, parts.Text)
    assert read.citations == (
        parts.Citation(title="Sky", cited_text="The sky.", document=0, raw=CITED,
                       origin="anthropic"),
        parts.Citation(title="Weather", cited_text="Rain.", url="https://example.com/rain",
                       raw=FOUND, origin="anthropic"),
    )  # fmt: skip


def test_sources_of_unusual_shapes_are_kept():
    raw = {"url": 3, "title": None, "document_index": "1"}
    assert read_citation(raw) == parts.Citation(raw=raw, origin="anthropic")


@pytest.mark.parametrize(
    "thought",
    [
        parts.Thinking("t", "sig", origin="anthropic"),
        parts.Thinking("t", "sig", origin="gemini"),
        parts.Thinking("t", redacted="dark", id="rs_1", is_summary=True, origin="responses"),
        parts.Thinking("t", id="rs_1", origin="responses"),
    ],
)
def test_proofs_are_read_as_they_were_shown(thought: parts.Thinking):
    block = {"type": "thinking", "thinking": "t", "signature": shown_proof(thought)}
    assert _read(block) == thought


@pytest.mark.parametrize("signature", ["faregate:x:{", 'faregate:x:{"new":1}', "faregate:x:{}x"])
def test_a_proof_that_looks_like_ours_is_kept(signature: str):
    block = {"type": "thinking", "thinking": "t", "signature": signature}
    expected = parts.Thinking("t", signature.removeprefix("faregate:x:"), origin="x")
    assert _read(block) == expected


def test_thoughts_without_a_proof():
    assert _read({"type": "thinking", "thinking": "t"}) == parts.Thinking("t")


def test_text_that_is_not_utf8_is_refused():
    raw = msgspec.Raw(b'{"type":"tool_use","id":"1","name":"f","input":{"a":"\xff"}}')
    with pytest.raises(ShapeError) as error:
        read_block(raw, "here")
    assert error.value.place == "here"


def test_thoughts_that_nothing_proves_come_back_without_a_proof():
    shown = shown_proof(parts.Thinking("hm"))
    assert shown.startswith("faregate:")
    block = {"type": "thinking", "thinking": "hm", "signature": shown}
    assert read_block(msgspec.Raw(msgspec.json.encode(block)), "x") == parts.Thinking("hm")
