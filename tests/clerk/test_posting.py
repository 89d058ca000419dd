"""A worker's journal is posted once, in order, and deleted after that."""

from pathlib import Path

import pytest
from tests.calllog.calls import call_id, charge, closed, settled, started

from faregate.calllog.frames import Copied, Frame, Happened, encode_frame
from faregate.calllog.journal import START, Position
from faregate.clerk.charging import Charging
from faregate.clerk.counters import Counters
from faregate.clerk.memory_store import MemoryCallStore
from faregate.clerk.posting import WorkerPosting
from faregate.core.clock import ManualClock
from faregate.core.errors import StorageError
from faregate.ledger.memory import MemoryLedger
from faregate.ledger.purses import DrawRequest, PurseSpec, Unit
from faregate.storage.journal import JournalWriter
from faregate.storage.journal_reader import JournalFolders

WORKER = "0-1-1"
WALLET = PurseSpec("wallet:acme", "wallet", "acme", "acme", Unit.NANO, None)


class Desk:
    """A writer with small segments and what posts it."""

    def __init__(self, root: Path) -> None:
        self.writer = JournalWriter(root, WORKER, sync="kernel", segment_bytes=4096)
        self.folders = JournalFolders(root)
        self.store = MemoryCallStore()
        self.clock = ManualClock()
        self.ledger = MemoryLedger(self.clock)
        self.ledger.grant("acme", 1_000_000)
        self.counters = Counters()
        self.posting = self.begin(START)

    def begin(self, position: Position) -> WorkerPosting:
        opened = self.store.open_calls(WORKER)
        charging = Charging(self.ledger.posting(), self.folders, self.counters, self.clock)
        return WorkerPosting(
            WORKER, self.folders, self.store, charging, self.counters, position, opened
        )

    def draw(self, amount: int) -> None:
        self.ledger.source(WORKER).draw([DrawRequest(WALLET, amount, 0)])

    def drawn(self) -> int:
        return self.ledger.source("other").standings([WALLET])[0].drawn

    def write(self, *frames: Frame) -> None:
        for frame in frames:
            self.writer.append(encode_frame(frame))

    def segments(self) -> list[str]:
        return sorted(path.name for path in self.writer.folder.glob("*.journal"))

    def outcome(self, number: int) -> str | None:
        record = self.store.find(call_id(number))
        return record.outcome if record is not None else "unknown"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_calls_are_posted_as_they_come(desk: Desk):
    desk.write(started(1), closed(2))
    assert not desk.posting.step()
    assert (desk.outcome(1), desk.outcome(2), desk.posting.open_calls) == (None, "refused", 1)
    desk.write(settled(1))
    desk.posting.step()
    assert (desk.outcome(1), desk.posting.open_calls) == ("answered", 0)
    assert (desk.counters.frames, desk.counters.calls) == (3, 2)


def test_nothing_new_posts_nothing(desk: Desk):
    desk.posting.step()
    desk.store.full = True
    assert not desk.posting.step()
    assert desk.posting.backlog_bytes() == 0


def test_posted_segments_are_deleted(desk: Desk):
    desk.write(*(closed(n) for n in range(100)))
    before = desk.segments()
    desk.posting.step()
    assert len(before) > 3
    assert desk.segments() == before[-1:]


def test_nothing_is_deleted_that_was_not_posted(desk: Desk):
    desk.write(*(closed(n) for n in range(100)))
    before = desk.segments()
    desk.store.full = True
    with pytest.raises(StorageError):
        desk.posting.step()
    assert desk.segments() == before
    desk.store.full = False
    desk.begin(START).step()
    assert {desk.outcome(n) for n in range(100)} == {"refused"}


def test_the_end_of_a_worker(desk: Desk):
    desk.write(started(1), started(2), settled(2))
    desk.writer.close()
    assert not desk.posting.step()
    assert desk.posting.ended
    assert (desk.outcome(1), desk.outcome(2)) == ("lost", "answered")
    assert desk.folders.workers() == []
    assert desk.store.positions() == {}
    assert (desk.counters.calls, desk.counters.lost_calls) == (2, 1)


def test_a_living_workers_calls_are_not_lost(desk: Desk):
    desk.write(started(1))
    desk.posting.step()
    assert not desk.posting.ended
    assert desk.outcome(1) is None


def test_charges_go_to_the_ledger_and_to_the_record(desk: Desk):
    desk.draw(10_000)
    desk.write(started(1), settled(1, charge=charge(4_000)), started(2), settled(2))
    desk.posting.step()
    assert (desk.ledger.balance("acme"), desk.drawn()) == (996_000, 6_000)
    assert getattr(desk.store.find(call_id(1)), "charge", None) == charge(4_000)
    assert desk.counters.charged_nano == 4_000


