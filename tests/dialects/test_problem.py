"""Every refusal is a problem (RFC 9457) and an error of OpenAI's in one body.

The members are those of RFC 9457 §3.1; the error member is what the OpenAI SDKs read.
"""

import json

import msgspec
import pytest
from tests.dialects.specimen_refusals import CALL_ID, REFUSALS, label

from faregate.core.refusals import Refusal, refuse
from faregate.dialects.problem import CONTENT_TYPE, problem, render, render_event

TYPES = {
    "type": str,
    "title": str,
    "status": int,
    "detail": str,
    "instance": str,
    "code": str,
    "side": str,
    "scope": str,
    "retryable": bool,
    "call_id": str,
    "fixes": list,
    "error": dict,
}

every_refusal = pytest.mark.parametrize("refusal", REFUSALS, ids=label)


@every_refusal
def test_a_refusal_that_repeats_reads_as_one_that_does_not(refusal: Refusal) -> None:
    again = msgspec.structs.replace(refusal, repeats=True)
    for call_id in (CALL_ID, CALL_ID[:-1] + "0", CALL_ID):
        for statuses in (None, {refusal.code: 429}, {refusal.code: 599}):
            fields, body = render(again, call_id, statuses)
            assert (fields, body) == render(refusal, call_id, statuses)
            fields.append(("ratelimit", "of this call alone"))


def test_repeating_refusals_are_told_apart_however_many_there_are() -> None:
    for number in range(2_000):
        made = refuse("model_unknown", f"number {number}", repeats=True)
        assert json.loads(render(made, CALL_ID)[1])["detail"] == f"number {number}"


@every_refusal
def test_every_code_has_every_member(refusal: Refusal) -> None:
    fields, body = render(refusal, CALL_ID)
    document = json.loads(body)
    assert {name: type(document[name]) for name in TYPES} == TYPES
    kind = refusal.kind
    assert document["type"] == f"/refusals/{kind.code}"
    assert (document["status"], document["code"]) == (kind.status, kind.code)
    assert document["instance"] == f"/v1/calls/{CALL_ID}"
    assert [fix["text"] for fix in document["fixes"]] == [fix.text for fix in refusal.fixes]
    assert document["retryable"] is kind.retryable
    assert document["side"] == kind.side
    assert "error_code" not in document
    assert None not in document.values()
    assert dict(fields)["content-type"] == CONTENT_TYPE


@every_refusal
def test_every_code_is_an_error_of_openais(refusal: Refusal) -> None:
    error = json.loads(render(refusal, CALL_ID)[1])["error"]
    assert set(error) == {"message", "type", "code", "param"}
    assert (error["code"], error["type"]) == (refusal.code, refusal.kind.openai_type)
    assert error["param"] == refusal.param
    parts = (refusal.kind.title, refusal.detail, refusal.fixes[0].text)
    assert error["message"] == f"{parts[0]}. {parts[1]} {parts[2]}"


def test_what_is_rendered_is_the_problem() -> None:
    refusal = refuse("model_unknown", "x")
    made = problem(refusal, CALL_ID, {"model_unknown": 400})
    assert made.status == 400
    assert json.loads(render(refusal, CALL_ID, {"model_unknown": 400})[1])["status"] == 400


def test_an_event_carries_the_error_alone() -> None:
    event = render_event(refuse("upstream_closed", 'line\nwith "quotes"'), CALL_ID)
    assert event.startswith(b"data: ")
    assert event.endswith(b"\n\n")
    assert event.count(b"\n") == 2
    document = json.loads(event[6:])
    assert list(document) == ["error"]
    assert document["error"]["code"] == "upstream_closed"
