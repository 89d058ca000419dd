"""An account's address and keys follow from what is written and from its vendor's row."""

import pytest

from faregate.configuration.accounts import (
    SOLE_KEY,
    account_keys,
    api_url,
    missing_options,
    shown_url,
)
from faregate.configuration.document import Provider, ProviderKey


def test_an_address_of_ones_own_comes_first():
    own = Provider(name="p", vendor="groq", base_url="https://proxy.example/v1")
    assert api_url(own) == "https://proxy.example/v1"
    assert api_url(Provider(name="p", vendor="groq")) == "https://api.groq.com/openai/v1"


def test_a_vendor_without_an_address_is_named():
    with pytest.raises(ValueError, match="openai_compatible"):
        api_url(Provider(name="p"))


def test_an_address_has_the_account_s_options_in_it():
    aws = Provider(name="p", vendor="bedrock", options={"region": "eu-west-1"})
    assert api_url(aws) == "https://bedrock-runtime.eu-west-1.amazonaws.com"
    assert api_url(Provider(name="p", vendor="mistral")) == "https://api.mistral.ai/v1"
    with pytest.raises(ValueError, match="needs the option 'region'"):
        api_url(Provider(name="p", vendor="bedrock"))


def test_an_address_is_shown_while_its_options_are_references():
    aws = Provider(name="p", vendor="bedrock", options={"region": "${env:R}"})
    assert shown_url(aws) == "https://bedrock-runtime.{region}.amazonaws.com"
    assert shown_url(Provider(name="p")) == "-"


@pytest.mark.parametrize(
    ("provider", "missing"),
    [
        (Provider(name="p", vendor="azure_openai"), ["resource"]),
        (Provider(name="p", vendor="azure_openai", base_url="https://h/v1"), []),
        (Provider(name="p", vendor="azure_openai", options={"resource": "x"}), []),
        (Provider(name="p", vendor="bedrock", base_url="https://h"), ["region"]),
        (Provider(name="p", vendor="vertex"), ["project"]),
        (Provider(name="p", vendor="vertex", options={"region": "us"}), ["project"]),
        (Provider(name="p", vendor="openai"), []),
        (Provider(name="p"), []),
    ],
)
def test_options_that_are_missing(provider, missing):
    assert missing_options(provider) == missing


def test_the_one_key_and_several_are_all_keys():
    several = (ProviderKey(name="b", secret="${env:B}"),)
    provider = Provider(name="p", api_key="${env:A}", keys=several)
    assert [key.name for key in account_keys(provider)] == [SOLE_KEY, "b"]
    assert account_keys(Provider(name="p")) == ()
