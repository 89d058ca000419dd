"""Whatever happens in whatever order, the ledger in SQL is what the plain one is."""

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from tests.postgresql import ledger_url, postgresql_server  # noqa: F401
from tests.storage.ledgers import (
    AnyLedger,
    InMemory,
    InSql,
    postgresql_ledger,
    purse,
    record,
    sqlite_ledger,
    wallet,
)

from faregate.calllog.frames import CallRecord
from faregate.ledger.purses import DrawRequest, PurseSpec, Return, Unit

SECOND_NS = 1_000_000_000
WORKERS = ("a", "b", "c")
WALLETS = ("acme", "other")

workers = st.sampled_from(WORKERS)
amounts = st.integers(0, 60)


def specs(now_ns: int, begin_ns: int) -> list[PurseSpec]:
    """All purses as the configuration says at a moment; periods are of ten seconds."""
    number = (now_ns - begin_ns) // (10 * SECOND_NS)
    starts_ns = begin_ns + number * 10 * SECOND_NS
    return [
        wallet("acme"),
        wallet("other"),
        purse("budget:ever", 150, alert_at=(50, 100)),
        purse("budget:rolling", 80, rolling_ns=60 * SECOND_NS, alert_at=(80,)),
        purse(
            f"quota:{number}",
            40,
            "quota",
            Unit.TOKENS,
            starts_ns=starts_ns,
            ends_ns=starts_ns + 10 * SECOND_NS,
            carry_from=f"quota:{number - 1}",
            carry_max=15,
            alert_at=(100,),
        ),
    ]


