"""One table names the renderer of each dialect, and all of them keep one contract."""

import json

import pytest
from tests.dialects.specimen_refusals import CALL_ID, REFUSALS

from faregate.dialects.renderers import RENDERERS

# Of events in streams that are not server-sent events: lines, and the last of an array.
ENDS = {"gemini_array": b"]}}]", "ollama": b"\n", "ollama_generate": b"\n"}


@pytest.mark.parametrize("dialect", RENDERERS)
def test_every_renderer_writes_every_refusal(dialect: str) -> None:
    renderer = RENDERERS[dialect]
    for refusal in REFUSALS:
        fields, body = renderer.render(refusal, CALL_ID)
        names = [name for name, _ in fields]
        assert names == [name.lower() for name in names]
        assert len(names) == len(set(names))
        assert {"content-type", "cache-control"} <= set(names)
        assert not any("\n" in value or "\r" in value for _, value in fields)
        text = json.dumps(json.loads(body))
        assert refusal.detail in text
        assert refusal.code in text.lower()
        event = renderer.render_event(refusal, CALL_ID)
        end = ENDS.get(dialect, b"\n\n")
        assert event.endswith(end)
        assert event.count(end) == 1


@pytest.mark.parametrize("dialect", RENDERERS)
def test_an_operators_status_is_told_in_every_dialect(dialect: str) -> None:
    refusal = next(each for each in REFUSALS if each.code == "credit_exhausted")
    body = RENDERERS[dialect].render(refusal, CALL_ID, {"credit_exhausted": 429})[1]
    assert b":429" in body
    assert b":402" not in body
    assert b"credit_exhausted" in body.lower()
