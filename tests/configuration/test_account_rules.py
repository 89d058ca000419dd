"""Each mistake in a provider is found alone, told without its value, and has a way out."""

from decimal import Decimal

import pytest
from tests.configuration.planted import assert_one_mistake

from faregate.configuration.account_rules import check, check_written, is_secret_header
from faregate.configuration.document import Document, Provider, ProviderBudget, ProviderKey
from faregate.configuration.load import load
from faregate.core.errors import ConfigurationError

P = "providers:\n  - name: p\n    base_url: http://h/v1\n"
AZURE = "providers:\n  - name: p\n    vendor: azure_openai\n"
BEDROCK = "providers:\n  - name: p\n    vendor: bedrock\n"

# before, text, place, part of the message, part of the fix
MISTAKES = [
    # -- addresses and options
    (
        AZURE,
        "",
        "providers[p]",
        "the vendor azure_openai needs the option 'resource': ",
        "add 'options: {resource: ...}'",
    ),
    (
        AZURE,
        "    options: {resorce: x, resource: y}\n",
        "providers[p].options.resorce",
        "there is no option of the vendor azure_openai 'resorce'; did you mean 'resource'?",
        "its options: resource, api_version",
    ),
    (
        P,
        "    options: {region: eu}\n",
        "providers[p].options.region",
        "there is no option of the vendor openai_compatible 'region'",
        "leave it out",
    ),
    (
        AZURE,
        "    options: {resource: a/../b}\n",
        "providers[p].options.resource",
        "can't be a part of an address",
        "letters, digits",
    ),
    (
        AZURE,
        "    options: {resource: '${env:LINES}'}\n",
        "providers[p].options.resource",
        "can't be a part of an address",
        "letters, digits",
    ),
    (
        AZURE,
        "    options: {resource: '${env:NOPE}'}\n",
        "providers[p].options.resource",
        "variable NOPE is not set",
        "export NOPE=",
    ),
    (
        BEDROCK,
        "    base_url: https://proxy.example\n",
        "providers[p]",
        "needs the option 'region'",
        "add 'options: {region: ...}'",
    ),
    (
        "providers:\n",
        "  - name: p\n",
        "providers[p].base_url",
        "openai_compatible has no address of its own",
        "add base_url",
    ),
    # -- keys
    (
        P,
        "    keys:\n      - {name: a, secret: sk-hidden}\n",
        "providers[p].keys[a].secret",
        "must not stand in the file",
        "${env:NAME}",
    ),
    (
        P,
        "    keys:\n      - {name: a, secret: 'x${env:A_KEY}'}\n",
        "providers[p].keys[a].secret",
        "must not stand in the file",
        "${env:NAME}",
    ),
    (
        P,
        "    keys:\n      - {name: a, secret: '${env:A_KEY}'}\n"
        "      - {name: a, secret: '${env:B_KEY}'}\n",
        "providers[p].keys[a].name",
        "a key of this provider 'a' is already there",
        "keep one",
    ),
    (
        P,
        "    keys:\n      - {name: a, secret: '${env:A_KEY}'}\n"
        "      - {name: b, secret: '${env:A_KEY}'}\n",
        "providers[p].keys[b].secret",
        "this key is there twice",
        "keep one",
    ),
    (
        P,
        "    api_key: ${env:A_KEY}\n    keys: [{name: default, secret: '${env:B_KEY}'}]\n",
        "providers[p].keys[default].name",
        "the name of the key that api_key gives",
        "another name",
    ),
    (
        P,
        "    api_key: ${env:A_KEY}\n    keys: [{name: b, secret: '${env:A_KEY}'}]\n",
        "providers[p].keys[b].secret",
        "this key is there twice",
        "keep one",
    ),
    (
        P,
        "    keys: [{name: a, secret: '${env:LINES}'}]\n",
        "providers[p].keys[a].secret",
        "characters that a header can't carry",
        "line break",
    ),
    (
        P,
        "    keys: [{name: a, secret: '${env:SPACED}'}]\n",
        "providers[p].keys[a].secret",
        "empty or has spaces around it",
        "spaces",
    ),
    (
        P,
        "    keys: [{name: a, secret: 12}]\n",
        "providers[p].keys[a].secret",
        "found another kind of value",
        "quotes",
    ),
    (
        P,
        "    keys: [{name: a, secret: '${env:A_KEY}'}]\n"
        "    headers: {Authorization: '${env:B_KEY}'}\n",
        "providers[p].headers[Authorization]",
        "a key of keys already gives this header",
        "keep the key or the header",
    ),
    # -- dialects, limits, tags
    (
        P,
        "    dialects: {generat: [openai_chat]}\n",
        "providers[p].dialects.generat",
        "there is no operation 'generat'; did you mean 'generate'?",
        "the operations are generate, completions",
    ),
    (
        P,
        "    dialects: {generate: [openai]}\n",
        "providers[p].dialects.generate[0]",
        "there is no dialect of generate 'openai'; did you mean 'openai_chat'?",
        "the dialects of generate are openai_chat, openai_responses, anthropic",
    ),
    (
        P,
        "    dialects: {generate: []}\n",
        "providers[p].dialects.generate",
        "no dialect is named",
        "leave generate out",
    ),
    (
        P,
        "    dialects: {rerank: [jina_rerank, jina_rerank]}\n",
        "providers[p].dialects.rerank[1]",
        "the dialect 'jina_rerank' is already there",
        "keep one",
    ),
    (
        P,
        "    dialects: {generate: 5}\n",
        "providers[p].dialects.generate",
        "expected a list, found 5",
        "- ",
    ),
    (P, "    tags: [eu, eu]\n", "providers[p].tags[1]", "the tag 'eu' is already", "keep one"),
    # -- budgets
    (
        P,
        "    budgets: [{amount: 0, window: day}]\n",
        "providers[p].budgets[0].amount",
        "a budget of nothing lets no call pass",
        "above 0",
    ),
    (
        P,
        "    budgets: [{amount: 5, window: day}, {amount: 9, window: day}]\n",
        "providers[p].budgets[1].window",
        "a budget of this provider for the window 'day' is",
        "keep one",
    ),
    (
        P,
        "    budgets: [{amount: 5, window: day, alert_at: [50, 50]}]\n",
        "providers[p].budgets[0].alert_at[1]",
        "the percentage '50' is",
        "keep one",
    ),
    (P, "    budgets: [{amount: 5}]\n", "providers[p].budgets[0]", "window", "window"),
]


