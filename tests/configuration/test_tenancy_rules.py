"""A team's things are called as the team's, and lead to nothing that is another's."""

import time
from decimal import Decimal

import msgspec
import pytest
from tests.configuration.planted import assert_one_mistake

from faregate.configuration import rules
from faregate.configuration.commerce import Application, Budget, Limit, Price, Team, Wallet
from faregate.configuration.document import Document, Model, Provider, Target, VirtualModel
from faregate.configuration.load import load

HASH = "sha256:" + "0" * 63
BASE = """\
teams: [{name: sales, wallet: sales/main}, {name: support}]
providers:
  - {name: open, base_url: 'http://h/v1'}
  - {name: ours, base_url: 'http://h/v1', shared_with: [sales]}
  - {name: sales/own, team: sales, base_url: 'http://h/v1'}
  - {name: support/own, team: support, base_url: 'http://h/v1'}
models:
  - {name: gpt, provider: open}
  - {name: vendor/large, provider: open}
  - {name: rare, provider: ours}
  - {name: sales/small, team: sales, provider: sales/own, aliases: [sales/s]}
  - {name: support/dark, team: support, provider: support/own}
virtual_models:
  - {name: mixed, targets: [{model: gpt}, {model: rare}]}
  - {name: sales/best, team: sales, targets: [{model: sales/small}, {model: rare}]}
wallets: [{name: common}, {name: sales/main, team: sales}, {name: support/purse, team: support}]
plans: [{name: basic}]
applications:
  - {name: sales/shop, team: sales, plan: basic}
  - {name: till, team: sales, wallet: common}
  - {name: support/desk, team: support, wallet: support/purse}
  - {name: tools, wallet: common}
"""
KEY = f"secret: '{HASH}1'"


def test_what_is_whose_is_taken() -> None:
    document = load(
        BASE
        + f"""\
keys:
  - {{name: sales/web, {KEY}, application: sales/shop, models: [sales/small, sales/best, rare]}}
  - {{name: old, secret: '{HASH}2', application: till, models: [mixed, vendor/large]}}
  - {{name: bare, secret: '{HASH}3', application: tools, models: [gpt]}}
limits:
  - {{name: all, each: team, max: 5, per: minute, teams: [sales], applications: [support/desk]}}
  - {{name: sales/l, team: sales, each: key, max: 5, per: day, models: [gpt, sales/small],
      keys: [sales/web, old, sales/made-later], applications: [sales/shop, till], plans: [basic]}}
budgets: [{{name: sales/b, team: sales, each: team, amount: 5, providers: [ours, sales/own]}}]
prices: [{{model: sales/small, input: 1, output: 2}}, {{model: support/dark, input: 1, output: 2}}]
""",
        environment={},
    )
    assert len(document.keys) == 3


