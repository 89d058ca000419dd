"""What typed decoding finds wrong is told by the field's place."""

import msgspec
import pytest

from faregate.dialects.typed_shapes import DECODING_ERRORS, shape_error


class _Inner(msgspec.Struct):
    size: int


class _Outer(msgspec.Struct):
    inners: list[_Inner]


@pytest.mark.parametrize(
    ("body", "place", "problem"),
    [
        (b'{"inners":[{"size":1},{"size":"x"}]}', "at.inners.1.size", "Expected 'int'"),
        (b'{"inners":[{}]}', "at.inners.0.size", "it is missing"),
        (b"{}", "at.inners", "it is missing"),
        (b"[]", "at", "Expected 'object'"),
        (b"{", "at", "it is not valid JSON"),
        (b'{"new":' + b"[" * 100_000, "at", "it is nested too deeply"),
    ],
)
def test_places(body: bytes, place: str, problem: str):
    with pytest.raises(DECODING_ERRORS) as error:
        msgspec.json.decode(body, type=_Outer)
    found = shape_error(error.value, "at")
    assert found.place == place
    assert found.problem.startswith(problem)


def test_a_body_has_a_place_as_well():
    assert shape_error(RecursionError()).place == "$"
