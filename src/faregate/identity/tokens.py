"""Tokens of people and programs.

A kind's prefix, 43 characters, 6 of checksum.

As with callers' keys, a token is 256 random bits: only its SHA-256 is stored, and the checksum
tells a mistyped one without a look-up.
"""

import hashlib
import hmac
import re
import secrets
import zlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

from faregate.identity.keys import SECRET_BITS, is_well_formed, write_token

TokenKind = Literal["personal", "service", "session", "invitation", "reset"]

PREFIXES: Final[Mapping[TokenKind, str]] = MappingProxyType(
    {
        "personal": "fgp_",
        "service": "fgs_",
        "session": "fgw_",
        "invitation": "fgi_",
        "reset": "fgr_",
    }
)
_SHOWN: Final = 6  # characters behind the prefix, for a person to tell tokens apart
_BINDING: Final = b"faregate cross-site token, version 1"

# Crockford's base32, in small letters: nothing in it is mistaken for something else.
_LETTERS: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_GROUP: Final = 4
_RANDOM_LETTERS: Final = 16  # 80 bits
_CHECK_LETTERS: Final = 4


def new_token(kind: TokenKind) -> str:
    """A new token; shown once, then only its hash is kept."""
    return write_token(PREFIXES[kind], secrets.randbits(SECRET_BITS))


def kind_of_token(text: str) -> TokenKind | None:
    """What kind of token this is.

    None where prefix, length or checksum are wrong.
    """
    for kind, prefix in PREFIXES.items():
        if text.startswith(prefix):
            return kind if is_well_formed(text, prefix) else None
    return None


def hash_token(token: str) -> bytes:
    """SHA-256 of the whole token, 32 bytes: what is stored and looked up."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()


def shown_token(token: str) -> str:
    """The first characters, enough to tell tokens apart."""
    return token[: token.index("_") + 1 + _SHOWN]


def cross_site_token(session_token: str) -> str:
    """What a page of ours sends beside the session's cookie.

    Bound to that session.

    Another site's page can make a browser send the cookie, but can't know this.
    """
    digest = hmac.new(session_token.encode(), _BINDING, hashlib.sha256).digest()
    return digest[:24].hex()


def is_cross_site_token(presented: str, session_token: str) -> bool:
    """Whether it belongs to this session; always takes the same time."""
    expected = cross_site_token(session_token).encode()
    return hmac.compare_digest(presented.encode(errors="replace"), expected)


def new_one_time_password() -> str:
    """A password for one login: five groups of four letters and digits.

    80 random bits, and a checksum of 20 that tells a typing mistake.
    """
    body = "".join(secrets.choice(_LETTERS) for _ in range(_RANDOM_LETTERS))
    return _grouped(body + _check_letters(body))


def is_one_time_password(text: str) -> bool:
    """Whether it has the form of one, and its checksum."""
    letters = text.strip().lower().replace("-", "")
    body, check = letters[:_RANDOM_LETTERS], letters[_RANDOM_LETTERS:]
    return bool(re.fullmatch(f"[{_LETTERS}]{{20}}", letters)) and _check_letters(body) == check


def new_recovery_code() -> str:
    """A code instead of a second factor's.

    Four groups of four, 80 random bits.
    """
    return _grouped("".join(secrets.choice(_LETTERS) for _ in range(_RANDOM_LETTERS)))


def plain_recovery_code(text: str) -> str | None:
    """The code as it is hashed, however it was typed.

    None where it can't be one.
    """
    letters = re.sub(r"[\s-]", "", text).lower()
    letters = letters.replace("o", "0").replace("i", "1").replace("l", "1")
    return _grouped(letters) if re.fullmatch(f"[{_LETTERS}]{{16}}", letters) else None


def _grouped(letters: str) -> str:
    return "-".join(letters[at : at + _GROUP] for at in range(0, len(letters), _GROUP))


def _check_letters(body: str) -> str:
    number = zlib.crc32(body.encode())
    return "".join(_LETTERS[number >> shift & 31] for shift in range(0, 5 * _CHECK_LETTERS, 5))
