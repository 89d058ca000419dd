"""A line of output has the shape of the API that made its batch."""

import json

import pytest
from tests.batches.contract import batch_facts

from faregate.batches import rendering
from faregate.batches.facts import BegunLine, Dialect, LineError

LINE = BegunLine("batch_x", 3, "c", "m", 0, 1, "call_1", 7, 1)


@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
def test_every_outcome_is_a_line(dialect: Dialect) -> None:
    batch = batch_facts(dialect=dialect, stopped=LineError("credit_exhausted", "Top up."))
    lines = [
        rendering.reply_line(batch, LINE, 200, b'{"id": "m"}'),
        rendering.reply_line(batch, LINE, 400, b'{"error": {}}'),
        rendering.lost_line(batch, LINE),
        rendering.too_long_line(batch, LINE),
        rendering.rest_line(batch, 3, "c", "errored"),
        rendering.rest_line(batch, 3, "c", "cancelled"),
    ]
    assert all(line.count(b"\n") == 1 for line in lines)
    assert {json.loads(line)["custom_id"] for line in lines} == {"c"}
    member = "response" if dialect == "openai" else "result"
    assert all(member in json.loads(line) for line in lines)
    assert b"call_1" in lines[2]  # where the record is
    assert (b"Top up." in lines[4]) == (dialect == "anthropic")


def test_models_are_read_by_their_names() -> None:
    assert rendering.names_of(b'{"data": [{"id": "a", "object": "model"}]}') == {"a"}
