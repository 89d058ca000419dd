"""Public keys of an identity provider: fetched, kept, rotated.

Keys are fetched when the first token comes; again when they are no longer fresh, beside the calls,
which go on with the old ones; and when a token names a key that isn't there. Such fetches are few,
for anybody can name keys. Where it so can't be known whether a key exists, that is told as the
operator's trouble, never as a wrong token. While fetches fail, known keys serve on for a day.
"""

import asyncio
import importlib
import logging
import math
from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple

import msgspec

from faregate.core.clock import Clock
from faregate.core.refusals import Refusal, refuse

_log = logging.getLogger(__name__)

FRESH_S: Final = 600.0  # where the provider says nothing of max-age
FRESH_S_MIN: Final = 60.0
FRESH_S_MAX: Final = 86_400.0
STALE_S_MAX: Final = 86_400.0  # a key that was withdrawn must end, also while nobody answers
RETRY_S: Final = 5.0  # after a failure
REFRESH_S: Final = 10.0  # between fetches for keys that are missing, beyond the first few
REFRESHES_FREE: Final = 3
ABSENT_S: Final = 10.0  # for so long a key that was just looked for is known not to be there
ABSENT_MAX: Final = 1_000
KEYS_MAX: Final = 100
BODY_BYTES_MAX: Final = 1024 * 1024
_RSA_BITS_MIN: Final = 2_048
_PUBLIC_TYPES: Final = frozenset(("RSA", "EC", "OKP"))


class FetchedKeys(NamedTuple):
    """A JWK set as it came.

    `max_age_s` is Cache-Control's; None where it says nothing.
    """

    body: bytes
    max_age_s: float | None


class PublicKey(NamedTuple):
    """One key; `algorithms` are those that it can verify."""

    kid: str | None
    key: Any
    algorithms: frozenset[str]


class KeySetError(ValueError):
    """A JWK set that can't be used; the text is for the operator."""


_decode: Final = msgspec.json.Decoder(dict[str, Any]).decode


def load_library() -> None:
    """Load what verifies tokens; it takes a tenth of a second."""
    importlib.import_module("joserfc.jws")
    importlib.import_module("joserfc.jwk")


def read_key_set(body: bytes) -> tuple[PublicKey, ...]:
    """The public keys for signatures in a JWK set; others are passed over.

    Raises `KeySetError` where there is none.
    """
    if len(body) > BODY_BYTES_MAX:
        raise KeySetError(f"it has more than {BODY_BYTES_MAX} bytes")
    try:
        members = _decode(body).get("keys")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise KeySetError("it is not JSON") from None
    if not isinstance(members, list):
        raise KeySetError("it has no list 'keys'")
    if len(members) > KEYS_MAX:
        raise KeySetError(f"it has more than {KEYS_MAX} keys")
    found = [key for member in members if (key := _read_key(member)) is not None]
    if not found:
        raise KeySetError("it has no public key for signatures that is known here")
    return tuple(found)


def _read_key(member: Any) -> PublicKey | None:
    from joserfc.jwk import import_key  # slow to load, and only for those who take tokens

    if not isinstance(member, dict) or member.get("kty") not in _PUBLIC_TYPES:
        return None
    kid = member.get("kid")
    if kid is not None and not isinstance(kid, str):
        return None
    try:
        key: Any = import_key({name: value for name, value in member.items() if name != "d"})
        if key.key_type == "RSA" and key.public_key.key_size < _RSA_BITS_MIN:
            return None
        algorithms = _algorithms(key)
    except Exception:  # whatever the library makes of it: one odd key spoils no other
        return None
    return PublicKey(kid, key, algorithms) if algorithms else None


def _algorithms(key: Any) -> frozenset[str]:
    from joserfc.errors import JoseError
    from joserfc.jws import JWSRegistry

    found = set()
    for name, algorithm in JWSRegistry.algorithms.items():
        if name == "none" or algorithm.key_type != key.key_type:
            continue
        try:
            algorithm.check_key(key)
        except JoseError:
            continue
        if name != "Ed25519" or key.curve_name == "Ed25519":
            found.add(name)
    return frozenset(found)


