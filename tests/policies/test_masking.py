"""Planted secrets never survive, and text without them stays byte for byte."""

import json
import random
import string
import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faregate.identity.keys import generate_key
from faregate.policies.masking import mask

ALPHANUMERIC = string.ascii_letters + string.digits


def _text(random_: random.Random, alphabet: str, low: int, high: int) -> str:
    return "".join(random_.choices(alphabet, k=random_.randint(low, high)))


# -- what is planted -------------------------------------------------------------------------------


def _own_key(random_: random.Random) -> str:
    return generate_key()


def _vendor_key(random_: random.Random) -> str:
    kinds = (
        ("sk-", ALPHANUMERIC, 20, 60), ("sk-proj-", ALPHANUMERIC + "_-", 40, 150),
        ("sk-ant-api03-", ALPHANUMERIC + "_-", 80, 100), ("sk_live_", ALPHANUMERIC, 24, 40),
        ("rk_test_", ALPHANUMERIC, 24, 40), ("whsec_live_", ALPHANUMERIC, 24, 32),
        ("AKIA", string.ascii_uppercase + string.digits, 16, 16),
        ("AIza", ALPHANUMERIC + "_-", 35, 35), ("ghp_", ALPHANUMERIC, 36, 36),
        ("github_pat_", ALPHANUMERIC + "_", 40, 80), ("glpat-", ALPHANUMERIC + "_-", 20, 20),
        ("xoxb-", string.digits + "-", 20, 50), ("hf_", ALPHANUMERIC, 34, 34),
        ("gsk_", ALPHANUMERIC, 50, 52), ("xai-", ALPHANUMERIC, 60, 80),
        ("r8_", ALPHANUMERIC, 37, 37), ("pplx-", ALPHANUMERIC, 48, 48),
        ("nvapi-", ALPHANUMERIC + "_-", 60, 64), ("npm_", ALPHANUMERIC, 36, 36),
    )  # fmt: skip
    prefix, alphabet, low, high = random_.choice(kinds)
    return prefix + _text(random_, alphabet, low, high)


def _json_web_token(random_: random.Random) -> str:
    parts = (_text(random_, ALPHANUMERIC + "_-", 10, 60) for _ in range(2))
    return "eyJ" + ".".join((_text(random_, ALPHANUMERIC, 10, 40), *parts))


def _email(random_: random.Random) -> str:
    local = random_.choice(string.ascii_letters) + _text(random_, ALPHANUMERIC + "._+-", 0, 20)
    labels = [_text(random_, string.ascii_lowercase, 1, 10) for _ in range(random_.randint(1, 3))]
    return f"{local}@{'.'.join(labels)}.{random_.choice(('com', 'org', 'example', 'de'))}"


def _phone(random_: random.Random) -> str:
    digits = random_.choice("123456789") + _text(random_, string.digits, 7, 13)
    shown = digits[0]
    for at, digit in enumerate(digits[1:], 1):
        shown += (random_.choice((" ", "-", ".", " (", ") ")) if at in (2, 5, 8) else "") + digit
    return "+" + random_.choice((digits, shown))


def _luhn_digit(digits: str) -> str:
    total = 0
    for at, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if at % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


def _card(random_: random.Random) -> str:
    prefix, length = random_.choice((("4", 16), ("51", 16), ("34", 15), ("6011", 16), ("62", 19)))
    digits = prefix + _text(
        random_, string.digits, length - len(prefix) - 1, 0 or length - len(prefix) - 1
    )
    digits += _luhn_digit(digits)
    mark = random_.choice(("", " ", "-"))
    return mark.join(digits[at : at + 4] for at in range(0, length, 4))


def _iban(random_: random.Random) -> str:
    country, length = random_.choice((("DE", 22), ("GB", 22), ("NO", 15), ("MT", 31), ("FR", 27)))
    account = _text(random_, string.digits, length - 4, length - 4)
    number = int("".join(str(int(c, 36)) for c in account + country + "00"))
    whole = f"{country}{98 - number % 97:02d}{account}"
    return random_.choice(("", " ")).join(whole[at : at + 4] for at in range(0, length, 4))


PLANTED: dict[str, Callable[[random.Random], str]] = {
    "own key": _own_key,
    "vendor key": _vendor_key,
    "JSON web token": _json_web_token,
    "e-mail address": _email,
    "phone number": _phone,
    "card number": _card,
    "IBAN": _iban,
}
# What stands before and after a secret in prose, code and addresses.
BEFORE = (
    "",
    " ",
    "\n",
    "\t",
    "\r\n",
    '"',
    "'",
    "(",
    "[",
    "=",
    ":",
    ",",
    ";",
    "é",
    "\u00a0",
    "<",
    "/",
    "\U0001f600",
)
AFTER = ("", " ", "\n", '"', "'", ")", "]", ",", ";", "\u00a0", ">", "\U0001f600")


@pytest.mark.parametrize("kind", PLANTED)
@settings(max_examples=150, deadline=None)
@given(random_=st.randoms(use_true_random=False), ascii_only=st.booleans(), depth=st.integers(0, 3))
def test_planted_secrets_never_survive(
    kind: str, random_: random.Random, ascii_only: bool, depth: int
):
    secret = PLANTED[kind](random_)
    before, after = random_.choice(BEFORE), random_.choice(AFTER)
    text = f"Look: {before}{secret}{after} and no more."
    for _ in range(depth):
        text = json.dumps({"content": text, "n": 1}, ensure_ascii=ascii_only)
    masked = mask(text.encode())
    assert secret.encode() not in masked
    assert b"[masked " in masked
    if depth:
        assert json.loads(masked)["n"] == 1