@pytest.mark.parametrize(("base", "text", "place", "message", "fix"), MISTAKES)
def test_one_mistake(base: str, text: str, place: str, message: str, fix: str) -> None:
    assert_one_mistake(text, place, message, fix, base)


GOOD = """\
providers:
  - {name: openai, vendor: openai, api_key: '${env:A}', keys: [{name: b, secret: '${env:B}'}]}
  - {name: azure, vendor: azure_openai, options: {resource: ours}, api_key: '${env:A}'}
  - {name: azure-us, vendor: azure_openai, base_url: 'https://us.example/openai/v1'}
  - {name: aws, vendor: bedrock, options: {region: '${env:R}'}, api_key: '${env:A}:${env:B}'}
  - {name: vertex, vendor: vertex, options: {project: ours}, api_key: '${env:FILE}'}
  - name: claude
    vendor: anthropic
    api_key: ${env:A}
    headers: {authorization: '${env:B}'}
    dialects: {generate: [anthropic]}
    limits: {requests_per_minute: 50, tokens_per_minute: 40000, concurrent: 4}
    tags: [eu, cheap]
    budgets: [{amount: 500, window: month}, {amount: 0.5, window: hour, alert_at: []}]
"""
ENVIRONMENT = {"A": "sk-a", "B": "sk-b", "R": "eu-west-1", "FILE": '{\n"type": "service_account"}'}


def test_what_is_whole_passes() -> None:
    document = load(GOOD, environment=ENVIRONMENT)
    assert [provider.name for provider in document.providers][-1] == "claude"
    assert document.providers[0].keys[0].secret == "${env:B}"


def test_what_is_sealed_is_passed_over() -> None:
    sealed = "${sealed:v1:AAAA}"
    keys = (ProviderKey(name="a", secret=sealed), ProviderKey(name="b", secret=sealed))
    providers = (
        Provider(name="p", vendor="bedrock", options={"region": sealed}, api_key=sealed),
        Provider(name="q", vendor="groq", keys=keys),
    )
    document = Document(providers=providers)
    assert [*check_written(document)] == []
    assert [*check(document)] == []


def test_several_mistakes_are_told_together() -> None:
    text = "providers:\n  - {name: p, vendor: bedrock, keys: [{name: a, secret: sk-hidden}]}\n"
    with pytest.raises(ConfigurationError) as caught:
        load(text, environment={})
    told = [error.message for error in (caught.value, *caught.value.others)]
    assert len(told) == 2
    assert "hidden" not in "".join(told)


@pytest.mark.parametrize("name", ["Authorization", "x-api-key", "X-Auth-Token", "Cookie"])
def test_secret_headers(name: str) -> None:
    assert is_secret_header(name)
    assert not is_secret_header("OpenAI-Organization")


def test_an_amount_that_money_can_not_hold() -> None:
    budget = ProviderBudget(amount=Decimal("NaN"), window="day")
    [problem] = check(Document(providers=(Provider(name="p", vendor="groq", budgets=(budget,)),)))
    assert problem.path == ("providers", 0, "budgets", 0, "amount")
    assert "this is no amount" in problem.message
