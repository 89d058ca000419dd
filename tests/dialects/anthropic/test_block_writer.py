"""Parts become blocks; what has no block is told, and arguments never break one."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faregate.dialects.anthropic.block_writer import (
    BlockWriter,
    arguments_object,
    shown_thought,
    tool_id,
)
from faregate.dialects.anthropic.losses import Losses
from faregate.dialects.neutral import parts

PNG = parts.Media(media_type="image/png", data="aGk=")


def _write(part: parts.Part, *, own: bool = False) -> tuple[Any, set[str]]:
    losses = Losses()
    return BlockWriter(losses, own=own).write(part), set(losses)


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (parts.Text("x", parts.CacheMark("1h")),
         {"type": "text", "text": "x", "cache_control": {"type": "ephemeral", "ttl": "1h"}}),
        (parts.RefusalText("no"), {"type": "text", "text": "no"}),
        (parts.Image(parts.Media(url="u"), detail="high"),
         {"type": "image", "source": {"type": "url", "url": "u"}}),
        (parts.Document(text="t", name="n", cite=True),
         {"type": "document", "title": "n", "citations": {"enabled": True},
          "source": {"type": "text", "media_type": "text/plain", "data": "t"}}),
        (parts.Document(parts.Media(media_type="text/markdown", data="I0E=")),
         {"type": "document",
          "source": {"type": "text", "media_type": "text/plain", "data": "#A"}}),
        (parts.ToolResult("1", (parts.Image(PNG),), is_error=True, cache=parts.CacheMark()),
         {"type": "tool_result", "tool_use_id": "1", "is_error": True,
          "content": [{"type": "image", "source": {
              "type": "base64", "media_type": "image/png", "data": "aGk="}}],
          "cache_control": {"type": "ephemeral"}}),
        (parts.Thinking("t", "s", origin="anthropic"),
         {"type": "thinking", "thinking": "t", "signature": "s"}),
        (parts.Thinking("t", "s", origin="bedrock_converse"),
         {"type": "thinking", "thinking": "t", "signature": "s"}),
        (parts.Thinking("t", "s", origin="gemini"), None),
        (parts.Thinking("t"), None),
        (parts.ServerPart("anthropic", {"type": "new"}), {"type": "new"}),
    ],
)  # fmt: skip
def test_blocks(part: parts.Part, expected: Any):
    assert _write(part) == (expected, set())


@pytest.mark.parametrize(
    ("part", "lost"),
    [
        (parts.Audio(PNG), "messages.audio"),
        (parts.Video(PNG), "messages.video"),
        (parts.Image(parts.Media(file_id="f")), "messages.image"),
        (parts.Image(parts.Media(media_type="image/tiff", data="")), "messages.image"),
        (parts.Document(parts.Media(file_id="f")), "messages.document"),
        (parts.Document(parts.Media(media_type="application/msword", data="")),
         "messages.document"),
        (parts.ServerPart("gemini", {}), "messages.server"),
    ],
)  # fmt: skip
def test_parts_that_can_not_be_carried(part: parts.Part, lost: str):
    assert _write(part) == (None, {lost})


def test_levels_of_detail_and_foreign_sources_are_told():
    assert _write(parts.Image(PNG, detail="low"))[1] == {"messages.image.detail"}
    cited = parts.Text("x", citations=(parts.Citation(url="u"),))
    assert _write(cited) == ({"type": "text", "text": "x"}, {"messages.citations"})


def test_files_of_anthropics_own_stay():
    block, lost = _write(parts.Document(parts.Media(file_id="f")), own=True)
    assert block == {"type": "document", "source": {"type": "file", "file_id": "f"}}
    assert lost == set()


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_arguments_become_an_object(arguments: str):
    made = msgspec.json.decode(msgspec.json.encode(arguments_object(arguments)))
    assert isinstance(made, dict)


def test_arguments_stay_as_they_are_where_they_are_an_object():
    assert arguments_object('{ "a":1.0 }') == msgspec.Raw(b'{ "a":1.0 }')
    assert arguments_object("[1]") == {"arguments": "[1]"}
    assert arguments_object("[" * 100_000) == {"arguments": "[" * 100_000}
    assert arguments_object(" ") == {}


@given(st.text(min_size=1), st.text(min_size=1))
def test_ids_are_anthropics_and_stay_apart(one: str, other: str):
    made = tool_id(one)
    assert set(made) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
    assert (made == tool_id(other)) == (one == other)


def test_thoughts_that_are_nothing_but_their_proof():
    shown = shown_thought(parts.Thinking(redacted="dark", origin="gemini"))
    assert shown == {"type": "redacted_thinking", "data": "faregate:gemini:dark"}
