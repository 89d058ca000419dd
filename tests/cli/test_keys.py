"""A key is printed once with a call to try, and listed and revoked by what is known of it."""

import datetime as dt
import shlex

import pytest
from tests.cli.console import Console

from faregate.cli.keys import parse_expiry
from faregate.core.errors import FaregateError
from faregate.identity.keys import hash_key, is_well_formed
from faregate.storage.preparation import open_gate_source

NOW_NS = 1_700_000_000 * 10**9


@pytest.fixture
def served(console: Console) -> Console:
    console.good("providers", "add", "p", "--base-url", "http://h/v1")
    console.good("models", "add", "gpt", "--provider", "p", "--alias", "fast")
    return console


def test_created_and_ready_to_call(served: Console) -> None:
    said = served.good("keys", "create", "app", "--model", "fast", "--expires", "30d")
    secret = said.out.strip()  # and nothing else
    assert is_well_formed(secret)
    words = shlex.split(said.err[said.err.index("curl ") :])
    assert words[1] == "http://127.0.0.1:8402/v1/chat/completions"
    assert f"Authorization: Bearer {secret}" in words
    assert '"model": "fast"' in words[-1]
    source = open_gate_source(served.home)
    record = source.find_key(hash_key(secret))
    source.close()
    assert record is not None
    assert (record.name, record.models) == ("app", {"fast"})
    assert secret not in served.good("keys", "list").out


def test_json(served: Console) -> None:
    made = served.good("keys", "create", "app", "--json").json
    assert is_well_formed(made["key"])
    assert made["models"] is None
    listed = served.good("keys", "list", "--json").json
    assert [(one["name"], one["state"], one["source"]) for one in listed] == [
        ("app", "active", "command")
    ]
    assert "key" not in listed[0]
    revoked = served.good("keys", "revoke", made["key_id"], "--json").json
    assert (revoked["state"], revoked["changed"]) == ("revoked", True)


def test_the_port_is_where_the_gate_will_be(console: Console) -> None:
    console.setenv("FAREGATE_PORT", "9999")
    assert "curl http://127.0.0.1:9999/v1" in console.good("keys", "create", "app").err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("a b",), "can't be a name"),
        (("app", "--model", "gtp"), "did you mean 'gpt'"),
        (("app", "--expires", "soon"), "is not a time"),
        (("app", "--expires", "2001-01-01"), "expired from the start"),
    ],
)
def test_refused(served: Console, arguments: tuple[str, ...], message: str) -> None:
    said = served.run("keys", "create", *arguments)
    assert said.status == 1
    assert message in said.err
    assert "fix: " in said.err
    assert "There are no keys" in served.good("keys", "list").out


def test_revoke(console: Console) -> None:
    secret = console.good("keys", "create", "app").out.split()[0]
    assert console.good("keys", "revoke", secret[:9]).out.startswith("Revoked app (key_")
    assert "was revoked" in console.good("keys", "revoke", "app").out
    assert "There are no keys" in console.good("keys", "list").out
    assert "revoked" in console.good("keys", "list", "--all").out
    said = console.run("keys", "revoke", "nobody")
    assert (said.status, said.err.splitlines()[0]) == (1, "error: there is no key 'nobody'")


def test_generated_for_the_file(console: Console) -> None:
    said = console.good("keys", "generate")
    secret = said.out.strip()
    entry = said.err[said.err.index("keys:") :].replace("NAME", "app")
    console.good("config", "apply", console.file(entry))
    source = open_gate_source(console.home)
    record = source.find_key(hash_key(secret))
    source.close()
    assert record is not None
    assert record.prefix == secret[:9]
    assert "file" in console.good("keys", "list").out
    told = console.good("keys", "generate", "--json").json
    assert told["secret"] == f"sha256:{hash_key(told['key']).hex()}"


@pytest.mark.parametrize(
    ("text", "seconds"), [("12h", 43_200), ("1d", 86_400), ("30d", 2_592_000), ("8w", 4_838_400)]
)
def test_durations(text: str, seconds: int) -> None:
    assert parse_expiry(text, NOW_NS) == NOW_NS + seconds * 10**9


@pytest.mark.parametrize("text", ["2030-01-31", "2030-01-31T00:00Z", "2030-01-31T01:00+01:00"])
def test_dates(text: str) -> None:
    expected = dt.datetime(2030, 1, 31, tzinfo=dt.UTC).timestamp()
    assert parse_expiry(text, NOW_NS) == int(expected) * 10**9


@pytest.mark.parametrize("text", ["", "0d", "5", "5m", "-1d", "tomorrow", "30 d"])
def test_no_times(text: str) -> None:
    with pytest.raises(FaregateError, match="is not a time"):
        parse_expiry(text, NOW_NS)


def test_a_key_of_an_application(console: Console) -> None:
    said = console.run("keys", "create", "till", "--application", "shop")
    assert (said.status, "there is no application 'shop'" in said.err) == (1, True)
    assert "'faregate applications add shop' adds one" in said.err
    console.good("applications", "add", "shop")
    said = console.run("keys", "create", "till", "--application", "shopp")
    assert "did you mean 'shop'?" in said.err
    made = console.good("keys", "create", "till", "--application", "shop", "--json").json
    assert made["application"] == "shop"
    source = open_gate_source(console.home)
    record = source.find_key(hash_key(made["key"]))
    source.close()
    assert record is not None
    assert record.application == "shop"
    assert console.good("keys", "list", "--json").json[0]["application"] == "shop"
    row = console.good("keys", "list").out.splitlines()[1].split()
    assert row[:3] == ["till", "active", "shop"]
