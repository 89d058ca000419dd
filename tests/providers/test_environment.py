"""What the environment says of vendors' accounts is found, and no more than that."""

import pytest

from faregate.identity.keys import generate_key
from faregate.providers.environment import FoundAccount, find_accounts, first_variables
from faregate.providers.vendors import VENDORS, placeholders

WITH_VARIABLES = [
    vendor
    for vendor in VENDORS.values()
    if vendor.key_environment.credentials or vendor.key_environment.base_urls
]


def whole(vendor):
    """The least environment that describes an account there wholly."""
    known = vendor.key_environment
    environ = {
        names[0]: "hush" for part, names in known.credentials.items() if part != "session_token"
    }
    environ |= {names[0]: "here" for names in known.options.values()}
    needed = placeholders(vendor.base_url) - set(known.options)
    if known.base_urls and (not environ or needed & set(vendor.options)):
        environ |= dict.fromkeys(known.base_urls, "https://example.org")
    return environ


def by_vendor(environ):
    return {account.vendor: account for account in find_accounts(environ)}


def test_nothing_is_found_in_nothing():
    assert find_accounts({}) == []
    assert find_accounts({"PATH": "/bin", "OPENAI_API_KEY": " ", "OLLAMA_HOST": ""}) == []


@pytest.mark.parametrize("vendor", WITH_VARIABLES, ids=lambda vendor: vendor.name)
def test_every_vendor_is_found_by_its_variables_alone(vendor):
    environ = whole(vendor)
    found = by_vendor(environ)
    assert list(found) == [vendor.name]
    account = found[vendor.name]
    assert set(account.variables) == set(environ)
    assert account.base_url.startswith(("https://", "http://"))
    assert not placeholders(account.base_url)
    assert "hush" not in repr(account)


@pytest.mark.parametrize("vendor", WITH_VARIABLES, ids=lambda vendor: vendor.name)
def test_a_part_alone_is_no_account(vendor):
    environ = whole(vendor)
    needed = [
        names[0]
        for part, names in vendor.key_environment.credentials.items()
        if part not in vendor.key_environment.optional
    ]
    for variable in needed:
        assert vendor.name not in by_vendor({**environ, variable: ""})


def test_all_of_them_at_once():
    environ = {name: value for vendor in WITH_VARIABLES for name, value in whole(vendor).items()}
    assert [account.vendor for account in find_accounts(environ)] == [
        vendor.name for vendor in WITH_VARIABLES
    ]


def test_what_is_found():
    environ = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "s", "AWS_REGION": "eu-west-1"}
    assert find_accounts(environ) == [
        FoundAccount(
            vendor="bedrock",
            base_url="https://bedrock-runtime.eu-west-1.amazonaws.com",
            credentials={
                "access_key_id": "AWS_ACCESS_KEY_ID",
                "secret_access_key": "AWS_SECRET_ACCESS_KEY",
            },
            options={"region": "eu-west-1"},
            variables=("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"),
            general=True,
        )
    ]
    both = by_vendor({**environ, "AWS_SESSION_TOKEN": "t"})["bedrock"]
    assert both.credentials["session_token"] == "AWS_SESSION_TOKEN"


def test_the_first_variable_that_is_set_wins():
    found = by_vendor({"GEMINI_API_KEY": " ", "GOOGLE_API_KEY": "k"})["gemini"]
    assert found.credentials == {"key": "GOOGLE_API_KEY"}
    found = by_vendor({"GEMINI_API_KEY": "k", "GOOGLE_API_KEY": "k"})["gemini"]
    assert found.variables == ("GEMINI_API_KEY",)


@pytest.mark.parametrize(
    ("vendor", "environ", "base_url"),
    [
        ("openai", {"OPENAI_BASE_URL": "https://x.org/v1/"}, "https://x.org/v1"),
        ("anthropic", {"ANTHROPIC_BASE_URL": "https://x.org"}, "https://x.org/v1"),
        ("anthropic", {"ANTHROPIC_BASE_URL": "https://x.org/v1"}, "https://x.org/v1"),
        ("azure_openai", {"AZURE_OPENAI_ENDPOINT": "https://r.x/"}, "https://r.x/openai/v1"),
        ("databricks", {"DATABRICKS_HOST": "dbc.x"}, "https://dbc.x/serving-endpoints"),
        ("ollama", {"OLLAMA_HOST": "0.0.0.0"}, "http://127.0.0.1:11434/v1"),
        ("ollama", {"OLLAMA_HOST": "10.0.0.5:1"}, "http://10.0.0.5:1/v1"),
        ("ollama", {"OLLAMA_HOST": "https://box.x:2"}, "https://box.x:2/v1"),
    ],
)
def test_addresses_from_the_environment(vendor, environ, base_url):
    keys = VENDORS[vendor].key_environment.credentials.get("key", ())
    found = by_vendor({**environ, **dict.fromkeys(keys[:1], "k")})
    assert found[vendor].base_url == base_url
    assert set(environ) <= set(found[vendor].variables)


@pytest.mark.parametrize("address", ["http://[x", "https://", "http:///v1"])
def test_an_address_that_is_none_is_no_account(address):
    assert find_accounts({"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": address}) == []


def test_an_option_that_is_no_part_of_an_address_is_no_account():
    environ = {"CLOUDFLARE_API_TOKEN": "t", "CLOUDFLARE_ACCOUNT_ID": "a/../b"}
    assert find_accounts(environ) == []


def test_keys_of_our_own_are_none_of_a_vendors():
    environ = {"OPENAI_API_KEY": generate_key(), "OPENAI_BASE_URL": "http://127.0.0.1:8080/v1"}
    assert find_accounts(environ) == []


def test_the_usual_variables_of_a_credential():
    assert first_variables(VENDORS["gemini"]) == ["GEMINI_API_KEY"]
    assert first_variables(VENDORS["bedrock"]) == ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]
    assert first_variables(VENDORS["ollama"]) == []
