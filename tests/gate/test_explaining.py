"""Decisions are kept in bounds and looked up in bounded time."""

import asyncio
import threading
from types import SimpleNamespace
from typing import Any

import pytest
from tests.calllog.calls import call_id, closed, decided

from faregate.calllog.frames import CallRecord
from faregate.calllog.records import WorkerCalls
from faregate.core import bounds
from faregate.core.errors import StorageError
from faregate.core.refusals import refuse
from faregate.gate import explaining
from faregate.gate.explaining import Explaining, RecentDecisions, TooManyReadersError
from faregate.gate.memory_decisions import MemoryDecisions
from faregate.gate.phases import Phase, PhasedStep, Plan

PLAN = Plan("/v1/models", [PhasedStep(Phase.IDENTIFY, lambda _: None)])


def call(number: int, key_id: str | None = "key_1") -> Any:
    key = None if key_id is None else SimpleNamespace(key_id=key_id)
    return SimpleNamespace(
        call_id=call_id(number), started_ns=number, key=key, plan=PLAN, started=False
    )


def record(number: int) -> CallRecord:
    found = WorkerCalls("0-1-1").add([closed(number)]).closed[0]
    found.decision = decided(number).findings
    return found


def test_the_newest_are_kept():
    recent = RecentDecisions(3)
    for number in range(1, 6):
        recent.add(call(number), "refused", 401, refuse("key_unknown", "why"))
    assert len(recent) == 3
    assert recent.find(call_id(2)) is None
    kept = recent.find(call_id(5))
    assert kept is not None
    assert (kept.key_id, kept.refusal, kept.detail) == ("key_1", "key_unknown", "why")


def test_a_call_without_a_key_belongs_to_nobody():
    recent = RecentDecisions()
    recent.add(call(1, None), "answered", 200, None)
    kept = recent.find(call_id(1))
    assert kept is not None
    assert (kept.key_id, kept.refusal) == ("", None)
    assert [each.verdict for each in kept.findings or ()] == ["passed", "passed"]


async def test_memory_comes_before_the_files():
    source = MemoryDecisions()
    source.fail = True
    known = Explaining(None, lambda: source)
    known.recent.add(call(1), "refused", 401, None)
    assert await known.find(call_id(1)) is not None
    with pytest.raises(StorageError):
        await known.find(call_id(2))
    source.fail = False
    source.records[call_id(2)] = record(2)
    found = await known.find(call_id(2))
    assert found is not None
    assert (found.refusal, found.findings) == ("key_unknown", decided(2).findings)
    known.close()
    for _ in range(500):
        if source.closed:
            break
        await asyncio.sleep(0.01)
    assert source.closed


async def test_without_files_there_is_memory_alone():
    alone = Explaining()
    assert await alone.find(call_id(1)) is None
    alone.close()


async def test_a_reader_that_hangs_holds_up_nobody_for_long(monkeypatch: pytest.MonkeyPatch):
    release = threading.Event()

    class Hanging(MemoryDecisions):
        def find(self, call_id: str) -> CallRecord | None:
            release.wait(10)
            return super().find(call_id)

    monkeypatch.setattr(explaining, "READ_TIMEOUT_S", 0.05)
    monkeypatch.setattr(bounds, "DECISION_LOOKUPS_WAITING_MAX", 2)
    hanging = Explaining(None, Hanging)
    results = await asyncio.gather(
        *(hanging.find(call_id(number)) for number in range(4)), return_exceptions=True
    )
    assert [type(result) for result in results] == [
        TimeoutError, TimeoutError, TooManyReadersError, TooManyReadersError,
    ]  # fmt: skip
    release.set()
    for _ in range(500):
        await asyncio.sleep(0.01)
        if not hanging._waiting:
            break
    assert await hanging.find(call_id(9)) is None
    hanging.close()
