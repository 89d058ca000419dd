"""What a password must be: long, not common, not one's own address.

As NIST SP 800-63B §3.1.1.2 has it: a length, a comparison with what is commonly chosen, and no
rules of composition. What is common is told by construction rather than by a list: words that
guessers try first, however written and filled up, rows of a keyboard, and repetitions.
"""

import re
import unicodedata
from typing import Final

from faregate.core.errors import ConfigurationError

CHARACTERS_MIN: Final = 12
CHARACTERS_MAX: Final = 128

# What is left when figures and signs around it are gone, and look-alikes are letters again.
_TRIED_FIRST: Final = """
    abc access account admin administrator adminadmin angel baseball basketball batman changeme
    charlie computer correcthorsebatterystaple default demo dragon faregate football freedom gateway
    guest hello helloworld hockey iloveyou jesus jordan letmein liverpool login love lovely master
    merlin michael monkey mustang mypassword ninja nothing owner pass passphrase passwd password
    passwort pokemon princess qazwsx qwert qwerty qwertz root samsung secret shadow soccer spring
    starwars summer sunshine superman superuser system temp temporary test tester testing
    thisisapassword trustno trustnoone user welcome whatever winter autumn zaq
"""
_WORDS: Final = frozenset(_TRIED_FIRST.split())
_ROWS: Final = (
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890123456789",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik",
    "1q2w3e4r5t6z7u8i9o0p",
    "1q2w3e4r5t6y7u8i9o0p",
    "q1w2e3r4t5y6u7i8o9p0",
)
_LOOK_ALIKES: Final = str.maketrans("013457@$!|€", "oleastasile")
_RUN: Final = 4  # neighbours on a row that count as one step
_SURPRISES_MIN: Final = 5  # characters beyond rows and repetitions


def prepared(password: str) -> str:
    """The password in the one form that is hashed.

    NFKC, as NIST SP 800-63B has it.
    """
    return unicodedata.normalize("NFKC", password)


def check_new_password(password: str, email: str = "", name: str = "") -> None:
    """Raise `ConfigurationError` unless it may be this user's password."""
    text = prepared(password)
    if not CHARACTERS_MIN <= len(text) <= CHARACTERS_MAX:
        raise ConfigurationError(
            f"a password has {CHARACTERS_MIN} to {CHARACTERS_MAX} characters",
            fix="choose a longer one; several words in a row are easy to keep in mind"
            if len(text) < CHARACTERS_MIN
            else f"choose one of at most {CHARACTERS_MAX} characters",
        )
    if is_common(text):
        raise ConfigurationError(
            "this password is among the first that are guessed",
            fix="choose several words that have nothing to do with each other",
        )
    if _names_its_owner(text, email, name):
        raise ConfigurationError(
            "this password is made of the user's own address or name",
            fix="choose one that doesn't follow from who uses it",
        )


def is_common(password: str) -> bool:
    """Whether guessers try it early.

    A known word filled up, a row, a repetition.
    """
    text = password.casefold()
    repeated = len(_halved(text)) <= _SURPRISES_MIN or len(set(text)) < _SURPRISES_MIN
    return repeated or _is_filled_word(text) or _surprises(text) < _SURPRISES_MIN


def _is_filled_word(text: str) -> bool:
    # Figures and signs at the ends are filling, or letters in disguise: both are looked at.
    stripped = re.sub(r"^[\W\d_]+|[\W\d_]+$", "", text)
    forms = (text.translate(_LOOK_ALIKES), stripped, stripped.translate(_LOOK_ALIKES))
    words = {re.sub(r"[\W_]", "", form) for form in forms} | {re.sub(r"[\W\d_]", "", text)}
    return any(word in _WORDS or _halved(word) in _WORDS for word in words)


def _halved(text: str) -> str:
    """What the text is a repetition of."""
    for length in range(1, len(text) // 2 + 1):
        if len(text) % length == 0 and text == text[:length] * (len(text) // length):
            return text[:length]
    return text


def _surprises(text: str) -> int:
    """How many characters follow from nothing before them."""
    count = at = 0
    while at < len(text):
        at += max(1, _row_length(text, at), _echo_length(text, at))
        count += 1
    return count


def _row_length(text: str, at: int) -> int:
    length = 0
    for row in _ROWS:
        for way in (row, row[::-1]):
            end = at + _RUN
            while end <= len(text) and text[at:end] in way:
                length, end = max(length, end - at), end + 1
    return length


def _echo_length(text: str, at: int) -> int:
    """How much of what comes was there before, at the least two characters."""
    length = 0
    while at + length < len(text) and text[at : at + length + 1] in text[:at]:
        length += 1
    if length == 1 and at and text[at] == text[at - 1]:
        while at + length < len(text) and text[at + length] == text[at]:
            length += 1
    return length if length > 1 else 0


def _names_its_owner(password: str, email: str, name: str) -> bool:
    text = re.sub(r"[\W_]", "", password.casefold())
    local, _, domain = email.casefold().partition("@")
    words = {email.casefold(), local, local + domain.partition(".")[0], name.casefold()}
    for word in (re.sub(r"[\W_]", "", word) for word in words):
        if len(word) < 3 or word not in text:
            continue
        rest = text.replace(word, "")
        if not rest or re.fullmatch(r"\d*", rest) or _surprises(rest) < 3:
            return True
    return False
