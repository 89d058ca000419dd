"""A refusal is the last element of a stream that is one JSON array."""

import json

from tests.dialects.specimen_refusals import CALL_ID, REFUSALS

from faregate.dialects import gemini_errors
from faregate.dialects.gemini_array_errors import render, render_event


def test_the_array_is_closed_by_the_error() -> None:
    for refusal in REFUSALS:
        elements = json.loads(b'[{"candidates":[]}' + render_event(refusal, CALL_ID))
        assert elements[1] == json.loads(gemini_errors.render(refusal, CALL_ID)[1])


def test_a_reply_is_that_of_every_stream() -> None:
    assert render(REFUSALS[0], CALL_ID) == gemini_errors.render(REFUSALS[0], CALL_ID)
