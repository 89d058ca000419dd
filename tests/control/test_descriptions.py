"""Fields are described where clients are generated, as in the reference."""

from typing import Any

import msgspec

from faregate.configuration.commerce import Limit, Plan
from faregate.control.descriptions import describe, field_comments, structures


class Inner(msgspec.Struct):
    # how deep it is
    depth: int


class Outer(msgspec.Struct):
    # What is inside;
    # none: nothing.
    inner: tuple[Inner, ...] = ()
    bare: int = 0


def described(*types: Any) -> dict[str, Any]:
    _, components = msgspec.json.schema_components(types)
    describe(components, types)
    return components


def test_a_comment_over_lines_is_one_text() -> None:
    source = "class A:\n    # one\n    # two\n    x: int = 0\n    y: int = 1\n"
    assert field_comments(source) == {"A": {"x": "one two", "y": ""}}


def test_structures_are_found_however_deep() -> None:
    assert structures([list[Outer] | None]) == {Inner, Outer}


def test_each_field_has_its_words() -> None:
    components = described(Outer)
    assert components["Outer"]["properties"]["inner"]["description"] == (
        "What is inside; none: nothing."
    )
    assert components["Inner"]["properties"]["depth"]["description"] == "How deep it is"
    assert "description" not in components["Outer"]["properties"]["bare"]


def test_inherited_fields_have_theirs() -> None:
    properties = described(Plan)["Limit"]["properties"]
    assert properties["models"]["description"] == "Models, by name; none: all."
    assert all("description" in one for one in properties.values())
    assert Limit in structures([Plan])
