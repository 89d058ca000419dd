"""The store in memory and that on disk are both what the runner asks for."""

from pathlib import Path

from faregate.batches.memory import MemoryBatches
from faregate.runner.ports import BatchDesk, CallSource
from faregate.storage.batch_desk import SqliteBatchDesk
from faregate.storage.decision_reader import DecisionReader


def test_they_fit(tmp_path: Path) -> None:
    desks: list[BatchDesk] = [
        MemoryBatches(),
        SqliteBatchDesk(tmp_path / "files.db", tmp_path / "files"),
    ]
    source: CallSource = DecisionReader(tmp_path, tmp_path / "calls.db")
    for desk in desks:
        desk.close()
    source.close()
    assert len(desks) == 2
