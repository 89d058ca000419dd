"""The ledger in memory keeps to the contract of all ledgers."""

import threading

import pytest
from tests.storage.ledger_contract import DrawsContract, request
from tests.storage.ledgers import InMemory
from tests.storage.posting_contract import PostingContract

from faregate.core.clock import ManualClock
from faregate.core.errors import StorageError
from faregate.ledger.memory import MemoryLedger


class TestDraws(DrawsContract):
    @pytest.fixture
    def ledger(self) -> InMemory:
        return InMemory()


class TestPosting(PostingContract):
    @pytest.fixture
    def ledger(self) -> InMemory:
        return InMemory()


def test_it_can_be_away():
    ledger = MemoryLedger(ManualClock(), threading.Lock())
    ledger.grant("acme", 100)
    ledger.away = True
    with pytest.raises(StorageError):
        ledger.source("a").draw([request(1)])
    ledger.away = False
    assert ledger.source("a").draw([request(1)])[0].granted == 1
    assert ledger.balance("acme") == 100
