"""Every vendor's row can be used as it stands."""

import pkgutil
import re
from urllib.parse import urlsplit

import msgspec
import pytest

from faregate.providers.vendors import (
    DIALECTS,
    QUIRKS,
    VENDORS,
    Quirk,
    Vendor,
    address_at,
    dialect_base_url,
    placeholders,
    resolve_base_url,
)

ASKED = """
openai anthropic gemini vertex azure_openai bedrock mistral cohere deepseek xai groq together
fireworks openrouter perplexity cerebras sambanova nvidia_nim huggingface replicate deepinfra
novita hyperbolic nebius lambda baseten databricks watsonx cloudflare github_models ai21
moonshot zhipu dashscope minimax stepfun baichuan yi volcengine tencent qianfan siliconflow
upstage voyage jina elevenlabs stability ollama vllm llama_cpp lm_studio openai_compatible
"""

every_row = pytest.mark.parametrize("vendor", VENDORS.values(), ids=VENDORS)


def given(vendor):
    """Values for all options of a vendor."""
    return dict.fromkeys(vendor.options, "x1")


def test_there_are_enough_and_none_twice():
    assert set(ASKED.split()) <= set(VENDORS)
    assert len(VENDORS) >= 45
    data = pkgutil.get_data("faregate.providers", "vendors.json") or b""
    assert len(msgspec.json.decode(data)["vendors"]) == len(VENDORS)


@every_row
def test_names_and_sources(vendor):
    assert VENDORS[vendor.name] is vendor
    assert re.fullmatch(r"[a-z][a-z0-9_]*", vendor.name)
    assert vendor.title
    assert urlsplit(vendor.documentation).scheme == "https"
    assert vendor.note or vendor.checked == "documented"
    assert not vendor.note or vendor.note.endswith(".")


@every_row
def test_addresses_are_whole(vendor):
    addresses = [*filter(None, [vendor.base_url]), *vendor.regions.values()]
    assert addresses or vendor.name == "openai_compatible"
    for address in addresses:
        parts = urlsplit(address)
        assert parts.scheme == ("http" if vendor.is_local else "https")
        assert not address.endswith("/")
        assert not parts.query
        assert placeholders(address) <= set(vendor.options)
    assert vendor.needs_key is not (vendor.is_local or vendor.base_url is None)
    if vendor.regions:
        assert "region" in vendor.options


@every_row
def test_addresses_are_resolved(vendor):
    if vendor.base_url is None:
        with pytest.raises(ValueError, match="give base_url"):
            resolve_base_url(vendor, {})
        return
    for region in (*vendor.regions, "x1"):
        options = given(vendor) | ({"region": region} if "region" in vendor.options else {})
        address = resolve_base_url(vendor, options)
        assert not placeholders(address)
        assert urlsplit(address).hostname


@every_row
def test_dialects_are_known_and_found(vendor):
    assert vendor.dialects
    for operation, dialects in vendor.dialects.items():
        assert dialects
        assert len(set(dialects)) == len(dialects)
        assert set(dialects) <= set(DIALECTS[operation])
        assert all(vendor.speaks(operation, dialect) for dialect in dialects)
    spoken = {dialect for dialects in vendor.dialects.values() for dialect in dialects}
    assert set(vendor.paths) | set(vendor.key_headers) <= spoken
    base = (vendor.base_url and resolve_base_url(vendor, given(vendor))) or "https://x.org/v1"
    for dialect in spoken:
        address = dialect_base_url(vendor, dialect, base)
        assert urlsplit(address).scheme == urlsplit(base).scheme
        assert not address.endswith("/")


@every_row
def test_keys_are_shown(vendor):
    spoken = [dialect for dialects in vendor.dialects.values() for dialect in dialects]
    for dialect in (None, *spoken):
        name, value = vendor.key_field("k", dialect)
        assert name == name.lower()
        assert value in ("k", "Bearer k", "Key k")
        assert (name == "authorization") is (value != "k")
    assert all(name == name.lower() for name in vendor.headers)
    parts = set(vendor.key_environment.credentials)
    kinds = {
        "header": {"key"},
        "none": set(),
        "google_oauth": {"file"},
        "ibm_iam": {"key"},
        "sigv4": {"access_key_id", "secret_access_key", "session_token"},
    }
    assert parts in (set(), kinds[vendor.auth])


@every_row
def test_the_rest_of_a_row(vendor):
    assert set(vendor.key_environment.options) <= set(vendor.options)
    assert set(vendor.key_environment.optional) <= set(vendor.key_environment.credentials)
    assert vendor.refusals_like is None or vendor.refusals_like in VENDORS
    assert vendor.output_limit_field not in vendor.unsupported
    assert list(vendor.unsupported) == sorted(set(vendor.unsupported))
    assert vendor.ask_stream_usage is ("no_stream_options" not in vendor.quirks)
    balance = vendor.balance
    if balance is not None:
        assert (balance.currency is None) is (balance.currency_path is not None)
        assert set(balance.currencies) <= set(vendor.regions)
        assert balance.parts >= 1
        assert urlsplit(balance.documentation).scheme == "https"


