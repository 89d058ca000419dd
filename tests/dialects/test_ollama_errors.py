"""Every refusal is an error of Ollama's, with all that is known."""

import json

import pytest
from tests.dialects.specimen_refusals import CALL_ID, REFUSALS, label

from faregate.core.refusals import Refusal, refuse
from faregate.dialects import problem
from faregate.dialects.ollama_errors import render, render_event


@pytest.mark.parametrize("refusal", REFUSALS, ids=label)
def test_every_code_has_ollamas_shape(refusal: Refusal) -> None:
    fields, body = render(refusal, CALL_ID)
    document = json.loads(body)
    assert set(document) == {"error", "details"}
    assert refusal.detail in document["error"]
    members = json.loads(problem.render(refusal, CALL_ID)[1])
    del members["error"]
    assert document["details"] == members
    assert dict(fields)["content-type"] == "application/json"


def test_a_stream_ends_with_a_line() -> None:
    event = render_event(refuse("upstream_closed", 'line\nwith "quotes"'), CALL_ID)
    assert event.endswith(b"}\n")
    assert event.count(b"\n") == 1
    assert "quotes" in json.loads(event)["error"]
