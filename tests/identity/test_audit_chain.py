"""Every entry is bound to those before, the newest to the master key."""

import hashlib
import json
from collections.abc import Iterator

import msgspec

from faregate.identity.actors import Actor
from faregate.identity.audit_chain import (
    BEGINNING,
    AuditEntry,
    Chain,
    Link,
    Mark,
    audit_key,
    canonical,
    entry_hash,
    is_sealed,
    seal,
    verify,
)

KEY = audit_key(b"m" * 32)


def links(count: int) -> list[Link]:
    made, previous = [], BEGINNING
    for number in range(1, count + 1):
        entry = AuditEntry(number, 5, Actor("command", "ann"), "a.b", "käse")
        previous = entry_hash(previous, entry.fields())
        made.append(Link(entry.fields(), previous))
    return made


def batches(made: list[Link]) -> Iterator[list[Link]]:
    yield made[:2]
    yield made[2:]


def head(made: list[Link], key: bytes | None = KEY) -> Mark:
    digest = made[-1].hash
    return Mark(len(made), digest, None if key is None else seal(key, "head", len(made), digest))


def test_anyone_can_reckon_a_hash_by_hand() -> None:
    fields = {"b": "ä", "a": None, "sequence": 1}
    text = b'{"a":null,"b":"\\u00e4","sequence":1}'
    assert canonical(fields) == text == json.dumps(fields, sort_keys=True).replace(" ", "").encode()
    expected = hashlib.sha256(b"audit entry 1\n" + BEGINNING + text).digest()
    assert entry_hash(BEGINNING, fields) == expected


def test_every_field_of_an_entry_is_covered() -> None:
    entry = AuditEntry(1, 5, Actor("command", "ann"), "a.b", "c")
    covered = set(entry.fields())
    own = set(AuditEntry.__struct_fields__) - {"actor", "hash"}
    actor = {"actor_kind", "actor_name", "actor_id", "token", "address"}
    assert covered == own | actor
    assert len(Actor.__struct_fields__) == len(actor)


def test_a_whole_log() -> None:
    made = links(4)
    verdict = verify(None, batches(made), head(made), KEY)
    assert (verdict.whole, verdict.entries, verdict.head, verdict.sealed) == (True, 4, 4, True)
    assert verdict.head_hash == made[-1].hash.hex()
    assert verify(None, iter(()), None, KEY).whole


def test_without_the_key_seals_say_nothing() -> None:
    made = links(2)
    forged = head(made, b"other")
    assert verify(None, batches(made), forged, None).whole
    assert not verify(None, batches(made), forged, None).sealed
    assert verify(None, batches(made), forged, KEY).problem == "the head bears no valid seal"


def test_entries_cut_off_the_end() -> None:
    made = links(5)
    verdict = verify(None, batches(made[:3]), head(made), KEY)
    assert (verdict.broken_at, verdict.problem) == (4, "entries 4 to 5 were cut off the end")


def test_it_begins_where_retention_ended() -> None:
    made = links(5)
    digest = made[1].hash
    start = Mark(2, digest, seal(KEY, "start", 2, digest))
    assert verify(start, batches(made[2:]), head(made), KEY).whole
    moved = msgspec.structs.replace(start, sequence=1)
    assert verify(moved, batches(made[2:]), head(made), KEY).broken_at == 2
    as_head = Mark(2, digest, seal(KEY, "head", 2, digest))
    assert verify(as_head, batches(made[2:]), head(made), KEY).broken_at == 3


def test_a_break_that_was_written_down_stays_one() -> None:
    entry = AuditEntry(1, 5, Actor("system", "audit"), "audit.break", "audit")
    chain = Chain(Mark(0, BEGINNING))
    assert not chain.follow([Link(entry.fields(), entry_hash(BEGINNING, entry.fields()))])
    assert chain.broken_at == 1


def test_a_seal_is_of_one_key_and_one_kind() -> None:
    mark = Mark(1, BEGINNING, seal(KEY, "head", 1, BEGINNING))
    assert is_sealed(KEY, "head", mark)
    assert not is_sealed(KEY, "start", mark)
    assert not is_sealed(audit_key(b"x" * 32), "head", mark)
    assert not is_sealed(KEY, "head", Mark(1, BEGINNING))
