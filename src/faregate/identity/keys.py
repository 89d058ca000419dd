"""Caller keys: `fg_`, 43 random characters, 6 of checksum.

A key is 256 random bits, so its hash needs no salt and no slowness: there is nothing to guess.
The checksum lets a mistyped or made-up key be refused without a look-up, and lets scanners
recognise a leaked one.
"""

import hashlib
import secrets
import zlib
from typing import Final, Literal

import msgspec

PREFIX: Final = "fg_"
SECRET_BITS: Final = 256
SECRET_CHARACTERS: Final = 43
CHECKSUM_CHARACTERS: Final = 6
KEY_LENGTH: Final = len(PREFIX) + SECRET_CHARACTERS + CHECKSUM_CHARACTERS
SHOWN_CHARACTERS: Final = len(PREFIX) + 6

_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

KeyState = Literal["active", "expired", "revoked"]


class KeyRecord(msgspec.Struct, frozen=True):
    """What is known of one key, without the key.

    `hash` is 32 bytes of SHA-256; times are nanoseconds since 1970-01-01 UTC; `models` of None
    means all of them. `application` is what it belongs to, `team` whose it is then.
    """

    key_id: str
    name: str
    prefix: str
    hash: bytes
    models: frozenset[str] | None
    created_ns: int
    expires_ns: int | None
    revoked_ns: int | None
    application: str | None = None
    team: str | None = None

    def state(self, now_ns: int) -> KeyState:
        """Whether it can be used at `now_ns`."""
        if self.revoked_ns is not None:
            return "revoked"
        if self.expires_ns is not None and now_ns >= self.expires_ns:
            return "expired"
        return "active"


def _base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, 62)
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode()), CHECKSUM_CHARACTERS)


def generate_key() -> str:
    """A new key; shown once, then only its hash is kept."""
    return write_token(PREFIX, secrets.randbits(SECRET_BITS))


def write_token(prefix: str, secret: int) -> str:
    """A token of a key's form, with its checksum; `secret` has 256 bits."""
    body = prefix + _base62(secret, SECRET_CHARACTERS)
    return body + _checksum(body)


def is_well_formed(key: str, prefix: str = PREFIX) -> bool:
    """Whether `key` has a key's length, alphabet and checksum."""
    length = KEY_LENGTH - len(PREFIX) + len(prefix)
    if len(key) != length or not key.startswith(prefix) or not key.isascii():
        return False
    body, checksum = key[:-CHECKSUM_CHARACTERS], key[-CHECKSUM_CHARACTERS:]
    return _checksum(body) == checksum


def hash_key(key: str) -> bytes:
    """SHA-256 of the whole key, 32 bytes: what is stored and looked up."""
    return hashlib.sha256(key.encode()).digest()


def shown_prefix(key: str) -> str:
    """The first characters, enough for a person to tell keys apart."""
    return key[:SHOWN_CHARACTERS]
