"""An array in pieces is cut into its elements, each once and whole."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.dialects import neutral_forms as forms

from faregate.core import bounds
from faregate.dialects.gemini.array_form import ArraySplitter
from faregate.wire.sse import EventTooLargeError

OBJECTS = st.dictionaries(
    st.text(max_size=5),
    st.text(max_size=8) | st.lists(st.text(max_size=4)) | st.dictionaries(st.text(), st.none()),
    max_size=3,
)


@given(st.data(), st.lists(OBJECTS, max_size=5))
def test_any_cut_gives_the_same_elements(data: Any, objects: list[Any]) -> None:
    text = b"[" + b",\r\n".join(json.dumps(one).encode() for one in objects) + b"\n]"
    splitter = ArraySplitter()
    found = [
        element for piece in data.draw(forms.chopped(text)) for element in splitter.feed(piece)
    ]
    assert [json.loads(element) for element in found] == objects


def test_braces_and_quotes_in_texts_are_texts() -> None:
    splitter = ArraySplitter()
    text = b'[{"a":"}]\\"{"},{"b":{"c":"\\\\"}}]'
    found = [one for at in range(len(text)) for one in splitter.feed(text[at : at + 1])]
    assert found == [b'{"a":"}]\\"{"}', b'{"b":{"c":"\\\\"}}']


def test_an_element_is_bounded() -> None:
    splitter = ArraySplitter()
    with pytest.raises(EventTooLargeError):
        splitter.feed(b'[{"a":"' + b"x" * (bounds.STREAM_EVENT_BYTES_MAX + 1))


def test_what_is_between_elements_is_not_kept() -> None:
    splitter = ArraySplitter()
    assert splitter.feed(b"[" + b" " * (bounds.STREAM_EVENT_BYTES_MAX + 1)) == []
    assert splitter.take_rest() == b""


def test_the_rest_is_what_is_incomplete() -> None:
    splitter = ArraySplitter()
    assert splitter.feed(b'[{"a":1},{"b"') == [b'{"a":1}']
    assert splitter.take_rest() == b'{"b"'
    assert splitter.feed(b'{"c":1}') == [b'{"c":1}']
