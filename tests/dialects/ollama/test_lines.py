"""Lines of a stream come whole, however it is cut."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.dialects import neutral_forms as forms

from faregate.core import bounds
from faregate.dialects.ollama.lines import LineSplitter
from faregate.wire.sse import EventTooLargeError


@given(st.data(), st.lists(st.binary(max_size=9).map(lambda line: line.replace(b"\n", b"x"))))
def test_any_cut_gives_the_same_lines(data: Any, lines: list[bytes]) -> None:
    splitter = LineSplitter()
    stream = b"".join(line + b"\n" for line in lines)
    found = [one for piece in data.draw(forms.chopped(stream)) for one in splitter.feed(piece)]
    assert [one.removesuffix(b"\n") for one in found] == [line for line in lines if line.strip()]
    assert splitter.take_rest() == b""


def test_the_rest_is_what_has_no_end() -> None:
    splitter = LineSplitter()
    assert splitter.feed(b"a\nb") == [b"a"]
    assert splitter.take_rest() == b"b"


def test_a_line_is_bounded() -> None:
    splitter = LineSplitter()
    half = b"x" * (bounds.STREAM_EVENT_BYTES_MAX // 2 + 1)
    assert splitter.feed(half) == []
    with pytest.raises(EventTooLargeError):
        splitter.feed(half)
    with pytest.raises(EventTooLargeError):
        LineSplitter().feed(b"a\n" + half + half)
