"""Every vendor's row can be used as it stands."""

from urllib.parse import urlsplit

import pytest

from faregate.providers.vendors import VENDORS


def test_the_vendors_of_the_first_release():
    assert set(VENDORS) == {
        "openai",
        "openai_compatible",
        "groq",
        "together",
        "fireworks",
        "mistral",
        "deepseek",
        "openrouter",
        "xai",
        "ollama",
        "vllm",
        "llama_cpp",
    }


@pytest.mark.parametrize("vendor", VENDORS.values(), ids=VENDORS)
def test_addresses_are_whole(vendor):
    assert VENDORS[vendor.name] is vendor
    assert urlsplit(vendor.documentation).scheme == "https"
    if vendor.base_url is not None:
        parts = urlsplit(vendor.base_url)
        local = parts.hostname == "127.0.0.1"
        assert parts.scheme == ("http" if local else "https")
        assert not vendor.base_url.endswith("/")
        assert vendor.needs_key is not local


@pytest.mark.parametrize("vendor", VENDORS.values(), ids=VENDORS)
def test_keys_are_shown(vendor):
    assert vendor.key_field("k") == ("authorization", "Bearer k")
