"""The call store in memory keeps to the contract of all call stores."""

import pytest
from tests.storage.call_store_contract import CallStoreContract

from faregate.clerk.memory_store import MemoryCallStore


class TestMemoryCallStore(CallStoreContract):
    @pytest.fixture
    def store(self) -> MemoryCallStore:
        return MemoryCallStore()

    def fill(self, store: MemoryCallStore) -> None:
        store.full = True


def test_a_record_is_a_copy():
    assert MemoryCallStore().find("call_unknown") is None
