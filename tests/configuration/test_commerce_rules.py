"""Every rule over payers, caps and their telling finds its mistake, and says the way out."""

import datetime as dt
from decimal import Decimal

import pytest
from tests.configuration.planted import BASE, assert_one_mistake

from faregate.configuration.commerce import Application, Grant, Limit, Plan, Price, Team, Wallet
from faregate.configuration.commerce_rules import COUNT_MAX, ROUTES, check
from faregate.configuration.document import Document, Model, Provider
from faregate.configuration.load import load
from faregate.configuration.rules import check as check_document
from faregate.configuration.settings import CreditSettings, Settings
from faregate.core.refusals import KINDS
from faregate.gate.served import OPERATIONS

KEY = "  - {name: k, secret: 'sha256:" + "0" * 64 + "'"
LIMIT = "limits:\n  - {name: l, each: key, max: 5"
BUDGET = "budgets:\n  - {name: b, each: key, amount: 5"
QUOTA = "plans:\n  - name: p\n    quotas:\n      - {name: q, max: 5"

# text after the base, place, part of the message, part of the fix
NAMES = [
    ("teams:\n  - {name: t, wallet: w}\n", "teams[t].wallet", "no wallet 'w'", "under wallets"),
    (
        "wallets: [{name: ours}]\nteams:\n  - {name: t, wallet: our}\n",
        "teams[t].wallet", "did you mean 'ours'?", "name one that is there",
    ),
    ("applications: [{name: a, team: t}]", "applications[a].team", "no team 't'", "add the team"),
    ("applications: [{name: a, wallet: w}]", "applications[a].wallet", "no wallet 'w'", "add"),
    ("applications: [{name: a, plan: p}]", "applications[a].plan", "no plan 'p'", "add the plan"),
    (
        f"keys:\n{KEY}, application: shp}}\napplications: [{{name: shop}}]\n",
        "keys[k].application", "no application 'shp'; did you mean 'shop'?", "applications",
    ),
    (f"{LIMIT}, per: minute, applications: [a]}}", "limits[l].applications[0]", "no appl", "add"),
    (f"{LIMIT}, per: minute, teams: [a]}}", "limits[l].teams[0]", "no team 'a'", "add the team"),
    (f"{LIMIT}, per: minute, plans: [a]}}", "limits[l].plans[0]", "no plan 'a'", "add the plan"),
    (f"{LIMIT}, per: minute, models: [gtp]}}", "limits[l].models[0]", "mean 'gpt'", "add"),
    (
        f"{LIMIT}, per: minute, models: [gpt, fast]}}",
        "limits[l].models[1]", "'fast' is an alias of the model 'gpt'", "write gpt",
    ),
    (f"{LIMIT}, per: minute, providers: [q]}}", "limits[l].providers[0]", "no provider", "add"),
    (
        f"{LIMIT}, per: minute, routes: [/v1/chat]}}",
        "limits[l].routes[0]", "no route '/v1/chat'", "/v1/chat/completions",
    ),
    (f"{BUDGET}, applications: [a]}}", "budgets[b].applications[0]", "no application", "add"),
    (f"{BUDGET}, models: [fast]}}", "budgets[b].models[0]", "is an alias", "write gpt"),
]  # fmt: skip
TWICE = [
    ("teams: [{name: t}, {name: t}]", "teams[t]", "a team 't' is already", "keep one"),
    ("applications: [{name: a}, {name: a}]", "applications[a]", "'a' is already", "keep one"),
    ("wallets: [{name: w}, {name: w}]", "wallets[w]", "a wallet 'w' is already", "keep one"),
    ("plans: [{name: p}, {name: p}]", "plans[p]", "a plan 'p' is already", "keep one"),
    (
        f"{LIMIT}, per: day}}\n  - {{name: l, each: team, max: 1, per: hour}}\n",
        "limits[l]", "a limit 'l' is already", "keep one",
    ),
    (
        "plans: [{name: p, limits: [{name: l, each: key, max: 5, per: day}, "
        "{name: l, each: team, max: 5, per: day}]}]",
        "plans[p].limits[l]", "a limit of this plan 'l' is already", "keep one",
    ),
    (f"{BUDGET}}}\n  - {{name: b, each: run, amount: 1}}", "budgets[b]", "'b' is", "keep one"),
    (
        "wallets: [{name: w, grants: [{name: g, amount: 1}, {name: g, amount: 2}]}]",
        "wallets[w].grants[g]", "a grant of this wallet 'g'", "keep one",
    ),
    (
        f"{QUOTA}}}\n      - {{name: q, max: 6}}\n",
        "plans[p].quotas[q]", "a quota of this plan 'q'", "keep one",
    ),
    (f"{LIMIT}, per: day, models: [gpt, gpt]}}", "limits[l].models[1]", "'gpt' is", "keep one"),
    (f"{BUDGET}, alert_at: [50, 50]}}", "budgets[b].alert_at[1]", "'50' is", "keep one"),
]  # fmt: skip
CAPS = [
    (f"{LIMIT}}}", "limits[l]", "in which time there may be 5 requests", "add 'per: minute'"),
    (f"{LIMIT}, unit: concurrent, per: day}}", "limits[l].per", "not counted", "leave per out"),
    (f"{LIMIT}, unit: concurrent, burst: 1}}", "limits[l].burst", "at once", "leave burst out"),
    (f"{LIMIT}, per: hour, burst: 1}}", "limits[l].burst", "sliding window", "'per: minute'"),
    (
        "limits: [{name: l, each: key, max: 1000000000000001, per: day}]",
        "limits[l].max", "more than can be counted", "at most 1000000000000000",
    ),
    (
        f"{LIMIT}, per: second, burst: 1000000000000001}}",
        "limits[l].burst", "more than can be counted", "at most 1000000000000000",
    ),
    (
        "plans: [{name: p, limits: [{name: l, each: key, max: 1, per: day, plans: [p]}]}]",
        "plans[p].limits[l].plans", "for those on it", "leave plans out",
    ),
    ("budgets: [{name: b, each: key, amount: 0}]", "budgets[b].amount", "no call", "above 0"),
    (f"{BUDGET}, rolling: true}}", "budgets[b].rolling", "no window", "add 'window: day'"),
    (f"{BUDGET}, required: true}}", "budgets[b].required", "by its key", "'each: customer'"),
    (f"{BUDGET}, time_zone: Zurich}}", "budgets[b].time_zone", "'Europe/Zurich'?", "write UTC"),
    (f"{QUOTA}, time_zone: Europe}}", "plans[p].quotas[q].time_zone", "no time zone", "write"),
    (
        f"{QUOTA}, overage_multiplier: 2}}",
        "plans[p].quotas[q].overage_multiplier", "are refused", "add 'included: true'",
    ),
    (
        f"{QUOTA}, included: true, upgrade_url: 'https://h'}}",
        "plans[p].quotas[q].upgrade_url", "are not refused", "leave upgrade_url out",
    ),
    (
        f"{QUOTA}, included: true}}\n"
        "      - {name: r, max: 1, included: true, overage_multiplier: 2}",
        "plans[p].quotas[r].overage_multiplier", "'q' says another", "the same",
    ),
    (
        f"{QUOTA}, upgrade_url: example.com}}",
        "plans[p].quotas[q].upgrade_url", "not the address of a page", "https://example.com",
    ),
    (
        f"{QUOTA}, carry_over_max: 1000000000000001}}",
        "plans[p].quotas[q].carry_over_max", "more than can be counted", "at most",
    ),
    ("plans: [{name: p, markup: 1000.1}]", "plans[p].markup", "more than 1,000", "such as 1.2"),
    (
        "prices: [{model: gpt, input: 1000001, output: 1}]",
        "prices[gpt].input", "a dollar for each token", "dollars for a million tokens",
    ),
    (
        "wallets: [{name: w, grants: [{name: g, amount: 0}]}]",
        "wallets[w].grants[g].amount", "a grant of nothing", "above 0",
    ),
    (
        "wallets: [{name: w, grants: [{name: g, amount: 1, expires_at: 2900-01-01}]}]",
        "wallets[w].grants[g].expires_at", "from 1970 to 2261", "write it as",
    ),
    (
        "wallets: [{name: w, grants: [{name: g, amount: 9e8}, {name: h, amount: 2e8}]}]",
        "wallets[w].grants", "together above 1,000,000,000", "several wallets",
    ),
]  # fmt: skip
SETTINGS = [
    ("credit: {unknown_price: fallback}", "credit.unknown_price", "is missing", "fallback_price"),
    ("credit: {fallback_price: 1}", "credit.fallback_price", "no meaning", "price: fallback'"),
    (
        "credit: {unknown_price: fallback, fallback_price: 0}",
        "credit.fallback_price", "serves free", "'unknown_price: free'",
    ),
    ("credit: {top_up_url: x}", "credit.top_up_url", "address of a page", "write the whole"),
    ("ledger: {url: 'mysql://h'}", "ledger.url", "with postgresql://", "${env:NAME}"),
    ("limits: {redis_url: h}", "limits.redis_url", "with redis:// or rediss://", "redis://host"),
    (
        "gate: {workers: 4}\n  limits: {workers_total: 3}",
        "limits.workers_total", "has 4 workers", "of all nodes",
    ),
    (
        "refusals: {statuses: {credit_exausted: 429}}",
        "refusals.statuses.credit_exausted", "did you mean 'credit_exhausted'?", "reference",
    ),
    (
        "refusals: {statuses: {key_unknown: 500}}",
        "refusals.statuses.key_unknown", "500 would say the wrong side", "from 400 to 499",
    ),
    (
        "refusals: {statuses: {provider_unpaid: 402}}",
        "refusals.statuses.provider_unpaid", "is not the caller's", "from 500 to 599",
    ),
    (
        "refusals: {statuses: {credit_held: 402}}",
        "refusals.statuses.credit_held", "which credit_held does not mean", "such as 400",
    ),
    (
        "refusals: {statuses: {rate_limited: 401}}",
        "refusals.statuses.rate_limited", "something of their own at 401", "another status",
    ),
    (
        "refusals: {statuses: {key_unknown: 302}}",
        "refusals.statuses.key_unknown", "from 400 up to 599, found 302", "",
    ),
    ("refusals: {statuses: [1]}", "refusals.statuses", "each with a whole number", ""),
]  # fmt: skip


