"""Sealing of secrets with AES-256-GCM under the master key.

A sealed secret is text, `${sealed:v1:<base64url>}`: four bytes that tell which master key, a
nonce of twelve, the ciphertext and its tag. The place where the secret belongs is authenticated
with it, so that a sealed secret can't be moved to another provider and read there.
NIST SP 800-38D allows 2^32 random nonces a key: configuration never comes near.
"""

import base64
import binascii
import hashlib
import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from faregate.core.errors import StorageError

_OPENING: Final = "${sealed:v1:"
_CLOSING: Final = "}"
_KEY_MARK_BYTES: Final = 4
_NONCE_BYTES: Final = 12


class SecretBox:
    """Seals and opens secrets with one master key of 32 bytes."""

    __slots__ = ("_cipher", "_mark")

    def __init__(self, master_key: bytes) -> None:
        self._cipher = AESGCM(master_key)
        self._mark = hashlib.sha256(b"faregate master key\0" + master_key).digest()[
            :_KEY_MARK_BYTES
        ]

    def __repr__(self) -> str:
        return f"SecretBox(key {self._mark.hex()})"

    def seal(self, plaintext: str, aad: str) -> str:
        """`${sealed:v1:...}` of `plaintext`, bound to the place `aad`."""
        nonce = os.urandom(_NONCE_BYTES)
        ciphertext = self._cipher.encrypt(nonce, plaintext.encode(), aad.encode())
        packed = base64.urlsafe_b64encode(self._mark + nonce + ciphertext).decode()
        return f"{_OPENING}{packed.rstrip('=')}{_CLOSING}"

    def open(self, sealed: str, aad: str) -> str:
        """The secret; `StorageError` for another key, place or text."""
        packed = _unpack(sealed, aad)
        mark, rest = packed[:_KEY_MARK_BYTES], packed[_KEY_MARK_BYTES:]
        if mark != self._mark:
            raise StorageError(
                f"{aad} was sealed with another master key "
                f"({mark.hex()}; this one is {self._mark.hex()})",
                fix="use the master.key or FAREGATE_MASTER_KEY that it was sealed with, "
                "or give the secret again as ${env:NAME}",
            )
        try:
            plaintext = self._cipher.decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], aad.encode())
        except InvalidTag as error:
            raise StorageError(
                f"the sealed secret of {aad} was changed, or was sealed for another place",
                fix="give the secret again as ${env:NAME}",
            ) from error
        return plaintext.decode()


def _unpack(sealed: str, aad: str) -> bytes:
    if sealed.startswith(_OPENING) and sealed.endswith(_CLOSING):
        text = sealed[len(_OPENING) : -len(_CLOSING)]
        try:
            packed = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
        except (binascii.Error, ValueError):
            packed = b""
        if len(packed) > _KEY_MARK_BYTES + _NONCE_BYTES:
            return packed
    raise StorageError(
        f"the sealed secret of {aad} is not complete", fix="give the secret again as ${env:NAME}"
    )
