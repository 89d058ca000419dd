"""Every call is found once, whether it was posted or not, and whoever runs."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.calllog.calls import body, call_id, closed, decided, settled, started
from tests.clerk.ledgers import empty_ledger

from faregate.calllog.frames import CallRecord, Frame, encode_frame
from faregate.calllog.query import CallFilter
from faregate.clerk.clerk import Clerk, Retention
from faregate.storage.call_log import CallLog
from faregate.storage.call_store import CallStore
from faregate.storage.journal import JournalWriter
from faregate.storage.journal_reader import JournalFolders


class Office:
    """A home with a worker, a clerk that posts when it is told, and a reader."""

    def __init__(self, root: Path) -> None:
        self.journal, self.database = root / "journal", root / "calls.db"
        self.writer = JournalWriter(self.journal, "0-1-1", sync="kernel", segment_bytes=16_384)
        self.log = CallLog(self.journal, self.database)
        self._store: CallStore | None = None
        self._clerk: Clerk | None = None

    def write(self, *frames: Frame) -> None:
        for frame in frames:
            self.writer.append(encode_frame(frame))

    def post(self) -> None:
        if self._clerk is None:
            self._store = CallStore(self.database)
            folders = JournalFolders(self.journal)
            self._clerk = Clerk(folders, self._store, empty_ledger(), Retention(36_500, 1_000_000))
        while self._clerk.step():
            pass

    def close(self) -> None:
        self.log.close()
        self.writer.close()
        if self._store is not None:
            self._store.close()


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path)
    yield office
    office.close()


def told(records: list[CallRecord]) -> list[tuple[int, str | None]]:
    """Numbers and outcomes."""
    return [(int(record.call_id[-8:], 16), record.outcome) for record in records]


# -- recent ----------------------------------------------------------------------------------------


def test_nothing_yet(tmp_path: Path):
    log = CallLog(tmp_path / "journal", tmp_path / "calls.db")
    assert log.recent(10) == []
    assert log.find(call_id(1)) is None
    assert log.find_near(call_id(1)) is None
    assert list(tmp_path.iterdir()) == []


def test_calls_that_were_never_posted(office: Office):
    office.write(closed(1), started(2), settled(2), started(3))
    assert told(office.log.recent(10)) == [(1, "refused"), (2, "answered"), (3, None)]
    assert told(office.log.recent(2)) == [(2, "answered"), (3, None)]
    assert office.log.recent(0) == []


def test_posted_and_unposted_calls_are_merged(office: Office):
    office.write(closed(1), started(2), started(3))
    office.post()
    office.write(settled(2), closed(4))
    expected = [(1, "refused"), (2, "answered"), (3, None), (4, "refused")]
    assert told(office.log.recent(10)) == expected
    office.post()
    assert told(office.log.recent(10)) == expected


def test_filters_reach_both(office: Office):
    office.write(closed(1), started(2), settled(2))
    office.post()
    office.write(closed(3), started(4), settled(4))
    assert told(office.log.recent(10, CallFilter(refused=True))) == [(1, "refused"), (3, "refused")]
    assert told(office.log.recent(1, CallFilter(key="billing"))) == [(4, "answered")]


def test_a_team_finds_its_own_calls_wherever_they_are(office: Office):
    sales = frozenset({"sales"})
    office.write(closed(1, team="sales"), closed(2, team="support"), closed(3))
    office.post()
    office.write(closed(4, team="sales"), closed(5, team="support"))
    assert told(office.log.recent(10, CallFilter(teams=sales))) == [(1, "refused"), (4, "refused")]
    for number in (1, 4):
        assert office.log.find(call_id(number), sales) is not None
    for number in (2, 3, 5):
        assert office.log.find(call_id(number), sales) is None
        assert office.log.find(call_id(number)) is not None
    assert office.log.find_near(call_id(2), frozenset()) is None


def test_pages_follow_each_other(office: Office):
    office.write(*(closed(number) for number in range(1, 5)))
    office.post()
    office.write(*(closed(number) for number in range(5, 8)))
    seen, before = [], None
    while page := office.log.page(3, before=before):
        seen.append([number for number, _ in told(page)])
        before = (page[-1].started_ns, page[-1].call_id)
    assert seen == [[7, 6, 5], [4, 3, 2], [1]]


def test_a_dead_workers_open_calls_are_lost_though_no_clerk_runs(office: Office):
    office.write(started(1))
    office.post()
    office.write(started(2))
    office.writer.close()
    assert told(office.log.recent(10)) == [(1, "lost"), (2, "lost")]


def test_the_clerk_may_post_between_two_looks(office: Office):
    office.write(*(closed(n) for n in range(100)))
    log = office.log
    unposted = list(log.unposted())
    office.post()
    assert len(unposted) == 100
    assert [number for number, _ in told(log.recent(200))] == list(range(100))


# -- find ------------------------------------------------------------------------------------------


def test_a_call_is_found_with_its_bodies_wherever_they_are(office: Office):
    office.write(started(1), body(1, b"posted"))
    office.post()
    office.write(settled(1))
    record = office.log.find(call_id(1))
    assert record is not None
    assert (record.outcome, record.request_body) == ("answered", "posted")
    office.write(closed(2), body(2, b"waiting"), body(3, b"of another"))
    record = office.log.find(call_id(2))
    assert record is not None
    assert (record.request_body, record.request_body_bytes) == ("waiting", 7)


def test_a_call_is_found_with_its_decision_wherever_it_is(office: Office):
    office.write(started(1), decided(1), decided(2))
    office.post()
    office.write(settled(1), closed(2), closed(3), decided(3), decided(4))
    found = [office.log.find(call_id(n)) for n in (1, 2, 3)]
    assert [getattr(record, "decision", None) for record in found] == [
        decided(n).findings for n in (1, 2, 3)
    ]


def test_near_ids_come_from_the_store(office: Office):
    office.write(closed(1))
    office.post()
    assert office.log.find_near(call_id(2)) == call_id(1)


# -- follow ----------------------------------------------------------------------------------------


def test_each_call_is_told_once_as_it_closes(office: Office):
    office.write(closed(1), started(2))
    follower = office.log.follow()
    assert follower.poll() == []
    office.write(settled(2), started(3))
    assert told(follower.poll()) == [(2, "answered")]
    office.post()
    assert follower.poll() == []
    office.write(settled(3))
    office.post()
    assert told(follower.poll()) == [(3, "answered")]
    assert follower.poll() == []
    follower.close()


def test_following_while_everything_is_posted_first(office: Office):
    office.write(closed(1))
    office.post()
    follower = office.log.follow(CallFilter(refused=True))
    office.write(closed(2), started(3), settled(3))
    office.post()
    assert told(follower.poll()) == [(2, "refused")]
    office.post()
    assert follower.poll() == []
    follower.close()


def test_new_workers_are_followed_and_dead_ones_told(office: Office):
    follower = office.log.follow()
    other = JournalWriter(office.journal, "1-2-1", sync="kernel")
    other.append(encode_frame(closed(1, "b0")))
    other.append(encode_frame(started(2, "b0")))
    assert told(follower.poll()) == [(1, "refused")]
    other.close()
    office.post()
    assert told(follower.poll()) == [(2, "lost")]
    office.post()
    assert follower.poll() == []
    follower.close()


def test_a_worker_that_was_gone_too_soon_is_told_by_the_store(office: Office):
    office.post()
    follower = office.log.follow()
    other = JournalWriter(office.journal, "1-2-1", sync="kernel")
    other.append(encode_frame(closed(1, "b0")))
    other.close()
    office.post()
    assert told(follower.poll()) == [(1, "refused")]
    assert follower.poll() == []
    follower.close()
