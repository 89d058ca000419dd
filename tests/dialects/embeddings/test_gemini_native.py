"""A batch names its model in each request, and all of them follow the path's."""

import pytest

from faregate.core.refusals import Refusal
from faregate.dialects.embeddings.gemini_native import NATIVE


def test_the_model_is_of_the_path() -> None:
    peeked = NATIVE.peek(b'{"content":{"parts":[{"text":"a"}]}}', "m", stream=False)
    assert not isinstance(peeked, Refusal)
    assert peeked.model == "m"
    assert isinstance(NATIVE.peek(b"{}", None, stream=False), Refusal)
    assert isinstance(NATIVE.peek(b'{"requests":1}', "m", stream=False), Refusal)
    assert isinstance(NATIVE.peek(b"{", "m", stream=False), Refusal)


@pytest.mark.parametrize(
    ("body", "served"),
    [
        (b'{"content": {"parts":[]}}', b'{"content": {"parts":[]}}'),
        (b'{ "model":"models/a","x":1}', b'{ "model":"models/b","x":1}'),
        (
            b'{"requests": [ {"model": "models/a", "x": [1.0]},{"x":"model"},{"mod\\u0065l":1}]}',
            b'{"requests": [{"model": "models/b", "x": [1.0]},{"x":"model"},{"mod\\u0065l":'
            b'"models/b"}]}',
        ),
    ],
)
def test_another_model_is_named_wherever_one_is(body: bytes, served: bytes) -> None:
    assert NATIVE.splice_model(body, "a", "b") == served
    assert NATIVE.splice_model(body, "a", "a") == body


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"models/a","model":"models/c"}',
        b'{"requests":[{"model":"models/a","model":"models/c"}]}',
        b'{"requests":[],"requests":[{"model":"models/a"}]}',
        b'{"requests":[1],"model":1}',
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(body: bytes) -> None:
    assert isinstance(NATIVE.splice_model(body, "a", "b"), Refusal)


def test_usage_is_read_where_it_is_stated() -> None:
    body = b'{"embeddings":[{"values":[1]}],"usageMetadata":{"promptTokenCount":4}}'
    for usage in (NATIVE.read_usage(body), NATIVE.read_usage_in_part(body[-45:])):
        assert usage is not None
        assert usage.input_tokens == 4
    assert NATIVE.read_usage(b'{"embeddings":[]}') is None
    assert NATIVE.read_usage(b"{") is None
