"""An account's address and keys follow from what is written and from its vendor's row."""

import pytest

from faregate.configuration.accounts import SOLE_KEY, account_keys, api_url
from faregate.configuration.document import Provider, ProviderKey


def test_an_address_of_ones_own_comes_first():
    own = Provider(name="p", vendor="groq", base_url="https://proxy.example/v1")
    assert api_url(own) == "https://proxy.example/v1"
    assert api_url(Provider(name="p", vendor="groq")) == "https://api.groq.com/openai/v1"


def test_a_vendor_without_an_address_is_named():
    with pytest.raises(ValueError, match="openai_compatible"):
        api_url(Provider(name="p"))


def test_the_one_key_and_several_are_all_keys():
    several = (ProviderKey(name="b", secret="${env:B}"),)
    provider = Provider(name="p", api_key="${env:A}", keys=several)
    assert [key.name for key in account_keys(provider)] == [SOLE_KEY, "b"]
    assert account_keys(Provider(name="p")) == ()
