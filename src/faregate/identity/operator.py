"""The operator's token, which opens the whole story of any call.

It is derived from the installation's master key, so there is nothing to store or to hand out:
whoever may read that file may derive it, and a gate is told its hash alone.
"""

import hashlib
import hmac
from typing import Final

from faregate.identity.keys import hash_key, is_well_formed, write_token

OPERATOR_PREFIX: Final = "fgo_"
_DOMAIN: Final = b"faregate operator token, version 1"


def operator_token(master_key: bytes) -> str:
    """The token of the installation with this master key; always the same."""
    digest = hmac.new(master_key, _DOMAIN, hashlib.sha256).digest()
    return write_token(OPERATOR_PREFIX, int.from_bytes(digest))


def is_operator_token(text: str) -> bool:
    """Whether it has the form of one: prefix, length and checksum."""
    return is_well_formed(text, OPERATOR_PREFIX)


def is_operator(presented: str, token_hash: bytes | None) -> bool:
    """Whether this is the token of that hash; always takes the same time."""
    known = token_hash if token_hash is not None else bytes(hashlib.sha256().digest_size)
    same = hmac.compare_digest(hash_key(presented), known)
    return same and token_hash is not None
