"""The audit log's chain: each entry's hash covers all entries before it.

Strategy
  An entry is written as canonical JSON; its hash is SHA-256 over the hash before it and that
  text. Two marks bear a seal, an HMAC under a key that is derived from the master key: the head
  (number and hash of the newest entry), and the start (those of the last entry that retention
  took away). Seals stand on the marks alone, not on entries: the seal of an older head is nowhere
  in the table, so whoever has no master key can't cut the end off and seal what is left.

Theory
  Any change of an entry changes its hash and so all that follow, up to a head that can't be
  sealed again without the key.

Warning
  Who keeps a copy of the whole database can put the whole copy back. That is seen only by a head
  that was noted elsewhere. Who reads the master key can write any history.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable, Iterator
from typing import Any, Final, Literal

import msgspec

from faregate.identity.actors import Actor

Outcome = Literal["done", "refused", "failed"]
MarkKind = Literal["start", "head"]

HASH_BYTES: Final = 32
BEGINNING: Final = bytes(HASH_BYTES)
"""The hash before the first entry."""

BREAK_ACT: Final = "audit.break"
"""Act of the entry that is written where the head that was found bears no valid seal."""

_KEY_DOMAIN: Final = b"faregate audit log, version 1"
_ENTRY_DOMAIN: Final = b"audit entry 1\n"


class AuditEntry(msgspec.Struct, frozen=True):
    """One act. Times are nanoseconds since 1970-01-01 UTC.

    `before` and `after` are JSON texts without secrets. `hash` is empty until it is reckoned.
    """

    sequence: int
    created_ns: int
    actor: Actor
    act: str
    object: str
    team: str | None = None
    outcome: Outcome = "done"
    before: str | None = None
    after: str | None = None
    detail: str | None = None
    hash: bytes = b""

    def fields(self) -> dict[str, Any]:
        """What the hash covers, by name."""
        actor = self.actor
        return {
            "sequence": self.sequence,
            "created_ns": self.created_ns,
            "actor_kind": actor.kind,
            "actor_name": actor.name,
            "actor_id": actor.id,
            "token": actor.token,
            "address": actor.address,
            "act": self.act,
            "object": self.object,
            "team": self.team,
            "outcome": self.outcome,
            "before": self.before,
            "after": self.after,
            "detail": self.detail,
        }


class Mark(msgspec.Struct, frozen=True):
    """An entry's number and hash; `seal` is None where no key was known."""

    sequence: int
    hash: bytes
    seal: bytes | None = None


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a verification found.

    `broken_at` is the number of the first entry that isn't what was written; `problem` says what
    is wrong with it. `start` and `head` are the numbers of the marks; `entries` were read.
    `sealed` says whether seals were checked: that needs the master key.
    """

    entries: int
    start: int
    head: int
    head_hash: str
    sealed: bool
    broken_at: int | None = None
    problem: str | None = None

    @property
    def whole(self) -> bool:
        """Whether nothing is wrong."""
        return self.problem is None


def audit_key(master_key: bytes) -> bytes:
    """The key of the seals, 32 bytes; tells nothing of the master key."""
    return hmac.new(master_key, _KEY_DOMAIN, hashlib.sha256).digest()


def canonical(fields: dict[str, Any]) -> bytes:
    """Sorted JSON without spaces, in ASCII: the same on every machine."""
    return json.dumps(fields, sort_keys=True, separators=(",", ":"), default=repr).encode()


def entry_hash(previous: bytes, fields: dict[str, Any]) -> bytes:
    """SHA-256 over the hash before and the canonical entry, 32 bytes."""
    return hashlib.sha256(_ENTRY_DOMAIN + previous + canonical(fields)).digest()


def seal(key: bytes, kind: MarkKind, sequence: int, digest: bytes) -> bytes:
    """HMAC-SHA256 of a mark, 32 bytes."""
    text = f"{kind}\n{sequence}\n{digest.hex()}".encode()
    return hmac.new(key, text, hashlib.sha256).digest()


def is_sealed(key: bytes, kind: MarkKind, mark: Mark) -> bool:
    """Whether the mark bears the seal of this key."""
    expected = seal(key, kind, mark.sequence, mark.hash)
    return isinstance(mark.seal, bytes) and hmac.compare_digest(expected, mark.seal)


class Link(msgspec.Struct, frozen=True):
    """An entry as it was read, be it right or wrong."""

    fields: dict[str, Any]
    hash: Any


class Chain:
    """Follows entries from a mark on; stops at the first that doesn't fit."""

    def __init__(self, start: Mark) -> None:
        self.sequence = start.sequence
        self.hash = start.hash
        self.entries = 0
        self.broken_at: int | None = None
        self.problem: str | None = None

    def follow(self, links: Iterable[Link]) -> bool:
        """Whether all `links` fit."""
        return all(map(self._fits, links))

    def _fits(self, link: Link) -> bool:
        expected = self.sequence + 1
        found = link.fields.get("sequence")
        if found != expected:
            return self._broken(expected, f"entry {expected} is missing: {found!r} comes instead")
        digest = entry_hash(self.hash, link.fields)
        if link.hash != digest:
            return self._broken(expected, f"entry {expected} is not what was written")
        if link.fields["act"] == BREAK_ACT:
            return self._broken(expected, "the log was changed before this entry: it says what")
        self.sequence, self.hash = expected, digest
        self.entries += 1
        return True

    def ends_at(self, head: Mark | None) -> bool:
        """Whether the entries end where the head says."""
        if head is None:
            if self.sequence == 0:
                return True
            return self._broken(self.sequence, "the head of the log is missing")
        if head.sequence > self.sequence:
            return self._broken(
                self.sequence + 1,
                f"entries {self.sequence + 1} to {head.sequence} were cut off the end",
            )
        if (head.sequence, head.hash) != (self.sequence, self.hash):
            return self._broken(self.sequence, "the head names another last entry")
        return True

    def _broken(self, sequence: int, problem: str) -> bool:
        self.broken_at, self.problem = sequence, problem
        return False


def verify(
    start: Mark | None, batches: Iterator[list[Link]], head: Mark | None, key: bytes | None
) -> Verdict:
    """Judge a whole log: its start, its entries in order, its head.

    Without `key` the seals are not looked at.
    """
    begun = Mark(0, BEGINNING) if start is None else start
    chain = Chain(begun)
    if start is not None and key is not None and not is_sealed(key, "start", start):
        chain.broken_at, chain.problem = start.sequence + 1, "the start bears no valid seal"
    elif (
        all(chain.follow(batch) for batch in batches)
        and chain.ends_at(head)
        and head is not None
        and key is not None
        and not is_sealed(key, "head", head)
    ):
        chain.broken_at, chain.problem = head.sequence, "the head bears no valid seal"
    return Verdict(
        entries=chain.entries,
        start=begun.sequence,
        head=chain.sequence,
        head_hash=chain.hash.hex(),
        sealed=key is not None,
        broken_at=chain.broken_at,
        problem=chain.problem,
    )
