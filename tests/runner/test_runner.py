"""A batch comes to its end whatever its calls are answered, and no line is called twice."""

import threading
from typing import Any

import pytest
from tests.runner.stand_ins import Stage, line, record

from faregate.batches.facts import LineError, input_name
from faregate.core.ids import CALL_ID_LENGTH
from faregate.runner.gates import Reply, ReplyLostError
from faregate.runner.runner import SEND_WITHIN_S


def refusal(status: int, code: str = "x", **fields: str) -> Reply:
    body = (
        b'{"error": {"message": "No.", "code": "%s"}, "fixes": [{"text": "Pay."}]}' % code.encode()
    )
    return Reply(status, {name.replace("_", "-"): value for name, value in fields.items()}, body)


def test_every_line_is_called_as_its_key() -> None:
    stage = Stage()
    batch_id = stage.make(line("a"), line("b", "claude"), fields={"faregate-run": "r"})
    stage.turn(3)
    batch = stage.batch(batch_id)
    assert (batch.state, batch.total, batch.succeeded) == ("completed", 2, 2)
    assert len(stage.gates.asked) == 2
    path, key_id, body, fields = stage.gates.asked[0]
    assert (path, key_id, fields["faregate-run"]) == ("/v1/chat/completions", "a", "r")
    assert fields["Faregate-Batch-Line"] == f"{batch_id} line {1 if body['model'] == 'gpt' else 2}"
    assert len(fields["Faregate-Call-Id"]) == CALL_ID_LENGTH
    assert {row["custom_id"] for row in stage.output(batch_id)} == {"a", "b"}


def test_a_wrong_input_fails_before_any_call() -> None:
    stage = Stage()
    batch_id = stage.make(line("a", "hidden"))
    stage.turn(2)
    batch = stage.batch(batch_id)
    assert (batch.state, batch.errors[0].code) == ("failed", "model_not_found")
    assert stage.gates.asked == []


def test_a_key_that_is_revoked_fails_its_batch() -> None:
    stage = Stage()
    stage.gates.models = refusal(401, "key_revoked")
    batch_id = stage.make(line("a"))
    stage.turn(2)
    assert stage.batch(batch_id).errors[0].code == "key_revoked"


def test_a_batch_that_no_gate_takes_expires() -> None:
    stage = Stage()
    stage.gates.away = True
    batch_id = stage.make(line("a"))
    stage.turn()
    stage.clock.advance(1_001)
    stage.turn()
    assert stage.batch(batch_id).state == "expired"


def test_a_batch_whose_input_is_gone_troubles_no_other() -> None:
    stage = Stage()
    broken, other = stage.make(line("a")), stage.make(line("b"))
    kept = stage.store._bytes.pop(input_name(broken))
    stage.turn(4)
    assert (stage.batch(broken).state, stage.batch(other).state) == ("validating", "completed")
    stage.store._bytes[input_name(broken)] = kept
    stage.clock.advance(11)
    stage.turn(3)
    assert stage.batch(broken).state == "completed"


def test_a_batch_waits_for_a_gate() -> None:
    stage = Stage()
    stage.gates.away = True
    batch_id = stage.make(line("a"))
    stage.turn(3)
    assert stage.batch(batch_id).state == "validating"
    stage.gates.away = False
    stage.clock.advance(2)
    stage.turn(1)
    assert stage.batch(batch_id).state == "in_progress"
    stage.gates.away = True
    stage.turn(2)
    assert len(stage.store.begun(batch_id)) == 0  # it was certainly not made, and waits
    stage.gates.away = False
    stage.clock.advance(2)
    stage.turn(2)
    assert stage.batch(batch_id).state == "completed"
    assert len(stage.gates.asked) == 1


@pytest.mark.parametrize(
    ("reply", "wait_s"),
    [
        (refusal(429, retry_after="7"), 7),
        (refusal(503, retry_after="20"), 20),
        (refusal(500), 1),
        (refusal(408), 0),
    ],
)
def test_what_time_mends_is_waited_for(reply: Reply, wait_s: int) -> None:
    stage = Stage()
    replies = [reply]
    stage.gates.answer = lambda *_: replies.pop() if replies else Reply(200, {}, b"{}")
    batch_id = stage.make(line("a"))
    stage.turn(2)
    if wait_s:
        stage.clock.advance(wait_s - 0.5)
        stage.turn(2)
        assert len(stage.gates.asked) == 1
    stage.clock.advance(1)
    stage.turn(2)
    assert stage.batch(batch_id).state == "completed"
    ids = [fields["Faregate-Call-Id"] for *_, fields in stage.gates.asked]
    assert len(set(ids)) == len(ids) == 2  # another call has another id