@settings(max_examples=300, deadline=None)
@given(
    name=st.sampled_from(
        ["password", "Password", "db_password", "client_secret", "accessToken", "api_key",
         "x-api-key", "OPENAI_API_KEY", "private_key", "Authorization", "pwd", "credentials"]
    ),
    value=st.text(min_size=1).filter(lambda text: text.strip('\\"[]{}:, \n') != ""),
    indent=st.sampled_from([None, 2]),
    depth=st.integers(1, 4),
    ascii_only=st.booleans(),
)  # fmt: skip
def test_values_of_telling_names_never_survive(
    name: str, value: str, indent: int | None, depth: int, ascii_only: bool
):
    found: object = {"kept": 1, name: value, "after": "kept too"}
    for level in range(depth - 1):
        inner = json.dumps(found, ensure_ascii=ascii_only, indent=None if level else indent)
        found = {"arguments": inner}
    masked: object = json.loads(mask(json.dumps(found, ensure_ascii=ascii_only).encode()))
    for _ in range(depth - 1):
        assert isinstance(masked, dict)
        masked = json.loads(masked["arguments"])
    assert masked == {"kept": 1, name: "[masked value]", "after": "kept too"}


@pytest.mark.parametrize("text", ["9", "-12.5", "1e5"])
def test_numbers_of_telling_names(text: str):
    assert json.loads(mask(f'{{"pin_secret": {text}}}'.encode())) == {
        "pin_secret": "[masked value]"
    }


def test_a_value_that_is_cut_is_masked_to_the_end():
    assert mask(b'{"a": 1, "password": "hunt') == b'{"a": 1, "password": "[masked value]'
    cut = b'{"arguments": "{\\"password\\": \\"hunter2", "b": "kept"}'
    assert mask(cut) == b'{"arguments": "{\\"password\\": \\"[masked value]", "b": "kept"}'


@pytest.mark.parametrize(
    "header",
    ["Authorization: Bearer abcdef0123456789", "curl -H 'authorization: bearer QWxhZGRpbjE='"],
)
def test_bearer_tokens(header: str):
    masked = mask(header.encode())
    assert b"earer [masked token]" in masked


def test_a_private_key():
    lines = "\n".join(["MIIEvQIBADANBgkqhkiG9w0BAQEFAASC"] * 5)
    pem = f"-----BEGIN RSA PRIVATE KEY-----\n{lines}\n-----END RSA PRIVATE KEY-----\n"
    for text in (pem, json.dumps({"file": pem}), json.dumps(json.dumps({"file": pem}))):
        assert b"MIIE" not in mask(text.encode())


# -- what stays ------------------------------------------------------------------------------------

HARMLESS = [
    '{"usage": {"prompt_tokens": 12, "completion_tokens": 30, "total_tokens": 42}}',
    '{"max_tokens": 100, "secretary": "Ann", "tokenizer": "bpe", "password": null}',
    '{"password": ""}',
    '{"created": 1700000000, "at_ns": 1700000000000000000}',
    '{"embedding": [0.4111111111111111, -0.5500000000000004, 4.111111111111111e-05]}',
    '{"id": "chatcmpl-9f8e7d6c5b4a", "system_fingerprint": "fp_44709d6fcb"}',
    '{"id": "call_6553f100a0b1c2d3e400000001"}',
    "task-management-and-scheduling-of-many-things, disk-based-storage-of-large-objects",
    "a bearer of bad news; bearer documents",
    "version 1.2.3, 2024-01-02T03:04:05+0000, 1+2345678=2345679, x@y, @decorator, a @ b",
    "IBAN of nobody: DE00 0000 0000 0000 0000 00, card of nobody: 4111 1111 1111 1112",
    "0123456789 0123456789 0123456789",
    "C:\\new\\table, \\u0041, \\n",
    "fg_short, sk-short, ghp_x, eyJ.x",
]


@pytest.mark.parametrize("text", HARMLESS)
def test_harmless_text_stays(text: str):
    assert mask(text.encode()) == text.encode()


@settings(max_examples=300, deadline=None)
@given(
    st.text(alphabet=string.ascii_letters + " .,;:!?()[]{}\n\t\"'\\/<>=*&%$#|~^`é😀", max_size=400)
)
def test_prose_stays(text: str):
    assert mask(text.encode()) == text.encode()


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_taken_and_masking_twice_changes_nothing(data: bytes):
    masked = mask(data)
    assert mask(masked) == masked


@pytest.mark.parametrize("kind", PLANTED)
def test_masking_twice_is_masking_once(kind: str):
    random_ = random.Random(kind)
    data = "\n".join(PLANTED[kind](random_) for _ in range(20)).encode()
    assert mask(mask(data)) == mask(data)


@pytest.mark.parametrize(
    "text",
    ["a", "a@", "-eyJ", "1 ", "12345678901 ", "AB12", "DE89", "\\", '\\"', '"token":', "sk-", "+1",
     "x@a.a.", "Bearer ", "2222 ", "4111-", "SG.", '"password":"\\', "-----BEGIN PRIVATE KEY-----",
     '"secret" :', "@", "eyJa.eyJa."],
)  # fmt: skip
def test_time_is_linear(text: str):
    def seconds(count: int) -> float:
        data = (text * count).encode()
        begun = time.process_time()
        mask(data)
        return time.process_time() - begun

    count = 20_000 // len(text)
    small = max(min(seconds(count) for _ in range(3)), 0.0005)
    # Eight times the text; a quadratic pattern would take 64 times as long.
    assert seconds(8 * count) < 30 * small
