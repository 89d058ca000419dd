"""A finder without a store is a mistake; a tail reads what was not posted."""

from pathlib import Path

import pytest
from tests.calllog.calls import call_id, closed, started

from faregate.calllog.frames import encode_frame
from faregate.storage.call_finder import CallFinder
from faregate.storage.journal import JournalWriter


class NoStore(CallFinder):
    """A clerk never ran."""

    def store(self) -> None:
        return None


def test_the_journals_alone_suffice(tmp_path: Path):
    writer = JournalWriter(tmp_path / "journal", "0-1-1", sync="kernel")
    for frame in (closed(1), started(2)):
        writer.append(encode_frame(frame))
    finder = NoStore(tmp_path / "journal")
    assert [record.state for record in finder.unposted()] == ["closed", "open"]
    found = finder.find(call_id(1))
    assert found is not None
    assert found.outcome == "refused"
    assert finder.find(call_id(9)) is None
    writer.close()


def test_frames_that_cant_be_read_are_passed_over(tmp_path: Path):
    writer = JournalWriter(tmp_path / "journal", "0-1-1", sync="kernel")
    writer.append(b"\x91\xa1z")
    writer.append(encode_frame(closed(1)))
    assert NoStore(tmp_path / "journal").find(call_id(1)) is not None
    writer.close()


def test_which_store_is_for_others_to_say(tmp_path: Path):
    with pytest.raises(TypeError, match="store"):
        CallFinder(tmp_path)  # type: ignore[abstract]
