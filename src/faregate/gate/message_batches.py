"""Steps that answer /v1/messages/batches, as Anthropic does.

Sources: Anthropic's API reference, "Message Batches"; the resource `messages.batches` of its SDK
for Python 2.12.
"""

from typing import Final

from faregate.batches import lines
from faregate.batches.anthropic_shapes import (
    BATCHES_PATH,
    batch_told,
    deleted_told,
    list_told,
)
from faregate.batches.facts import ID_CHARACTERS_MAX, Page, owner_of, results_name
from faregate.core.refusals import Refusal, refuse
from faregate.gate.answers import Answer
from faregate.gate.batches import begun_batch, cancel_found, find_batch, keep_batch, unknown_batch
from faregate.gate.explanations import answer_json
from faregate.gate.filing import page_limit, query_of, send_bytes
from faregate.gate.state import CallState

MESSAGE_BATCHES_PATH: Final = BATCHES_PATH.encode()
_BELOW: Final = MESSAGE_BATCHES_PATH + b"/"
_CANCEL: Final = "/cancel"
_RESULTS: Final = "/results"
_LIST_USUAL: Final = 20
_LIST_MAX: Final = 1_000


async def create_message_batch(call: CallState) -> Answer | Refusal:
    """Answer `POST /v1/messages/batches`."""
    body = call.body

    def read(_: object) -> bytes | Refusal:
        try:
            return lines.write_requests(body)
        except lines.RequestsError as error:
            return refuse("request_invalid", str(error), param=error.param)

    requests = await call.gate.filing.ask(read)
    if isinstance(requests, Refusal):
        return requests
    batch = begun_batch(call, "anthropic", "/v1/messages")
    batch.fields.setdefault("anthropic-version", "2023-06-01")
    refusal = await keep_batch(call, batch, requests)
    if refusal is not None:
        return refusal
    told = batch_told(batch)
    told["request_counts"]["processing"] = requests.count(b"\n")
    return answer_json(told)


async def list_message_batches(call: CallState) -> Answer | Refusal:
    """Answer `GET /v1/messages/batches`."""
    key = call.key
    assert key is not None
    query = query_of(call)
    limit = page_limit(query, _LIST_USUAL, _LIST_MAX)
    if isinstance(limit, Refusal):
        return limit
    owner = owner_of(key)
    page = Page(limit + 1, query.get("after_id"), query.get("before_id"))
    found = await call.gate.filing.ask(lambda shelf: shelf.batches(owner, "anthropic", page))
    if isinstance(found, Refusal):
        return found
    # Before an id, the row too many is the first: the newest.
    rows = found[-limit:] if page.before is not None else found[:limit]
    return answer_json(list_told([batch_told(row) for row in rows], has_more=len(found) > limit))


async def show_message_batch(call: CallState) -> Answer | Refusal | None:
    """Answer `GET /v1/messages/batches/{id}` and its `/results`."""
    path = call.head.path[len(_BELOW) :].decode("latin-1")
    batch = await find_batch(call, path.removesuffix(_RESULTS), "anthropic")
    if isinstance(batch, Refusal):
        return batch
    if not path.endswith(_RESULTS):
        return answer_json(batch_told(batch))
    if batch.is_open:
        return refuse("batch_state_conflict", "The batch has not ended; it has no results yet.")
    name = results_name(batch.batch_id)
    size = await call.gate.filing.ask(lambda shelf: shelf.size(name))
    if isinstance(size, Refusal):
        return size
    fields = [("content-type", "application/x-jsonl"), ("cache-control", "no-store")]
    return await send_bytes(call, name, size, fields)


async def post_message_batch(call: CallState) -> Answer | Refusal:
    """Answer `POST /v1/messages/batches/{id}/cancel`."""
    path = call.head.path[len(_BELOW) :].decode("latin-1")
    if not path.endswith(_CANCEL):
        detail = "A batch takes POST at /v1/messages/batches/{id}/cancel."
        return refuse("route_unknown", detail)
    batch = await cancel_found(call, path.removesuffix(_CANCEL), "anthropic")
    return batch if isinstance(batch, Refusal) else answer_json(batch_told(batch))


async def delete_message_batch(call: CallState) -> Answer | Refusal:
    """Answer `DELETE /v1/messages/batches/{id}`."""
    batch_id = call.head.path[len(_BELOW) :].decode("latin-1")
    batch = await find_batch(call, batch_id[: ID_CHARACTERS_MAX + 1], "anthropic")
    if isinstance(batch, Refusal):
        return batch
    if batch.is_open:
        return refuse("batch_state_conflict", "An open batch can't be deleted; cancel it first.")
    owner = batch.owner
    gone = await call.gate.filing.ask(lambda shelf: shelf.delete_batch(owner, batch_id))
    if isinstance(gone, Refusal):
        return gone
    return answer_json(deleted_told(batch_id)) if gone else unknown_batch(batch_id)
