"""Passwords are long, and not what is guessed first; nothing else is asked of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faregate.core.errors import ConfigurationError
from faregate.identity.passwords import CHARACTERS_MAX, check_new_password, is_common, prepared

COMMON = """
password1234 Password123! P@ssw0rd2024! qwertyuiop12 qwertzuiop12 123456789012 aaaaaaaaaaaa
abcabcabcabc administrator1 correcthorsebatterystaple letmeinletmein faregate-2026! Summer2026!!
1q2w3e4r5t6z adminadminadmin aB3$aB3$aB3$ 987654321098 asdfghjkl;12 1qaz2wsx3edc 111122223333
"""
GOOD = (
    "violet river canoe",
    "mein blaues fahrrad",
    "kH3$vTz91!qLw",
    "bright lamp 77",
    "all small letters and spaces",
    "四つの言葉で十分に長いです",
)


@pytest.mark.parametrize("password", COMMON.split())
def test_common_ones_are_refused(password: str) -> None:
    with pytest.raises(ConfigurationError, match="first that are guessed"):
        check_new_password(password)


@pytest.mark.parametrize("password", GOOD)
def test_no_composition_is_asked_for(password: str) -> None:
    check_new_password(password, "ann@example.com", "Ann Archer")
    assert not is_common(password)


def test_length() -> None:
    with pytest.raises(ConfigurationError, match="12 to 128 characters") as caught:
        check_new_password("short words")
    assert "longer" in str(caught.value.fix)
    with pytest.raises(ConfigurationError, match="12 to 128 characters"):
        check_new_password("violet river canoe " * 7)
    check_new_password(("violet river canoe and seven brave llamas sing " * 3)[:CHARACTERS_MAX])


@pytest.mark.parametrize(
    "password",
    ["ann.archer@example.com", "Ann.Archer2026", "annarcherexample", "12345annarcher12345"],
)
def test_ones_own_address_is_refused(password: str) -> None:
    with pytest.raises(ConfigurationError, match="own address or name"):
        check_new_password(password, "ann.archer@example.com", "Ann Archer")


def test_a_part_of_it_is_allowed() -> None:
    check_new_password("ann likes violet canoes", "ann@example.com", "Ann")
    assert prepared("ﬁve violet canoes") == "five violet canoes"


@given(st.text(max_size=140))
def test_any_text_is_judged(text: str) -> None:
    message = ""
    try:
        check_new_password(text, "ann@example.com", "Ann")
    except ConfigurationError as error:
        message = str(error)
    assert text not in message or len(text) < 3