@pytest.mark.parametrize(("text", "place", "message", "fix"), NAMES + TWICE + CAPS)
def test_one_mistake(text: str, place: str, message: str, fix: str) -> None:
    if "already" in message or "keep one" in fix:
        place += "" if place.endswith("]") and place[-2].isdigit() else ".name"
    assert_one_mistake(text, place, message, fix)


@pytest.mark.parametrize(("text", "place", "message", "fix"), SETTINGS)
def test_one_mistake_in_settings(text: str, place: str, message: str, fix: str) -> None:
    if fix:
        assert_one_mistake(f"settings:\n  {text}\n", f"settings.{place}", message, fix)
    else:
        with pytest.raises(Exception, match=message):
            load(f"settings:\n  {text}\n", environment={})


@pytest.mark.parametrize(
    ("section", "url"),
    [
        ("ledger: {url: '%s'}", "postgresql://u:hidden@h/db"),
        ("ledger: {url: '%s'}", "postgresql://h/db?password=hidden"),
        ("limits: {redis_url: '%s'}", "redis://:hidden@h:6379/0"),
    ],
)
def test_passwords_must_not_stand_in_the_file(section: str, url: str) -> None:
    text = f"settings:\n  {section}\n"
    with pytest.raises(Exception, match="a password must not stand in the file") as caught:
        load(text % url, environment={})
    assert "hidden" not in f"{caught.value} {getattr(caught.value, 'fix', '')}"
    assert load(text % "${env:STORE}", environment={"STORE": url}).settings
    with pytest.raises(Exception, match="must begin with") as caught:
        load(text % "${env:STORE}", environment={"STORE": "hidden"})
    assert "hidden" not in str(caught.value)


