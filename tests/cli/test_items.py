"""Items of every kind are listed, shown, set and removed, here and elsewhere."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
from tests.cli.anywhere import PLACES, console_at
from tests.cli.console import Console

from faregate.cli.items import facts_of
from faregate.configuration.commerce import Price
from faregate.configuration.document import Provider, ProviderKey, Target, VirtualModel
from faregate.control.resources.kinds import KINDS

DAILY = ("each=team", "max=5", "per=day")


@pytest.fixture(params=PLACES)
def console(request: pytest.FixtureRequest, empty_console: Console) -> Iterator[Console]:
    with console_at(request.param, empty_console) as opened:
        yield opened


@pytest.fixture
def filled(console: Console) -> Console:
    """With a team, a provider and a model."""
    console.setenv("P_KEY", "sk-canary-1")
    file = console.file(
        "teams: [{name: sales}]\n"
        "providers: [{name: p, base_url: http://h/v1, api_key: '${env:P_KEY}'}]\n"
        "models: [{name: gpt, provider: p}]\n"
    )
    console.good("config", "apply", file)
    return console


def test_kinds(filled: Console) -> None:
    told = filled.good("items", "kinds", "--json").json
    assert [one["kind"] for one in told] == [one.path for one in KINDS.values()]
    assert next(one for one in told if one["kind"] == "models") == {
        "kind": "models", "items": 1, "of_teams": True,
    }  # fmt: skip
    assert "identity-providers" in filled.good("items", "kinds").out


def test_set_show_list_and_remove(filled: Console) -> None:
    assert filled.good("items", "list", "limits").out.startswith("There are no limits;")
    said = filled.good("items", "set", "limits", "hourly", "each=key", "max=10", "per=hour")
    assert said.out.splitlines() == [
        "+ limits[hourly]",
        "+ limits[hourly].each: key",
        "+ limits[hourly].max: 10",
        "+ limits[hourly].per: hour",
        "Revision 2 is in force.",
    ]
    filled.good("items", "set", "limits", "daily", "--team", "sales", *DAILY)
    told = filled.good("items", "set", "limits", "hourly", "max=20", "per=day", "--json").json
    assert (told["revision"], told["dry_run"], len(told["changes"])) == (4, False, 2)
    assert filled.good("items", "show", "limits", "hourly").out == (
        "name: hourly\neach: key\nmax: 20\nper: day\n"
    )
    shown = filled.good("items", "show", "limits", "daily", "--team", "sales", "--json").json
    assert shown == {"name": "sales/daily", "team": "sales", "each": "team", "max": 5, "per": "day"}
    assert filled.good("items", "list", "limits", "--json").json[1] == shown
    assert filled.good("items", "list", "limits", "--team", "sales").out.split() == [
        "NAME", "TEAM", "SAYS", "sales/daily", "sales", "each:", "team,", "max:", "5,", "per:",
        "day",
    ]  # fmt: skip
    said = filled.good("items", "set", "limits", "hourly", "max=20")
    assert said.out == "Nothing changes; revision 4 stays in force.\n"
    said = filled.good("items", "remove", "limits", "hourly", "sales/daily", "-m", "not needed")
    assert said.out.endswith("Revision 5 is in force.\n")
    assert filled.good("items", "list", "limits", "--json").json == []


def test_whole_items(filled: Console) -> None:
    plan = "markup: 1.5\nquotas: [{name: monthly, max: 10}]\n"
    filled.good("items", "set", "plans", "pro", "--file", filled.file(plan, "plan.yaml"))
    text = filled.good("items", "show", "plans", "pro").out
    assert text == "name: pro\nmarkup: 1.5\nquotas:\n- name: monthly\n  max: 10\n"
    filled.good("items", "set", "plans", "pro", "quotas[monthly].max=20")
    filled.good("items", "set", "plans", "pro", "markup=2", "--file", "-", stdin=text)
    as_json = filled.good("items", "show", "plans", "pro", "--json").out
    assert '"max": 10' in as_json
    filled.good("items", "set", "plans", "second", "--file", "-", stdin='{"markup": "1.10"}')
    assert filled.good("items", "show", "plans", "second", "--json").json["markup"] == "1.1"
    said = filled.good("items", "set", "plans", "pro", "--file", "-", stdin=as_json)
    assert said.out.startswith("Nothing changes")
    assert "can't be read" in filled.run("items", "set", "plans", "x", "--file", "/none").err


def test_prices_are_amounts(filled: Console) -> None:
    filled.good("items", "set", "prices", "gpt", "input=0.1", "output=0.2")
    filled.good("items", "set", "prices", "gpt from 2030-01-01", "input=0.3", "output=1e-9")
    [first, second] = filled.good("items", "list", "prices", "--json").json
    assert (first["name"], first["input"]) == ("gpt", "0.1")
    assert (second["name"], second["output"]) == (
        "gpt from 2030-01-01T00:00:00Z", "0.000000001",
    )  # fmt: skip
    filled.good("items", "remove", "prices", "gpt from 2030-01-01")
    assert "input: 0.1" in filled.good("items", "list", "prices").out


def test_dry_run(filled: Console) -> None:
    said = filled.good("items", "set", "teams", "sales", "settings.models=[gpt]", "--dry-run")
    assert said.out.splitlines() == [
        "~ teams[sales].settings.models: none -> gpt",
        "1 change to revision 1; nothing was changed.",
    ]
    told = filled.good("items", "remove", "models", "gpt", "--dry-run", "--json").json
    assert (told["dry_run"], told["revision"]) == (True, 1)
    assert filled.good("config", "history", "--json").json[0]["number"] == 1
    said = filled.run("items", "remove", "providers", "p", "--dry-run")
    assert (said.status, "there is no provider 'p'" in said.err) == (1, True)


def test_a_draft_is_published_as_one(filled: Console) -> None:
    said = filled.good("items", "set", "plans", "pro", "markup=2", "--draft", "spring")
    assert said.out.startswith("The draft spring has 1 item; 'faregate revisions publish spring'")
    filled.good("items", "set", "plans", "pro", "fit=lower", "--draft", "spring", "-m", "more")
    told = filled.good(
        "items", "set", "applications", "shop", "plan=pro", "--draft", "spring", "--json"
    ).json
    assert [one["name"] for one in told["items"]] == ["pro", "shop"]
    assert filled.good("items", "list", "plans", "--json").json == []
    assert "+ plans[pro].fit: lower" in filled.good("revisions", "staged", "spring").out
    assert "revision 2" in filled.good("revisions", "publish", "spring").out
    assert filled.good("items", "show", "plans", "pro").out == "name: pro\nmarkup: 2\nfit: lower\n"
    filled.good("items", "remove", "applications", "shop", "--draft", "autumn")
    said = filled.good("items", "set", "applications", "shop", "plan=pro", "--draft", "autumn")
    assert said.out == "Nothing is staged: this is what is in force.\n"
    filled.good("items", "remove", "applications", "shop", "--draft", "autumn")
    assert filled.good("revisions", "discard", "autumn", "--json").json["discarded"] == 1
    said = filled.run("items", "remove", "plans", "pro", "--draft", "x", "--dry-run")
    assert "--draft and --dry-run exclude each other" in said.err


def test_secrets_are_variables_and_never_shown(filled: Console) -> None:
    said = filled.run("items", "set", "providers", "p", "api_key=sk-canary-2")
    assert said.status == 1
    assert "must not stand" in said.err
    assert "write ${env:NAME}" in said.err
    assert "canary" not in said.err
    assert "SET_KEY" in filled.run("items", "set", "providers", "p", "api_key=${env:SET_KEY}").err
    filled.setenv("P_KEY", "sk-canary-3")
    said = filled.good("items", "set", "providers", "p", "queue_max=7")
    assert said.out == "~ providers[p].queue_max: 1000 -> 7\nRevision 2 is in force.\n"
    said = filled.good("items", "set", "providers", "p", "api_key=${env:P_KEY}")
    assert said.out == "~ providers[p].api_key (value): changed\nRevision 3 is in force.\n"
    for words in (("list", "providers"), ("show", "providers", "p")):
        assert "canary" not in filled.good("items", *words).out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("list", "limit"), "did you mean 'limits'?"),
        (("list", "keys"), "'faregate keys' makes, lists and revokes them"),
        (("list", "plans", "--team", "sales"), "teams own no plans"),
        (("show", "models", "gtp"), "there is no model 'gtp'; did you mean 'gpt'?"),
        (("set", "models", "gpt", "provder=p"), "did you mean 'provider'?"),
        (("set", "models", "gpt", "image_tokens_max=many"), "models[gpt].image_tokens_max: expec"),
        (("set", "models", "gpt", "provider=q"), "there is no provider 'q'"),
        (("set", "models", "gpt", "provider="), "the field 'provider' is missing"),
        (("set", "models", "gpt", "provider"), "'provider' has no value"),
        (("set", "models", "gpt", "name=other"), "would be 'other'"),
        (("set", "models", "new", "aliases=[a]"), "the field 'provider' is missing"),
        (("remove", "models", "gpt", "gone"), "there is no model 'gone'"),
        (("remove", "providers", "p"), "there is no provider 'p'"),
    ],
)
def test_refused(filled: Console, words: tuple[str, ...], message: str) -> None:
    said = filled.run("items", *words)
    assert said.status == 1
    assert message in said.err
    assert filled.good("config", "history", "--json").json[0]["number"] == 1


def test_changes_are_audited_with_who_and_why(filled: Console) -> None:
    filled.good("items", "set", "plans", "pro", "-m", "a plan to sell")
    filled.good("items", "remove", "plans", "pro", "--draft", "d")
    entries = filled.good("audit", "list", "--json").json
    told = [(one["act"], one["object"]) for one in entries]
    assert ("plans.create", "plans/pro") in told, told
    assert ("revisions.stage", "drafts/d") in told
    assert filled.good("revisions", "list", "--json").json[0]["message"] == "a plan to sell"


def test_facts_are_short() -> None:
    keys = (ProviderKey(name="a", secret="${sealed:v1:abc}"),)
    provider = Provider(name="p", api_key="${sealed:v1:abc}", keys=keys, options={"region": "eu"})
    assert facts_of(provider) == "options: region, api_key: sealed, keys: a"
    virtual = VirtualModel(name="v", targets=tuple(Target(model=f"m{n}") for n in range(40)))
    assert len(facts_of(virtual)) == 70
    assert facts_of(Price(model="m", input=Decimal("0.10"), image=Decimal(3))) == (
        "input: 0.1, image: 3"
    )
