"""Changes are carried out, tried out or staged; mistakes are told where the body has them."""

import threading
from typing import Any

import msgspec
import pytest
from tests.control.managed import holder
from tests.control.resources.asking import asking
from tests.control.resources.world import document

from faregate.control.management import Management
from faregate.control.problems import FieldError, ProblemError
from faregate.control.resources.kinds import KINDS
from faregate.control.resources.steps import Step, wrong
from faregate.control.resources.writing import (
    Manner,
    Preview,
    Staged,
    Writing,
    changing,
    nearer,
    told_instead,
    version_of,
)
from faregate.core.errors import StaleError

PLANS = KINDS["plans"]
NOW = Manner()


@pytest.fixture
def world(management: Management) -> Management:
    """The stores of an installation with two teams."""
    management.installation.revisions.apply(document(), "root", "first")
    return management


def plan(**fields: Any) -> Any:
    """A plan."""
    return msgspec.convert(fields, PLANS.type)


def test_the_three_manners(world: Management) -> None:
    revisions = world.installation.revisions
    writing = Writing(asking(world), PLANS)
    steps = [Step("create", item=plan(name="new"))]
    tried = writing.carry_out(steps, Manner(dry_run=True)).told
    assert isinstance(tried, Preview)
    assert (tried.revision, tried.changes[0].place) == (1, "plans[new]")
    staged = writing.carry_out(steps, Manner(draft="later", message="soon")).told
    assert staged == Staged("later", 1)
    assert revisions.written()[0] == 1
    done = writing.carry_out(steps, Manner(message="why"))
    assert (done.names, done.told) == (("new",), None)
    last = revisions.history(1)[0]
    assert (last.summary, last.message, last.actor) == ("added the plan new", "why", "root")


def test_summaries(world: Management) -> None:
    def summary(kind: str, steps: list[Step], team: str | None = None) -> str:
        Writing(asking(world, team=team), KINDS[kind]).carry_out(steps, NOW)
        return world.installation.revisions.history(1)[0].summary

    assert summary("plans", [Step("update", "pro", patch={"markup": "3"})]) == (
        "changed the plan pro"
    )
    gone = [Step("delete", "year")]
    assert summary("budgets", gone, "sales") == "removed the budget sales/year"
    two = [Step("create", item=plan(name=name)) for name in ("a", "b")]
    assert summary("plans", two) == "changed 2 plans"


def test_versions(world: Management) -> None:
    writing = Writing(asking(world), PLANS)
    step = Step("update", "pro", patch={"markup": "3"}, version=1)
    writing.carry_out([step], NOW)
    for manner in (NOW, Manner(dry_run=True), Manner(draft="x")):
        with pytest.raises(StaleError):
            writing.carry_out([step], manner)
    assert [version_of(text) for text in (None, "*", '"12"', "12", "x", '"' + "9" * 30 + '"')] == [
        None, None, 12, 12, -1, -1,
    ]  # fmt: skip


def test_writers_at_once_lose_nothing(world: Management) -> None:
    refused: list[int] = []

    def change(number: int) -> None:
        step = Step("update", "pro", patch={"markup": f"{number}"}, version=1)
        try:
            Writing(asking(world), PLANS).carry_out([step], NOW)
        except StaleError:
            refused.append(number)

    threads = [threading.Thread(target=change, args=(number,)) for number in range(2, 8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(refused) == 5
    assert changing(world) is changing(world)


def test_mistakes_of_a_bulk_are_told_by_its_items(world: Management) -> None:
    steps = [
        Step("update", "gpt-5", patch={"upstream_model": "x"}),
        Step("create", item=msgspec.convert({"name": "m", "provider": "no"}, KINDS["models"].type)),
    ]
    with pytest.raises(ProblemError) as refused:
        Writing(asking(world), KINDS["models"]).carry_out(steps, NOW, of_bulk=True)
    assert [one.field for one in refused.value.problem.errors] == ["items[1].provider"]


def test_what_is_in_use_is_told_without_others_names(world: Management) -> None:
    def problem(team: str | None, kind: str, name: str) -> Any:
        context = asking(
            world, holder("owner") if team is None else holder("team-owner", team), team
        )
        with pytest.raises(ProblemError) as refused:
            Writing(context, KINDS[kind]).carry_out([Step("delete", name)], NOW)
        return refused.value.problem

    told = problem(None, "providers", "openai")
    assert (told.status, told.errors[0].field) == (409, "models[gpt-5].provider")
    told = problem("sales", "providers", "own")
    assert told.errors[0].field == "models[sales/gpt-4].provider"
    told = problem("sales", "wallets", "main")
    assert "teams[sales]" not in str(told)
    assert told.status == 409


def test_a_variable_is_read_anew_where_a_patch_names_it(
    world: Management, monkeypatch: pytest.MonkeyPatch
) -> None:
    writing = Writing(asking(world), KINDS["providers"])
    revisions = world.installation.revisions

    def key() -> str | None:
        return revisions.current().clear.providers[0].api_key

    monkeypatch.setenv("ONE_KEY", "first")
    named = Step("update", "openai", patch={"api_key": "${env:ONE_KEY}"})
    writing.carry_out([named], NOW)
    monkeypatch.setenv("ONE_KEY", "second")
    writing.carry_out([Step("update", "openai", patch={"queue_max": 5})], NOW)
    assert key() == "first"
    writing.carry_out([named], NOW)
    assert key() == "second"


def test_answers_and_problems() -> None:
    assert told_instead(Preview(True, 1, [])).status_code == 200
    assert told_instead(Staged("x", 1)).status_code == 202
    error = nearer(wrong("plans[pro].markup", "is wrong", "mend it"), "plans[pro]")
    assert error.problem.errors == (FieldError("markup", "is wrong", "mend it"),)
    assert error.problem.detail == "markup: is wrong."