MISTAKES = [
    # -- names
    ("wallets: [{name: sales/x}]", "wallets[sales/x].name", "a name of the team 'sales'", "add 't"),
    ("wallets: [{name: gone/x}]", "wallets[gone/x].name", "a team 'gone', which is not", "add the"),
    ("wallets: [{name: x, team: sales}]", "wallets[x].name", "begins with 'sales/'", "sales/x"),
    ("wallets: [{name: support/x, team: sales}]", "wallets[support/x].name", "begins", "sales/x"),
    ("wallets: [{name: g/x, team: gone}]", "wallets[g/x].team", "no team 'gone'", "add the team"),
    (
        "models: [{name: sales/x, provider: open}]",
        "models[sales/x].name", "'sales/x' is a name of the team 'sales'", "add 'team: sales'",
    ),
    (
        "models: [{name: x, aliases: [support/dark2], provider: open}]",
        "models[x].aliases[0]", "a name of the team 'support'", "add 'team: support'",
    ),
    (
        "models: [{name: sales/x, team: sales, aliases: [x], provider: open}]",
        "models[sales/x].aliases[0]", "begins with 'sales/'", "write sales/x",
    ),
    (
        "applications: [{name: sales/till, team: sales}]",
        "applications[till].name", "an application 'till' already: 'sales/till'", "another name",
    ),
    (
        "applications: [{name: support/x, team: sales}]",
        "applications[support/x].name", "begins with 'sales/'", "sales/x",
    ),
    # -- sharing
    (
        "providers: [{name: sales/y, team: sales, base_url: 'http://h', shared_with: [support]}]",
        "providers[sales/y].shared_with", "that team alone", "leave shared_with out",
    ),
    (
        "providers: [{name: y, base_url: 'http://h', shared_with: [suport]}]",
        "providers[y].shared_with[0]", "no team 'suport'; did you mean 'support'", "add the team",
    ),
    # -- references
    (
        "models: [{name: sales/x, team: sales, provider: support/own}]",
        "models[sales/x].provider", "there is no provider 'support/own'", "add the provider",
    ),
    (
        "models: [{name: support/x, team: support, provider: ours}]",
        "models[support/x].provider", "there is no provider 'ours'", "add the provider",
    ),
    (
        "models: [{name: x, provider: sales/own}]",
        "models[x].provider", "'sales/own' is of the team 'sales', and this is of none", "add the",
    ),
    (
        "virtual_models: [{name: support/v, team: support, targets: [{model: mixed}]}]",
        "virtual_models[support/v].targets[mixed].model", "there is no model 'mixed'", "add the",
    ),
    (
        "virtual_models: [{name: v, targets: [{model: gpt}], fallbacks: {failure: [sales/small]}}]",
        "virtual_models[v].fallbacks.failure[0]", "is of the team 'sales'", "add the model",
    ),
    (
        "virtual_models: [{name: sales/v, team: sales, targets: [{model: gpt}],"
        " shadow: {model: support/dark}}]",
        "virtual_models[sales/v].shadow.model", "there is no model 'support/dark'", "add the",
    ),
    (
        "applications: [{name: sales/x, team: sales, wallet: support/purs}]",
        "applications[sales/x].wallet", "there is no wallet 'support/purs'", "add the wallet",
    ),
    (
        "applications: [{name: x, wallet: sales/main}]",
        "applications[x].wallet", "is of the team 'sales'", "add the wallet",
    ),
    (
        "teams: [{name: lab, wallet: sales/main}]",
        "teams[lab].wallet", "there is no wallet 'sales/main'", "add the wallet",
    ),
    # -- keys
    (
        f"keys: [{{name: sales/k, {KEY}}}]",
        "keys[sales/k].application", "belongs to one of its applications", "of the team 'sales'",
    ),
    (
        f"keys: [{{name: gone/k, {KEY}}}]",
        "keys[gone/k].name", "a team 'gone', which is not there", "leave out what stands before",
    ),
    (
        f"keys: [{{name: k, {KEY}, application: sales/shop, models: [support/dark]}}]",
        "keys[k].models[0]", "there is no model 'support/dark'", "name a model",
    ),
    (
        f"keys: [{{name: k, {KEY}, models: [sales/small]}}]",
        "keys[k].models[0]", "there is no model 'sales/small'", "name a model",
    ),
    (
        f"keys: [{{name: k, {KEY}, application: till}},"
        f" {{name: sales/k, secret: '{HASH}2', application: till}}]",
        "keys[sales/k].name", "a key of this name already: 'k'", "another name",
    ),
    # -- what a team's rules select
    (
        "limits: [{name: sales/l, team: sales, each: key, max: 5, per: day, teams: [support]}]",
        "limits[sales/l].teams[0]", "there is no team 'support'", "add the team",
    ),
    (
        "budgets: [{name: sales/b, team: sales, each: key, amount: 5,"
        " applications: [support/desk]}]",
        "budgets[sales/b].applications[0]", "there is no application 'support/desk'", "add the",
    ),
    (
        "budgets: [{name: sales/b, team: sales, each: key, amount: 5, models: [support/dark]}]",
        "budgets[sales/b].models[0]", "there is no model 'support/dark'", "add the model",
    ),
    (
        "budgets: [{name: sales/b, team: sales, each: key, amount: 5, keys: [support/k]}]",
        "budgets[sales/b].keys[0]", "there is no key 'support/k'", "a key of the team 'sales'",
    ),
    (
        "plans: [{name: p, limits: [{name: l, team: sales, each: key, max: 5, per: day}]}]",
        "plans[p].limits[l].team", "the organisation's, as the plan is", "leave team out",
    ),
    (
        "plans: [{name: p, limits: [{name: sales/l, each: key, max: 5, per: day}]}]",
        "plans[p].limits[sales/l].name", "a name without '/'", "write l",
    ),
    (
        "plans: [{name: sales, limits: [{name: l, each: key, max: 5, per: day}]}]",
        "plans[sales].name", "a limit of this plan and of the team 'sales'", "another name",
    ),
    # -- settings of teams
    (
        "teams: [{name: lab, settings: {models: [rare]}}]",
        "teams[lab].settings.models[0]", "there is no model 'rare'", "add the model",
    ),
    (
        "teams: [{name: lab, settings: {top_up_url: nowhere}}]",
        "teams[lab].settings.top_up_url", "not the address of a page", "https://",
    ),
]  # fmt: skip


