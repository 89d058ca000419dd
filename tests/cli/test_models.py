"""Models are added and removed one at a time, and refused where they can't work."""

import datetime as dt

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


RETIRING = """
version: 1
settings:
  catalogue:
    file: FILE
providers:
  - {name: ours, vendor: openai, base_url: "https://a.example/v1"}
models:
  - {name: fast, provider: ours, upstream_model: big}
"""
MODELS = """{"models": [{"vendor": "openai", "model": "big", "context_tokens": 1000,
  "features": ["tools"], "prices": [{"input": 2, "output": 8}], "retires_on": "DAY"}]}"""


def test_the_catalogue_needs_no_installation(console: Console) -> None:
    said = console.good(
        "models", "list", "--vendor", "openai", "--can", "vision,tools", "--max-price", "1.00"
    )
    heads, *lines, told = said.out.splitlines()
    assert heads.split()[:4] == ["MODEL", "VENDOR", "INPUT", "OUTPUT"]
    assert len(lines) > 5
    assert all(line.split()[1] == "openai" for line in lines)
    assert "models; prices are dollars" in told
    found = console.good("models", "list", "--match", "gpt-4.1", "--vendor", "openai", "--json")
    assert "gpt-4.1-mini" in [one["model"] for one in found.json]
    assert len(console.good("models", "list", "--catalogue", "--json").json) > 2_000
    assert "No model" in console.good("models", "list", "--match", "no-such").out


def test_an_ability_is_a_known_word(console: Console) -> None:
    said = console.run("models", "list", "--can", "flying")
    assert said.status == 1
    assert "there is no ability 'flying'" in said.err
    assert "vision" in said.err
    said = console.run("models", "list", "--max-price", "cheap")
    assert said.status == 1
    assert "'cheap' is no price" in said.err


def test_show(console: Console) -> None:
    told = console.good("models", "show", "openai/gpt-5.4").out
    assert "openai/gpt-5.4" in told
    assert "above 272,000 tokens" in told
    shown = console.good("models", "show", "anthropic/claude-opus-4-8", "--json").json
    assert shown["vendor"] == "anthropic"
    said = console.run("models", "show", "claude-opus-4-8")
    assert "several vendors have a model 'claude-opus-4-8': anthropic" in said.err
    said = console.run("models", "show", "no-such")
    assert said.status == 1
    assert "knows no model 'no-such'" in said.err


def retiring(console: Console, days: int) -> str:
    day = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=days)
    file = console.file(MODELS.replace("DAY", day.isoformat()), "models.json")
    return console.file(RETIRING.replace("FILE", file))


def test_the_files_models_are_priced_shown_and_warned_of(served: Console) -> None:
    said = served.good("config", "apply", retiring(served, 30))
    assert "+ catalogue[fast].prices[fast].input: 2" in said.out
    assert "warning: the model fast (openai/big) will be retired by its vendor" in said.err
    listed = served.good("models", "list")
    assert "in 30 days" in listed.err
    assert "openai/big" in served.good("models", "show", "fast").out
    served.good("config", "apply", retiring(served, 31))
    assert "in 31 days" in served.good("models", "list").err
    assert "was retired" in served.good("config", "apply", retiring(served, -1)).err
    assert served.good("config", "apply", retiring(served, 91)).err == ""


def test_a_bad_file_changes_nothing(served: Console) -> None:
    served.file("{}", "models.json")
    said = served.run(
        "config", "apply", served.file(RETIRING.replace("FILE", str(served.root / "models.json")))
    )
    assert said.status == 1
    assert "settings.catalogue.file" in said.err
    assert "no models" in served.good("models", "list").out