GOOD = [
    "settings:\n  refusals: {statuses: {credit_exhausted: 429, quota_exhausted: 402}}\n",
    "settings:\n  refusals: {statuses: {key_missing: 403, provider_unpaid: 500}}\n",
    "settings:\n  limits: {redis_url: 'unix:///run/valkey.sock'}\n",
    "settings:\n  credit: {unknown_price: fallback, fallback_price: 0.15}\n",
    f"{LIMIT}, unit: concurrent}}\n",
    f"{LIMIT}, unit: tokens, per: month, models: [gpt], routes: [/v1/embeddings]}}\n",
    f"{LIMIT}, per: second, burst: 0, keys: [made-by-command]}}\n",
    "budgets: [{name: b, each: run, amount: 0.01, required: true}]\n",
    f"{BUDGET}, window: day, time_zone: Europe/Zurich, alert_at: []}}\n",
    f"{QUOTA}, included: true, overage_multiplier: 0}}\n",
    "plans: [{name: p, markup: 0}]\n",
    f"{LIMIT}, per: day}}\n"
    "plans: [{name: p, limits: [{name: l, each: key, max: 5, per: day}]}]",
]


@pytest.mark.parametrize("text", GOOD)
def test_what_is_meant_passes(text: str) -> None:
    assert load(BASE + text, environment={}).version == 1


