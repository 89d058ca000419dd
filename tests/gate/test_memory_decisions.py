"""Both versions of a past calls' source find the same."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.calllog.calls import call_id, closed, decided, started

from faregate.calllog.frames import encode_frame
from faregate.calllog.records import WorkerCalls
from faregate.core.errors import StorageError
from faregate.gate.memory_decisions import MemoryDecisions
from faregate.gate.ports import DecisionSource
from faregate.storage.decision_reader import DecisionReader
from faregate.storage.journal import JournalWriter

FRAMES = (closed(1), decided(1), closed(2), started(3))


def memory(_: Path) -> DecisionSource:
    source = MemoryDecisions()
    changes = WorkerCalls("0-1-1").add(FRAMES)
    source.records = {record.call_id: record for record in (*changes.opened, *changes.closed)}
    source.records[call_id(1)].decision = decided(1).findings
    return source


def files(root: Path) -> DecisionSource:
    writer = JournalWriter(root / "journal", "0-1-1", sync="kernel")
    for frame in FRAMES:
        writer.append(encode_frame(frame))
    writer.close()
    return DecisionReader(root / "journal", root / "calls.db")


@pytest.mark.parametrize("make", [memory, files])
def test_a_call_is_found_with_its_decision(make: Callable[[Path], DecisionSource], tmp_path: Path):
    source = make(tmp_path)
    first, second = source.find(call_id(1)), source.find(call_id(2))
    assert first is not None
    assert second is not None
    assert (first.refusal, first.decision) == ("key_unknown", decided(1).findings)
    assert (second.state, second.decision) == ("closed", None)
    assert source.find(call_id(3)) is not None
    assert source.find(call_id(4)) is None
    source.close()


def test_a_source_that_fails_says_so(tmp_path: Path):
    source = MemoryDecisions()
    source.fail = True
    with pytest.raises(StorageError):
        source.find(call_id(1))
    (tmp_path / "calls.db").write_bytes(b"no database" * 99)
    with pytest.raises(StorageError):
        DecisionReader(tmp_path / "journal", tmp_path / "calls.db").find(call_id(1))
