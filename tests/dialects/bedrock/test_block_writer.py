"""Parts become Converse's blocks; what has no block is told."""

from typing import Any

import pytest

from faregate.dialects.anthropic.losses import Losses
from faregate.dialects.bedrock.block_writer import BlockWriter
from faregate.dialects.neutral import parts

PNG = parts.Media(media_type="image/png", data="aGk=")


def _write(part: parts.Part, *, claude: bool = True) -> tuple[list[Any], set[str]]:
    losses = Losses()
    return BlockWriter(losses, own=False, claude=claude).write(part), set(losses)


def test_a_mark_is_a_block_behind():
    blocks, _ = _write(parts.Image(PNG, cache=parts.CacheMark("1h")))
    assert blocks == [
        {"image": {"format": "png", "source": {"bytes": "aGk="}}},
        {"cachePoint": {"type": "default", "ttl": "1h"}},
    ]


@pytest.mark.parametrize(
    ("name", "written"),
    [("paper.v2.pdf", "paper v2 pdf"), ("Ünïcode", "n code"), (None, "document"),
     ("ok (1)", "ok (1)")],
)  # fmt: skip
def test_documents_have_names_of_plain_letters(name: str | None, written: str):
    media = parts.Media(media_type="application/pdf", data="aGk=")
    ((block,), lost) = _write(parts.Document(media, name=name))
    assert block["document"]["name"] == written
    assert lost == set()


def test_proofs_of_claudes_thoughts_hold_for_claude_alone():
    thought = parts.Thinking("t", "s", origin="anthropic")
    said = {"reasoningContent": {"reasoningText": {"text": "t", "signature": "s"}}}
    assert _write(thought) == ([said], set())
    assert _write(thought, claude=False) == ([], set())
    assert _write(parts.Thinking(redacted="x", origin="anthropic")) == ([], set())


@pytest.mark.parametrize(
    ("part", "lost"),
    [
        (parts.Image(parts.Media(url="https://example.com/a.png")), "messages.image"),
        (parts.Image(parts.Media(media_type="image/tiff", data="")), "messages.image"),
        (parts.Video(parts.Media(file_id="f")), "messages.video"),
        (parts.Audio(parts.Media(url="https://example.com/a.mp3"), format="mp3"),
         "messages.audio"),
        (parts.Audio(parts.Media(data="x")), "messages.audio"),
        (parts.Document(parts.Media(url="https://example.com/a.pdf")), "messages.document"),
        (parts.ServerPart("gemini", {}), "messages.server"),
    ],
)  # fmt: skip
def test_parts_that_can_not_be_carried(part: parts.Part, lost: str):
    assert _write(part) == ([], {lost})


def test_what_is_carried_in_part_is_told():
    assert _write(parts.Image(PNG, detail="low"))[1] == {"messages.image.detail"}
    cited = parts.Text("x", citations=(parts.Citation(url="u"),))
    assert _write(cited) == ([{"text": "x"}], {"messages.citations"})
    assert _write(parts.RefusalText("no")) == ([{"text": "no"}], set())
