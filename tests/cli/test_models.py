"""Models are added and removed one at a time, and refused where they can't work."""

import pytest
from tests.cli.console import Console


@pytest.fixture
def served(console: Console) -> Console:
    console.good("providers", "add", "openai", "--base-url", "http://h/v1")
    return console


def test_add_list_remove(served: Console) -> None:
    assert "no models" in served.good("models", "list").out
    served.good(
        "models", "add", "fast", "--provider", "openai", "--upstream-model", "gpt-4.1-mini",
        "--alias", "quick", "--alias", "f",
    )  # fmt: skip
    served.good("models", "add", "m", "--provider", "openai")
    lines = served.good("models", "list").out.splitlines()
    assert lines[1].split() == ["fast", "quick,", "f", "openai", "gpt-4.1-mini"]
    assert lines[2].split() == ["m", "openai", "m"]
    assert [one["name"] for one in served.good("models", "list", "--json").json] == ["fast", "m"]
    assert "revision 4" in served.good("models", "remove", "fast").out
    assert [one["name"] for one in served.good("models", "list", "--json").json] == ["m"]
    told = served.good("models", "remove", "m", "--json").json
    assert told == {"revision": 5, "removed": "m"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("add", "m", "--provider", "opnai"), "did you mean 'openai'"),
        (("add", "old", "--provider", "openai"), "a model or an alias 'old' is already there"),
        (("add", "m", "--provider", "openai", "--alias", "old"), "already there"),
        (("add", "a b", "--provider", "openai"), "can't be the name of a model"),
        (("remove", "none"), "there is no model 'none'"),
    ],
)
def test_refused(served: Console, arguments: tuple[str, ...], message: str) -> None:
    served.good("models", "add", "old", "--provider", "openai")
    said = served.run("models", *arguments)
    assert said.status == 1
    assert message in said.err
    assert len(served.good("models", "list", "--json").json) == 1


def test_add_json(served: Console) -> None:
    told = served.good("models", "add", "m", "--provider", "openai", "--json").json
    assert told["revision"] == 2
    assert told["model"]["name"] == "m"
