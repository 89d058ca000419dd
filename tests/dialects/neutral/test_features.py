"""Features are found where a request uses them, and nowhere else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.dialects.neutral_forms import PNG, requests

from faregate.dialects.neutral import parts
from faregate.dialects.neutral.features import FEATURES, used
from faregate.dialects.neutral.request import Message, Request, ServerTool, Tool


def _asking(*found: parts.Part) -> Request:
    return Request(model="m", messages=(Message("user", found),))


MEDIA = parts.Media(media_type="image/png", data=PNG)
URL = parts.Media(url="https://example.com/a")
CASES = {
    "image.data": _asking(parts.Image(MEDIA)),
    "image.url": _asking(parts.Image(URL)),
    "audio.data": _asking(parts.Audio(MEDIA)),
    "video.url": _asking(parts.Video(URL)),
    "document.text": _asking(parts.Document(text="x")),
    "cache": _asking(parts.Text("x", parts.CacheMark())),
    "citations": _asking(parts.Text("x", citations=(parts.Citation(url="u"),))),
    "thinking": _asking(parts.Thinking("x")),
    "tool_result.image": _asking(parts.ToolResult("1", (parts.Image(MEDIA),))),
    "tool_result.error": _asking(parts.ToolResult("1", (), is_error=True)),
    "tools.server": Request(model="m", messages=(), tools=(ServerTool("anthropic", {}),)),
    "tools.custom": Request(model="m", messages=(), tools=(Tool(name="t", custom=True),)),
    "seed": Request(model="m", messages=(), seed=1),
}


@pytest.mark.parametrize("name", CASES)
def test_a_feature_is_found(name: str):
    assert name in used(CASES[name])


def test_a_plain_request_uses_none():
    assert used(_asking(parts.Text("x"))) == frozenset()


@given(
    st.sets(st.sampled_from(FEATURES)).flatmap(
        lambda some: st.tuples(st.just(some), requests(some))
    )
)
def test_strategies_keep_to_what_they_are_given(drawn: tuple[set[str], Request]):
    features, request = drawn
    assert used(request) <= features
