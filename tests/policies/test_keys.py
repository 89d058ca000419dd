"""A call is identified by its key, at once where it is known, and refused in doubt.

What isn't a known key gets one answer, whatever is wrong with it. A change counts from the moment
that `forget` is told of it.
"""

import asyncio
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import pytest

from faregate.core import bounds
from faregate.core.clock import ManualClock
from faregate.core.errors import StorageError
from faregate.core.refusals import Refusal, refuse
from faregate.gate.memory import MemoryConfiguration
from faregate.identity.keys import KeyRecord, _checksum, generate_key, hash_key
from faregate.policies import keys as policy
from faregate.policies.acting import UNKNOWN_TOKEN
from faregate.policies.keys import KeyCheck
from faregate.wire.request_reader import RequestHead


@dataclass
class Call:
    head: RequestHead
    key: KeyRecord | None = None


def call(**fields: str) -> Call:
    """A call with these header fields; `_` stands for `-`."""
    named = {k.replace("_", "-").encode(): v.encode() for k, v in fields.items()}
    return Call(RequestHead(b"POST", b"/", named))


def bearer(secret: str) -> Call:
    return call(authorization=f"Bearer {secret}")


@dataclass
class Desk:
    """A key check over a store that can be slow."""

    store: MemoryConfiguration = field(default_factory=MemoryConfiguration)
    clock: ManualClock = field(default_factory=ManualClock)
    lookups: int = 0

    def __post_init__(self) -> None:
        self.looked = asyncio.Event()
        self.open = asyncio.Event()
        self.open.set()
        self.check = KeyCheck(self.find, self.clock)

    async def find(self, digest: bytes) -> KeyRecord | None:
        self.lookups += 1
        found = self.store.find_key(digest)
        self.looked.set()
        await self.open.wait()
        return found

    async def asked(self) -> None:
        """Wait until the store has read for a first look-up."""
        await self.looked.wait()

    async def ask(self, asked: Call) -> Refusal | None:
        outcome = self.check(asked)
        if outcome is None or isinstance(outcome, Refusal):
            return outcome
        return await outcome

    async def code(self, asked: Call) -> str | None:
        refusal = await self.ask(asked)
        assert (refusal is None) == (asked.key is not None)
        return refusal.code if refusal is not None else None


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.mark.parametrize("form", ["Bearer {}", "bearer {}", "BEARER  {} "])
async def test_a_key_is_taken_as_a_bearer(desk: Desk, form: str) -> None:
    secret = desk.store.add_key("a")
    asked = call(authorization=form.format(secret))
    assert await desk.code(asked) is None
    assert asked.key is not None
    assert asked.key.name == "a"


async def test_a_key_is_taken_as_x_api_key(desk: Desk) -> None:
    secret = desk.store.add_key("a")
    assert await desk.code(call(x_api_key=secret)) is None
    assert await desk.code(call(authorization="Basic eDp5", x_api_key=secret)) is None


@pytest.mark.parametrize("fields", [{}, {"authorization": "Bearer "}, {"x_api_key": ""}])
async def test_no_key_is_a_missing_key(desk: Desk, fields: dict[str, str]) -> None:
    refusal = await desk.ask(call(**fields))
    assert refusal is not None
    assert (refusal.code, refusal.status) == ("key_missing", 401)


async def test_whatever_is_no_key_gets_one_answer(desk: Desk) -> None:
    good = desk.store.add_key("a")
    wrong = [
        generate_key(),
        good[:-1],
        good + "x",
        good[:-1] + ("0" if good[-1] != "0" else "1"),
        "sk-123",
        "\u00e9" * 52,
        good.swapcase(),
    ]
    answers = {str(await desk.ask(bearer(secret))) for secret in wrong}
    assert len(answers) == 1
    assert "key_unknown" in answers.pop()
    assert desk.lookups == 1  # only what could be a key is looked up


async def test_expiry_counts_to_the_nanosecond(desk: Desk) -> None:
    end = desk.clock.wall_ns() + 5_000_000_000
    secret = desk.store.add_key("a", expires_ns=end)
    assert await desk.code(bearer(secret)) is None
    desk.clock.advance(4.999)
    assert await desk.code(bearer(secret)) is None
    desk.clock.advance(0.002)
    assert await desk.code(bearer(secret)) == "key_expired"


async def test_a_revoked_key_is_refused_and_its_secret_not_told(desk: Desk) -> None:
    secret = desk.store.add_key("a")
    desk.store.revoke_key(secret)
    refusal = await desk.ask(bearer(secret))
    assert refusal is not None
    assert refusal.code == "key_revoked"
    assert secret not in refusal.detail
    assert secret[:9] in refusal.detail


