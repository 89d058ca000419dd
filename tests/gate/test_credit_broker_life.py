"""Whatever workers, clerk and ledger go through, no purse is overspent and nothing is lost.

Several brokers on one ledger: calls are held, grow, are settled and released; workers are cut off,
crash, vanish and come back; credit is given, expires, is asked back, lies idle.
"""

import asyncio
import itertools
import random
import threading
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from tests.storage.ledgers import record

from faregate.configuration.settings import CreditSettings, LedgerSettings, Settings
from faregate.core.clock import ManualClock
from faregate.core.errors import StorageError
from faregate.gate.credit_broker import CreditBroker
from faregate.ledger.memory import MemoryLedger, MemorySource
from faregate.ledger.purses import Need, PurseSpec, Unit, wallet_spec
from faregate.ledger.slices import Slice, hold, release, settle

VANISH_S = 40.0
PERIOD_S = 60
SEATS = 2
SETTINGS = Settings(
    credit=CreditSettings(wait_s=0.0, idle_s=1.0), ledger=LedgerSettings(vanish_after_s=VANISH_S)
)
BEGIN_NS = 1_700_000_000 * 10**9
_numbers = itertools.count()

seats = st.integers(0, SEATS - 1)
amounts = st.integers(0, 60)
choices = st.integers(0, 1_000)
needs = st.tuples(amounts, amounts, amounts).map(lambda n: (n[0], 1, n[1], n[2], n[1] + n[2]))
# Places in `purses`: calls of all kinds, in the order of their refusals.
COMBINATIONS = (
    (4,), (5,), (2, 4), (3, 4), (1, 4), (0, 4), (0, 1, 2, 3, 4), (1, 3, 5), (0,), (1,), (0, 2, 3)
)  # fmt: skip
combinations = st.sampled_from(COMBINATIONS)


def purses(now_ns: int) -> list[PurseSpec]:
    """A long limit, a quota, budgets of the calendar and rolling, two wallets."""
    number = (now_ns - BEGIN_NS) // (PERIOD_S * 10**9)
    starts_ns = BEGIN_NS + number * PERIOD_S * 10**9
    ends_ns = starts_ns + PERIOD_S * 10**9
    return [
        PurseSpec("limit:l", "limit", "l", "k", Unit.REQUESTS, 9, rolling_ns=60 * 10**9),
        PurseSpec(
            f"quota:q:{number}", "quota", "q", "k", Unit.TOKENS, 300, starts_ns, ends_ns,
            carry_from=f"quota:q:{number - 1}", carry_max=50,
        ),
        PurseSpec(f"budget:c:{number}", "budget", "c", "k", Unit.NANO, 150, starts_ns, ends_ns),
        PurseSpec("budget:r", "budget", "r", "k", Unit.NANO, 120, rolling_ns=30 * 10**9),
        wallet_spec("a"),
        wallet_spec("b"),
    ]  # fmt: skip


OPERATIONS = frozenset({"draw", "give_back", "asked_back", "beat"})


class Cable(MemorySource):
    """A worker's side of the ledger, of which parts can fail."""

    failing: frozenset[str] = frozenset()

    def __getattribute__(self, name: str) -> Any:
        if name in OPERATIONS and name in object.__getattribute__(self, "failing"):
            raise StorageError("the cable is cut")
        return object.__getattribute__(self, name)


class Held:
    """A call in flight, and what it holds."""

    def __init__(self, slices: tuple[Slice, ...], need: Need) -> None:
        self.slices = slices
        self.need = need


class Worker:
    """A gate process: its broker, its calls, its journal."""

    def __init__(self, ledger: MemoryLedger, loop: asyncio.AbstractEventLoop, now: Any) -> None:
        self.name = f"w{next(_numbers)}"
        self.cable = Cable(ledger, self.name, "node")
        self.broker = CreditBroker(loop, self.cable, now, SETTINGS)
        self.calls: list[Held] = []
        self.journal: list[Any] = []  # charges that are not posted
        self.has_old_charges = False  # was given up while it held something


