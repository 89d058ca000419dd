"""Shapes are those that OpenAI's SDK reads."""

import json

import openai.types
import pytest
from tests.batches.contract import batch_facts, ending, file_facts

from faregate.batches import openai_shapes
from faregate.batches.facts import LineError, ended


def test_the_sdk_reads_every_member() -> None:
    file = openai.types.FileObject.model_validate(openai_shapes.file_told(file_facts()))
    assert (file.object, file.status, file.purpose) == ("file", "processed", "batch")
    error = LineError("invalid_json_line", "No JSON.", 3)
    open_batch = batch_facts(errors=(error,), metadata={"a": "b"}, total=3, succeeded=1)
    told = openai_shapes.batch_told(ended(open_batch, ending("failed")))
    batch = openai.types.Batch.model_validate(told)
    assert set(told) <= set(openai.types.Batch.model_fields)
    assert (batch.status, batch.failed_at, batch.completed_at) == ("failed", 1_700_000_005, None)
    assert batch.errors.data[0].line == 3
    assert batch.request_counts.total == 3
    assert openai_shapes.batch_told(batch_facts())["errors"] is None


def test_a_page_names_its_ends() -> None:
    assert openai_shapes.list_told([], has_more=False)["first_id"] is None
    told = openai_shapes.list_told([{"id": "a"}, {"id": "b"}], has_more=True)
    assert (told["first_id"], told["last_id"], told["has_more"]) == ("a", "b", True)


def test_a_line_is_one_line() -> None:
    body = b'{\n  "a": 1.00000000000000000001,\n "b": "\\n"\n}'
    line = openai_shapes.reply_line("batch_x", 7, "c", 200, "call_1", body)
    assert line.count(b"\n") == 1
    assert b"1.00000000000000000001" in line
    told = json.loads(line)
    assert told["response"]["body"] == {"a": 1.0, "b": "\n"}
    assert (told["id"], told["custom_id"], told["error"]) == ("batch_req_x_7", "c", None)
    assert told["response"]["request_id"] == "call_1"


@pytest.mark.parametrize(
    ("body", "text"),
    [(b"plain", "plain"), (b"\xff", "\ufffd"), (b"", ""), (b'{"a": "\n"}', '{"a": "\n"}')],
)
def test_what_is_no_json_becomes_a_text(body: bytes, text: str) -> None:
    line = openai_shapes.reply_line("batch_x", 1, "c", 502, "call_1", body)
    assert line.count(b"\n") == 1
    assert json.loads(line)["response"]["body"] == text


def test_lines_without_an_answer_say_why() -> None:
    outcomes = ("cancelled", "expired", "errored")
    codes = [
        json.loads(openai_shapes.rest_line("batch_x", 1, "c", outcome))["error"]["code"]
        for outcome in outcomes
    ]
    assert codes == ["batch_cancelled", "batch_expired", "batch_failed"]
    told = json.loads(openai_shapes.error_line("batch_x", 1, "c", "lost", "It is lost."))
    assert (told["response"], told["error"]["message"]) == (None, "It is lost.")
