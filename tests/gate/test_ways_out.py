"""Ways out are found by trying them in thought, and end."""

from typing import Any

import msgspec
import pytest
from tests.gate.running import running

from faregate.core.refusals import Change, Fix, Refusal, refuse
from faregate.gate.ways_out import (
    CHANGES_MAX,
    SupposedPurses,
    Suppositions,
    change_of,
    find_ways_out,
)
from faregate.ledger.purses import PurseSpec, Unit
from faregate.ledger.slices import Slice

BODY = b'{"model":"m","max_tokens":9}'


class Books:
    """A broker to suppose things of: one wallet with a dollar."""

    stale = False

    def __init__(self) -> None:
        self.asked = 0

    async def standings(self, slices: Any) -> Any:
        from faregate.ledger.purses import Standing

        self.asked += 1
        return [Standing(10**9, 0, 0, 10**9, 0) for _ in slices]


def suppositions(body: bytes = BODY) -> Suppositions:
    return Suppositions(body, SupposedPurses(Books()))  # type: ignore[arg-type]


def slice_of(name: str, kind: Any = "wallet") -> Slice:
    return Slice(PurseSpec(f"{kind}:{name}", kind, name, name, Unit.NANO, None))


def fixed(code: str, change: Change, **facts: Any) -> Refusal:
    return refuse(code, "why", fixes=(Fix("do it", change=change),), **facts)


def test_what_the_caller_can_do_at_once_comes_first():
    fixes = tuple(
        Fix("x", change=Change(kind))  # type: ignore[arg-type]
        for kind in ("raise", "top_up", "wait", "set")
    )
    for left in ("set", "wait", "top_up", "raise"):
        change = change_of(refuse("call_too_large", "why", fixes=fixes))
        assert change is not None
        assert change.kind == left
        fixes = fixes[:-1]
    assert change_of(refuse("key_unknown", "why")) is None
    waits = change_of(refuse("credit_held", "why"))
    assert waits == Change("wait", seconds=1)


async def test_each_purse_is_asked_for_once():
    books = Books()
    purses = SupposedPurses(books)  # type: ignore[arg-type]
    one, other = slice_of("a"), slice_of("b")
    await purses.standings([one])
    await purses.standings([one, other])
    await purses.standings([other, one])
    assert books.asked == 2
    assert [each.spec.name for each, _ in purses.asked()] == ["a", "b"]
    purses.topped_up["wallet:a"] = 5
    purses.raised["wallet:b"] = 2 * 10**9
    first, second = await purses.standings([one, other])
    assert (first.available, second.available) == (10**9 + 5, 2 * 10**9)
    purses.waited.add("wallet:a")
    assert (await purses.standings([one]))[0].available > 10**17


@pytest.mark.parametrize(
    ("body", "changed"),
    [
        (BODY, {"max_tokens": 4}),
        (b'{"model":"m"}', {"max_tokens": 4}),
        (b'{"model":"m","max_completion_tokens":9}', {"max_completion_tokens": 4}),
        (b'{"max_tokens":9,"max_completion_tokens":9}',
         {"max_tokens": 4, "max_completion_tokens": 4}),
    ],
)  # fmt: skip
def test_the_output_limit_is_set_where_the_request_has_it(body: bytes, changed: dict[str, int]):
    supposed = suppositions(body)
    refusal = refuse("call_too_large", "why")
    assert supposed.suppose(refusal, Change("set", name="max_tokens", value=4))
    told = msgspec.json.decode(supposed.body)
    assert {name: told[name] for name in changed} == changed
    assert {change.name: change.value for change in supposed.told()} == changed
    assert not supposed.suppose(refusal, Change("set", name="max_tokens", value=4))


async def test_top_ups_add_up_and_waiting_is_told_once_and_last():
    supposed = suppositions()
    await supposed.purses.standings([slice_of("a")])
    top_up = fixed("credit_exhausted", Change("top_up", name="a", amount="1.50"))
    found = iter([
        top_up, refuse("rate_limited", "why", scope="limit", subject="l", retry_after_s=3), top_up,
        refuse("credit_held", "why", scope="wallet", subject="a", retry_after_s=1), None,
    ])  # fmt: skip

    async def judge(_: Suppositions) -> Refusal | None:
        return next(found)

    first = next(found)
    assert first is not None
    changes, passes = await find_ways_out(first, supposed, judge, lambda *_: None)
    assert passes
    assert changes == [
        Change("top_up", name="a", amount="3.00"), Change("wait", seconds=3),
    ]  # fmt: skip
    assert supposed.on_calls_in_flight


async def test_a_search_without_end_ends():
    supposed, tries = suppositions(), 0

    async def judge(_: Suppositions) -> Refusal | None:
        nonlocal tries
        tries += 1
        change = Change("set", name="max_tokens", value=1_000 - tries)
        return fixed("call_too_large", change)

    first = await judge(supposed)
    assert first is not None
    changes, passes = await find_ways_out(first, supposed, judge, lambda *_: None)
    assert not passes
    assert tries <= CHANGES_MAX + 1
    assert len(changes) == 1


async def test_waiting_twice_for_the_same_is_no_way_out():
    supposed = suppositions()
    refusal = refuse("rate_limited", "why", scope="limit", subject="l", retry_after_s=3)

    async def judge(_: Suppositions) -> Refusal | None:
        return refusal

    _, passes = await find_ways_out(refusal, supposed, judge, lambda *_: None)
    assert not passes


async def test_a_purse_that_nobody_asked_for_cant_be_raised():
    supposed = suppositions()
    refusal = fixed("budget_exhausted", Change("raise", name="b", amount="5"))
    assert not supposed.suppose(refusal, Change("raise", name="b", amount="5"))


async def test_supposed_purses_stand_on_the_gates_own():
    async with running() as place:
        assert SupposedPurses(place.gate.broker).stale is False