class Ledgers(RuleBasedStateMachine):
    """The same things happen to both; subclasses open the one in SQL."""

    def open(self) -> InSql:
        raise NotImplementedError

    def __init__(self) -> None:
        super().__init__()
        self.resources = ExitStack()
        self.plain = InMemory()
        self.sql = self.open()
        self.both: tuple[AnyLedger, AnyLedger] = (self.plain, self.sql)
        self.sources = {
            name: [ledger.source(name, f"node-{name}") for ledger in self.both] for name in WORKERS
        }
        self.postings = [ledger.posting("node-a") for ledger in self.both]
        self.begin_ns = self.plain.clock.wall_ns()
        self.settled: dict[tuple[str, str], int] = {}
        self.posted: list[tuple[str, CallRecord]] = []
        self.given = 0

    def teardown(self) -> None:
        self.resources.close()

    def same(self, results: Sequence[Any]) -> Any:
        """Both gave the same."""
        assert results[0] == results[1]
        return results[0]

    def specs(self) -> list[PurseSpec]:
        return specs(self.plain.clock.wall_ns(), self.begin_ns)

    @rule(
        name=st.sampled_from(WALLETS),
        amount=st.integers(1, 120),
        promotional=st.booleans(),
        expires_s=st.none() | st.integers(1, 30),
        reference=st.none() | st.sampled_from("xy"),
    )
    def grant(self, name, amount, promotional, expires_s, reference):
        # A reference stands for one amount.
        amount = 50 if reference else amount
        promotional, expires_s = (False, None) if reference else (promotional, expires_s)
        now_ns = self.plain.clock.wall_ns()
        expires_ns = None if expires_s is None else now_ns + expires_s * SECOND_NS
        self.same([
            ledger.grant(name, amount, promotional=promotional, expires_ns=expires_ns,
                         reference=reference)
            for ledger in self.both
        ])  # fmt: skip

    @rule(name=st.sampled_from(WALLETS), amount=st.integers(-80, 40).filter(bool))
    def adjust(self, name, amount):
        # The books take back what has expired before they judge what is there.
        for posting in self.postings:
            posting.expire(self.plain.clock.wall_ns())
        self.same([ledger.adjust(name, amount) for ledger in self.both])

    @rule(worker=workers, wants=st.lists(amounts, min_size=5, max_size=5))
    def draw(self, worker, wants):
        requests = [
            DrawRequest(spec, want, self.settled.get((worker, spec.purse_id), 0))
            for spec, want in zip(self.specs(), wants, strict=True)
            if want
        ]
        self.same([source.draw(requests) for source in self.sources[worker]])

    @rule(worker=workers, wanted=st.lists(amounts, min_size=5, max_size=5))
    def give_back(self, worker, wanted):
        returns = [
            Return(spec.purse_id, amount, self.settled.get((worker, spec.purse_id), 0))
            for spec, amount in zip(self.specs(), wanted, strict=True)
        ]
        for source in self.sources[worker]:
            source.give_back(returns)

    @rule(worker=workers, calls=st.lists(
        st.tuples(st.sampled_from(("acme", "other", "")), amounts, amounts, st.integers(0, 3)),
        max_size=5), again=st.integers(0, 3))  # fmt: skip
    def post(self, worker, calls, again):
        now_ns = self.plain.clock.wall_ns()
        records = [one for owner, one in self.posted[-again:] if owner == worker and again]
        for name, money, tokens, short in calls:
            self.given += 1
            used = {"budget:ever": money, "budget:rolling": money}
            used[self.specs()[-1].purse_id] = tokens
            if name:
                used[f"wallet:{name}"] = money
            one = record(
                self.given, used, worker=worker, charge_nano=money,
                shortfall_nano=1 if short == 3 else 0, started_ns=now_ns - short * SECOND_NS,
            )  # fmt: skip
            for purse_id, amount in used.items():
                key = (worker, purse_id)
                self.settled[key] = self.settled.get(key, 0) + amount
            records.append(one)
            self.posted.append((worker, one))
        told = [
            sorted((one.kind, one.purse_id, one.percent or 0, one.amount or 0) for one in events)
            for events in (posting.post(worker, records) for posting in self.postings)
        ]
        self.same(told)

    @rule(worker=workers)
    def die(self, worker):
        for posting in self.postings:
            posting.close_draws(worker)
        for key in [key for key in self.settled if key[0] == worker]:
            del self.settled[key]

    @rule(worker=workers)
    def beat(self, worker):
        self.same([source.beat() for source in self.sources[worker]])

    @rule(silent_s=st.integers(0, 20))
    def vanish(self, silent_s):
        before_ns = self.plain.clock.wall_ns() - silent_s * SECOND_NS
        self.same([posting.close_vanished(before_ns) for posting in self.postings])

    @rule()
    def expire(self):
        now_ns = self.plain.clock.wall_ns()
        events = [posting.expire(now_ns) for posting in self.postings]
        self.same([sorted(map(str, one)) for one in events])

    @rule(seconds=st.integers(1, 40))
    def wait(self, seconds):
        for ledger in self.both:
            ledger.clock.advance(seconds)

    @invariant()
    def they_agree(self):
        plain, sql = (ledger.state() for ledger in self.both)
        for part in plain._fields:
            assert getattr(sql, part) == getattr(plain, part), part

    @invariant()
    def standings_agree(self):
        self.same([source.standings(self.specs()) for source in self.sources["a"]])
        self.same([posting.drawing_workers() for posting in self.postings])

    @invariant()
    def nothing_is_overspent(self):
        state = self.sql.state()
        assert sum(state.accounts.values()) == 0
        drawn: dict[str, int] = {}
        for (_, purse_id), (amount, _, _) in state.draws.items():
            drawn[purse_id] = drawn.get(purse_id, 0) + amount
        for purse_id, (cap, carried, spent, of_purse) in state.purses.items():
            assert of_purse == drawn.get(purse_id, 0)
            if purse_id.startswith("wallet:"):
                assert 0 <= of_purse <= state.accounts.get(purse_id, 0)
            else:
                assert spent + of_purse <= cap + carried
        for name, lots in state.lots.items():
            assert sum(lot[1] for lot in lots) == state.accounts.get(f"wallet:{name}", 0)

    @invariant()
    def charges_are_what_moved(self):
        moved = self.sql.connection.read(
            lambda session: session.rows(
                "SELECT coalesce(sum(amount_nano), 0) FROM transfers WHERE credit = 'revenue'"
            )
        )
        assert int(moved[0][0]) == self.sql.state().accounts.get("revenue", 0)


class OnSqlite(Ledgers):
    def open(self) -> InSql:
        folder = self.resources.enter_context(tempfile.TemporaryDirectory())
        return self.resources.enter_context(sqlite_ledger(Path(folder)))


def run(machine: type[Ledgers], examples: int) -> None:
    """Try many stories."""
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_sqlite_is_as_the_plain_one():
    assert run(OnSqlite, 25) is None


def test_postgresql_is_as_the_plain_one(ledger_url: str):  # noqa: F811
    class OnPostgresql(Ledgers):
        def open(self) -> InSql:
            ledger = self.resources.enter_context(postgresql_ledger(Path("unused"), ledger_url))
            ledger.connection.write(_empty)
            return ledger

    assert run(OnPostgresql, 8) is None


def _empty(session: Any) -> None:
    tables = "grants, transfers, purses, purse_buckets, draws, workers, events"
    session.run(f"TRUNCATE {tables} RESTART IDENTITY")
    session.run("DELETE FROM accounts WHERE account LIKE 'wallet:' || chr(37)")
    session.run("UPDATE accounts SET balance_nano = 0")


@pytest.mark.soak
def test_sqlite_is_as_the_plain_one_for_long():
    assert run(OnSqlite, 2_000) is None