def test_routes_are_those_of_the_gate() -> None:
    served = dict.fromkeys(operation.route for operation in OPERATIONS.values())
    assert set(served) == set(ROUTES)
    assert COUNT_MAX < 2**52


def test_every_status_may_be_mapped_to_itself() -> None:
    rows = "\n".join(f"      {kind.code}: {kind.status}" for kind in KINDS.values())
    text = f"settings:\n  refusals:\n    statuses:\n{rows}\n"
    assert len(load(text, environment={}).settings.refusals.statuses) == len(KINDS)


def test_documents_that_no_file_made_are_held_to_the_same() -> None:
    wrong = Document(
        settings=Settings(credit=CreditSettings(fallback_price=Decimal("-1"))),
        wallets=(Wallet(name="w", grants=(Grant(name="g", amount=Decimal("nan")),)),),
        plans=(Plan(name="p", markup=Decimal("inf"), prices=(Price(model="m"),)),),
    )
    problems = list(check(wrong))
    assert [problem.path for problem in problems] == [
        ("wallets", 0, "grants", 0, "amount"),
        ("plans", 0, "markup"),
        ("settings", "credit", "fallback_price"),
    ]
    assert all(problem.message.startswith("this is no amount: it is") for problem in problems)
    assert all("such as 12.50" in (problem.fix or "") for problem in problems)
    naive = Grant(name="g", amount=Decimal(1), expires_at=dt.datetime(2030, 1, 1))
    problems = list(check(Document(wallets=(Wallet(name="w", grants=(naive,)),))))
    assert [problem.fix for problem in problems] == ["end it with Z for UTC"]


def test_what_is_removed_while_it_is_needed_is_named() -> None:
    whole = Document(
        providers=(Provider(name="p", base_url="http://h"),),
        models=(Model(name="m", provider="p"),),
        wallets=(Wallet(name="w"),),
        plans=(Plan(name="basic"),),
        teams=(Team(name="t", wallet="w"),),
        applications=(Application(name="a", team="t", plan="basic"),),
        prices=(Price(model="m", input=Decimal(1), output=Decimal(2)),),
        limits=(Limit(name="l", each="key", max=1, per="day", applications=("a",)),),
    )
    assert list(check_document(whole)) == []
    expected = {
        "wallets": ("teams", 0, "wallet"),
        "plans": ("applications", 0, "plan"),
        "teams": ("applications", 0, "team"),
        "applications": ("limits", 0, "applications", 0),
        "models": ("prices", 0, "model"),
    }
    for part, path in expected.items():
        fields = {name: getattr(whole, name) for name in whole.__struct_fields__}
        problems = check_document(Document(**(fields | {part: ()})))
        assert [problem.path for problem in problems] == [path]
        assert all(problem.message.startswith("there is no ") for problem in problems)


def test_sealed_texts_are_passed_over() -> None:
    sealed = "${sealed:v1:AAAA}"
    limit = Limit(name="l", each="key", max=1, per="day", routes=(sealed,))
    credit = CreditSettings(top_up_url=sealed)
    assert list(check(Document(limits=(limit,), settings=Settings(credit=credit)))) == []
