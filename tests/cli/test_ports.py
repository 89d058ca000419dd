"""Commands do the same on this machine and over the management API.

Each test runs in both places; what it sees must be the same.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from tests.cli.anywhere import PLACES, console_at
from tests.cli.console import Console

YAML = """
version: 1
providers:
  - name: p
    vendor: openai
    base_url: https://api.example.com/v1
    api_key: ${env:P_KEY}
models:
  - name: gpt
    provider: p
wallets:
  - name: main
    grants:
      - name: opening
        amount: 5
"""


@pytest.fixture(params=PLACES)
def console(request: pytest.FixtureRequest, empty_console: Console) -> Iterator[Console]:
    with console_at(request.param, empty_console) as opened:
        yield opened


def timeless(value: Any) -> Any:
    """Without moments and ids."""
    if isinstance(value, dict):
        gone = ("_at", "_ns")
        return {k: timeless(v) for k, v in value.items() if not k.endswith(gone) and k != "at"}
    return [timeless(one) for one in value] if isinstance(value, list) else value


def test_teams_and_applications(console: Console) -> None:
    assert console.good("teams", "list").out.startswith("There are no teams")
    first = console.good("teams", "add", "sales", "--json").json
    assert (first["revision"], first["team"]["name"]) == (1, "sales")
    console.good("applications", "add", "shop", "--team", "sales")
    listed = console.good("applications", "list", "--json").json
    assert [one["team"] for one in listed] == ["sales"]
    said = console.run("teams", "remove", "sales")
    assert said.status == 1
    assert "sales" in said.err
    assert "fix:" in said.err
    console.good("applications", "remove", listed[0]["name"])
    console.good("teams", "remove", "sales")
    assert console.good("teams", "list", "--json").json == []
    said = console.run("teams", "remove", "sales")
    assert "there is no team 'sales'" in said.err


def test_a_file_is_applied_and_exported(console: Console) -> None:
    file = console.file(YAML)
    said = console.run("config", "apply", file)
    assert said.status == 1
    assert "P_KEY" in said.err
    console.setenv("P_KEY", "sk-canary-1")
    dry = console.good("config", "apply", file, "--dry-run", "--json").json
    assert (dry["revision"], dry["dry_run"]) == (0, True)
    assert "+ providers[p]" in {f"{one['sign']} {one['place']}" for one in dry["changes"]}
    done = console.good("config", "apply", file, "-m", "the first", "--json").json
    assert done["revision"] == 1
    assert [(one["wallet"], one["amount"]) for one in done["granted"]] == [("main", "5.00")]
    assert "sk-canary" not in console.good("config", "export").out
    assert "api_key: ${env:P_KEY}" in console.good("config", "export").out
    assert console.good("config", "diff", file, "--json").json["changes"] == []
    console.setenv("P_KEY", "sk-canary-2")
    [changed] = console.good("config", "diff", file, "--json").json["changes"]
    assert changed["place"] == "providers[p].api_key (value)"
    # A change of another thing keeps the value that was given.
    console.good("models", "add", "other", "--provider", "p")
    console.setenv("P_KEY", "sk-canary-1")
    assert "providers" not in console.good("config", "diff", file).out
    history = console.good("config", "history", "--json").json
    assert [one["number"] for one in history] == [2, 1]
    assert all(one["created_ns"] > 10**18 for one in history)


def test_a_broken_file_names_its_fields(console: Console) -> None:
    broken = YAML.replace("provider: p", "provider: nowhere")
    console.setenv("P_KEY", "sk-1")
    said = console.run("config", "apply", console.file(broken))
    assert said.status == 1
    assert "nowhere" in said.err
    assert console.good("config", "history", "--json").json == []


def test_providers_with_a_key_from_stdin(console: Console) -> None:
    console.good("providers", "add", "openai", "--key-stdin", stdin="sk-canary-3\n")
    [listed] = console.good("providers", "list", "--json").json
    assert (listed["name"], listed["vendor"], listed["key"]) == ("openai", "openai", "sealed")
    assert "sk-canary" not in console.good("config", "export").out
    console.good("providers", "remove", "openai")


def test_keys(console: Console) -> None:
    console.good("providers", "add", "p", "--base-url", "http://h/v1")
    console.good("models", "add", "gpt", "--provider", "p")
    made = console.good("keys", "create", "app", "--model", "gpt", "--expires", "30d", "--json")
    assert made.json["key"].startswith("fg_")
    assert made.json["models"] == ["gpt"]
    assert made.json["expires_at"] is not None
    other = console.good("keys", "create", "other").out.strip()
    listed = console.good("keys", "list", "--json").json
    assert [(one["name"], one["state"], one["source"]) for one in listed] == [
        ("app", "active", "command"),
        ("other", "active", "command"),
    ]
    said = console.run("keys", "create", "app")
    assert said.status == 1
    assert "there is a key 'app' already" in said.err
    assert "nothing" in console.run("keys", "create", "new", "--model", "nothing").err
    for selector, changed in (("app", True), ("app", False), (other, True)):
        revoked = console.good("keys", "revoke", selector, "--json").json
        assert (revoked["state"], revoked["changed"]) == ("revoked", changed)
    assert console.good("keys", "list", "--json").json == []
    assert console.run("keys", "revoke", "nowhere").status == 1


def test_credit(console: Console) -> None:
    console.good("teams", "add", "sales")
    console.good("wallets", "create", "main", "--team", "sales", "--grant", "5")
    given = console.good("wallets", "grant", "main", "10", "--reference", "inv-1", "--json").json
    assert (given["amount"], given["changed"], given["balance"]) == ("10.00", True, "15.00")
    again = console.good("wallets", "grant", "main", "10", "--reference", "inv-1", "--json").json
    assert (again["changed"], again["balance"]) == (False, "15.00")
    taken = console.good("wallets", "adjust", "main", "-2.50", "--reason", "a mistake", "--json")
    assert taken.json["balance"] == "12.50"
    console.good("wallets", "refund", "main", "1", "--reason", "an outage")
    [wallet] = console.good("wallets", "list", "--json").json
    assert (wallet["wallet"], wallet["balance"], wallet["pays_for"]) == (
        "main",
        "13.50",
        ["team sales"],
    )
    shown = console.good("wallets", "show", "main", "--json").json
    assert sorted(one["amount"] for one in shown["grants"]) == ["1.00", "10.00", "5.00"]
    statement = console.good("wallets", "statement", "main", "--json").json
    assert (statement["opening"], statement["closing"]) == ("0.00", "13.50")
    assert [one["amount"] for one in statement["lines"]] == ["5.00", "10.00", "-2.50", "1.00"]
    pages = console.good("wallets", "statement", "main", "--count", "1", "--json").json
    assert pages["next_page"]
    rest = console.good("wallets", "statement", "main", "--page", pages["next_page"], "--json")
    assert len(rest.json["lines"]) == 3
    assert console.good("wallets", "statement", "main", "--csv").out.count("\n") == 7
    assert "agrees" in console.good("wallets", "verify").out
    said = console.run("wallets", "adjust", "main", "-99", "--reason", "too much")
    assert said.status == 1
    assert console.run("wallets", "grant", "nowhere", "1").status == 1
    assert console.good("budgets", "list", "--json").json == []
    assert console.good("events", "list", "--json").json == []


def test_reading_what_is_not_there_yet(console: Console) -> None:
    assert console.good("calls", "tail", "--json").out == ""
    said = console.run("calls", "show", "call_nowhere")
    assert (said.status, "there is no call" in said.err.lower()) == (1, True)
    assert console.good("files", "list", "--json").json == []
    assert console.good("batches", "list", "--json").json == []
    assert console.run("batches", "show", "batch_nowhere").status == 1
    assert console.run("files", "delete", "file-nowhere").status == 1


def test_dry_runs_change_nothing(console: Console) -> None:
    console.good("providers", "add", "p", "--base-url", "http://h/v1")
    console.good("models", "add", "gpt", "--provider", "p")
    console.good("wallets", "create", "main", "--grant", "5")
    console.good("teams", "add", "sales")
    console.good("applications", "add", "own")
    console.good("keys", "create", "app")
    before = console.good("config", "export").out
    runs = (
        ("providers", "add", "q", "--base-url", "http://q/v1"),
        ("providers", "remove", "p", "--with-models"),
        ("models", "add", "other", "--provider", "p"),
        ("models", "remove", "gpt"),
        ("virtual-models", "add", "smart", "--target", "gpt"),
        ("teams", "add", "care"),
        ("teams", "remove", "sales"),
        ("applications", "add", "shop", "--team", "sales"),
        ("applications", "remove", "own"),
        ("keys", "create", "new", "--model", "gpt"),
        ("keys", "revoke", "app"),
        ("wallets", "create", "second"),
        ("wallets", "grant", "main", "7"),
        ("wallets", "refund", "main", "7"),
        ("wallets", "adjust", "main", "-5", "--reason", "why"),
    )
    for run in runs:
        assert "nothing was changed" in console.good(*run, "--dry-run").out, run
        assert console.good(*run, "--dry-run", "--json").json["dry_run"] is True, run
    assert console.run("wallets", "adjust", "main", "-6", "--reason", "w", "--dry-run").status == 1
    assert console.run("models", "remove", "nowhere", "--dry-run").status == 1
    for wrong in (("app",), ("new", "--model", "x"), ("new", "--application", "x")):
        assert console.run("keys", "create", *wrong, "--dry-run").status == 1, wrong
    assert console.run("keys", "revoke", "nowhere", "--dry-run").status == 1
    assert [one["state"] for one in console.good("keys", "list", "--json").json] == ["active"]
    assert console.good("config", "export").out == before
    assert console.good("wallets", "show", "main", "--json").json["balance"] == "5.00"
    assert len(console.good("config", "history", "--json").json) == 6
