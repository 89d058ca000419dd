"""A provider's keys come and go one by one, sealed, and are never shown."""

import pytest
from tests.cli.console import Console

from faregate.storage.preparation import open_gate_source


@pytest.fixture
def provider(console: Console) -> Console:
    console.setenv("ONE", "sk-hidden-1")
    console.good("providers", "add", "openai", "--key-env", "ONE")
    return console


def secrets(console: Console) -> dict[str, tuple[str, int]]:
    source = open_gate_source(console.home)
    (found,) = source.latest().document.providers
    source.close()
    return {key.name: (key.secret, key.weight) for key in found.keys}


ADD = ("providers", "keys", "add", "openai")


def test_added_listed_and_removed(provider: Console) -> None:
    provider.setenv("TWO", "sk-hidden-2")
    said = provider.good(*ADD, "two", "--key-env", "TWO", "--weight", "3")
    assert "Added the key two to openai; revision 2 is in force." in said.out
    said = provider.good(*ADD, "three", "--key-stdin", "--json", stdin="sk-hidden-3\n")
    assert said.json == {"revision": 3, "provider": "openai", "key": "three"}
    assert secrets(provider) == {"two": ("sk-hidden-2", 3), "three": ("sk-hidden-3", 1)}
    listed = provider.good("providers", "keys", "list", "openai", "--json").json
    assert [(one["name"], one["weight"]) for one in listed] == [
        ("default", 1), ("two", 3), ("three", 1),
    ]  # fmt: skip
    assert listed[1]["key"] == "${env:TWO}"
    assert listed[2]["key"] == "sealed"
    assert "3 keys" in provider.good("providers", "list").out
    for command in (("providers", "keys", "list", "openai"), ("config", "export")):
        assert "hidden" not in provider.good(*command).out
    provider.good("providers", "keys", "remove", "openai", "two")
    provider.good("providers", "keys", "remove", "openai", "default", "--json")
    assert secrets(provider) == {"three": ("sk-hidden-3", 1)}


def test_replaced_where_it_is_asked_for(provider: Console) -> None:
    provider.setenv("TWO", "sk-hidden-2")
    provider.good(*ADD, "two", "--key-env", "TWO")
    provider.setenv("TWO", "sk-hidden-4")
    provider.good("providers", "keys", "list", "openai")
    said = provider.run(*ADD, "two", "--key-env", "TWO")
    assert "has a key 'two' already" in said.err
    assert "--replace" in said.err
    assert secrets(provider) == {"two": ("sk-hidden-2", 1)}
    provider.good(*ADD, "two", "--key-env", "TWO", "--replace")
    assert secrets(provider) == {"two": ("sk-hidden-4", 1)}


def test_none_yet(console: Console) -> None:
    console.good("providers", "add", "p", "--base-url", "http://h/v1")
    assert "p has no keys" in console.good("providers", "keys", "list", "p").out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("add", "openai", "b"), "the key is missing"),
        (("add", "openai", "b", "--key-env", "A", "--key-stdin"), "given twice"),
        (("add", "openai", "b", "--key-stdin"), "no key came from stdin"),
        (("add", "openai", "b", "--key-env", "NOPE"), "NOPE is not set"),
        (("add", "openai", "b b", "--key-env", "ONE"), "can't be a name"),
        (("add", "openai", "default", "--key-env", "OTHER"), "the key that api_key gives"),
        (("add", "openai", "b", "--key-env", "ONE"), "this key is there twice"),
        (("add", "groq", "b", "--key-env", "OTHER"), "there is no provider 'groq'"),
        (("remove", "openai", "b"), "openai has no key 'b'"),
        (("list", "groq"), "there is no provider 'groq'"),
    ],
)
def test_refused(provider: Console, arguments: tuple[str, ...], message: str) -> None:
    provider.setenv("OTHER", "sk-hidden-5")
    said = provider.run("providers", "keys", *arguments)
    assert said.status == 1
    assert message in said.err
    assert "fix:" in said.err
    assert "hidden" not in said.err
    assert secrets(provider) == {}
