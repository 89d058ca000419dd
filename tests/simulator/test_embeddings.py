"""Embeddings are unit vectors that follow from their inputs."""

import base64
import struct

import msgspec
import pytest

from faregate.simulator.embeddings import Embeddings, read_embeddings
from faregate.simulator.exchange import Message
from faregate.simulator.script import PLAIN


def embedded(body):
    return msgspec.json.decode(read(body).whole(PLAIN))


def read(body) -> Embeddings:
    return read_embeddings(Message(method="POST", path="/v1/embeddings", body=body))


def test_embeddings_are_unit_vectors_in_both_forms():
    asked = b'{"model":"m","input":["a","b"],"dimensions":8}'
    floats = embedded(asked)["data"]
    assert [row["index"] for row in floats] == [0, 1]
    assert sum(x * x for x in floats[0]["embedding"]) == pytest.approx(1)
    packed = asked.replace(b"}", b',"encoding_format":"base64"}')
    coded = embedded(packed)["data"]
    numbers = struct.unpack("<8f", base64.b64decode(coded[1]["embedding"]))
    assert numbers == pytest.approx(floats[1]["embedding"], rel=1e-5)


@pytest.mark.parametrize("asked", ["1", "[]", "[{}]", '["a",1]', '{"a":1}'])
def test_input_of_no_such_form(asked):
    with pytest.raises(ValueError, match="Input must be"):
        read(b'{"model":"m","input":%b}' % asked.encode())


def test_tokens_are_an_input():
    assert len(embedded(b'{"model":"m","input":[1,2,3],"dimensions":2}')["data"]) == 1


def test_usage_is_a_quarter_of_the_bytes_of_the_input():
    found = embedded(b'{"model":"m","input":"0123456789"}')
    assert found["usage"] == {"prompt_tokens": 3, "total_tokens": 3}