def merged(text: str) -> str:
    """`text` put into the lists of the base."""
    part, _, items = text.partition(": ")
    lines = []
    at = None
    for line in BASE.splitlines():
        if not line.startswith(" "):
            at = line.partition(":")[0]
            if at == part and line.endswith("]"):
                line = line[:-1] + ", " + items[1:]
        lines.append(line)
        if at == part and line == f"{part}:":
            lines += [f"  - {item}" for item in items_of(items)]
    if f"\n{part}:" not in f"\n{BASE}":
        lines.append(text)
    return "\n".join(lines) + "\n"


def items_of(text: str) -> list[str]:
    """The items of a list in one line."""
    depth, begins, found = 0, 1, []
    for at, character in enumerate(text):
        depth += (character in "[{") - (character in "]}")
        if depth == 1 and character == "}":
            found.append(text[begins : at + 1].lstrip(", "))
            begins = at + 1
    return found


@pytest.mark.parametrize(("text", "place", "message", "fix"), MISTAKES)
def test_one_mistake(text: str, place: str, message: str, fix: str) -> None:
    assert_one_mistake("", place, message, fix, base=merged(text))


def test_no_mistake_of_a_team_names_what_is_anothers() -> None:
    base = load(BASE, environment={})
    for name in ("support/darj", "rare2", "support/dark", "ownn", "support/own"):
        model = Model(name="sales/x", team="sales", provider=name)
        virtual = VirtualModel(name="sales/v", team="sales", targets=(Target(model=name),))
        wrong = msgspec.structs.replace(
            base,
            models=(*base.models, model),
            virtual_models=(*base.virtual_models, virtual),
            applications=(
                *base.applications, Application(name="sales/x", team="sales", wallet=name),
            ),
            limits=(
                Limit(name="sales/l", team="sales", each="key", max=1, per="day", models=(name,)),
            ),
        )  # fmt: skip
        problems = rules.check(wrong)
        assert len(problems) == 4
        told = " ".join(f"{one.message} {one.fix}" for one in problems).replace(f"{name!r}", "")
        assert "support" not in told
        assert "dark" not in told


def big(teams: int, applications: int) -> Document:
    """An installation of many teams, each with things of its own."""
    names = [f"team-{number:04}" for number in range(teams)]
    return Document(
        teams=tuple(Team(name=one, wallet=f"{one}/main") for one in names),
        providers=tuple(
            Provider(name=f"{one}/own", team=one, base_url="http://h/v1") for one in names
        ),
        models=tuple(Model(name=f"{one}/small", team=one, provider=f"{one}/own") for one in names),
        wallets=tuple(Wallet(name=f"{one}/main", team=one) for one in names),
        applications=tuple(
            Application(name=f"{one}/app-{number}", team=one)
            for one in names
            for number in range(applications)
        ),
        prices=tuple(
            Price(model=f"{one}/small", input=Decimal(1), output=Decimal(2)) for one in names
        ),
        limits=tuple(
            Limit(name=f"{one}/l", team=one, each="application", max=9, per="minute")
            for one in names
        ),
        budgets=tuple(
            Budget(name=f"{one}/b", team=one, each="team", amount=Decimal(9)) for one in names
        ),
    )


def test_fifty_thousand_applications_are_checked_in_a_second() -> None:
    document = big(1_000, 50)
    began = time.perf_counter()
    assert rules.check(document) == []
    took_s = time.perf_counter() - began
    print(f"50,000 applications of 1,000 teams were checked in {took_s:.2f} s")
    assert took_s < 3


def test_a_document_full_of_mistakes_is_refused_in_time() -> None:
    document = msgspec.structs.replace(big(1_000, 50), wallets=(), models=())
    began = time.perf_counter()
    problems = rules.check(document)
    took_s = time.perf_counter() - began
    print(f"{len(problems)} mistakes were told in {took_s:.2f} s")
    assert len(problems) == 200
    assert took_s < 10