async def test_a_known_key_needs_no_look_up(desk: Desk) -> None:
    secret = desk.store.add_key("a")
    repeated = bearer(secret)
    assert await desk.code(repeated) is None
    for asked in (bearer(secret), call(x_api_key=secret), Call(repeated.head)):
        assert desk.check(asked) is None  # not even an await
        assert asked.key is not None
    assert desk.lookups == 1


async def test_a_change_counts_from_forget_on_for_repeated_heads_too(desk: Desk) -> None:
    secret = desk.store.add_key("a")
    first = bearer(secret)
    assert await desk.code(first) is None
    desk.store.revoke_key(secret)
    assert await desk.code(Call(first.head)) is None
    desk.check.forget([hash_key(secret)])
    assert await desk.code(Call(first.head)) == "key_revoked"
    assert await desk.code(bearer(secret)) == "key_revoked"


async def test_look_ups_of_one_key_are_one(desk: Desk) -> None:
    secret = desk.store.add_key("a")
    desk.open.clear()
    asking = [asyncio.ensure_future(desk.code(bearer(secret))) for _ in range(50)]
    await desk.asked()
    desk.open.set()
    assert await asyncio.gather(*asking) == [None] * 50
    assert desk.lookups == 1


async def test_who_leaves_takes_the_look_up_from_nobody(desk: Desk) -> None:
    secret = desk.store.add_key("a")
    desk.open.clear()
    leaving, staying = (asyncio.ensure_future(desk.code(bearer(secret))) for _ in range(2))
    await desk.asked()
    leaving.cancel()
    await asyncio.sleep(0)
    desk.open.set()
    assert await staying is None


async def test_forget_in_the_middle_of_a_look_up_is_not_lost(desk: Desk) -> None:
    secret = desk.store.add_key("a")
    desk.open.clear()
    asked = bearer(secret)
    asking = asyncio.ensure_future(desk.code(asked))
    await desk.asked()
    desk.store.revoke_key(secret)
    desk.check.forget([hash_key(secret)])
    desk.open.set()
    await asking  # it was read before the change: it may pass, once
    assert await desk.code(Call(asked.head)) == "key_revoked"
    assert await desk.code(bearer(secret)) == "key_revoked"


async def test_a_key_made_in_the_middle_of_a_look_up_is_known_at_once(desk: Desk) -> None:
    secret = generate_key()
    desk.open.clear()
    asking = asyncio.ensure_future(desk.code(bearer(secret)))
    await desk.asked()
    desk.store.add_key("a", secret=secret)
    desk.check.forget([hash_key(secret)])
    desk.open.set()
    assert await asking == "key_unknown"
    assert await desk.code(bearer(secret)) is None


async def test_an_unknown_key_is_remembered_for_a_moment(desk: Desk) -> None:
    secret = generate_key()
    assert await desk.code(bearer(secret)) == "key_unknown"
    desk.store.add_key("a", secret=secret)
    assert await desk.code(bearer(secret)) == "key_unknown"
    assert desk.lookups == 1
    desk.clock.advance(bounds.UNKNOWN_KEY_CACHE_SECONDS + 0.01)
    assert await desk.code(bearer(secret)) is None


async def test_a_new_key_works_as_soon_as_forget_names_it(desk: Desk) -> None:
    secret = generate_key()
    assert await desk.code(bearer(secret)) == "key_unknown"
    desk.store.add_key("a", secret=secret)
    desk.check.forget([hash_key(secret)])
    assert await desk.code(bearer(secret)) is None


async def test_the_memories_are_bounded(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy.bounds, "UNKNOWN_KEY_CACHE_ENTRIES_MAX", 3)
    monkeypatch.setattr(policy.bounds, "KEY_CACHE_ENTRIES_MAX", 2)
    unknown = [generate_key() for _ in range(4)]
    for secret in unknown:
        await desk.code(bearer(secret))
    before = desk.lookups
    for secret in unknown[1:]:
        assert await desk.code(bearer(secret)) == "key_unknown"
    assert desk.lookups == before
    await desk.code(bearer(unknown[0]))  # the oldest left first
    assert desk.lookups == before + 1
    known = [desk.store.add_key(str(number)) for number in range(3)]
    first = bearer(known[0])
    await desk.code(first)
    for secret in known[1:]:
        await desk.code(bearer(secret))
    before = desk.lookups
    assert await desk.code(Call(first.head)) is None  # looked up again: it had to leave
    assert desk.lookups == before + 1


async def test_with_the_store_down_known_keys_go_on_and_others_hear_so(desk: Desk) -> None:
    known, other = desk.store.add_key("a"), desk.store.add_key("b")
    assert await desk.code(bearer(known)) is None
    desk.store.fail = True
    assert await desk.code(bearer(known)) is None
    refusal = await desk.ask(bearer(other))
    assert refusal is not None
    assert (refusal.code, refusal.status) == ("key_store_unavailable", 503)
    desk.store.fail = False
    assert await desk.code(bearer(other)) is None  # the failure was not remembered