def test_a_charge_is_posted_once_though_its_batch_comes_twice(desk: Desk):
    desk.write(started(1), settled(1, charge=charge(4_000)))
    desk.store.full = True
    with pytest.raises(StorageError):
        desk.posting.step()
    desk.store.full = False
    desk.write(started(2), settled(2, charge=charge(5_000)))
    desk.begin(START).step()
    assert desk.ledger.balance("acme") == 1_000_000 - 9_000
    assert (desk.counters.calls, desk.counters.charged_nano) == (2, 9_000)


def test_nothing_is_in_the_store_that_is_not_in_the_ledger(desk: Desk):
    desk.write(*(closed(n) for n in range(100)), started(100), settled(100, charge=charge(1)))
    before = desk.segments()
    desk.ledger.away = True
    with pytest.raises(StorageError):
        desk.posting.step()
    assert desk.posting.backlog_bytes() > 0
    assert (desk.segments(), desk.store.positions()) == (before, {})
    desk.ledger.away = False
    desk.begin(START).step()
    assert desk.ledger.balance("acme") == 999_999
    assert desk.outcome(100) == "answered"


def test_draws_go_back_when_the_worker_has_ended(desk: Desk):
    desk.draw(10_000)
    desk.write(started(1), settled(1, charge=charge(4_000)), started(2))
    desk.posting.step()
    assert desk.drawn() == 6_000
    desk.writer.close()
    desk.posting.step()
    assert (desk.outcome(2), desk.drawn(), desk.ledger.balance("acme")) == ("lost", 0, 996_000)


def test_a_folder_stays_until_its_draws_went_back(desk: Desk):
    desk.draw(10_000)
    desk.write(closed(1))
    desk.writer.close()
    desk.ledger.away = True
    with pytest.raises(StorageError):
        desk.posting.step()
    assert desk.folders.workers() == [WORKER]
    desk.ledger.away = False
    desk.begin(desk.store.positions()[WORKER]).step()
    assert (desk.folders.workers(), desk.drawn()) == ([], 0)


def test_damage_is_counted_and_passed(desk: Desk):
    desk.write(closed(1), closed(2), closed(3))
    segment = desk.writer.folder / "00000001.journal"
    data = bytearray(segment.read_bytes())
    data[data.index(call_id(2).encode())] ^= 0xFF
    segment.write_bytes(data)
    desk.posting.step()
    assert [desk.outcome(n) for n in (1, 2, 3)] == ["refused", "unknown", "refused"]
    assert desk.counters.corrupt_frames == 1


def test_a_frame_that_cannot_be_understood_is_counted(desk: Desk):
    desk.writer.append(b"\x93\xa1z\x01\x02")
    desk.write(closed(1))
    desk.posting.step()
    assert desk.outcome(1) == "refused"
    assert desk.counters.corrupt_frames == 1


def test_a_torn_tail_is_counted(desk: Desk, tmp_path: Path):
    desk.write(closed(1), closed(2))
    segment = desk.writer.folder / "00000001.journal"
    whole = segment.read_bytes()
    desk.writer.close()
    segment.write_bytes(whole[: whole.index(call_id(2).encode())])
    desk.posting.step()
    assert (desk.outcome(1), desk.outcome(2)) == ("refused", "unknown")
    assert desk.counters.torn_tails == 1
    assert desk.folders.workers() == []


def test_what_became_of_providers_is_noted_once(desk: Desk):
    broken = Happened("e1", 5, "broken", "openai", "second", "auth: bad key")
    low = Happened("e2", 6, "balance_low", "openai", "", "1 is left")
    desk.write(started(1), broken, low)
    desk.posting.step()
    desk.posting = desk.begin(START)  # a clerk that was killed reads it again
    desk.posting.step()
    told = [(event.kind, event.subject, event.detail) for event in desk.ledger.books.events]
    assert told == [
        ("provider_event", "openai:second", "broken: auth: bad key"),
        ("provider_event", "openai", "balance_low: 1 is left"),
    ]


def test_a_copy_costs_its_account_once_and_is_no_call(desk: Desk):
    copy = Copied(call_id(7), 5, "openai", "small", 40)
    desk.write(started(1), copy, settled(1, charge=charge(100)))
    desk.posting.step()
    desk.posting = desk.begin(START)  # a clerk that was killed reads it again
    desk.posting.step()
    assert {
        nano for (name, *_), nano in desk.ledger.books.spending.items() if name == "openai"
    } == {40}
    assert desk.outcome(7) == "unknown"
    assert desk.counters.calls == 2  # the one, read twice
    assert desk.ledger.balance("acme") == 999_900