def test_a_model_that_waits_holds_up_no_other() -> None:
    stage = Stage(calls_per_batch_max=1)
    stage.gates.answer = lambda body, _: (
        refusal(429, retry_after="50") if body["model"] == "gpt" else Reply(200, {}, b"{}")
    )
    batch_id = stage.make(line("a"), line("b"), line("c", "claude"), line("d", "claude"))
    stage.turn(6)
    assert stage.batch(batch_id).succeeded == 2
    assert sum(body["model"] == "gpt" for _, _, body, _ in stage.gates.asked) == 1


def test_other_refusals_are_results() -> None:
    stage = Stage()
    stage.gates.answer = lambda *_: refusal(400, "request_invalid")
    batch_id = stage.make(line("a"))
    stage.turn(3)
    batch = stage.batch(batch_id)
    assert (batch.state, batch.errored) == ("completed", 1)
    [row] = stage.output(batch_id)
    assert row["response"]["status_code"] == 400
    assert row["response"]["body"]["error"]["code"] == "request_invalid"


@pytest.mark.parametrize("status", [402, 401])
def test_no_credit_stops_the_batch(status: int) -> None:
    stage = Stage(calls_per_batch_max=1)
    replies = [Reply(200, {}, b"{}"), refusal(status, "credit_exhausted")]
    stage.gates.answer = lambda *_: replies.pop(0)
    batch_id = stage.make(*(line(name) for name in "abcd"))
    stage.turn(5)
    batch = stage.batch(batch_id)
    assert (batch.state, batch.succeeded, batch.errored) == ("failed", 1, 3)
    assert batch.errors == (LineError("credit_exhausted", "No. Pay.", 2),)
    assert len(stage.gates.asked) == 2
    assert len(stage.output(batch_id)) == 4


def test_what_is_left_expires() -> None:
    stage = Stage(calls_per_batch_max=1)
    stage.gates.answer = lambda *_: refusal(429, retry_after="5000")
    batch_id = stage.make(line("a"), line("b"))
    stage.turn(3)
    stage.clock.advance(1_001)
    stage.turn(2)
    batch = stage.batch(batch_id)
    assert (batch.state, batch.expired) == ("expired", 2)
    assert {row["error"]["code"] for row in stage.output(batch_id)} == {"batch_expired"}


def test_calls_under_way_end_before_a_cancelled_batch() -> None:
    stage = Stage(calls_per_batch_max=1)
    release = threading.Event()

    def answer(*_: Any) -> Reply:
        assert release.wait(10)
        return Reply(200, {}, b"{}")

    stage.gates.answer = answer
    batch_id = stage.make(line("a"), line("b"))
    stage.runner.tick()
    stage.runner.tick()
    stage.store.cancel(None, batch_id)
    stage.runner.tick()
    assert stage.batch(batch_id).state == "cancelling"
    release.set()
    stage.turn(2)
    batch = stage.batch(batch_id)
    assert (batch.state, batch.succeeded, batch.cancelled) == ("cancelled", 1, 1)


def test_a_batch_that_is_cancelled_at_once_calls_nothing() -> None:
    stage = Stage()
    batch_id = stage.make(line("a"))
    stage.store.cancel(None, batch_id)
    stage.turn(2)
    assert (stage.batch(batch_id).state, stage.gates.asked) == ("cancelled", [])


def lost(stage: Stage) -> tuple[str, str]:
    """A batch whose line was begun by a runner that is dead: its id, and its call's."""

    def answer(*_: Any) -> Reply:
        raise ReplyLostError

    stage.gates.answer = answer
    batch_id = stage.make(line("a"))
    stage.turn(2)
    stage.hire()
    stage.gates.answer = lambda *_: Reply(200, {}, b"{}")
    [begun] = stage.store.begun(batch_id)
    return batch_id, begun.call_id


def test_a_call_that_was_not_made_is_made_under_its_id() -> None:
    stage = Stage()
    batch_id, call_id = lost(stage)
    stage.turn(3)
    assert len(stage.gates.asked) == 1  # it may still arrive
    stage.clock.advance(SEND_WITHIN_S + 1)
    stage.turn()
    stage.clock.advance(2)
    stage.turn(2)
    assert stage.batch(batch_id).succeeded == 1
    ids = [fields["Faregate-Call-Id"] for *_, fields in stage.gates.asked]
    assert ids == [call_id, call_id]