class KeySet:
    """The keys of one issuer; `fetch` may raise whatever it likes."""

    def __init__(
        self, name: str, fetch: Callable[[], Awaitable[FetchedKeys]], clock: Clock
    ) -> None:
        self._name = name
        self._fetch = fetch
        self._now = clock.monotonic
        self.changed: Callable[[], None] | None = None
        self.keys: tuple[PublicKey, ...] = ()
        self._shown: frozenset[str] = frozenset()
        self._fresh_until = -math.inf
        self._stale_until = -math.inf
        self._retry_at = -math.inf
        self._tokens = float(REFRESHES_FREE)
        self._tokens_at = clock.monotonic()
        self._absent: dict[str, float] = {}
        self._failed = False
        self._task: asyncio.Task[None] | None = None

    def find(self, kid: str | None, algorithm: str) -> list[PublicKey]:
        """Keys that a token may be signed with; empty: they must be asked for."""
        now = self._now()
        if now >= self._stale_until:
            return []
        if now >= self._fresh_until and self._task is None and now >= self._retry_at:
            self._begin()
        return [
            one
            for one in self.keys
            if algorithm in one.algorithms and (kid is None or one.kid in (kid, None))
        ]

    async def ask(self, kid: str | None, algorithm: str) -> list[PublicKey] | Refusal:
        """Keys after a fetch; empty: there is none; a refusal: nobody knows."""
        now = self._now()
        if self._is_absent(kid, now):
            return []
        if self._task is None:
            wait_s = self._wait_s(now)
            if wait_s > 0:
                return _unavailable(wait_s)
            self._begin()
        assert self._task is not None
        await asyncio.shield(self._task)
        if self._failed:
            found = self.find(kid, algorithm)
            return found or _unavailable(max(self._retry_at - self._now(), 1.0))
        found = self.find(kid, algorithm)
        if not found:
            self._remember_absent(kid)
        return found

    def _begin(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._refresh())

    def _wait_s(self, now: float) -> float:
        """Seconds until a key that is missing may be asked for; 0: now, and it counts."""
        if now < self._retry_at:
            return self._retry_at - now
        gained = (now - self._tokens_at) / REFRESH_S
        self._tokens = min(self._tokens + gained, float(REFRESHES_FREE))
        self._tokens_at = now
        if self._tokens < 1.0:
            return (1.0 - self._tokens) * REFRESH_S
        self._tokens -= 1.0
        return 0.0

    def _is_absent(self, kid: str | None, now: float) -> bool:
        until = self._absent.get(kid or "")
        return until is not None and now < until

    def _remember_absent(self, kid: str | None) -> None:
        name = kid or ""
        self._absent.pop(name, None)
        if len(self._absent) >= ABSENT_MAX:
            del self._absent[next(iter(self._absent))]
        self._absent[name] = self._now() + ABSENT_S

    async def _refresh(self) -> None:
        try:
            fetched = await self._fetch()
            keys = read_key_set(fetched.body)
        except Exception as error:  # whatever fails, tokens with known keys go on
            self._retry_at = self._now() + RETRY_S
            if not self._failed:
                _log.error("the keys of the issuer %s can't be had: %s", self._name, error)
            self._failed = True
        else:
            self._take(keys, fetched.max_age_s)
        finally:
            self._task = None

    def _take(self, keys: tuple[PublicKey, ...], max_age_s: float | None) -> None:
        now = self._now()
        if self._failed:
            self._failed = False
            _log.warning("the keys of the issuer %s are there again", self._name)
        age_s = FRESH_S if max_age_s is None else min(max(max_age_s, FRESH_S_MIN), FRESH_S_MAX)
        self._fresh_until, self._stale_until = now + age_s, now + age_s + STALE_S_MAX
        self._retry_at = -math.inf
        shown = frozenset(repr(sorted(one.key.as_dict(private=False).items())) for one in keys)
        gone, self._shown, self.keys = self._shown - shown, shown, keys
        if gone and self.changed is not None:
            self.changed()


def _unavailable(wait_s: float) -> Refusal:
    return refuse(
        "identity_provider_unavailable",
        "Whether this token is right can't be known: the key that it names isn't known here, and "
        "the identity provider's keys can't be had just now.",
        scope="gate",
        retry_after_s=max(math.ceil(wait_s), 1),
    )


def fixed_key_set(secret: str, clock: Clock) -> "KeySet":
    """A set of one shared secret, which is never fetched."""
    from joserfc.jwk import OctKey

    async def never() -> FetchedKeys:
        raise KeySetError("a shared secret is not fetched")

    made = KeySet("", never, clock)
    names = frozenset(("HS256", "HS384", "HS512"))
    made.keys = (PublicKey(None, OctKey.import_key(secret), names),)
    made._fresh_until = made._stale_until = math.inf
    return made
