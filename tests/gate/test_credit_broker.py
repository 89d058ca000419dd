"""Calls wait for credit only where it can come, and then it does; the ledger is asked little."""

import asyncio
import contextlib
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from faregate.configuration.settings import CreditSettings, Settings
from faregate.core.clock import SystemClock
from faregate.core.errors import StorageError
from faregate.gate import credit_broker
from faregate.gate.credit_broker import TICK_S, CreditBroker
from faregate.ledger.memory import MemoryLedger, MemorySource
from faregate.ledger.purses import Need, PurseSpec, Unit, wallet_spec
from faregate.ledger.slices import Slice, hold, release, settle

WALLET = wallet_spec("main")
BUDGET = PurseSpec("budget:b", "budget", "b", "k", Unit.NANO, 1_000)
SETTINGS = Settings(credit=CreditSettings(wait_s=1.0, idle_s=0.3))


def need(nano: int) -> Need:
    return (nano, 1, 0, 0, 0)


class Counted(MemorySource):
    """A side of the ledger that counts what is asked of it, and may hang."""

    def __init__(self, ledger: MemoryLedger, worker: str) -> None:
        super().__init__(ledger, worker, "node")
        self.asked: Counter[str] = Counter()
        self.open = threading.Event()
        self.open.set()

    def __getattribute__(self, name: str) -> Any:
        if name in ("draw", "give_back", "ask_back", "asked_back", "standings", "beat"):
            self.asked[name] += 1
            if name != "ask_back":
                # Looked up on the loop, called in the thread.
                return _when_open(object.__getattribute__(self, name), self.open)
        return object.__getattribute__(self, name)


def _when_open(do: Callable[..., Any], opened: threading.Event) -> Callable[..., Any]:
    def wait_and_do(*values: Any) -> Any:
        assert opened.wait(5)
        return do(*values)

    return wait_and_do


class Bank:
    """One ledger and the brokers of several workers, each with its housekeeping."""

    def __init__(self) -> None:
        self.clock = SystemClock()
        self.ledger = MemoryLedger(self.clock, threading.Lock())
        self.sources: list[Counted] = []
        self.brokers: list[CreditBroker] = []
        self.tasks: list[asyncio.Task[None]] = []

    def broker(self, *, keeps_house: bool = True, settings: Settings = SETTINGS) -> CreditBroker:
        loop = asyncio.get_running_loop()
        source = Counted(self.ledger, f"w{len(self.sources)}")
        broker = CreditBroker(loop, source, self.clock.monotonic, settings)
        self.sources.append(source)
        self.brokers.append(broker)
        if keeps_house:
            self.tasks.append(loop.create_task(self._keep_house(broker)))
        return broker

    async def _keep_house(self, broker: CreditBroker) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            await broker.keep_house()

    def drawn(self, worker: int, purse_id: str = "wallet:main") -> int:
        draw = self.ledger.books.draws.get((f"w{worker}", purse_id))
        return draw.amount if draw is not None else 0

    async def close(self) -> None:
        for task in self.tasks:
            task.cancel()
        for source in self.sources:
            source.open.set()
        for broker in self.brokers:
            await broker.close()


@contextlib.asynccontextmanager
async def bank(amount: int = 0) -> AsyncIterator[Bank]:
    place = Bank()
    if amount:
        place.ledger.grant("main", amount)
    try:
        yield place
    finally:
        await place.close()


@pytest.fixture
def took() -> Callable[[], float]:
    begun = time.monotonic()
    return lambda: time.monotonic() - begun


async def test_a_call_is_held_by_what_is_drawn_for_it() -> None:
    async with bank(100) as place:
        broker = place.broker()
        slices = (broker.slice(BUDGET), broker.slice(WALLET))
        assert await broker.obtain(slices, need(60)) is None
        assert [(one.free, one.held) for one in slices] == [(0, 60), (0, 60)]
        assert place.drawn(0) == 60


async def test_a_slice_is_one_for_a_purse_and_follows_its_configuration() -> None:
    async with bank() as place:
        broker = place.broker()
        one = broker.slice(WALLET)
        assert broker.slice(wallet_spec("main")) is one
        raised = PurseSpec("budget:b", "budget", "b", "k", Unit.NANO, 2_000)
        assert broker.slice(BUDGET) is broker.slice(raised)
        assert broker.slice(raised).spec.cap == 2_000


