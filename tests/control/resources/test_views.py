"""Items are shown with all their fields, and without what is sealed."""

import msgspec
import pytest

from faregate.configuration.document import Provider
from faregate.configuration.settings import Settings
from faregate.control.resources.kinds import KINDS, Kind
from faregate.control.resources.views import (
    HIDDEN,
    VIEWS,
    example_view,
    plain_item,
    shown,
    shown_section,
    view_type,
)

SEALED = "${sealed:v1:AAAA_-09}"


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_examples_are_of_the_type_of_replies(kind: Kind) -> None:
    example = example_view(kind)
    msgspec.convert(example, VIEWS[kind.field])
    assert "sk-" not in str(example)
    fields = {field.name: field for field in msgspec.structs.fields(VIEWS[kind.field])}
    assert all(field.required for field in fields.values())
    assert {"name", "etag"} <= set(fields)


def test_what_is_sealed_is_not_shown() -> None:
    provider = Provider(
        name="x", api_key=SEALED, headers={"x-token": SEALED, "x-plain": "${env:PLAIN}"}
    )
    item = shown(provider, "x", 7)
    assert item["api_key"] == item["headers"]["x-token"] == HIDDEN
    assert item["headers"]["x-plain"] == "${env:PLAIN}"
    assert item["etag"] == '"7"'


def test_amounts_are_plain_digits() -> None:
    price = msgspec.convert({"model": "m", "input": "1E+2", "output": "0.50"}, KINDS["prices"].type)
    assert plain_item(price)["input"] == "100"
    assert plain_item(price)["output"] == "0.5"


def test_a_section_has_a_version() -> None:
    view = shown_section(Settings(), 3)
    assert view["etag"] == '"3"'
    assert msgspec.convert(view, view_type(Settings)).gate.port == 8402
