"""Changing a member in JSON's text equals changing it in the object, and touches nothing else."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faregate.dialects.json_text import (
    DuplicateMemberError,
    find_member,
    insert_first,
    remove_member,
    replace_value,
)

TEXT = st.text(
    st.one_of(
        st.sampled_from('"\\{}[],: \n\r\tusagemodl/\u2028\u00e9\U0001f600'),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=12,
)
NAMES = st.one_of(st.sampled_from(["model", "usage", "a", "", "mode", "Model"]), TEXT)
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.floats(-1e9, 1e9), TEXT
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
# Names that differ in case alone are two members to some readers and one to others.
OBJECTS = st.dictionaries(NAMES, VALUES, max_size=5).filter(
    lambda value: len({name.lower() for name in value}) == len(value)
)
GAPS = st.text(" \t\r\n", max_size=3)


def spell(draw: st.DrawFn, text: str) -> str:
    """A string in JSON, some of its characters escaped for no reason."""
    out = []
    for character in text:
        plain = json.dumps(character, ensure_ascii=False)[1:-1]
        if len(character.encode("utf-16-be")) == 2 and draw(st.booleans()):
            plain = f"\\u{ord(character):04x}"
            plain = plain.upper().replace("\\U", "\\u") if draw(st.booleans()) else plain
        out.append(plain)
    return '"' + "".join(out) + '"'


def write(draw: st.DrawFn, value: Any) -> str:
    """`value` in JSON, oddly spaced and escaped."""

    def gap() -> str:
        return draw(GAPS)

    if isinstance(value, str):
        return spell(draw, value)
    if isinstance(value, list):
        return "[" + gap() + ",".join(gap() + write(draw, v) + gap() for v in value) + "]"
    if isinstance(value, dict):
        members = (
            gap() + spell(draw, name) + gap() + ":" + gap() + write(draw, member) + gap()
            for name, member in value.items()
        )
        return "{" + gap() + ",".join(members) + "}"
    return json.dumps(value)


@st.composite
def written(draw: st.DrawFn) -> tuple[dict[str, Any], bytes]:
    """An object and a text of it."""
    value = draw(OBJECTS)
    return value, (draw(GAPS) + write(draw, value) + draw(GAPS)).encode()


def decode(text: bytes) -> Any:
    return msgspec.json.decode(text)


@given(written(), NAMES)
def test_a_member_is_found_where_it_is(made: tuple[dict[str, Any], bytes], name: str) -> None:
    value, text = made
    member = find_member(text, name)
    assert (member is not None) == (name in value)
    if member is not None:
        assert decode(text[member.value_start : member.end]) == decode(text)[name]
        assert text[member.start : member.start + 1] == b'"'


@given(written(), VALUES)
def test_a_replaced_value_changes_nothing_else(
    made: tuple[dict[str, Any], bytes], other: object
) -> None:
    value, text = made
    for name in value:
        member = find_member(text, name)
        assert member is not None
        encoded = msgspec.json.encode(other)
        changed = replace_value(text, member, encoded)
        assert decode(changed) == decode(text) | {name: decode(encoded)}
        assert changed.startswith(text[: member.value_start])
        assert changed.endswith(text[member.end :])
        assert len(changed) == len(text) - (member.end - member.value_start) + len(encoded)


@given(written())
def test_a_removed_member_takes_only_its_comma_and_spaces(
    made: tuple[dict[str, Any], bytes],
) -> None:
    value, text = made
    for name in value:
        member = find_member(text, name)
        assert member is not None
        changed = remove_member(text, member)
        kept = decode(text)
        del kept[name]
        assert decode(changed) == kept
        assert list(decode(changed)) == list(kept)
        lost = text[: member.start] + text[member.end :]
        assert changed.translate(None, b" \t\r\n,") == lost.translate(None, b" \t\r\n,")


@given(written(), VALUES)
def test_an_inserted_member_stands_first(made: tuple[dict[str, Any], bytes], other: object) -> None:
    value, text = made
    if "new" in value:
        return
    encoded = msgspec.json.encode(other)
    changed = insert_first(text, b"new", encoded)
    assert decode(changed) == {"new": decode(encoded)} | decode(text)
    assert next(iter(decode(changed))) == "new"
    assert changed.replace(b'"new":' + encoded + (b"," if value else b""), b"", 1) == text


@pytest.mark.parametrize(
    "text",
    [
        b'{"model":1,"model":2}',
        b'{"model":1,"a":{"model":3},"mod\\u0065l":2}',
        b'{ "\\u006dodel" : 1 , "model"\n:2}',
    ],
)
def test_a_name_that_stands_twice_is_refused(text: bytes) -> None:
    with pytest.raises(DuplicateMemberError):
        find_member(text, "model")


def test_nested_members_are_not_the_top_ones() -> None:
    text = b'{"a":{"model":"x"},"b":["model",{"model":1}],"c":"\\"model\\":2"}'
    assert find_member(text, "model") is None


def test_a_removed_member_leaves_the_text_that_never_had_it() -> None:
    for text, without in (
        (b'{"a":1,"usage":null}', b'{"a":1}'),
        (b'{"usage":null,"a":1}', b'{"a":1}'),
        (b'{"a":1,"usage":{"b":[1,"}"]},"c":2}', b'{"a":1,"c":2}'),
        (b'{"usage":null}', b"{}"),
    ):
        member = find_member(text, "usage")
        assert member is not None
        assert remove_member(text, member) == without