def test_no_variable_means_two_vendors():
    seen: dict[str, str] = {}
    for vendor in VENDORS.values():
        known = vendor.key_environment
        for name in (*sum(known.credentials.values(), ()), *known.base_urls):
            assert re.fullmatch(r"[A-Z][A-Z0-9_]*", name)
            assert seen.setdefault(name, vendor.name) == vendor.name


def test_quirks_are_explained():
    assert set(QUIRKS) == set(Quirk.__args__)
    used = {quirk for vendor in VENDORS.values() for quirk in vendor.quirks}
    assert used <= set(QUIRKS)


def test_a_row_with_an_unknown_member_is_refused():
    row = msgspec.to_builtins(VENDORS["groq"])
    assert msgspec.convert(row, Vendor) == VENDORS["groq"]
    for wrong in ({"colour": 1}, {"dialects": {"paint": ["x"]}}, {"quirks": ["odd"]}):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(row | wrong, Vendor)


@pytest.mark.parametrize(
    ("vendor", "options", "base_url"),
    [
        ("openai", {}, "https://api.openai.com/v1"),
        ("bedrock", {"region": "eu-west-1"}, "https://bedrock-runtime.eu-west-1.amazonaws.com"),
        ("azure_openai", {"resource": "r"}, "https://r.openai.azure.com/openai/v1"),
        (
            "vertex",
            {"project": "p", "region": "us-east5"},
            "https://us-east5-aiplatform.googleapis.com/v1/projects/p/locations/us-east5",
        ),
        (
            "vertex",
            {"project": "p"},
            "https://aiplatform.googleapis.com/v1/projects/p/locations/global",
        ),
        ("moonshot", {}, "https://api.moonshot.ai/v1"),
        ("moonshot", {"region": "cn"}, "https://api.moonshot.cn/v1"),
    ],
)
def test_addresses_of_accounts(vendor, options, base_url):
    assert resolve_base_url(VENDORS[vendor], options) == base_url


@pytest.mark.parametrize(
    ("vendor", "options", "message"),
    [
        ("bedrock", {}, "bedrock needs the option 'region'"),
        ("bedrock", {"region": ""}, "bedrock needs the option 'region'"),
        ("vertex", {"region": "us"}, "vertex needs the option 'project'"),
        ("bedrock", {"regoin": "x"}, "bedrock has no option 'regoin'; its options: region"),
        ("groq", {"region": "x"}, "groq has no option 'region'; its options: none"),
        ("bedrock", {"region": "evil.org/"}, "the option 'region' of bedrock can't be"),
        ("cloudflare", {"account": "../x"}, "the option 'account' of cloudflare can't be"),
        ("azure_openai", {"resource": "a@b"}, "the option 'resource' of azure_openai can't be"),
        ("azure_openai", {"resource": "r\n"}, "the option 'resource' of azure_openai can't be"),
    ],
)
def test_options_that_won_t_do(vendor, options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        resolve_base_url(VENDORS[vendor], options)


@pytest.mark.parametrize(
    ("vendor", "dialect", "base_url", "found"),
    [
        ("openai", "openai_chat", "https://x.org/v1", "https://x.org/v1"),
        ("deepseek", "anthropic", "https://x.org/v1", "https://x.org/anthropic/v1"),
        ("gemini", "openai_chat", "https://x.org/v1beta/", "https://x.org/v1beta/openai"),
        ("ollama", "ollama", "http://127.0.0.1:1/v1", "http://127.0.0.1:1/api"),
        (
            "cohere",
            "openai_chat",
            "https://api.cohere.com/v2",
            "https://api.cohere.ai/compatibility/v1",
        ),
        ("cohere", "openai_chat", "http://127.0.0.1:1/v2", "http://127.0.0.1:1/compatibility/v1"),
    ],
)
def test_addresses_of_dialects(vendor, dialect, base_url, found):
    assert dialect_base_url(VENDORS[vendor], dialect, base_url) == found


def test_paths():
    assert address_at("https://x.org/v1", "models") == "https://x.org/v1/models"
    assert address_at("https://x.org/v1", "/user/balance") == "https://x.org/user/balance"
    assert address_at("https://x.org/v1", "https://y.org/z") == "https://y.org/z"
    assert address_at("https://x.org/v1", "") == "https://x.org/v1"


def test_keys_of_other_dialects():
    assert VENDORS["anthropic"].key_field("k") == ("x-api-key", "k")
    assert VENDORS["gemini"].key_field("k", "gemini") == ("x-goog-api-key", "k")
    assert VENDORS["gemini"].key_field("k", "openai_chat") == ("authorization", "Bearer k")
    assert VENDORS["deepseek"].key_field("k") == ("authorization", "Bearer k")
    assert VENDORS["deepseek"].key_field("k", "anthropic") == ("x-api-key", "k")
