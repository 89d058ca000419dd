"""Every mistake in faregate.yaml is found, at its line, with the way out; nothing else is."""

import datetime as dt

import pytest

from faregate.configuration.load import load
from faregate.core.errors import ConfigurationError
from faregate.identity.keys import generate_key

GOOD = """\
version: 1
settings:
  gate:
    port: 9000
    trusted_proxies: [10.0.0.0/8]
providers:
  - name: openai
    base_url: ${env:OPENAI_URL}
    api_key: ${env:OPENAI_API_KEY}
    headers:
      OpenAI-Organization: org-1
      X-Api-Token: "t ${env:TOKEN}"
models:
  - name: gpt
    provider: openai
    aliases: [fast, "1.5"]
keys:
  - name: app
    secret: sha256:0000000000000000000000000000000000000000000000000000000000000001
    models: [fast]
    expires_at: 2030-01-02
"""
ENVIRONMENT = {
    "OPENAI_URL": "https://api.openai.com/v1",
    "OPENAI_API_KEY": "sk-hidden",
    "TOKEN": "hidden",
    "EMPTY": "",
    "BAD_KEY": "fg_hidden",
    "LINES": "hidden\r\nx: y",
}
P = "providers:\n  - name: p\n    base_url: http://h/v1\n"
M = P + "models:\n  - {name: m, provider: p}\n"
HASH = "sha256:" + "0" * 63 + "1"


def mistakes(text: str) -> list[tuple[int | None, str, str]]:
    with pytest.raises(ConfigurationError) as caught:
        load(text, file="f.yaml", environment=ENVIRONMENT)
    found = (caught.value, *caught.value.others)
    assert all(error.file == "f.yaml" for error in found)
    assert "hidden" not in str(caught.value) + "".join(error.fix or "" for error in found)
    return [(error.line, error.message, error.fix or "") for error in found]


def test_good_file() -> None:
    document = load(GOOD, environment=ENVIRONMENT)
    assert document.settings.gate.port == 9000
    provider = document.providers[0]
    assert provider.api_key == "${env:OPENAI_API_KEY}"
    assert provider.base_url == "${env:OPENAI_URL}"
    assert provider.headers["X-Api-Token"] == "t ${env:TOKEN}"
    assert document.models[0].aliases == ("fast", "1.5")
    assert document.keys[0].expires_at == dt.datetime(2030, 1, 2, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    "text", ["", "# only a comment\n", "version: 1\n", "providers:\nkeys: []\n"]
)
def test_nothing_is_a_document(text: str) -> None:
    assert load(text, environment={}).providers == ()


def test_keys_by_variable() -> None:
    text = "keys:\n  - {name: a, secret: '${env:KEY}'}\n"
    assert load(text, environment={"KEY": generate_key()}).keys[0].secret == "${env:KEY}"


