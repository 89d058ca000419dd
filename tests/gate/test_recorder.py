"""No call is served that can't be recorded, unless the operator wants that; no end is lost."""

import pytest
from tests.calllog.calls import closed, settled, started
from tests.gate.running import HELLO, STREAM, Place, running

from faregate.calllog.frames import decode_frame
from faregate.configuration.settings import JournalSettings, Settings
from faregate.gate import recorder as recorder_module
from faregate.gate.memory_journal import MemoryJournal
from faregate.gate.recorder import Recorder


def test_frames_go_to_the_journal_in_order() -> None:
    journal = MemoryJournal()
    recorder = Recorder(journal, "refuse")
    assert recorder.begins(started(1))
    recorder.ends(settled(1))
    recorder.ends(closed(2))
    assert list(map(decode_frame, journal.frames)) == [started(1), settled(1), closed(2)]


def test_without_room_ends_wait_in_memory_until_there_is() -> None:
    journal = MemoryJournal()
    recorder = Recorder(journal, "refuse")
    journal.full = True
    assert not recorder.begins(started(1))
    assert recorder.full
    recorder.ends(closed(1))
    recorder.retry()
    assert journal.frames == []
    journal.full = False
    recorder.retry()
    assert not recorder.full
    assert list(map(decode_frame, journal.frames)) == [closed(1)]
    assert recorder.begins(started(2))


def test_what_waits_is_bounded_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder_module, "_HELD_BACK_MAX", 3)
    journal = MemoryJournal()
    recorder = Recorder(journal, "refuse")
    journal.full = True
    for number in range(5):
        recorder.ends(closed(number))
    assert recorder.frames_dropped == 2
    journal.full = False
    recorder.close()
    assert [decode_frame(frame) for frame in journal.frames] == [closed(n) for n in range(3)]
    assert journal.closed


async def test_a_full_journal_refuses_and_nothing_reaches_the_upstream(place: Place) -> None:
    async with place.client() as client, place.client() as streaming:
        streaming.ask(STREAM, x_simulate="tokens=4,token_ms=30")
        await streaming.head()
        place.journal.full = True
        for body in (HELLO, STREAM):
            reply = await client.post(body)
            assert (reply.status, reply.code) == (503, "journal_unavailable")
            assert reply.json["side"] == "operator"
        assert (await client.get("/v1/models")).status == 200
        chunks = [chunk async for chunk in streaming.chunks()]
        assert chunks[-1] == b"data: [DONE]\n\n"
        assert len(place.sim.requests) == 1
        place.journal.full = False
        assert (await client.post()).status == 200
        assert not place.gate.recorder.full
        place.gate.recorder.retry()
    ends = [call.end for call in place.calls().values()]
    assert sorted((end.outcome, end.refusal) for end in ends) == sorted(
        [("answered", None)] * 3 + [("refused", "journal_unavailable")] * 2,
        key=lambda pair: pair,
    )


async def test_calls_go_unrecorded_where_the_operator_wants_that() -> None:
    settings = Settings(journal=JournalSettings(when_full="serve"))
    async with running(settings=settings) as place:
        place.journal.full = True
        assert (await place.post()).status == 200
        assert (await place.post(STREAM)).status == 200
        place.gate.update_metrics()
        assert place.gate.metrics.journal_full
        place.journal.full = False
        assert (await place.post()).status == 200
        assert not place.gate.recorder.full
