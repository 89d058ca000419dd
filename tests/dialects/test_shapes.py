"""Shapes of decoded JSON are checked, and what is wrong is named."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from faregate.core.refusals import Refusal
from faregate.dialects import shapes
from faregate.dialects.shapes import ShapeError


@pytest.mark.parametrize(
    ("check", "good", "wrong"),
    [
        (shapes.as_object, {}, []),
        (shapes.optional_object, {"a": 1}, ""),
        (shapes.as_list, [], {}),
        (shapes.optional_list, [1], 0),
        (shapes.as_text, "", None),
        (shapes.as_flag, False, 0),
        (shapes.as_number, 0.5, True),
        (shapes.as_whole, 7, 1.5),
        (shapes.as_count, 0, -1),
    ],
)
def test_every_shape(check: Callable[[object, str], Any], good: Any, wrong: Any) -> None:
    assert check(good, "p") == good
    with pytest.raises(ShapeError) as caught:
        check(wrong, "p.q")
    refusal = caught.value.refusal()
    assert (refusal.code, refusal.param) == ("request_invalid", "p.q")
    assert refusal.detail.startswith("The field 'p.q' is wrong: it must")


def test_whole_numbers_may_be_written_as_others() -> None:
    assert shapes.as_whole(2.0, "p") == 2
    assert shapes.optional_object(None, "p") == {}
    assert shapes.optional_list(None, "p") == []
    assert shapes.as_texts(["a"], "p") == ("a",)
    with pytest.raises(ShapeError, match=r"p\[1\]"):
        shapes.as_texts(["a", 1], "p")
    with pytest.raises(ShapeError, match="something else"):
        shapes.as_text(object(), "p")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"3", b"\xff", b"[" * 100_000])
def test_what_is_no_object_is_refused(body: bytes) -> None:
    found = shapes.decode_object(body)
    assert isinstance(found, Refusal)
    assert found.code == "request_invalid"
    with pytest.raises(ShapeError):
        shapes.decode_reply(body)


class _Body(msgspec.Struct):
    model: str
    inner: dict[str, int] = {}


@pytest.mark.parametrize(
    ("body", "param", "words"),
    [
        (b"{}", "model", "'model' is missing"),
        (b'{"model":1}', "model", "is wrong"),
        (b'{"model":"m","inner":{"a":"b"}}', "inner[...]", "is wrong"),
        (b"[]", None, "must be a JSON object"),
        (b"{", None, "not valid JSON"),
        (b"\xff", None, "not valid JSON"),
    ],
)
def test_a_struct_names_what_is_wrong(body: bytes, param: str | None, words: str) -> None:
    found = shapes.decode_typed(body, msgspec.json.Decoder(_Body).decode)
    assert isinstance(found, Refusal)
    assert found.param == param
    assert words in found.detail


def test_a_struct_is_read() -> None:
    assert shapes.decode_typed(b'{"model":"m"}', msgspec.json.Decoder(_Body).decode) == _Body("m")


def test_texts_that_are_objects() -> None:
    assert shapes.object_of_text('{"a":1}') == {"a": 1}
    for text in ("", "[]", "{", "a", "[" * 100_000):
        assert shapes.object_of_text(text) is None
