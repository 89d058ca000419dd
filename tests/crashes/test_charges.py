"""Every charge is posted once and covered by its draw, wherever the clerk is killed."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from tests.crashes.bank import Bank, Worker


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("alive", [False, True])
def test_killed_between_any_two_effects(tmp_path: Path, after: bool, alive: bool):
    for left in range(1_000):
        bank = Bank(tmp_path / f"{left}")
        first, second = bank.begin(), bank.begin()
        for worker in (first, second):
            bank.draw(worker, 200_000)
            for amount in range(1, 15):
                bank.call(worker, amount * 1_000)
            bank.call_without_end(worker)
        if alive:
            survived = bank.post(1, left, after=after)
        else:
            bank.post(1)
            bank.call(first, 500)
            bank.die(first)
            survived = bank.post(2, left, after=after, sizes=[4096])
        bank.check()
        bank.end()
        bank.close()
        if survived:
            break
    assert left >= 6


class Posting(RuleBasedStateMachine):
    """The same at random."""

    def __init__(self) -> None:
        super().__init__()
        self.bank = Bank(Path(tempfile.mkdtemp()))

    def teardown(self) -> None:
        try:
            self.bank.end()
        finally:
            self.bank.close()

    def chosen(self, data: st.DataObject) -> Worker:
        return data.draw(st.sampled_from(self.bank.workers))

    @precondition(lambda self: len(self.bank.workers) < 3)
    @rule()
    def begin(self) -> None:
        self.bank.begin()

    @precondition(lambda self: self.bank.workers and not self.bank.ledger.away)
    @rule(data=st.data(), want=st.integers(1, 50_000))
    def draw(self, data: st.DataObject, want: int) -> None:
        self.bank.draw(self.chosen(data), want)

    @precondition(lambda self: self.bank.workers)
    @rule(data=st.data(), count=st.integers(1, 20))
    def call(self, data: st.DataObject, count: int) -> None:
        worker = self.chosen(data)
        for _ in range(count):
            self.bank.call(worker, data.draw(st.integers(0, worker.free)))

    @precondition(lambda self: self.bank.workers)
    @rule(data=st.data())
    def call_without_end(self, data: st.DataObject) -> None:
        self.bank.call_without_end(self.chosen(data))

    @precondition(lambda self: self.bank.workers)
    @rule(data=st.data())
    def die(self, data: st.DataObject) -> None:
        self.bank.die(self.chosen(data))

    @rule(
        rounds=st.integers(1, 6),
        left=st.none() | st.integers(0, 12),
        after=st.booleans(),
        sizes=st.lists(st.integers(1, 4096), min_size=1, max_size=5),
    )
    def post(self, rounds: int, left: int | None, after: bool, sizes: list[int]) -> None:
        self.bank.post(rounds, left, after=after, sizes=sizes)

    @rule(away=st.booleans(), full=st.booleans())
    def trouble(self, away: bool, full: bool) -> None:
        self.bank.ledger.away, self.bank.store.full = away, full

    @invariant()
    def all_is_right(self) -> None:
        self.bank.check()


TestPosting = Posting.TestCase
TestPosting.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