class Life(RuleBasedStateMachine):
    """Workers, a clerk, and all that can happen to them."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock(BEGIN_NS)
        self.ledger = MemoryLedger(self.clock, threading.Lock())
        self.clerk = self.ledger.posting("node")
        self.runner = asyncio.Runner()
        self.workers = [self.new_worker() for _ in range(SEATS)]
        self.charged = {"a": 0, "b": 0}
        self.ledger.grant("a", 300)
        self.ledger.grant("b", 40)
        self.vanished = False

    def new_worker(self) -> Worker:
        return Worker(self.ledger, self.runner.get_loop(), self.clock.monotonic)

    async def tick(self, worker: Worker) -> None:
        await worker.broker.keep_house()
        if worker.broker._keeping is not None:
            await asyncio.wait((worker.broker._keeping,))
        await self.quiet(worker)

    async def quiet(self, worker: Worker) -> None:
        rounds = worker.broker._rounds
        if rounds is not None:
            await asyncio.wait((rounds,))

    # -- calls ------------------------------------------------------------------------------------

    @rule(seat=seats, which=combinations, need=needs)
    def call(self, seat: int, which: tuple[int, ...], need: Need) -> None:
        worker = self.workers[seat]
        broker = worker.broker
        if broker.stale:
            return
        all_purses = purses(self.clock.wall_ns())
        slices = tuple(broker.slice(all_purses[place]) for place in which)
        if hold(slices, need):
            worker.calls.append(Held(slices, need))
            return
        known = broker.known_short(slices, need)
        if known is not None:
            assert known.free < need[known.unit]
            return
        try:
            short = self.runner.run(broker.obtain(slices, need))
        except StorageError:
            assert worker.cable.failing or self.ledger.away
            return
        if short is None:
            worker.calls.append(Held(slices, need))
        else:
            self.judge(short, need)

    def judge(self, short: Slice, need: Need) -> None:
        """What is refused isn't there: all of what is available was tried."""
        [standing] = self.ledger.source("nobody").standings([short.spec])
        assert short.free < need[short.unit]
        assert standing.available == 0 or short.free + standing.available < need[short.unit]

    @rule(seat=seats, which=choices, more=amounts)
    def grow(self, seat: int, which: int, more: int) -> None:
        worker = self.workers[seat]
        if not worker.calls or worker.broker.stale:
            return
        call = worker.calls[which % len(worker.calls)]
        wanted = (more, 0, 0, more, more)
        if not hold(call.slices, wanted):
            try:
                short = self.runner.run(worker.broker.obtain(call.slices, wanted, call.need))
            except StorageError:
                return
            if short is not None:
                return
        need = call.need
        call.need = (need[0] + more, need[1], need[2], need[3] + more, need[4] + more)

    @rule(seat=seats, which=choices, kind=st.sampled_from(["below", "at", "above", "none"]))
    def end(self, seat: int, which: int, kind: str) -> None:
        worker = self.workers[seat]
        if not worker.calls:
            return
        call = worker.calls.pop(which % len(worker.calls))
        if kind == "none":
            release(call.slices, call.need)
        else:
            factor = {"below": 1, "at": 2, "above": 3}[kind]
            used: Need = tuple(n * factor // 2 for n in call.need)  # type: ignore[assignment]
            settled = settle(call.slices, call.need, (used[0], 1, *used[2:]))
            self.write(worker, call.slices, settled)
        worker.broker.settled()

    def write(self, worker: Worker, slices: tuple[Slice, ...], settled: tuple[int, ...]) -> None:
        if not any(settled):
            return
        used = {one.spec.purse_id: amount for one, amount in zip(slices, settled, strict=True)}
        nano = settled[-1] if slices[-1].unit == Unit.NANO else 0
        started_ns = self.clock.wall_ns()
        number = next(_numbers)
        worker.journal.append(
            record(number, used, worker=worker.name, charge_nano=nano, started_ns=started_ns)
        )
        wallet = slices[-1].spec.name
        if wallet in self.charged:
            self.charged[wallet] += settled[-1]

    # -- clerk ------------------------------------------------------------------------------------

    @rule(seat=seats, count=st.integers(1, 5))
    def post(self, seat: int, count: int) -> None:
        if not self.ledger.away:
            worker = self.workers[seat]
            self.posted(worker.name, worker.journal[:count])
            del worker.journal[:count]

    def posted(self, name: str, records: list[Any]) -> None:
        events = self.clerk.post(name, records + records)  # the second time nothing happens
        short = [event for event in events if event.kind == "shortfall"]
        if not self.vanished:
            assert short == []

    @rule(seat=seats)
    def crash(self, seat: int) -> None:
        """Its calls are lost; what it has charged is posted, and the rest goes back."""
        worker = self.workers[seat]
        if self.ledger.away:
            return
        worker.broker._thread.shutdown()
        self.posted(worker.name, worker.journal)
        self.clerk.close_draws(worker.name)
        self.workers[seat] = self.new_worker()

    @rule()
    def expire(self) -> None:
        if not self.ledger.away:
            self.clerk.expire(self.clock.wall_ns())

    # -- money ------------------------------------------------------------------------------------

    @rule(wallet=st.sampled_from("ab"), amount=st.integers(1, 200), lasts=st.integers(0, 3))
    def grant(self, wallet: str, amount: int, lasts: int) -> None:
        if not self.ledger.away:
            expires_ns = self.clock.wall_ns() + lasts * 10**10 if lasts else None
            self.ledger.grant(wallet, amount, promotional=lasts > 0, expires_ns=expires_ns)

    # -- time and trouble -------------------------------------------------------------------------

    @rule(seat=seats, place=st.integers(0, 5))
    def ask_back(self, seat: int, place: int) -> None:
        if not self.ledger.away:
            spec = purses(self.clock.wall_ns())[place]
            self.ledger.source(self.workers[seat].name).ask_back([spec.purse_id])

    @rule(seconds=st.sampled_from([0.1, 0.1, 1.5, 1.5, VANISH_S / 4]))
    def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)
        for worker in self.workers:
            self.runner.run(self.tick(worker))
        if self.ledger.away:
            return
        before_ns = self.clock.wall_ns() - int(VANISH_S * 1e9)
        if self.clerk.close_vanished(before_ns):
            self.vanished = True
        for worker in self.workers:
            if self.is_given_up(worker) and (worker.calls or worker.journal):
                worker.has_old_charges = True

    def is_given_up(self, worker: Worker) -> bool:
        known = self.ledger.books.workers.get(worker.name)
        return known is not None and known.vanished

    @rule(seat=seats)
    def be_silent(self, seat: int) -> None:
        """A worker hears nothing of the ledger until it is given up, and comes back."""
        self.cut(seat, set(OPERATIONS))
        for _ in range(5):
            self.pass_time(VANISH_S / 4)
        self.mend(seat)
        self.pass_time(0.1)

    @rule(seat=seats, failing=st.sampled_from([OPERATIONS, {"draw"}, {"give_back"}]))
    def cut(self, seat: int, failing: set[str]) -> None:
        self.workers[seat].cable.failing = frozenset(failing)

    @rule(seat=seats)
    def mend(self, seat: int) -> None:
        self.workers[seat].cable.failing = frozenset()

    @rule(away=st.booleans())
    def go_away(self, away: bool) -> None:
        self.ledger.away = away

    # -- what must hold ---------------------------------------------------------------------------

    @invariant()
    def nothing_is_overspent(self) -> None:
        books, now_ns = self.ledger.books, self.clock.wall_ns()
        for purse in books.purses.values():
            standing = books.standing(purse, now_ns)
            drawn = sum(d.amount for (_, p), d in books.draws.items() if p == purse.purse_id)
            assert purse.drawn == drawn
            assert standing.spent + standing.drawn <= standing.cap
        assert all(books.balance(wallet) >= 0 for wallet in "ab")

    @invariant()
    def slices_are_sound(self) -> None:
        for worker in self.workers:
            every = {id(one): one for call in worker.calls for one in call.slices}
            every |= {id(one): one for one in worker.broker._slices.values()}
            for one in every.values():
                held = sum(call.need[one.unit] for call in worker.calls if one in call.slices)
                assert one.free >= 0
                assert one.held == held
                assert one.taken == one.free + held + one.settled

    @invariant()
    def slices_are_what_was_drawn(self) -> None:
        """To the unit: no more, for that would be spent twice, and no less, for it would rot."""
        for worker in self.workers:
            # Charges of before a silence are taken of what was drawn after it.
            if self.is_given_up(worker) or worker.has_old_charges:
                continue
            kept: dict[str, int] = {}
            for one in worker.broker._slices.values():
                kept[one.spec.purse_id] = one.free + one.held
            for entry in worker.journal:
                for purse_id, amount in zip(entry.charge.purses, entry.charge.used, strict=True):
                    kept[purse_id] = kept.get(purse_id, 0) + amount
            drawn = {
                purse_id: draw.amount
                for (name, purse_id), draw in self.ledger.books.draws.items()
                if name == worker.name
            }
            assert {k: v for k, v in kept.items() if v} == {k: v for k, v in drawn.items() if v}

    # -- the end ----------------------------------------------------------------------------------

    def teardown(self) -> None:
        self.ledger.away = False
        for worker in self.workers:
            worker.cable.failing = frozenset()
            for call in list(worker.calls):
                worker.calls.remove(call)
                self.write(worker, call.slices, settle(call.slices, call.need, call.need))
        for worker in self.workers:
            self.runner.run(self.tick(worker))
        self.slices_are_what_was_drawn()
        for worker in self.workers:
            self.posted(worker.name, worker.journal)
            worker.journal.clear()
        self.clock.advance(2.0)
        if not self.vanished:
            for worker in self.workers:
                self.runner.run(self.tick(worker))
            assert [draw.amount for draw in self.ledger.books.draws.values() if draw.amount] == []
        for worker in self.workers:
            self.runner.run(worker.broker.close())
            self.clerk.close_draws(worker.name)
        self.audit()
        self.runner.close()

    def audit(self) -> None:
        """All charges are what the ledger moved, and nothing is drawn."""
        books = self.ledger.books
        assert [purse.drawn for purse in books.purses.values() if purse.drawn] == []
        moved = dict.fromkeys("ab", 0)
        for transfer in books.transfers:
            if transfer.kind == "charge" and transfer.debit.startswith("wallet:"):
                moved[transfer.debit.removeprefix("wallet:")] += transfer.amount_nano
        lost = -books.accounts.get("shortfall", 0)
        assert sum(moved.values()) + lost == sum(self.charged.values())
        if not self.vanished:
            assert moved == self.charged
            assert lost == 0


