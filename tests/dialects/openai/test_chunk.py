"""A chunk is read as far as it is known, whatever else is in it."""

import msgspec
import pytest

from faregate.dialects.openai.chunk import NULL, decode_chunk


def test_a_usual_chunk():
    chunk = decode_chunk(
        b'{"id":"1","choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}],'
        b'"usage":null,"new":{"x":[1]}}'
    )
    assert chunk.choices is not None
    delta = chunk.choices[0].delta
    assert delta is not None
    assert (chunk.id, delta.content, chunk.usage == NULL) == ("1", "a", True)


def test_arguments_may_be_an_object():
    chunk = decode_chunk(
        b'{"choices":[{"delta":{"tool_calls":[{"function":{"arguments":{"a":1}}}]}}]}'
    )
    assert chunk.choices is not None
    calls = chunk.choices[0].delta.tool_calls if chunk.choices[0].delta else None
    assert calls is not None
    assert calls[0].function is not None
    assert calls[0].function.arguments == {"a": 1}


@pytest.mark.parametrize("data", [b"[]", b'{"choices":{}}', b'{"choices":[{"delta":"x"}]}'])
def test_another_shape_is_none(data: bytes):
    with pytest.raises(msgspec.ValidationError):
        decode_chunk(data)
