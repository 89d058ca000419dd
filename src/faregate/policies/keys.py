"""Identifies the caller of a call by its key.

Keys are found on demand and remembered, unknown ones too for a moment. A change of a key takes
effect when `forget` is called with its hash, for whoever remembered it: entries are marked as
dead, not only dropped. With the key store down, remembered keys go on; others get 503. Whoever
shows no key may have other credentials (`policies.callers`). Fails closed.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final, Protocol

from faregate.core import bounds
from faregate.core.clock import Clock
from faregate.core.errors import FaregateError
from faregate.core.refusals import Refusal, refuse
from faregate.identity.keys import KEY_LENGTH, KeyRecord, hash_key, is_well_formed
from faregate.identity.operator import OPERATOR_PREFIX
from faregate.policies.acting import UNKNOWN_TOKEN
from faregate.wire.request_reader import RequestHead

# As the SDKs of Anthropic, Azure and Google show a key.
KEY_FIELDS: Final = (b"x-api-key", b"api-key", b"x-goog-api-key")
_BEARER: Final = b"bearer "
_OPERATOR_PREFIX: Final = OPERATOR_PREFIX.encode()

# One answer for all keys that aren't known, whatever is wrong with them. Made once: whoever tries
# keys must not cost more than whoever has one.
UNKNOWN: Final = refuse(
    "key_unknown", "The key that was sent is not a key of this gateway.", scope="key", repeats=True
)
MISSING: Final = refuse(
    "key_missing", "The request carries no key.", param="authorization", repeats=True
)


Outcome = Refusal | Awaitable[Refusal | None] | None


class KeyEntry:
    """A key as it is remembered; `live` until it is forgotten."""

    __slots__ = ("live", "record")

    def __init__(self, record: KeyRecord) -> None:
        self.record = record
        self.live = True


class OtherCredentials(Protocol):
    """What identifies callers by something else than a key."""

    def __call__(self, call: Any, value: bytes | None) -> Outcome:
        """Set `call.key`, or refuse; `value` is what was sent in a key's place."""

    def knows(self, call: Any, entry: object) -> bool:
        """Set `call.key` by what was kept with the head, if that still holds."""


class CallWithKey(Protocol):
    """What this policy reads of a call, and the one thing that it sets."""

    head: RequestHead
    key: KeyRecord | None


