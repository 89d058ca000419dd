"""Bulk bodies of each kind are read into steps; what is out of form is refused."""

from typing import Any

import msgspec
import pytest

from faregate.control.resources.bodies import BULK_ITEMS_MAX, BULKS, bulk_type, steps_of
from faregate.control.resources.kinds import KINDS, Kind


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_steps(kind: Kind) -> None:
    body = {
        "items": [
            {"action": "create", "item": dict(kind.example)},
            {"action": "update", "name": "a/b", "etag": '"12"', "patch": {"x": None}},
            {"action": "delete", "name": "c", "etag": "*"},
            {"action": "delete", "name": "c", "etag": "garbage"},
        ]
    }
    steps = steps_of(msgspec.convert(body, BULKS[kind.field]))
    assert [step.action for step in steps] == ["create", "update", "delete", "delete"]
    assert [step.version for step in steps] == [None, 12, None, -1]
    assert steps[0].item == msgspec.convert(dict(kind.example), kind.type)
    assert steps[1].patch == {"x": None}


@pytest.mark.parametrize(
    "items",
    [
        [],
        [{"action": "delete", "name": "x"}],
        [{"action": "delete", "name": "", "etag": "*"}],
        [{"action": "burn", "name": "x", "etag": "*"}],
        [{"action": "delete", "name": "x", "etag": "*", "more": 1}],
        [{"action": "delete", "name": "x", "etag": "*"}] * (BULK_ITEMS_MAX + 1),
    ],
    ids=["none", "no version", "no name", "no such action", "unknown field", "too many"],
)
def test_bodies_out_of_form(items: list[dict[str, Any]]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"items": items}, bulk_type(KINDS["plans"]))
