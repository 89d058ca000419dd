"""Identifies callers by access tokens that this installation has issued.

A token stands for a key: its signature says so, and what the key is comes from where keys are
remembered. So a token ends with its key, within a second of its revocation. Fails closed.

Sources: RFC 6749 §4.4 (client credentials), RFC 6750 §3.1 (invalid_token).
"""

from collections.abc import Awaitable
from typing import Final

from faregate.core.clock import Clock
from faregate.core.refusals import Refusal, refuse
from faregate.identity.access_tokens import (
    ACCESS_TOKEN_PREFIX,
    AccessToken,
    read_access_token,
    write_access_token,
)
from faregate.identity.keys import KeyRecord
from faregate.policies.identified import Identified
from faregate.policies.keys import UNKNOWN, KeyCheck, KeyEntry

PREFIX: Final = ACCESS_TOKEN_PREFIX.encode()
_NS: Final = 1_000_000_000

_INVALID: Final = refuse(
    "token_invalid",
    "The access token that was sent is not one of this gateway, or its key is gone.",
    scope="key",
    param="authorization",
    repeats=True,
)
_EXPIRED: Final = refuse(
    "token_expired",
    "The access token has expired; POST /oauth2/token gives another.",
    scope="key",
    param="authorization",
    repeats=True,
)


class AccessTokens:
    """Issues access tokens and takes them; `secret` is the installation's."""

    def __init__(self, secret: bytes, key_check: KeyCheck, clock: Clock) -> None:
        self._secret = secret
        self._keys = key_check
        self._clock = clock

    def issue(self, record: KeyRecord, lifetime_s: int) -> tuple[str, int]:
        """A token for a key, and the seconds that it is good for.

        Never more than the key has.
        """
        now_s = self._clock.wall_ns() // _NS
        until_s = now_s + lifetime_s
        if record.expires_ns is not None:
            until_s = min(until_s, record.expires_ns // _NS)
        token = AccessToken(record.hash, now_s, until_s)
        return write_access_token(self._secret, token), max(until_s - now_s, 0)

    def __call__(self, text: bytes) -> Identified | Refusal | Awaitable[Identified | Refusal]:
        """Whom a token stands for; awaitable where its key must be looked up."""
        token = read_access_token(self._secret, text)
        if token is None:
            return _INVALID
        if self._clock.wall_ns() >= token.until_s * _NS:
            return _EXPIRED
        entry = self._keys.recall(token.key_hash)
        return self._found(token, entry) if entry is not None else self._look_up(token)

    async def _look_up(self, token: AccessToken) -> Identified | Refusal:
        entry = await self._keys.find(token.key_hash)
        if isinstance(entry, Refusal):
            return _INVALID if entry is UNKNOWN else entry
        return self._found(token, entry)

    def _found(self, token: AccessToken, entry: KeyEntry) -> Identified | Refusal:
        refusal = self._keys.judge(entry.record)
        if refusal is not None:
            return refusal
        until_ns = token.until_s * _NS
        if entry.record.expires_ns is not None:
            until_ns = min(until_ns, entry.record.expires_ns)
        return Identified("oauth2", entry.record, until_ns, key=entry)