def a_step(life: Life, chance: random.Random, *, trouble: bool) -> None:
    """Something that happens, the usual more often."""
    seat, which = chance.randrange(SEATS), chance.randrange(1_000)
    what = chance.random() * (1.0 if trouble else 0.94)
    if what < 0.35:
        nano, inputs, outputs = (chance.randrange(60) for _ in range(3))
        need = (nano, 1, inputs, outputs, inputs + outputs)
        life.call(seat, chance.choice(COMBINATIONS), need)
    elif what < 0.45:
        life.grow(seat, which, chance.randrange(40))
    elif what < 0.65:
        life.end(seat, which, chance.choice(["below", "at", "above", "none"]))
    elif what < 0.8:
        life.pass_time(chance.choice([0.1, 0.1, 1.5, 11.0]))
    elif what < 0.87:
        life.post(seat, 5)
    elif what < 0.9:
        life.grant(chance.choice("ab"), chance.randrange(1, 200), chance.randrange(4))
    elif what < 0.93:
        life.ask_back(seat, chance.randrange(6))
    elif what < 0.94:
        life.expire()
    elif what < 0.95:
        chance.choice([life.crash, life.be_silent])(seat)
    elif what < 0.97:
        life.cut(seat, chance.choice([OPERATIONS, {"draw"}, {"give_back"}, {"give_back"}]))
    elif what < 0.99:
        life.mend(seat)
    else:
        life.go_away(chance.random() < 0.3)


@pytest.mark.parametrize("trouble", [False, True])
def test_nor_in_long_lives(trouble: bool) -> None:
    charges = 0
    for number in range(12):
        chance, life = random.Random(f"{number} {trouble}"), Life()
        for _ in range(400):
            a_step(life, chance, trouble=trouble)
            life.nothing_is_overspent()
            life.slices_are_sound()
            life.slices_are_what_was_drawn()
        life.teardown()
        charges += len(life.ledger.books.charges)
        assert trouble or not life.vanished
    assert charges > 100


def test_no_purse_is_overspent_and_nothing_is_lost() -> None:
    machine = settings(
        max_examples=100,
        stateful_step_count=50,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Life, settings=machine)
    assert machine.max_examples == 100