class KeyCheck:
    """The step that sets `call.key`, or refuses with 401.

    `find` looks a key up by its hash; it may raise `FaregateError` where it can't.
    """

    def __init__(self, find: Callable[[bytes], Awaitable[KeyRecord | None]], clock: Clock) -> None:
        self._find = find
        self._clock = clock
        self._known: dict[bytes, KeyEntry] = {}
        self._unknown: dict[bytes, float] = {}  # hash: until when, on the monotonic clock
        self._looking: dict[bytes, asyncio.Future[KeyEntry | Refusal]] = {}
        self._changes = 0
        # What is no key may be the operator's token (`policies.acting`).
        self.acting: Callable[[Any, bytes], Outcome] | None = None
        # What is no key, or nothing, may be other credentials (`policies.callers`).
        self.others: OtherCredentials | None = None
        # Is told of guesses, and may make their answers wait (`policies.guesses`).
        self.guessed: Callable[[Any, Refusal], Outcome] | None = None

    def __call__(self, call: CallWithKey) -> Outcome:
        """Identify the caller; awaitable where the key has to be looked up."""
        entry = call.head.identity
        if isinstance(entry, KeyEntry) and entry.live:
            record = entry.record
            if record.expires_ns is None and record.revoked_ns is None:
                call.key = record
                return None
            return self._admit(call, entry)
        others = self.others
        if entry is not None and others is not None and others.knows(call, entry):
            return None
        value = presented_value(call.head.fields) or key_in_query(call.head.query)
        if not value:
            return MISSING if others is None else others(call, None)
        if len(value) != KEY_LENGTH:
            if self.acting is not None and value.startswith(_OPERATOR_PREFIX):
                outcome = self.acting(call, value)
                return self.refuse_guess(call, outcome) if outcome is UNKNOWN_TOKEN else outcome
            return self.refuse_guess(call) if others is None else others(call, value)
        return self.check(call, value)

    def check(self, call: CallWithKey, value: bytes) -> Outcome:
        """Identify the caller by this key."""
        presented = value.decode("latin-1")
        digest = hash_key(presented)
        known = self._known.get(digest)
        if known is not None:
            call.head.identity = known
            return self._admit(call, known)
        until = self._unknown.get(digest)
        if until is not None and self._clock.monotonic() < until:
            return self.refuse_guess(call)
        # The checksum takes longer than the hash, so it is only asked before a look-up.
        if not is_well_formed(presented):
            return self.refuse_guess(call)
        return self._look_up(call, digest)

    def refuse_guess(self, call: CallWithKey, refusal: Refusal = UNKNOWN) -> Outcome:
        """Refuse credentials that are none of this gateway's."""
        return refusal if self.guessed is None else self.guessed(call, refusal)

    async def find(self, digest: bytes) -> KeyEntry | Refusal:
        """The key of this hash, from memory or by a look-up.

        `UNKNOWN` where there is none.
        """
        known = self._known.get(digest)
        if known is not None:
            return known
        until = self._unknown.get(digest)
        if until is not None and self._clock.monotonic() < until:
            return UNKNOWN
        return await self._looked_up(digest)

    def recall(self, digest: bytes) -> KeyEntry | None:
        """The key of this hash, if it is in memory."""
        return self._known.get(digest)

    def forget(self, digests: Iterable[bytes]) -> None:
        """Something changed about the keys of these hashes."""
        self._changes += 1
        for digest in digests:
            self._unknown.pop(digest, None)
            entry = self._known.pop(digest, None)
            if entry is not None:
                entry.live = False

    def judge(self, record: KeyRecord) -> Refusal | None:
        """Whether this key may be used now."""
        if record.revoked_ns is not None or record.expires_ns is not None:
            state = record.state(self._clock.wall_ns())
            if state == "revoked":
                return refuse(
                    "key_revoked", f"The key {record.prefix}... was revoked.", scope="key"
                )
            if state == "expired":
                return refuse(
                    "key_expired", f"The key {record.prefix}... has expired.", scope="key"
                )
        return None

    def _admit(self, call: CallWithKey, entry: KeyEntry) -> Refusal | None:
        refusal = self.judge(entry.record)
        if refusal is None:
            call.key = entry.record
        return refusal

    async def _look_up(self, call: CallWithKey, digest: bytes) -> Refusal | None:
        found = await self._looked_up(digest)
        if isinstance(found, Refusal):
            if found is not UNKNOWN:
                return found
            outcome = self.refuse_guess(call)
            return await outcome if inspect.isawaitable(outcome) else outcome
        call.head.identity = found
        return self._admit(call, found)

    async def _looked_up(self, digest: bytes) -> KeyEntry | Refusal:
        looking = self._looking.get(digest)
        if looking is None:
            if len(self._looking) >= bounds.KEY_LOOKUPS_WAITING_MAX:
                detail = "Too many keys are being looked up at once."
                return refuse("gate_overloaded", detail, scope="gate")
            looking = asyncio.ensure_future(self._found(digest))
            self._looking[digest] = looking
        # A caller that leaves must not take the look-up from others that wait for it.
        return await asyncio.shield(looking)

    async def _found(self, digest: bytes) -> KeyEntry | Refusal:
        try:
            return await self._ask(digest)
        finally:
            self._looking.pop(digest, None)

    async def _ask(self, digest: bytes) -> KeyEntry | Refusal:
        changes = self._changes
        try:
            record = await self._find(digest)
        except FaregateError:
            return refuse("key_store_unavailable", "The key store does not answer.", scope="gate")
        if record is None:
            if changes == self._changes:  # else it may have been made meanwhile
                self._remember_unknown(digest)
            return UNKNOWN
        entry = KeyEntry(record)
        if changes != self._changes:
            # What was read may be older than what was forgotten meanwhile: use it once.
            entry.live = False
            return entry
        if len(self._known) >= bounds.KEY_CACHE_ENTRIES_MAX:
            oldest = self._known.pop(next(iter(self._known)))
            oldest.live = False
        self._known[digest] = entry
        return entry

    def _remember_unknown(self, digest: bytes) -> None:
        if len(self._unknown) >= bounds.UNKNOWN_KEY_CACHE_ENTRIES_MAX:
            del self._unknown[next(iter(self._unknown))]
        until = self._clock.monotonic() + bounds.UNKNOWN_KEY_CACHE_SECONDS
        self._unknown.pop(digest, None)
        self._unknown[digest] = until


def presented_value(fields: dict[bytes, bytes]) -> bytes | None:
    """The key as it was sent."""
    value = fields.get(b"authorization")
    if value is not None and value[:7].lower() == _BEARER:
        return value[7:].strip(b" ")
    for name in KEY_FIELDS:
        value = fields.get(name)
        if value is not None:
            return value
    return None


def key_in_query(query: bytes) -> bytes | None:
    """The key as Gemini's callers may send it: ?key=..."""
    if b"key=" not in query:
        return None
    parts = (part.partition(b"=") for part in query.split(b"&"))
    return next((value for name, _, value in parts if name == b"key"), None)
