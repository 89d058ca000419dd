"""Only the operator's token acts for a key, and only for one that may be used."""

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from faregate.core.clock import ManualClock
from faregate.core.errors import StorageError
from faregate.core.ids import CallIds
from faregate.core.refusals import Refusal
from faregate.identity.keys import KeyRecord, generate_key, hash_key
from faregate.identity.operator import operator_token
from faregate.policies.acting import Acting
from faregate.policies.keys import KeyCheck
from faregate.wire.request_reader import RequestHead

TOKEN = operator_token(bytes(32))
KEY = KeyRecord("id-1", "name", "fg_", b"", None, 0, None, None)


@dataclass
class Call:
    head: RequestHead
    key: KeyRecord | None = None
    call_id: str = "call_own"
    acting: str = ""


class Desk:
    """A key check that knows one key, and the operator's token."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.record: KeyRecord | None = KEY
        self.away = False
        self.check = KeyCheck(self._find_none, self.clock)
        self.check.acting = Acting(hash_key(TOKEN), self._find, self.check.judge, self.clock)

    async def _find_none(self, _digest: bytes) -> None:
        return None

    async def _find(self, name: str) -> KeyRecord | None:
        if self.away:
            raise StorageError("away")
        # As the store does: a key is found by its name as well.
        known = self.record
        return known if known is not None and name in (known.key_id, known.name) else None

    async def ask(self, token: str = TOKEN, **fields: str) -> tuple[Call, Refusal | None]:
        named = {name.replace("_", "-").encode(): text.encode() for name, text in fields.items()}
        call = Call(
            RequestHead(b"POST", b"/", {b"authorization": f"Bearer {token}".encode(), **named})
        )
        answer: Any = self.check(call)
        found = await answer if isinstance(answer, Awaitable) else answer
        return call, found


async def test_the_token_acts_for_the_key_that_is_named() -> None:
    desk = Desk()
    call, refusal = await desk.ask(faregate_key="id-1")
    assert refusal is None
    assert (call.key, call.acting, call.call_id) == (KEY, "operator", "call_own")
    chosen = CallIds(7).next()
    call, refusal = await desk.ask(
        faregate_key="id-1", faregate_batch_line="batch_a line 3", faregate_call_id=chosen
    )
    assert (call.acting, call.call_id) == ("batch_a line 3", chosen)


@pytest.mark.parametrize(
    "token",
    [
        operator_token(bytes([1] * 32)),
        TOKEN[:-1],
        TOKEN + "x",
        "fgo_" + "a" * 50_000,
        generate_key(),
        "sk-other",
    ],
)
async def test_nothing_else_acts(token: str) -> None:
    chosen = CallIds(7).next()
    call, refusal = await Desk().ask(token, faregate_key="id-1", faregate_call_id=chosen)
    assert refusal is not None
    assert refusal.code == "key_unknown"
    assert (call.key, call.acting, call.call_id) == (None, "", "call_own")


@pytest.mark.parametrize("named", [{}, {"faregate_key": "none"}, {"faregate_key": "name"}])
async def test_a_key_is_named_by_its_id(named: dict[str, str]) -> None:
    call, refusal = await Desk().ask(**named)
    assert refusal is not None
    assert (refusal.code, refusal.param, call.key) == ("key_unknown", "faregate-key", None)


async def test_a_key_that_may_not_be_used_stays_so() -> None:
    desk = Desk()
    for more, code in (({"revoked_ns": 1}, "key_revoked"), ({"expires_ns": 1}, "key_expired")):
        desk.record = msgspec.structs.replace(KEY, **more)
        call, refusal = await desk.ask(faregate_key="id-1")
        assert refusal is not None
        assert (refusal.code, call.key) == (code, None)
    desk.away = True
    _, refusal = await desk.ask(faregate_key="id-1")
    assert refusal is not None
    assert refusal.code == "key_store_unavailable"


async def test_a_call_that_comes_too_late_is_not_begun() -> None:
    desk = Desk()
    now_ns = desk.clock.wall_ns()
    _, refusal = await desk.ask(faregate_key="id-1", faregate_before=str(now_ns + 1))
    assert refusal is None
    for before in (str(now_ns), "0", "soon", "-1"):
        call, refusal = await desk.ask(faregate_key="id-1", faregate_before=before)
        assert refusal is not None
        assert (refusal.code, call.key) == ("request_timeout", None)


@pytest.mark.parametrize("chosen", ["", "call_1", "CALL_" + "0" * 26, "x" * 31])
async def test_only_an_id_is_taken_for_one(chosen: str) -> None:
    call, refusal = await Desk().ask(faregate_key="id-1", faregate_call_id=chosen)
    assert refusal is None
    assert call.call_id == "call_own"
