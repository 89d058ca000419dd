"""The journal in memory keeps to the contract of all journals."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from tests.storage.journal_contract import JournalContract

from faregate.gate.memory_journal import MemoryJournal


class TestMemoryJournal(JournalContract):
    @pytest.fixture
    def journal(self) -> MemoryJournal:
        return MemoryJournal()

    @pytest.fixture
    def read(self, journal: MemoryJournal) -> Callable[[], list[bytes]]:
        return lambda: journal.frames

    @pytest.fixture
    def full(self, journal: MemoryJournal) -> Callable[[], AbstractContextManager[None]]:
        @contextmanager
        def fill() -> Iterator[None]:
            journal.full = True
            yield
            journal.full = False

        return fill


def test_what_is_kept_is_a_copy():
    journal = MemoryJournal()
    frame = bytearray(b"abc")
    journal.append(frame)
    frame[0] = 0
    assert journal.frames == [b"abc"]
