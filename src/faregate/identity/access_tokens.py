"""Access tokens that the installation issues for keys: `fga_...`.

A token says which key it stands for, by the key's hash, and until when; a MAC over that is made
with a secret that follows from the master key. So any worker can check one without looking
anything up, and there is nothing to store. Who has a token can't find the key: its hash is of
256 random bits.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
import struct
from typing import Final, NamedTuple

ACCESS_TOKEN_PREFIX: Final = "fga_"  # noqa: S105 - no secret
_DOMAIN: Final = b"faregate access tokens, version 1"
_VERSION: Final = 1
_BODY: Final = struct.Struct(">BQQ32s8s")  # version, issued, until (seconds), key's hash, random
_MAC_BYTES: Final = 32
_CHARACTERS: Final = -(-(_BODY.size + _MAC_BYTES) * 4 // 3)


class AccessToken(NamedTuple):
    """What a token says; times are seconds since 1970."""

    key_hash: bytes
    issued_s: int
    until_s: int


def token_secret(master_key: bytes) -> bytes:
    """The secret of the installation with this master key; always the same."""
    return hmac.new(master_key, _DOMAIN, hashlib.sha256).digest()


def write_access_token(secret: bytes, token: AccessToken) -> str:
    """The token, signed; each is another, for it has 64 random bits."""
    body = _BODY.pack(
        _VERSION, token.issued_s, token.until_s, token.key_hash, secrets.token_bytes(8)
    )
    data = base64.urlsafe_b64encode(body + _mac(secret, body))
    return ACCESS_TOKEN_PREFIX + data.decode("ascii").rstrip("=")


def read_access_token(secret: bytes, text: bytes) -> AccessToken | None:
    """What a token says; None for what wasn't made with this secret."""
    prefix = ACCESS_TOKEN_PREFIX.encode()
    if not text.startswith(prefix) or len(text) != len(prefix) + _CHARACTERS:
        return None
    coded = text[len(prefix) :] + b"=" * (-_CHARACTERS % 4)
    try:
        data = base64.b64decode(coded, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    if base64.urlsafe_b64encode(data).rstrip(b"=") != coded.rstrip(b"="):
        return None  # bits behind the last byte: one token has one writing
    body, mac = data[: _BODY.size], data[_BODY.size :]
    if not hmac.compare_digest(mac, _mac(secret, body)):
        return None
    version, issued_s, until_s, key_hash, _ = _BODY.unpack(body)
    return AccessToken(key_hash, issued_s, until_s) if version == _VERSION else None


def _mac(secret: bytes, body: bytes) -> bytes:
    return hmac.new(secret, body, hashlib.sha256).digest()
