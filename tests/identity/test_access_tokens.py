"""An access token says which key it stands for, and nobody else can write or change one."""

from hypothesis import given
from hypothesis import strategies as st

from faregate.identity.access_tokens import (
    AccessToken,
    read_access_token,
    token_secret,
    write_access_token,
)

SECRET = token_secret(b"m" * 32)
TOKEN = AccessToken(b"h" * 32, 1_700_000_000, 1_700_000_900)


def test_what_was_written_is_read():
    text = write_access_token(SECRET, TOKEN)
    assert text.startswith("fga_")
    assert read_access_token(SECRET, text.encode()) == TOKEN
    assert write_access_token(SECRET, TOKEN) != text


def test_another_installation_takes_none():
    text = write_access_token(token_secret(b"n" * 32), TOKEN)
    assert read_access_token(SECRET, text.encode()) is None
    assert token_secret(b"m" * 32) == SECRET


@given(st.integers(0), st.integers(0, 255))
def test_a_changed_token_is_none(at: int, byte: int):
    text = bytearray(write_access_token(SECRET, TOKEN).encode())
    at %= len(text)
    changed = text[at] != byte
    text[at] = byte
    assert (read_access_token(SECRET, bytes(text)) is None) == changed


@given(st.binary(max_size=200))
def test_anything_else_is_none(text: bytes):
    assert read_access_token(SECRET, text) is None
    assert read_access_token(SECRET, b"fga_" + text) is None