# text, line, part of the message, part of the fix
BAD = [
    # -- YAML itself
    ("version: 1\nproviders: [", 3, "not YAML", ""),
    ("a: b: c\n", 1, "not YAML", ""),
    ("version: 1\n\tx: 1\n", 2, "not YAML", ""),
    ("version: 1\n---\nversion: 1\n", 2, "not YAML", ""),
    ("version: 1\nx: \x01\n", 2, "character", ""),
    (
        "version: 1\nversion: 1\n",
        2,
        "version: this field is written twice, first in line 1",
        "keep",
    ),
    ("providers:\n  - name: a\n    base_url: http://a\n    name: b\n", 4, "twice", "keep"),
    ("version: !!python/none 1\n", 1, "can't be read", ""),
    ("version: !mine 1\n", 1, "tag", "leave the tag out"),
    ("? [a, b]\n: 1\n", 1, "name must be a text", ""),
    ("settings: &a\n  gate: *a\n", 1, "nested too deeply", ""),
    ("a: " + "[" * 40 + "]" * 40, 1, "nested too deeply", ""),
    ("- 1\n", 1, "expected fields such as 'version', found a list", ""),
    ("just words", 1, "expected fields", ""),
    # -- unknown fields
    ("providrs: []\n", 1, "unknown field 'providrs'; did you mean 'providers'?", ""),
    (
        "settings:\n  gate:\n    prot: 1\n",
        3,
        "settings.gate.prot: unknown field 'prot'; did you mean 'port'",
        "",
    ),
    ("settings:\n  gate:\n    drain-timeout-s: 1\n", 3, "did you mean 'drain_timeout_s'", ""),
    (
        "settings:\n  zzz: 1\n",
        2,
        "unknown field 'zzz'",
        "gate, operations, management, journal, calls",
    ),
    (
        P + "    api-key: x\n",
        4,
        "providers[p].api-key: unknown field 'api-key'; did you mean 'api_key'",
        "",
    ),
    (P + "    timeouts: {connect: 1}\n", 4, "did you mean 'connect_s'", ""),
    # -- missing fields
    (
        "providers:\n  - name: a\n",
        2,
        "providers[a].base_url: the address of the API is missing",
        "add base_url",
    ),
    ("providers:\n\n  - base_url: http://a\n", 3, "providers[0]: the field 'name' is missing", ""),
    # -- types and bounds
    ("version: 2\n", 1, "version: expected 1, found 2", ""),
    ("version: true\n", 1, "expected 1, found true", ""),
    (
        "settings:\n  gate: {port: 70000}\n",
        2,
        "expected a whole number from 0 up to 65,535, found 70000",
        "",
    ),
    ("settings:\n  gate: {port: '8402'}\n", 2, "found '8402'", ""),
    ("settings:\n  gate: {port: 1.5}\n", 2, "found 1.5", ""),
    ("settings:\n  gate: {port: true}\n", 2, "found true", ""),
    (
        "settings:\n  gate:\n    drain_timeout_s: 0\n",
        3,
        "a number above 0 up to 86,400, found 0",
        "",
    ),
    ("settings:\n  gate: {drain_timeout_s: .nan}\n", 2, "expected a number", ""),
    ("settings:\n  gate: {drain_timeout_s: .inf}\n", 2, "expected a number", ""),
    ("settings:\n  gate: {connections_max: 99999999999999999999}\n", 2, "whole number", ""),
    ("settings:\n  gate: {proxy_protocol: 1}\n", 2, "expected true or false, found 1", ""),
    (
        "settings:\n  gate: {trusted_proxies: 10.0.0.0/8}\n",
        2,
        "expected a list, found '10.0.0.0/8'",
        "- ",
    ),
    ("settings:\n  gate: [1]\n", 2, "expected fields such as 'host', found a list", ""),
    ("settings:\n  gate: {tls: {key_file: k}}\n", 2, "'certificate_file' is missing", ""),
    (
        "settings:\n  journal: {sync: always}\n",
        2,
        "one of call, interval, kernel, found 'always'",
        "",
    ),
    ("providers:\n  - name: 12\n    base_url: http://a\n", 2, "found 12", "quotes"),
    ("providers:\n  - name: a b\n    base_url: http://a\n", 2, "a name of 1 to 63 letters", ""),
    ("providers:\n  - name: ${env:TOKEN}\n    base_url: http://a\n", 2, "a name of 1 to 63", ""),
    (P + "    headers: {x-a: 5}\n", 4, "expected a text", "quotes"),
    (P + "    headers: [a]\n", 4, "expected fields, each with a text", ""),
    (P + "    api_key: [hidden]\n", 4, "found a list", ""),
    (P + "    keys: [{name: a, secret: [hidden]}]\n", 4, "found a list", ""),
    (P + "    dialects: [generate]\n", 4, "expected fields, each with a list", ""),
    (P + "    limits: {concurrent: 0}\n", 4, "a whole number from 1, found 0", ""),
    (P + "    api_key: 12345\n", 4, "found another kind of value", ""),
    (P + '    upstream: "a\\x07b"\n', 4, "unknown field", ""),
    (P + "    vendor: no\n", 4, "found false", "quotes"),
    (P + '    tls: {ca_file: "a\\x07b"}\n', 4, "control characters", ""),
    (f"keys:\n  - name: a\n    secret: {HASH}\n    expires_at: soon\n", 4, "a date or a time", ""),
    # -- secrets and references
    (P + "    api_key: sk-hidden\n", 4, "must not stand in the file", "${env:NAME}"),
    (P + "    api_key: Bearer ${env:TOKEN}\n", 4, "must not stand in the file", "${env:NAME}"),
    (P + "    headers:\n      x-api-key: hidden\n", 5, "looks secret", "${env:NAME}"),
    (P + "    proxy: http://u:hidden@h:1\n", 4, "password must not stand", "${env:NAME}"),
    (
        "keys:\n  - {name: a, secret: fg_hidden}\n",
        2,
        "a key must not stand in the file",
        "generate",
    ),
    ("keys:\n  - {name: a, secret: 'sha256:12'}\n", 2, "a key must not stand in the file", ""),
    ("keys:\n  - {name: a, secret: '${env:BAD_KEY}'}\n", 2, "does not hold a key of Faregate", ""),
    (P + "    api_key: ${env:NOPE}\n", 4, "variable NOPE is not set", "export NOPE="),
    (P + "    api_key: ${env:EMPTY}\n", 4, "variable EMPTY is empty", ""),
    (P + "    api_key: ${env:LINES}\n", 4, "a header can't carry", ""),
    (
        P + "    headers: {x-a: '${file:hidden}'}\n",
        4,
        "the reference ${file:... is not known",
        "env",
    ),
    (P + "    headers: {x-a: 'b ${env:}'}\n", 4, "is not known", ""),
    (P + "    headers: {x-a: 'b ${sealed:v1:AAAA}'}\n", 4, "the whole text", ""),
    (P + "    headers: {x-a: '${env:LINES}'}\n", 4, "a header can't carry", ""),
    # -- rules over parts
    (P + "  - name: p\n    base_url: http://h\n", 4, "a provider 'p' is already there", ""),
    ("providers:\n  - name: p\n    base_url: h/v1\n", 3, "must begin with https://", "/v1"),
    ("providers:\n  - name: p\n    base_url: https://u:hidden@h\n", 3, "a user or a password", ""),
    ("providers:\n  - name: p\n    base_url: http://h:99999\n", 3, "host or port", ""),
    ("providers:\n  - name: p\n    base_url: http://h/v1?a=b\n", 3, "more than a path", ""),
    ("providers:\n  - name: p\n    base_url: 'http://h /'\n", 3, "spaces", ""),
    ("providers:\n  - name: p\n    base_url: https:///v1\n", 3, "host or port", ""),
    (P + "    headers:\n      'x a': b\n", 5, "not the name of a header", ""),
    (P + "    headers:\n      Host: b\n", 5, "the gate writes the header host itself", ""),
    (P + "    headers:\n      x-a: b\n      X-A: b\n", 6, "this header is there twice", ""),
    (P + '    headers:\n      x-a: "b\\r\\nc: d"\n', 5, "such as a line break", ""),
    (
        P + "    api_key: ${env:TOKEN}\n    headers: {Authorization: '${env:TOKEN}'}\n",
        5,
        "api_key",
        "",
    ),
    (P + "    proxy: socks5://h:1\n", 4, "address of a proxy", "'none'"),
    (P + "    proxy: http://h:1/path\n", 4, "more than a host and a port", ""),
    (P + "    tls: {certificate_file: a}\n", 4, "belong together", ""),
    (P + "models:\n  - name: m\n    provider: pp\n", 6, "no provider 'pp'; did you mean 'p'?", ""),
    (M + "  - {name: m, provider: p}\n", 6, "a model or an alias 'm' is already there", ""),
    (
        M + "  - name: n\n    provider: p\n    aliases:\n      - a\n      - m\n",
        10,
        "'m' is already",
        "",
    ),
    (M + f"keys:\n  - name: k\n    secret: {HASH}\n    models: [mm]\n", 9, "did you mean 'm'", ""),
    (
        f"keys:\n  - {{name: a, secret: '{HASH}'}}\n  - {{name: b, secret: '{HASH}'}}\n",
        3,
        "twice",
        "",
    ),
    (
        f"keys:\n  - name: a\n    secret: {HASH}\n    prefix: fg_hidden0000\n",
        4,
        "prefix is longer",
        "",
    ),
    (f"keys:\n  - name: a\n    secret: {HASH}\n    expires_at: 2900-01-01\n", 4, "year", ""),
    (
        "settings:\n  gate:\n    trusted_proxies:\n      - 10.0.0.1/8\n",
        4,
        "not a network",
        "10.0.0.0/8",
    ),
    ("settings:\n  gate:\n    trusted_proxies:\n      - 10.0.0.0/8\n      - x\n", 5, "'x'", ""),
    ("settings:\n  gate: {proxy_protocol: true}\n", 2, "no connection would be taken", ""),
    ("settings:\n  operations: {port: 8402}\n", 2, "the gate's own port", ""),
    ("settings:\n  gate: {host: 'a b'}\n", 2, "not an address to listen on", ""),
]


