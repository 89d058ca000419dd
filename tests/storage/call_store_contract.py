"""What every call store keeps to, whatever it is made of."""

from typing import Protocol

import pytest
from tests.calllog.calls import body, call_id, charge, closed, decided, settled, started

from faregate.calllog.frames import CallRecord, Frame
from faregate.calllog.journal import Position
from faregate.calllog.records import WorkerCalls
from faregate.clerk.ports import CallStore
from faregate.core.errors import StorageError

WORKER = "0-1-1"


class FindingStore(CallStore, Protocol):
    """A call store that also gives calls back."""

    def find(self, call_id: str) -> CallRecord | None:
        """One call, with its bodies."""


def post(store: CallStore, calls: WorkerCalls, *frames: Frame, offset: int = 100) -> None:
    """One batch, as the clerk posts it."""
    store.post(WORKER, Position(1, offset), calls.add(frames))


class CallStoreContract:
    """Subclasses give the fixture `store`, and `fill(store)` that takes all room away."""

    def fill(self, store: FindingStore) -> None:
        raise NotImplementedError

    def test_calls_and_position_are_kept(self, store: FindingStore):
        post(store, WorkerCalls(WORKER), started(1), settled(1), closed(2), started(3), offset=7)
        assert store.positions() == {WORKER: Position(1, 7)}
        states = [getattr(store.find(call_id(n)), "outcome", "none") for n in (1, 2, 3, 4)]
        assert states == ["answered", "refused", None, "none"]
        assert [record.call_id for record in store.open_calls(WORKER)] == [call_id(3)]
        assert store.open_calls("0-2-2") == []

    def test_an_open_call_is_completed(self, store: FindingStore):
        post(store, WorkerCalls(WORKER), started(1))
        taken_over = WorkerCalls(WORKER, store.open_calls(WORKER))
        post(store, taken_over, settled(1))
        record = store.find(call_id(1))
        assert record is not None
        assert (record.state, record.status, record.key_name) == ("closed", 200, "billing")
        assert store.open_calls(WORKER) == []

    def test_a_closed_call_never_changes(self, store: FindingStore):
        post(store, WorkerCalls(WORKER), started(1), settled(1))
        post(store, WorkerCalls(WORKER), settled(1, status=500))
        post(store, WorkerCalls(WORKER), started(1))
        record = store.find(call_id(1))
        assert record is not None
        assert (record.state, record.status) == ("closed", 200)

    def test_bodies_come_before_or_after_their_call(self, store: FindingStore):
        calls = WorkerCalls(WORKER)
        post(store, calls, body(1, b"early"))
        post(store, calls, started(1), closed(2))
        post(store, calls, body(2, b"late"), settled(1))
        bodies = [getattr(store.find(call_id(n)), "request_body", None) for n in (1, 2)]
        assert bodies == ["early", "late"]

    def test_decisions_come_before_or_after_their_call(self, store: FindingStore):
        calls = WorkerCalls(WORKER)
        post(store, calls, decided(1))
        post(store, calls, started(1), closed(2), closed(3))
        post(store, calls, decided(2), settled(1))
        post(store, calls, decided(2))
        found = [getattr(store.find(call_id(n)), "decision", None) for n in (1, 2, 3)]
        assert found == [decided(1).findings, decided(2).findings, None]
        assert store.prune(2**62, 0) == 3
        post(store, calls, closed(1))
        assert getattr(store.find(call_id(1)), "decision", "none") is None

    def test_a_charge_is_kept(self, store: FindingStore):
        calls = WorkerCalls(WORKER)
        post(store, calls, started(1, application="shop", run="r1"), settled(1, charge=charge(7)))
        record = store.find(call_id(1))
        assert record is not None
        assert (record.charge, record.application, record.run) == (charge(7), "shop", "r1")

    def test_lost_calls_are_closed(self, store: FindingStore):
        calls = WorkerCalls(WORKER)
        post(store, calls, started(1))
        store.post(WORKER, Position(2), calls.lose())
        assert getattr(store.find(call_id(1)), "outcome", None) == "lost"
        assert store.open_calls(WORKER) == []

    def test_a_position_is_forgotten(self, store: FindingStore):
        post(store, WorkerCalls(WORKER), started(1))
        store.forget(WORKER)
        store.forget(WORKER)
        assert store.positions() == {}

    def test_old_calls_are_pruned(self, store: FindingStore):
        post(store, WorkerCalls(WORKER), *(closed(n) for n in range(10)), body(3, b"x"))
        before_ns = closed(5).started_ns
        assert store.prune(before_ns, 1_000) == 5
        assert store.prune(before_ns, 1_000) == 0
        assert [n for n in range(10) if store.find(call_id(n))] == [5, 6, 7, 8, 9]

    def test_the_oldest_calls_leave_when_there_are_too_many(self, store: FindingStore):
        post(store, WorkerCalls(WORKER), *(closed(n) for n in range(10)))
        assert store.prune(0, 3) == 7
        assert [n for n in range(10) if store.find(call_id(n))] == [7, 8, 9]

    def test_open_calls_are_not_pruned(self, store: FindingStore):
        post(store, WorkerCalls(WORKER), started(1), closed(2))
        assert store.prune(2**62, 0) == 1
        assert len(store.open_calls(WORKER)) == 1

    def test_without_room_nothing_happens(self, store: FindingStore):
        post(store, WorkerCalls(WORKER), started(1), offset=1)
        self.fill(store)
        calls = WorkerCalls(WORKER, store.open_calls(WORKER))
        large = [body(n, bytes(60_000)) for n in range(100)]
        with pytest.raises(StorageError):
            post(store, calls, settled(1), *large, offset=2)
        assert store.positions() == {WORKER: Position(1, 1)}
        assert len(store.open_calls(WORKER)) == 1
