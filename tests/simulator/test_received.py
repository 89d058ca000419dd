"""What arrived is counted once, kept within bounds, and can be waited for."""

import asyncio

import pytest

from faregate.simulator.received import Counts, Records


def test_requests_are_counted_and_kept_within_bounds():
    records = Records(keep=2)
    for _ in range(3):
        records.end(records.begin(1), "served")
    assert records.counts == Counts(requests=3, finished=3)
    assert [record.number for record in records.received] == [2, 3]


def test_an_end_counts_once():
    records = Records()
    record = records.begin(1)
    records.end(record, "cancelled")
    records.end(record, "served")
    assert (record.state, records.counts.finished, records.counts.cancelled) == ("cancelled", 1, 1)


def test_questions_are_not_counted():
    records = Records()
    records.end(records.begin(1, counted=False), "served")
    assert records.counts == Counts()
    assert not records.received


def test_a_reset_forgets_calls_in_flight_too():
    records = Records()
    records.connected(1)
    record = records.begin(1)
    records.reset()
    records.end(record, "cancelled")
    assert records.counts == Counts(open_connections=1)


def test_what_is_shown():
    records = Records()
    record = records.begin(4)
    record.method, record.target = b"POST", b"/v1/chat/completions"
    record.headers = [(b"Accept", b"\xe9")]
    record.body, record.body_bytes = b'{"a":"\xff"}', 9
    records.end(record, "served")
    shown = records.snapshot()
    assert shown["requests"] == 1
    (one,) = shown["received"]
    assert one["headers"] == [("Accept", "é")]
    assert one["body"] == '{"a":"\N{REPLACEMENT CHARACTER}"}'
    assert one["ended_after_ms"] >= 0
    assert records.snapshot(0)["received"] == []
    assert record.header("accept") == "é"
    assert record.header("host") is None


async def test_waiting_ends_with_the_count():
    records = Records()
    waiting = asyncio.create_task(records.wait({"finished": 2, "cancelled": 1}, 5))
    for state in ("served", "cancelled"):
        await asyncio.sleep(0)
        assert not waiting.done()
        records.end(records.begin(1), state)
    assert await waiting


async def test_waiting_ends_with_its_time():
    records = Records()
    assert not await records.wait({"requests": 1}, 0.01)
    with pytest.raises(AttributeError):
        await records.wait({"nonsense": 1}, 0.01)