@pytest.mark.alone
async def test_what_can_never_be_served_does_not_wait(took: Callable[[], float]) -> None:
    async with bank(100) as place:
        broker = place.broker()
        wallet = broker.slice(WALLET)
        short = await broker.obtain((broker.slice(BUDGET), wallet), need(101))
        assert short is wallet
        assert took() < 0.4
        assert wallet.total == 100


async def test_of_many_that_are_short_the_first_is_told() -> None:
    async with bank(100) as place:
        broker = place.broker()
        budget, wallet = broker.slice(BUDGET), broker.slice(WALLET)
        assert await broker.obtain((budget, wallet), need(1_001)) is budget
        assert broker.known_short((budget, wallet), need(1_001)) is budget
        assert broker.known_short((budget, wallet), need(101)) is wallet
        assert broker.known_short((budget, wallet), need(100)) is None


@pytest.mark.alone
async def test_credit_that_comes_free_here_serves_who_waits(took: Callable[[], float]) -> None:
    async with bank(100) as place:
        broker = place.broker()
        slices = (broker.slice(WALLET),)
        assert await broker.obtain(slices, need(80)) is None
        waiting = asyncio.create_task(broker.obtain(slices, need(90)))
        await asyncio.sleep(0.1)
        assert not waiting.done()
        settle(slices, need(80), need(10))
        broker.settled()
        assert await waiting is None
        assert took() < 0.5


@pytest.mark.alone
async def test_what_others_lie_idle_with_is_asked_back(took: Callable[[], float]) -> None:
    async with bank(100) as place:
        first, second = place.broker(), place.broker()
        theirs, ours = (first.slice(WALLET),), (second.slice(WALLET),)
        assert await first.obtain(theirs, need(90)) is None
        await asyncio.sleep(2 * TICK_S)  # it has looked for questions once
        release(theirs, need(90))
        assert await second.obtain(ours, need(95)) is None
        assert took() < 0.9
        assert place.sources[1].asked["ask_back"] >= 1


async def test_two_that_have_half_each_do_not_block_each_other() -> None:
    async with bank(100) as place:
        brokers = [place.broker(), place.broker()]
        slices = [(broker.slice(WALLET),) for broker in brokers]
        for broker, own in zip(brokers, slices, strict=True):
            assert await broker.obtain(own, need(50)) is None
        await asyncio.sleep(2 * TICK_S)
        for own in slices:
            release(own, need(50))
        both = zip(brokers, slices, strict=True)
        waiting = [asyncio.create_task(broker.obtain(own, need(80))) for broker, own in both]
        done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        assert {task.result() for task in done} == {None}
        for task in waiting:
            task.cancel()


@pytest.mark.alone
async def test_credit_that_stays_held_is_told_after_the_wait(took: Callable[[], float]) -> None:
    async with bank(100) as place:
        first, second = place.broker(), place.broker()
        assert await first.obtain((first.slice(WALLET),), need(90)) is None
        ours = second.slice(WALLET)
        assert await second.obtain((ours,), need(50)) is ours
        assert 0.9 < took() < 1.6
        assert ours.total >= 50  # so it is held, and not empty
        assert place.sources[1].asked["draw"] < 40


@pytest.mark.alone
async def test_new_credit_serves_who_waits(took: Callable[[], float]) -> None:
    async with bank(100) as place:
        first, second = place.broker(), place.broker()
        assert await first.obtain((first.slice(WALLET),), need(90)) is None
        waiting = asyncio.create_task(second.obtain((second.slice(WALLET),), need(50)))
        await asyncio.sleep(0.1)
        place.ledger.grant("main", 100)
        assert await waiting is None
        assert took() < 0.6


@pytest.mark.alone
async def test_a_growing_hold_does_not_wait_for_itself(took: Callable[[], float]) -> None:
    async with bank(100) as place:
        broker = place.broker()
        slices = (broker.slice(WALLET),)
        assert await broker.obtain(slices, need(90)) is None
        assert await broker.obtain(slices, need(20), need(90)) is slices[0]
        assert took() < 0.4


async def test_a_flood_of_refusals_asks_the_ledger_little() -> None:
    async with bank(100) as place:
        broker = place.broker(keeps_house=False)
        slices = (broker.slice(BUDGET), broker.slice(WALLET))
        for _ in range(2_000):
            if broker.known_short(slices, need(500)) is None:
                assert await broker.obtain(slices, need(500)) is slices[1]
        assert place.sources[0].asked["draw"] < 40
        together = [broker.obtain(slices, need(500)) for _ in range(500)]
        assert set(await asyncio.gather(*together)) == {slices[1]}
        assert place.sources[0].asked["draw"] < 45


