"""Vectors change their form without a loss, and what a target can't carry is told."""

import base64
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.dialects.embeddings.forms import NUMBERS, PIXELS, plain

from faregate.dialects.embeddings import neutral
from faregate.dialects.embeddings.neutral import EmbedReply, Image, Mixed, Tokens
from faregate.dialects.translation import Lost, MalformedReplyError


@given(st.lists(NUMBERS, max_size=50))
def test_base64_and_back_is_the_same(numbers: list[float]) -> None:
    packed = base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()
    assert neutral.as_numbers(packed) == numbers
    assert neutral.as_base64(numbers) == packed
    assert neutral.as_base64(neutral.as_numbers(packed)) == packed


@given(st.lists(st.floats(-1, 1), max_size=20))
def test_numbers_are_rounded_to_the_nearest_of_32_bits(numbers: list[float]) -> None:
    expected = struct.pack(f"<{len(numbers)}f", *numbers)
    assert base64.b64decode(neutral.as_base64(numbers)) == expected


@pytest.mark.parametrize("wrong", ["&", "AAA", "AAA=", "AACAfw==", "AADAfw=="])
def test_what_is_no_vector_is_malformed(wrong: str) -> None:
    with pytest.raises(MalformedReplyError):
        neutral.as_numbers(wrong)


def test_vectors_are_given_in_the_form_that_is_asked_for() -> None:
    numbers = EmbedReply(vectors={"float": ([0.5, -2.0],)})
    packed = EmbedReply(vectors={"base64": ("AAAAPwAAAMA=",)})
    for reply in (numbers, packed):
        assert neutral.vectors_of(reply, "float") == ([0.5, -2.0],)
        assert neutral.vectors_of(reply, "base64") == ("AAAAPwAAAMA=",)
    # Who read a list can't know that it is of rounded numbers.
    assert neutral.vectors_of(EmbedReply(vectors={"float": ([1, -2],)}), "int8") == ([1, -2],)
    with pytest.raises(MalformedReplyError, match="int8"):
        neutral.vectors_of(packed, "int8")


@pytest.mark.parametrize(
    ("one", "text", "name"),
    [
        ("a", "a", None),
        (Mixed(("a", "b")), "a\nb", None),
        (Mixed(("a", Image(PIXELS))), "a", "inputs.image"),
        (Tokens((1, 2)), "", "inputs.tokens"),
    ],
)
def test_what_is_no_text_is_told(one: neutral.Input, text: str, name: str | None) -> None:
    lost: list[Lost] = []
    assert neutral.as_text_alone(one, 3, lost) == text
    assert [each.name for each in lost] == ([name] if name else [])


def test_members_that_change_no_result_are_no_loss() -> None:
    request = plain(others={"keep_alive": "5m", "options": {"num_ctx": 1}}, kinds=("int8",))
    lost: list[Lost] = []
    neutral.carry_others(request, "cohere_embeddings", {}, lost)
    neutral.tell_unknown(request, lost, "title", "user")
    neutral.tell_kinds(request, lost)
    assert [one.name for one in lost] == ["others.options", "kinds"]
    body: dict[str, object] = {}
    neutral.carry_others(request, "another", body, [])
    assert body == request.others