@pytest.mark.parametrize("outcome", ["answered", "failed", "cancelled", "lost"])
def test_a_call_that_was_made_is_not_made_again(outcome: str) -> None:
    stage = Stage()
    batch_id, call_id = lost(stage)
    stage.calls.records[call_id] = record(call_id, outcome=outcome)
    stage.clock.advance(SEND_WITHIN_S + 1)
    stage.turn(3)
    assert (stage.batch(batch_id).state, len(stage.gates.asked)) == ("completed", 1)
    [row] = stage.output(batch_id)
    assert row["error"]["code"] == "batch_line_lost"
    assert call_id in row["error"]["message"]


@pytest.mark.parametrize("more", [{"outcome": "refused"}, {"provider": ""}])
def test_a_call_that_was_refused_is_made_anew(more: dict[str, Any]) -> None:
    stage = Stage()
    batch_id, call_id = lost(stage)
    stage.calls.records[call_id] = record(call_id, **more)
    stage.clock.advance(SEND_WITHIN_S + 1)
    stage.turn()
    stage.clock.advance(2)
    stage.turn(2)
    assert stage.batch(batch_id).succeeded == 1
    assert stage.gates.asked[1][3]["Faregate-Call-Id"] != call_id


def test_a_lost_refusal_for_want_of_credit_stops_the_batch() -> None:
    stage = Stage()
    batch_id, call_id = lost(stage)
    more = {"outcome": "refused", "status": 402, "refusal": "credit_exhausted", "detail": "Gone."}
    stage.calls.records[call_id] = record(call_id, **more)
    stage.clock.advance(SEND_WITHIN_S + 1)
    stage.turn(3)
    batch = stage.batch(batch_id)
    assert (batch.state, batch.errors[0].code) == ("failed", "credit_exhausted")
    assert len(stage.gates.asked) == 1


def test_an_open_call_is_waited_for() -> None:
    stage = Stage()
    batch_id, call_id = lost(stage)
    stage.calls.records[call_id] = record(call_id, state="open", outcome=None)
    stage.clock.advance(SEND_WITHIN_S + 1)
    stage.turn(3)
    assert stage.batch(batch_id).state == "in_progress"
    stage.calls.records[call_id] = record(call_id)
    stage.turn(2)
    assert stage.batch(batch_id).errored == 1


@pytest.mark.parametrize("seconds", [4_000, -60])  # its record may be gone; a clock set back
def test_where_nothing_can_be_shown_a_line_is_not_made_again(seconds: int) -> None:
    stage = Stage()
    batch_id, _ = lost(stage)
    stage.clock.advance(seconds)
    stage.turn(2)
    assert stage.batch(batch_id).errored == 1
    assert len(stage.gates.asked) == 1


def test_so_many_calls_are_made_at_once() -> None:
    stage = Stage(calls_per_batch_max=3, calls_max=4)
    most, release = [0], threading.Event()

    def answer(*_: Any) -> Reply:
        assert release.wait(10)
        return Reply(200, {}, b"{}")

    stage.gates.answer = answer
    ids = [stage.make(*(line(f"{n}") for n in range(9))) for _ in range(2)]
    for _ in range(5):
        stage.runner.tick()
        most.append(stage.runner.flying)
    assert max(most) == 4
    assert [len(stage.store.begun(batch_id)) for batch_id in ids] == [3, 1]
    release.set()
    stage.turn(20)
    assert [stage.batch(batch_id).succeeded for batch_id in ids] == [9, 9]


def test_messages_are_called_with_their_params() -> None:
    stage = Stage()
    request = {"custom_id": "a", "params": {"model": "claude", "max_tokens": 5}}
    batch_id = stage.make(request, dialect="anthropic", endpoint="/v1/messages")
    stage.turn(3)
    assert stage.gates.asked[0][2] == request["params"]
    assert stage.batch(batch_id).succeeded == 1


def test_what_has_expired_is_swept() -> None:
    stage = Stage()
    batch_id = stage.make(line("a"))
    stage.turn(3)
    stage.clock.advance(31 * 86_400)
    stage.runner.sweep()
    assert stage.store.batch(None, batch_id) is None