async def test_too_many_look_ups_at_once_are_refused(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policy.bounds, "KEY_LOOKUPS_WAITING_MAX", 2)
    desk.open.clear()
    asking = [asyncio.ensure_future(desk.code(bearer(generate_key()))) for _ in range(3)]
    done, _ = await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)
    assert [task.result() for task in done] == ["gate_overloaded"]
    desk.open.set()
    assert sorted(await asyncio.gather(*asking)) == ["gate_overloaded"] + ["key_unknown"] * 2


async def test_a_defect_of_the_store_reaches_who_waits_and_is_forgotten(desk: Desk) -> None:
    async def broken(digest: bytes) -> KeyRecord | None:
        raise StorageError("gone") if digest else ValueError

    secret = desk.store.add_key("a")
    check = KeyCheck(broken, desk.clock)
    for _ in range(2):
        outcome = check(bearer(secret))
        assert outcome is not None
        assert not isinstance(outcome, Refusal)
        refusal = await outcome
        assert refusal is not None
        assert refusal.code == "key_store_unavailable"


# -- guesses, and other credentials ---------------------------------------------------------------


class Others:
    """Takes note of what it is asked."""

    def __init__(self) -> None:
        self.asked: list[bytes | None] = []

    def __call__(self, _call: object, value: bytes | None) -> Refusal | None:
        self.asked.append(value)
        return policy.MISSING

    def knows(self, _call: object, _entry: object) -> bool:
        return False


async def test_what_is_no_key_may_be_other_credentials(desk: Desk):
    others = desk.check.others = Others()
    secret = desk.store.add_key("a")
    for asked in (bearer(secret), bearer(generate_key())):
        await desk.ask(asked)
    assert others.asked == []
    for asked in (call(), bearer("a.b.c"), call(x_api_key="short")):
        await desk.ask(asked)
    assert others.asked == [None, b"a.b.c", b"short"]


async def test_guesses_are_told_and_right_keys_are_not(desk: Desk):
    told: list[str] = []

    def guessed(_call: object, refusal: Refusal) -> Refusal:
        told.append(refusal.code)
        return refusal

    desk.check.guessed = guessed
    secret = desk.store.add_key("a")
    expired = desk.store.add_key("b", expires_ns=1)
    assert await desk.code(bearer(secret)) is None
    assert await desk.code(call()) == "key_missing"
    assert await desk.code(bearer(expired)) == "key_expired"
    desk.store.fail = True
    assert await desk.code(bearer(generate_key())) == "key_store_unavailable"
    assert told == []
    desk.store.fail = False
    unknown = generate_key()
    for wrong in (unknown, unknown, "short", unknown[:-1] + "?"):
        assert await desk.code(bearer(wrong)) == "key_unknown"
    assert told == ["key_unknown"] * 4


def _opcodes(run: Callable[[], object]) -> int:
    counted = 0

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal counted
        frame.f_trace_opcodes = True
        counted += event == "opcode"
        return trace

    sys.settrace(trace)
    try:
        run()
    finally:
        sys.settrace(None)
    return counted


async def test_a_wrong_key_takes_the_same_way_as_an_unknown_one(desk: Desk):
    """Whatever of a real key a guess has right, as much is done for it."""
    secret = desk.store.add_key("a")
    await desk.ask(bearer(secret))
    body = secret[:-7] + ("a" if secret[-7] != "a" else "b")
    close = body + _checksum(body)
    lookups, steps = [], []
    for guess in (close, generate_key()):
        before = desk.lookups
        assert await desk.code(bearer(guess)) == "key_unknown"
        lookups.append(desk.lookups - before)
        asked = bearer(guess)
        steps.append(_opcodes(lambda asked=asked: desk.check(asked)))  # type: ignore[misc]
    assert lookups == [1, 1]
    assert steps[0] == steps[1]


async def test_a_wrong_operators_token_is_a_guess(desk: Desk):
    told: list[str] = []

    def guessed(_call: object, refusal: Refusal) -> Refusal:
        told.append(refusal.detail)
        return refusal

    desk.check.guessed = guessed
    other = refuse("key_unknown", "It names no key.")
    desk.check.acting = lambda _call, value: UNKNOWN_TOKEN if b"wrong" in value else other
    assert await desk.ask(bearer("fgo_wrong")) is UNKNOWN_TOKEN
    assert await desk.ask(bearer("fgo_right")) is other
    assert told == [UNKNOWN_TOKEN.detail]
