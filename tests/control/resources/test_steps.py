"""Steps change items of a tenant alone, in their order, and say which one is wrong."""

from typing import Any

import msgspec
import pytest
from tests.control.resources.world import document

from faregate.control.problems import ProblemError
from faregate.control.resources.kinds import KINDS
from faregate.control.resources.steps import Part, Step, absent, numbered, run, wrong

APPLICATIONS = KINDS["applications"]


def keep(_before: Any, after: Any) -> Any:
    """Nothing is done to make an item ready."""
    return after


def application(**fields: Any) -> Any:
    """An application."""
    return msgspec.convert(fields, APPLICATIONS.type)


def names(part: Part) -> list[str]:
    """The names of the applications."""
    return [one.name for one in part.document().applications]


def test_a_tenant_names_its_own() -> None:
    part = Part(APPLICATIONS, document(), "sales")
    assert part.find("site") is part.find("sales/site")
    assert part.find("portal") is None
    assert part.find("support/site") is None
    made = run(part, [Step("create", item=application(name="shop"))], keep)
    assert made == ["sales/shop"]
    assert part.find("shop").team == "sales"


def test_older_names_stay() -> None:
    old = msgspec.structs.replace(
        document(), applications=(application(name="bare", team="sales"),)
    )
    part = Part(APPLICATIONS, old, "sales")
    run(part, [Step("update", "bare", patch={"plan": "pro"})], keep)
    run(part, [Step("replace", "bare", item=application(name="bare", plan="pro"))], keep)
    assert names(part) == ["bare"]
    assert part.find("bare").team == "sales"


@pytest.mark.parametrize(
    ("step", "status", "field"),
    [
        (Step("create", item=application(name="portal")), 409, "name"),
        (Step("update", "nothing", patch={}), 404, None),
        (Step("update", "portal", patch={"name": "other"}), 422, "name"),
        (Step("update", "portal", patch={"team": "sales"}), 422, "team"),
        (Step("replace", "sales/site", item=application(name="sales/site")), 422, "team"),
        (Step("delete", "nothing"), 404, None),
        (Step("update", "portal", patch={"plan": 5}), 422, "plan"),
    ],
)
def test_what_is_wrong(step: Step, status: int, field: str | None) -> None:
    part = Part(APPLICATIONS, document(), None)
    with pytest.raises(ProblemError) as refused:
        run(part, [Step("delete", "support/site"), step], keep, of_bulk=True)
    problem = refused.value.problem
    assert problem.status == status
    expected = "items[1]" if field is None else f"items[1].{field}"
    assert problem.errors[0].field == expected


def test_steps_see_those_before_them() -> None:
    part = Part(APPLICATIONS, document(), None)
    steps = [
        Step("create", item=application(name="new")),
        Step("update", "new", patch={"plan": "pro"}),
        Step("delete", "portal"),
        Step("create", item=application(name="portal")),
    ]
    assert run(part, steps, keep) == ["new", "new", "portal", "portal"]
    assert names(part) == ["sales/site", "support/site", "new", "portal"]


def test_problems() -> None:
    error = numbered(wrong("a", "is wrong", "mend it"), 3)
    assert error.problem.errors[0].field == "items[3].a"
    assert error.problem.fixes == ("mend it",)
    assert absent(APPLICATIONS, "x" * 999).problem.status == 404