@pytest.mark.parametrize(("text", "line", "message", "fix"), BAD)
def test_one_mistake(text: str, line: int, message: str, fix: str) -> None:
    found = mistakes(text)
    assert len(found) == 1, found
    assert found[0][0] == line, found
    assert message in found[0][1]
    assert fix in found[0][2]


def test_all_mistakes_in_the_order_of_the_file() -> None:
    text = "settings:\n  gate: {prt: 1}\nproviders:\n  - name: a b\nmodels:\n  - {name: 1}\n"
    assert [line for line, _, _ in mistakes(text)] == [2, 4, 6, 6]
    text = P + "    api_key: sk-hidden\n    proxy: x\nmodels:\n  - {name: m, provider: q}\n"
    assert [line for line, _, _ in mistakes(text)] == [4, 5, 7]


def test_error_as_text() -> None:
    with pytest.raises(ConfigurationError) as caught:
        load("a: 1\nb: 2\n", file="x.yaml", environment={})
    assert str(caught.value).splitlines() == [
        "x.yaml:1: a: unknown field 'a'",
        "x.yaml:2: b: unknown field 'b'",
    ]


def test_aliases_can_not_explode() -> None:
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    found = mistakes("\n".join(rows))
    assert "too large" in found[0][1]


def test_anchors_may_be_used() -> None:
    text = P.replace("name: p\n", "name: p\n    timeouts: &slow {total_s: 9}\n")
    text += "  - {name: q, base_url: 'http://h', timeouts: *slow}\n"
    document = load(text, environment={})
    assert [one.timeouts.total_s for one in document.providers] == [9.0, 9.0]
