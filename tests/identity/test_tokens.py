"""Tokens tell their kind, and a mistyped one tells itself."""

import pytest

from faregate.identity.keys import is_well_formed
from faregate.identity.tokens import (
    PREFIXES,
    TokenKind,
    cross_site_token,
    hash_token,
    is_cross_site_token,
    is_one_time_password,
    kind_of_token,
    new_one_time_password,
    new_recovery_code,
    new_token,
    plain_recovery_code,
    shown_token,
)


@pytest.mark.parametrize("kind", PREFIXES)
def test_a_token_tells_its_kind(kind: TokenKind) -> None:
    token = new_token(kind)
    assert kind_of_token(token) == kind
    assert not is_well_formed(token)
    assert new_token(kind) != token
    assert len(hash_token(token)) == 32
    assert shown_token(token) == token[:10]
    changed = token[:-1] + ("0" if token[-1] != "0" else "1")
    assert kind_of_token(changed) is None
    assert kind_of_token(token + "0") is None


@pytest.mark.parametrize("text", ["", "fgp_", "fg_x", "Bearer x", "fgp_ü", "\ud800"])
def test_what_is_none(text: str) -> None:
    assert kind_of_token(text) is None
    assert len(hash_token(text)) == 32


def test_the_cross_site_token_is_the_sessions_own() -> None:
    one, other = new_token("session"), new_token("session")
    assert is_cross_site_token(cross_site_token(one), one)
    assert not is_cross_site_token(cross_site_token(one), other)
    assert not is_cross_site_token("", one)
    assert not is_cross_site_token("ü\ud800", one)


def test_one_time_passwords() -> None:
    password = new_one_time_password()
    assert len(password) == 24
    assert is_one_time_password(password)
    assert is_one_time_password(f" {password.upper()} ")
    assert not is_one_time_password(password[:-1] + ("0" if password[-1] != "0" else "1"))
    assert not is_one_time_password("violet river canoe")
    assert len({new_one_time_password() for _ in range(50)}) == 50


def test_recovery_codes_as_they_are_typed() -> None:
    code = new_recovery_code()
    assert plain_recovery_code(code) == code
    assert plain_recovery_code(code.upper().replace("-", " ")) == code
    assert plain_recovery_code(code.replace("0", "O").replace("1", "l")) == code
    assert plain_recovery_code("123456") is None
    assert plain_recovery_code("u" * 16) is None
