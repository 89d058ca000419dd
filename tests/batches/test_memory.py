"""The store in memory does as every store of files and batches does."""

import pytest
from tests.batches.contract import NOW_S, DeskContract, ShelfContract, Stores

from faregate.batches.memory import MemoryBatches


class TestMemoryBatches(ShelfContract, DeskContract):
    @pytest.fixture
    def stores(self) -> Stores:
        memory = MemoryBatches(lambda: NOW_S)
        return Stores(memory, memory)