async def test_many_that_wait_ask_the_ledger_little() -> None:
    async with bank(100) as place:
        first, second = place.broker(), place.broker()
        assert await first.obtain((first.slice(WALLET),), need(95)) is None
        ours = second.slice(WALLET)
        waiting = []
        for _ in range(300):  # at moments of their own
            waiting.append(asyncio.create_task(second.obtain((ours,), need(50))))
            await asyncio.sleep(0.001)
        assert set(await asyncio.gather(*waiting)) == {ours}
        asked = place.sources[1].asked
        assert asked["draw"] < 80
        assert asked["ask_back"] < 30


async def test_a_waiting_call_that_is_cancelled_holds_nothing() -> None:
    async with bank(100) as place:
        broker = place.broker()
        slices = (broker.slice(WALLET),)
        assert await broker.obtain(slices, need(80)) is None
        waiting = [asyncio.create_task(broker.obtain(slices, need(30))) for _ in range(20)]
        await asyncio.sleep(0.06)
        release(slices, need(80))
        broker.settled()
        for task in waiting[::2]:
            task.cancel()
        await asyncio.sleep(0.1)
        held = sum(30 for task in waiting if task.done() and not task.cancelled())
        assert slices[0].held == held
        assert broker.waiting == sum(not task.done() for task in waiting)
        for task in waiting:
            task.cancel()


async def test_without_a_ledger_what_is_held_goes_on_and_the_rest_is_an_error() -> None:
    async with bank(100) as place:
        broker = place.broker()
        slices = (broker.slice(WALLET),)
        assert await broker.obtain(slices, need(40)) is None
        release(slices, need(40))
        place.ledger.away = True
        assert await broker.obtain(slices, need(40)) is None
        with pytest.raises(StorageError):
            await broker.obtain(slices, need(1))
        assert broker._wanted == {}
        place.ledger.away = False
        assert await broker.obtain(slices, need(1)) is None


async def test_what_could_not_be_given_back_is_still_here() -> None:
    async with bank(100) as place:
        broker = place.broker(keeps_house=False)
        slices = (broker.slice(WALLET),)
        assert await broker.obtain(slices, need(40)) is None
        release(slices, need(40))
        await broker.keep_house()
        await asyncio.sleep(0.35)
        assert slices[0].free == 40
        broker._beat_at = time.monotonic()
        object.__setattr__(place.sources[0], "give_back", _fails)
        await broker.keep_house()
        assert slices[0].free == 40
        del place.sources[0].give_back
        await broker.keep_house()
        assert (slices[0].free, place.drawn(0)) == (0, 0)


def _fails(*_: object) -> None:
    raise StorageError("away")


async def test_idle_slices_go_back_and_are_forgotten() -> None:
    settings = Settings(credit=CreditSettings(wait_s=1.0, idle_s=0.1))
    async with bank(100) as place:
        broker = place.broker(settings=settings)
        forgotten = asyncio.Event()
        broker.dropped = forgotten.set
        slices = (broker.slice(WALLET),)
        assert await broker.obtain(slices, need(40)) is None
        settle(slices, need(40), need(10))
        await asyncio.wait_for(forgotten.wait(), 3)
        assert place.drawn(0) == 10  # settled, not posted
        assert broker.slice(WALLET) is not slices[0]
        assert broker._asked_at == {}


async def test_who_was_silent_drops_all_and_holds_nothing_of_it() -> None:
    async with bank(100) as place:
        broker = place.broker(keeps_house=False)
        old = (broker.slice(WALLET),)
        assert await broker.obtain(old, need(40)) is None
        release(old, need(10))  # free to hold, were it still ours
        await broker.keep_house()
        place.ledger.posting("node").close_vanished(place.clock.wall_ns() + 1)
        broker._beat_at = 0.0
        await broker.keep_house()
        assert not hold(old, need(1))
        new = (broker.slice(WALLET),)
        assert new != old
        assert await broker.obtain(new, need(100)) is None
        release(old, need(30))  # a call of before ends: the ledger knows nothing of that
        assert new[0].free == 0
        assert place.drawn(0) == 100


