"""Accounts of the environment become parts of a document that keep the rules."""

import datetime as dt

import pytest

from faregate.configuration.document import Document, Model, Provider
from faregate.configuration.found_accounts import with_found
from faregate.configuration.references import expand
from faregate.configuration.rules import check, check_written
from faregate.providers.vendors import VENDORS

TODAY = dt.date(2026, 11, 22)
EVERY = {
    names[0]: f"sk-hidden-{vendor.name}"
    for vendor in VENDORS.values()
    for names in vendor.key_environment.credentials.values()
} | {"AWS_REGION": "eu-west-1", "AZURE_OPENAI_ENDPOINT": "https://ours.openai.azure.com"}


def test_every_vendor_at_once_keeps_the_rules() -> None:
    document, found = with_found(Document(), EVERY, TODAY)
    assert len(found) > 50
    assert check_written(document) == []
    clear, problems = expand(document, EVERY)
    assert problems == []
    assert check(clear) == []
    assert "sk-hidden" not in str(document) + "".join(map(str, found))
    assert {one.vendor for one in found if one.left_out is None} == {
        provider.name for provider in document.providers
    }
    (azure,) = (one for one in document.providers if one.name == "azure_openai")
    assert azure.base_url == "https://ours.openai.azure.com/openai/v1"
    (mantle,) = (one for one in document.providers if one.name == "bedrock_mantle")
    assert (mantle.base_url, mantle.options) == (None, {"region": "eu-west-1"})
    assert all(len([m for m in document.models if m.provider == p.name]) <= 5
               for p in document.providers)  # fmt: skip


def test_nothing_is_found_in_an_empty_environment() -> None:
    assert with_found(Document(), {}, TODAY) == (Document(), [])


def test_the_newest_models_are_served_that_have_not_ended() -> None:
    document, (found,) = with_found(Document(), {"ANTHROPIC_API_KEY": "x"}, TODAY)
    names = [model.name for model in document.models]
    assert found.models == tuple(names)
    assert names[0] == VENDORS["anthropic"].test_model
    assert "claude-sonnet-5-5" in names
    assert not {"claude-sonnet-4-5", "claude-3-haiku"} & set(names)


def test_names_that_are_taken_stay() -> None:
    document = Document(
        providers=(Provider(name="mine", base_url="http://h/v1"),),
        models=(Model(name="other", aliases=("claude-haiku-4-5",), provider="mine"),),
    )
    document, (found,) = with_found(document, {"ANTHROPIC_API_KEY": "x"}, TODAY)
    assert "anthropic/claude-haiku-4-5" in found.models
    (model,) = (one for one in document.models if one.name == "anthropic/claude-haiku-4-5")
    assert model.upstream_model == "claude-haiku-4-5"


@pytest.mark.parametrize(
    "mine",
    [
        Provider(name="openai", base_url="http://h/v1"),
        Provider(name="mine", vendor="openai", api_key="${env:MINE}"),
    ],
)
def test_a_vendor_that_is_configured_stays_as_it_is(mine: Provider) -> None:
    document = Document(providers=(mine,))
    assert with_found(document, {"OPENAI_API_KEY": "x"}, TODAY) == (document, [])


def test_it_is_told_again_where_its_key_is() -> None:
    environment = {"OPENAI_API_KEY": "x"}
    document, first = with_found(Document(), environment, TODAY)
    assert with_found(document, environment, TODAY) == (document, first)
    assert first[0].key_place == "providers[openai].api_key"


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({"GITHUB_TOKEN": "hidden"}, "Found GITHUB_TOKEN, and left it alone: it serves other"),
        ({"OPENAI_API_KEY": "hid\nden"}, "Found OPENAI_API_KEY, and left it alone: the key has"),
        (
            {"AZURE_OPENAI_API_KEY": "x", "AZURE_OPENAI_ENDPOINT": "https://u:hidden@h"},
            "left it alone: this is not the address of an API: it has a user or a password",
        ),
    ],
)
def test_what_is_left_out_says_why(environment: dict[str, str], told: str) -> None:
    document, (found,) = with_found(Document(), environment, TODAY)
    assert document == Document()
    assert told in str(found)
    assert "hidden" not in str(found)
    assert found.key_place is None


def test_a_vendor_without_known_models_says_how_to_add_one() -> None:
    _, (found,) = with_found(Document(), {"REKA_API_KEY": "x"}, TODAY)
    assert "faregate models add NAME --provider reka" in str(found)
