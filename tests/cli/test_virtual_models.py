"""Names over several models come and go whole, and what makes no sense is refused."""

import pytest
from tests.cli.console import Console

from faregate.configuration.load import load


@pytest.fixture
def models(console: Console) -> Console:
    console.good("providers", "add", "p", "--base-url", "http://h/v1")
    for name in ("gpt", "claude", "local"):
        console.good("models", "add", name, "--provider", "p")
    return console


ADD = ("virtual-models", "add", "smart", "--target", "claude", "--target", "gpt")


def test_added_shown_and_removed(models: Console) -> None:
    assert "no virtual models" in models.good("virtual-models", "list").out
    said = models.good(*ADD, "--fallback", "local", "--alias", "best")
    assert "Added smart, served by claude, gpt; revision 5 is in force." in said.out
    listed = models.good("virtual-models", "list").out.splitlines()
    assert listed[1].split() == ["smart", "best", "priority", "claude,", "gpt", "local"]
    (found,) = models.good("virtual-models", "list", "--json").json
    assert found["fallbacks"] == {"failure": ["local"], "context": [], "content": []}
    assert models.good("virtual-models", "show", "smart", "--json").json == found
    gone = models.good("virtual-models", "remove", "smart", "--json").json
    assert gone == {"revision": 6, "removed": "smart"}
    assert models.good("virtual-models", "list", "--json").json == []


def test_all_that_can_be_said(models: Console) -> None:
    said = models.good(
        "virtual-models", "add", "w", "--strategy", "weighted", "--target", "gpt=3",
        "--target", "claude", "--context-fallback", "claude", "--content-fallback", "local",
        "--canary", "local=2.5", "--shadow", "local", "--json",
    ).json  # fmt: skip
    assert [(one["model"], one["weight"]) for one in said["virtual_model"]["targets"]] == [
        ("gpt", 3), ("claude", 1),
    ]  # fmt: skip
    assert said["virtual_model"]["canary"] == {"model": "local", "percent": 2.5}
    assert said["virtual_model"]["shadow"]["percent"] == 100
    shown = models.good("virtual-models", "show", "w").out
    head = "providers: [{name: p, base_url: 'http://h'}]\nmodels:\n" + "".join(
        f"  - {{name: {name}, provider: p}}\n" for name in ("gpt", "claude", "local")
    )
    (loaded,) = load(head + shown, environment={}).virtual_models
    assert loaded.fallbacks.content == ("local",)
    assert loaded.canary is not None


def test_replaced_where_it_is_asked_for(models: Console) -> None:
    models.good(*ADD)
    again = ("virtual-models", "add", "smart", "--target", "local")
    said = models.run(*again)
    assert "there is a virtual model 'smart' already" in said.err
    models.good(*again, "--replace")
    (found,) = models.good("virtual-models", "list", "--json").json
    assert [one["model"] for one in found["targets"]] == ["local"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("add", "v", "--target", "nope"), "there is no model 'nope'"),
        (("add", "gpt", "--target", "claude"), "'gpt' is already there"),
        (("add", "v", "--target", "gpt=x"), "'x' in 'gpt=x' is no weight"),
        (("add", "v", "--target", "gpt=2"), "a weight has no meaning"),
        (("add", "v", "--target", "gpt", "--strategy", "best"), "'v' can't be added"),
        (("add", "v v", "--target", "gpt"), "'v v' can't be added"),
        (("add", "v", "--target", "gpt", "--canary", "local"), "percent"),
        (("add", "v", "--target", "gpt", "--canary", "local=200"), "can't be added"),
        (("show", "v"), "there is no virtual model 'v'"),
        (("remove", "gpt"), "there is no virtual model 'gpt'"),
    ],
)
def test_refused(models: Console, arguments: tuple[str, ...], message: str) -> None:
    said = models.run("virtual-models", *arguments)
    assert said.status == 1
    assert message in said.err
    assert "fix:" in said.err
    assert models.good("virtual-models", "list", "--json").json == []


def test_a_model_in_use_stays(models: Console) -> None:
    models.good(*ADD)
    said = models.run("models", "remove", "gpt")
    assert said.status == 1
    assert "virtual_models[smart].targets[gpt].model: there is no model 'gpt'" in said.err