async def test_what_is_drawn_while_all_is_given_up_is_not_mixed_with_it() -> None:
    async with bank(100) as place:
        broker = place.broker(keeps_house=False)
        old = (broker.slice(WALLET),)
        assert await broker.obtain(old, need(40)) is None
        place.sources[0].open.clear()
        waiting = asyncio.create_task(broker.obtain(old, need(30)))
        await asyncio.sleep(0.02)
        broker._void()
        place.sources[0].open.set()
        with pytest.raises(StorageError):
            await waiting
        new = broker.slice(WALLET)
        assert (new.free, new.held, old[0].free) == (30, 0, 0)
        release(old, need(40))
        assert new.free == 30


async def test_a_ledger_that_hangs_does_not_stop_the_clock() -> None:
    settings = SETTINGS
    async with bank(100) as place:
        broker = place.broker(keeps_house=False)
        slices = (broker.slice(WALLET),)
        assert await broker.obtain(slices, need(40)) is None
        await broker.keep_house()
        was_stale = broker.stale
        place.sources[0].open.clear()
        await broker.keep_house()  # comes back though the ledger doesn't
        broker._contact_at -= settings.ledger.vanish_after_s
        await broker.keep_house()
        assert (was_stale, broker.stale) == (False, True)
        place.sources[0].open.set()
        with pytest.raises(StorageError):
            await broker.obtain(slices, need(1))


async def test_beyond_so_many_that_wait_a_call_is_held_or_refused_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(credit_broker, "_WAITING_MAX", 0)
    async with bank(100) as place:
        broker = place.broker()
        slices = (broker.slice(WALLET),)
        with pytest.raises(StorageError):
            await broker.obtain(slices, need(40))
        slices[0].draw(40, place.ledger.source("x").standings([WALLET])[0], 0.0)
        assert await broker.obtain(slices, need(40)) is None
        assert slices[0].held == 40


async def test_a_slice_that_runs_short_while_others_are_drawn_is_drawn_as_well() -> None:
    async with bank(100) as place:
        broker = place.broker(keeps_house=False)
        budget, wallet = broker.slice(BUDGET), broker.slice(WALLET)
        assert await broker.obtain((budget,), need(50)) is None
        release((budget,), need(50))
        place.sources[0].open.clear()
        waiting = asyncio.create_task(broker.obtain((budget, wallet), need(40)))
        await asyncio.sleep(0.02)
        assert hold((budget,), need(50))  # by another call, while the wallet is drawn
        budget.standing = None
        budget.standing_at = 0.0
        place.sources[0].open.set()
        assert await waiting is None


async def test_looking_draws_nothing_and_is_one_question_for_all_that_look() -> None:
    async with bank(100) as place:
        broker = place.broker(keeps_house=False)
        slices = (broker.slice(BUDGET), broker.slice(WALLET))
        await asyncio.gather(*(broker.look(slices) for _ in range(50)))
        told = [one.standing.available for one in slices if one.standing is not None]
        assert (told, place.drawn(0), place.sources[0].asked["draw"]) == ([1_000, 100], 0, 1)
        await broker.look(slices)
        assert place.sources[0].asked["draw"] == 1  # it is known, and newly
        place.ledger.grant("main", 400)
        slices[1].standing_at -= 2
        await broker.look(slices)
        assert slices[1].standing is not None
        assert (slices[1].standing.available, slices[0].free, slices[1].free) == (500, 0, 0)


async def test_while_there_is_plenty_more_is_drawn_than_asked_for() -> None:
    async with bank(1_000_000) as place:
        broker = place.broker()
        slices: tuple[Slice, ...] = (broker.slice(WALLET),)
        for _ in range(200):
            if not hold(slices, need(100)):
                assert await broker.obtain(slices, need(100)) is None
            settle(slices, need(100), need(60))
            await asyncio.sleep(0.001)
        assert place.sources[0].asked["draw"] < 20
        assert place.drawn(0) < 500_000


async def test_closing_gives_back_what_is_free_and_twice_does_no_harm() -> None:
    async with bank(100) as place:
        broker = place.broker()
        slices = (broker.slice(WALLET),)
        assert await broker.obtain(slices, need(70)) is None
        release(slices, need(70))
        assert await broker.obtain(slices, need(20)) is None
        await broker.close()
        await broker.close()
        assert place.drawn(0) == 20
