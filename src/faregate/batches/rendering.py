"""The lines of output of a batch, in the shape of the API that made it."""

from typing import Final

import msgspec

from faregate.batches import anthropic_shapes, openai_shapes
from faregate.batches.facts import BatchFacts, BegunLine, LineOutcome
from faregate.core.bounds import BATCH_REPLY_BYTES_MAX

LOST_CODE: Final = "batch_line_lost"
LOST: Final = (
    "The call of this line was made, but its reply was lost with the process that waited for it. "
    "It was not made again, for it may have been charged. Its record: call "
)


class _Model(msgspec.Struct):
    """What is read of a model in a list."""

    id: str


class _Models(msgspec.Struct):
    """What is read of a list of models."""

    data: list[_Model]


_decode_models: Final = msgspec.json.Decoder(_Models).decode


def reply_line(batch: BatchFacts, line: BegunLine, status: int, body: bytes) -> bytes:
    """What a line's call was answered."""
    if batch.dialect == "anthropic":
        return anthropic_shapes.reply_line(line.custom_id, body, succeeded=status == 200)
    return openai_shapes.reply_line(
        batch.batch_id, line.line, line.custom_id, status, line.call_id, body
    )


def lost_line(batch: BatchFacts, line: BegunLine) -> bytes:
    """A line whose call was made and whose reply nobody has."""
    message = f"{LOST}{line.call_id}."
    if batch.dialect == "anthropic":
        return anthropic_shapes.error_line(line.custom_id, message, line.call_id)
    return openai_shapes.error_line(batch.batch_id, line.line, line.custom_id, LOST_CODE, message)


def rest_line(batch: BatchFacts, line: int, custom_id: str, outcome: LineOutcome) -> bytes:
    """A line that was never sent, because the batch ended before."""
    if batch.dialect == "anthropic":
        stopped = batch.stopped.message if batch.stopped is not None else None
        return anthropic_shapes.rest_line(custom_id, outcome, stopped)
    return openai_shapes.rest_line(batch.batch_id, line, custom_id, outcome)


def too_long_line(batch: BatchFacts, line: BegunLine) -> bytes:
    """A line whose reply is too long to be kept."""
    message = f"The reply has more than {BATCH_REPLY_BYTES_MAX} bytes and was not kept."
    if batch.dialect == "anthropic":
        return anthropic_shapes.error_line(line.custom_id, message, line.call_id)
    return openai_shapes.error_line(
        batch.batch_id, line.line, line.custom_id, "reply_too_large", message
    )


def names_of(body: bytes) -> frozenset[str]:
    """The names in a list of models, as the gate answers it."""
    return frozenset(model.id for model in _decode_models(body).data)
