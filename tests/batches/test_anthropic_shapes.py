"""Shapes are those that Anthropic's SDK reads."""

import json

import pytest
from anthropic.types.messages import MessageBatch, MessageBatchIndividualResponse
from tests.batches.contract import batch_facts, ending

from faregate.batches import anthropic_shapes
from faregate.batches.facts import ended


def test_the_sdk_reads_every_member() -> None:
    batch = batch_facts(dialect="anthropic", total=4, succeeded=1, errored=2, cancelled=1)
    told = anthropic_shapes.batch_told(batch)
    assert set(told) == set(MessageBatch.model_fields)
    read = MessageBatch.model_validate(told)
    assert (read.processing_status, read.results_url) == ("in_progress", None)
    assert read.request_counts.processing == 4
    assert read.request_counts.succeeded == 0  # told once all of it has ended
    read = MessageBatch.model_validate(
        anthropic_shapes.batch_told(ended(batch, ending("cancelled", "cancelled")))
    )
    counts = read.request_counts
    assert (counts.processing, counts.succeeded, counts.errored, counts.canceled) == (0, 1, 2, 1)
    assert read.ended_at is not None
    assert read.results_url == f"/v1/messages/batches/{batch.batch_id}/results"
    cancelling = anthropic_shapes.batch_told(batch_facts(state="cancelling"))
    assert cancelling["processing_status"] == "canceling"


def test_a_page_names_its_ends() -> None:
    assert anthropic_shapes.list_told([], has_more=False)["last_id"] is None
    assert anthropic_shapes.list_told([{"id": "a"}], has_more=True)["last_id"] == "a"
    assert anthropic_shapes.deleted_told("a") == {"id": "a", "type": "message_batch_deleted"}


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (anthropic_shapes.reply_line("c", b'{"id": "m"}', succeeded=True), "succeeded"),
        (
            anthropic_shapes.reply_line(
                "c",
                b'{"type": "error", "error": {"type": "api_error", "message": "m"}}',
                succeeded=False,
            ),
            "errored",
        ),
        (anthropic_shapes.error_line("c", "It is lost.", "call_1"), "errored"),
        (anthropic_shapes.rest_line("c", "cancelled", None), "canceled"),
        (anthropic_shapes.rest_line("c", "expired", None), "expired"),
        (anthropic_shapes.rest_line("c", "errored", "Top up."), "errored"),
    ],
)
def test_results_are_lines_of_their_kind(line: bytes, kind: str) -> None:
    assert line.endswith(b"\n")
    told = json.loads(line)
    assert told["result"]["type"] == kind
    if kind != "succeeded":
        assert MessageBatchIndividualResponse.model_validate(told).custom_id == "c"
    if kind == "errored":
        assert told["result"]["error"]["error"]["message"]
