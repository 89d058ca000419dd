"""Every refusal is an error of Cohere's, with all that is known."""

import json

import pytest
from tests.dialects.specimen_refusals import CALL_ID, REFUSALS, label

from faregate.core.refusals import Refusal, refuse
from faregate.dialects import problem
from faregate.dialects.cohere_errors import render, render_event


@pytest.mark.parametrize("refusal", REFUSALS, ids=label)
def test_every_code_has_coheres_shape(refusal: Refusal) -> None:
    fields, body = render(refusal, CALL_ID)
    document = json.loads(body)
    assert set(document) == {"message", "id", "details"}
    assert document["id"] == CALL_ID
    assert refusal.detail in document["message"]
    members = json.loads(problem.render(refusal, CALL_ID)[1])
    del members["error"]
    assert document["details"] == members
    assert dict(fields)["content-type"] == "application/json"


def test_a_stream_ends_with_a_message_that_has_an_error() -> None:
    event = render_event(refuse("upstream_closed", 'line\nwith "quotes"'), CALL_ID)
    name, data = event.removesuffix(b"\n\n").split(b"\n")
    assert name == b"event: message-end"
    document = json.loads(data.removeprefix(b"data: "))
    assert (document["type"], document["delta"]["finish_reason"]) == ("message-end", "ERROR")
    assert document["details"]["code"] == "upstream_closed"
