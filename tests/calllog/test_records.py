"""Frames add up to one record a call, whichever of them were damaged and however they are cut."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from tests.calllog.calls import body, call_id, charge, closed, decided, settled, started

from faregate.calllog.frames import CallRecord, Charge, Copied
from faregate.calllog.records import (
    WorkerCalls,
    attach_body,
    attach_decision,
    decode_record,
    encode_record,
    merge_records,
)


def test_start_and_end_in_one_batch():
    changes = WorkerCalls("0-1-1").add([started(1), settled(1)])
    (record,) = changes.closed
    assert (changes.opened, changes.completed) == ([], [])
    assert (record.state, record.outcome, record.status) == ("closed", "answered", 200)
    assert (record.key_name, record.model_served, record.total_us) == ("billing", "small-2", 10_000)
    assert record.worker == "0-1-1"


def test_start_and_end_in_two_batches():
    calls = WorkerCalls("0-1-1")
    first, second = calls.add([started(1)]), calls.add([settled(1)])
    assert [record.call_id for record in first.opened] == second.completed == [call_id(1)]
    assert [record.state for record in second.closed] == ["closed"]
    assert not calls.open_calls


def test_open_calls_are_taken_over():
    first = WorkerCalls("0-1-1")
    opened = first.add([started(1)]).opened
    kept = [decode_record(encode_record(record)) for record in opened]
    (record,) = WorkerCalls("0-1-1", kept).add([settled(1)]).closed
    assert (record.path, record.outcome) == ("/v1/chat/completions", "answered")


def test_refused_by_the_gate():
    (record,) = WorkerCalls("0-1-1").add([closed(1)]).closed
    assert (record.outcome, record.refusal, record.status) == ("refused", "key_unknown", 401)


def test_refused_after_its_start_was_kept():
    calls = WorkerCalls("0-1-1")
    calls.add([started(1)])
    changes = calls.add([closed(1), started(2), closed(2)])
    assert [record.outcome for record in changes.closed] == ["refused", "refused"]
    assert changes.completed == [call_id(1)]
    assert not calls.open_calls


def test_the_target_that_ended_the_call_is_told():
    (attempt,) = settled(1).attempts
    spare = msgspec.structs.replace(attempt, provider="spare", upstream_model="another")
    end = settled(1, attempts=(attempt, spare))
    (record,) = WorkerCalls("0-1-1").add([started(1), end]).closed
    assert record.provider == "spare"
    assert record.model_served == "another"


def test_an_end_without_its_start_is_kept():
    (_, record) = WorkerCalls("0-1-1").add([closed(1), settled(2)]).closed
    assert (record.status, record.key_name) == (200, "")
    assert record.started_ns == closed(1).started_ns
    assert "damaged" in (record.detail or "")


def test_a_dead_workers_calls_are_lost():
    calls = WorkerCalls("0-1-1")
    calls.add([started(1), started(2), settled(2)])
    lost = calls.lose()
    assert [(record.call_id, record.outcome) for record in lost.closed] == [(call_id(1), "lost")]
    assert lost.completed == [call_id(1)]
    assert calls.lose().closed == []


def test_bodies_pass_through():
    changes = WorkerCalls("0-1-1").add([body(1, b"{}"), closed(1)])
    (record,) = changes.closed
    attach_body(record, changes.bodies[0])
    assert (record.request_body, record.request_body_bytes) == ("{}", 2)


def test_who_pays_is_taken_over():
    payers = {"application": "shop", "team": "web", "customer": "c1", "run": "r1"}
    frames = [started(1, **payers), settled(1, charge=charge(7)), closed(2, **payers)]
    for record in WorkerCalls("0-1-1").add(frames).closed:
        assert {name: getattr(record, name) for name in payers} == payers
        assert record.charge == (charge(7) if record.outcome == "answered" else None)
        assert decode_record(encode_record(record)) == record


def test_a_lost_call_is_charged_nothing():
    calls = WorkerCalls("0-1-1")
    calls.add([started(1)])
    assert [record.charge for record in calls.lose().closed] == [None]


def test_decisions_pass_through():
    changes = WorkerCalls("0-1-1").add([decided(1), closed(1)])
    (record,) = changes.closed
    attach_decision(record, changes.decisions[0])
    assert record.decision == decided(1).findings
    assert decode_record(encode_record(record)) == record


@given(st.lists(st.booleans(), max_size=30), st.randoms(use_true_random=False))
def test_batches_make_no_difference(ends: list[bool], random):
    frames = [started(n) for n in range(len(ends))]
    frames += [settled(n) for n, ended in enumerate(ends) if ended]
    whole, cut = WorkerCalls("w"), WorkerCalls("w")
    at = random.randrange(len(frames) + 1)
    expected = whole.add(frames)
    parts = [cut.add(frames[:at]), cut.add(frames[at:])]
    assert [r for part in parts for r in part.closed] == expected.closed
    assert cut.open_calls == whole.open_calls


def _record(number: int, state: str, **changes: object) -> CallRecord:
    record = WorkerCalls("w").add([started(number)]).opened[0]
    record.state = state  # type: ignore[assignment]
    for name, value in changes.items():
        setattr(record, name, value)
    return record


def test_merging_prefers_what_is_closed():
    groups = [_record(2, "open"), _record(1, "closed", status=200)], [_record(1, "open")]
    other = [_record(2, "closed", status=500)]
    merged = merge_records(*groups, other)
    assert [(record.call_id, record.status) for record in merged] == [
        (call_id(1), 200),
        (call_id(2), 500),
    ]


def test_a_copy_is_no_call_and_has_a_cost():
    copied = Copied("copy-1", 5, "openai", "small", 40)
    changes = WorkerCalls("0-1-1").add([started(1), copied, settled(1)])
    assert [record.call_id for record in changes.closed] == [call_id(1)]
    [copy] = changes.copies
    assert (copy.call_id, copy.provider, copy.started_ns) == ("copy-1", "openai", 5)
    assert copy.charge == Charge("", (), (), 0, 40, 0, "stated")
