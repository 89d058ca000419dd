"""Nothing secret comes into the log."""

import json
from decimal import Decimal

import msgspec
import pytest

from faregate.configuration.document import Provider
from faregate.core.bounds import AUDIT_VALUE_BYTES_MAX
from faregate.identity.keys import generate_key, write_token
from faregate.storage.audit_redaction import HIDDEN, redacted, redacted_json, redacted_text
from faregate.storage.secrets import SecretBox


@pytest.mark.parametrize(
    "name",
    ["secret", "api_key", "password", "token", "client_secret", "Private-Key", "new_password"],
)
def test_fields_are_hidden_by_their_name(name: str) -> None:
    assert redacted({"a": [{name: "hunter2"}]}) == {"a": [{name: HIDDEN}]}
    assert redacted({name: ["x", 5]}) == {name: [HIDDEN, HIDDEN]}
    assert redacted({name: None}) == {name: None}


@pytest.mark.parametrize("name", ["max_tokens", "key_id", "keys", "input_tokens", "tokens"])
def test_other_names_stay(name: str) -> None:
    assert redacted({name: 5}) == {name: 5}


@pytest.mark.parametrize(
    "value",
    [
        generate_key(),
        write_token("fgo_", 2**200),
        SecretBox(b"k" * 32).seal("hunter2", "a"),
        "sk-proj-0123456789abcdefghij",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
        "Bearer abcdefghijklmnop",
        "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    ],
)
def test_values_are_hidden_by_their_form(value: str) -> None:
    assert redacted({"note": f"it is {value} here"}) == {"note": f"it is {HIDDEN} here"}
    text = redacted_json({"note": value})
    assert text is not None
    assert value not in text
    assert json.loads(text) == {"note": HIDDEN}


def test_references_to_variables_are_no_secrets() -> None:
    provider = Provider(
        name="p",
        base_url="https://ann:hunter2@host/v1",
        api_key="${env:KEY}",
        headers={"X-Api-Key": "abc", "X-Title": "t"},
    )
    kept = redacted(msgspec.to_builtins(provider))
    assert kept["api_key"] == "${env:KEY}"
    assert kept["base_url"] == f"https://ann:{HIDDEN}@host/v1"
    assert kept["headers"] == {"X-Api-Key": HIDDEN, "X-Title": "t"}


def test_values_become_one_text() -> None:
    assert redacted_json(None) is None
    assert redacted_json({"b": Decimal("1.50"), "a": frozenset({"y", "x"})}) == (
        '{"a":["x","y"],"b":"1.5"}'
    )
    assert redacted_json("x" * AUDIT_VALUE_BYTES_MAX) == (
        f'{{"left_out_bytes":{AUDIT_VALUE_BYTES_MAX + 2}}}'
    )
    assert redacted_text("a\ud800b\0") == "a?b"
