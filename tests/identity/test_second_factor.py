"""A code is accepted in its half minute and the ones beside it, and never twice."""

import pyotp
import pytest

from faregate.identity.second_factor import (
    STEP_S,
    accepted_step,
    enrolment_uri,
    new_factor_secret,
)

SECRET = "JBSWY3DPEHPK3PXP" * 2
STEP = 56_666_666
NOW_NS = STEP * STEP_S * 1_000_000_000


def code(step: int) -> str:
    """The code of this step."""
    return pyotp.TOTP(SECRET).generate_otp(step)


@pytest.mark.parametrize("off", [-1, 0, 1])
def test_one_step_around(off: int) -> None:
    assert accepted_step(SECRET, code(STEP + off), NOW_NS, None) == STEP + off


@pytest.mark.parametrize("off", [-3, -2, 2, 3])
def test_not_further(off: int) -> None:
    assert accepted_step(SECRET, code(STEP + off), NOW_NS, None) is None


def test_never_twice_nor_an_older_one() -> None:
    step = accepted_step(SECRET, code(STEP), NOW_NS, None)
    assert accepted_step(SECRET, code(STEP), NOW_NS, step) is None
    assert accepted_step(SECRET, code(STEP - 1), NOW_NS, step) is None
    assert accepted_step(SECRET, code(STEP + 1), NOW_NS, step) == STEP + 1


@pytest.mark.parametrize("text", ["", "12345", "1234567", "abcdef", "１２３４５６"])
def test_what_is_no_code(text: str) -> None:
    assert accepted_step(SECRET, text, NOW_NS, None) is None


def test_spaces_are_forgiven() -> None:
    digits = code(STEP)
    assert accepted_step(SECRET, f"{digits[:3]} {digits[3:]}", NOW_NS, None) == STEP


def test_enrolment() -> None:
    secret = new_factor_secret()
    assert len(secret) == 32
    assert new_factor_secret() != secret
    uri = enrolment_uri(secret, "ann@example.com")
    assert uri.startswith("otpauth://totp/Faregate:ann%40example.com?")
    assert f"secret={secret}" in uri
