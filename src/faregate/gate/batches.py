"""Steps that answer /v1/batches, as OpenAI does.

A batch that is made here is run by Faregate itself (`faregate.runner`): each of its lines is an
ordinary call of the key that made it.

Sources: OpenAI's API reference, "Batch"; the resource `batches` of its SDK for Python 3.54.
"""

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from faregate.batches.facts import (
    ID_CHARACTERS_MAX,
    BatchFacts,
    Dialect,
    FileFacts,
    Page,
    new_batch_id,
    owner_of,
)
from faregate.batches.lines import ENDPOINTS
from faregate.batches.openai_shapes import batch_told, list_told
from faregate.core.refusals import Refusal, refuse
from faregate.gate.answers import Answer
from faregate.gate.explanations import answer_json
from faregate.gate.files import EXPIRY_S
from faregate.gate.filing import page_limit, query_of
from faregate.gate.ports import FileShelf
from faregate.gate.state import CallState
from faregate.policies.tenants import team_of

BATCHES_PATH: Final = b"/v1/batches"
_BELOW: Final = BATCHES_PATH + b"/"
_CANCEL: Final = "/cancel"
_NS: Final = 1_000_000_000
_LIST_USUAL: Final = 20
_LIST_MAX: Final = 100

# What of the creating request counts for each of its calls.
_KEPT_FIELDS: Final = (
    b"anthropic-version", b"anthropic-beta", b"faregate-customer", b"faregate-run",
    b"faregate-unsupported",
)  # fmt: skip

_MetadataKey = Annotated[str, Meta(max_length=64)]
_MetadataValue = Annotated[str, Meta(max_length=512)]


class _ExpiresAfter(msgspec.Struct):
    """How long the output is kept."""

    anchor: Literal["created_at"]
    seconds: Annotated[int, Meta(ge=EXPIRY_S[0], le=EXPIRY_S[1])]


class _Create(msgspec.Struct):
    """The body of `POST /v1/batches`."""

    input_file_id: Annotated[str, Meta(max_length=ID_CHARACTERS_MAX)]
    endpoint: str
    completion_window: Literal["24h"]
    metadata: Annotated[dict[_MetadataKey, _MetadataValue], Meta(max_length=16)] | None = None
    output_expires_after: _ExpiresAfter | None = None


_decode_create: Final = msgspec.json.Decoder(_Create).decode


def begun_batch(call: CallState, dialect: Dialect, endpoint: str) -> BatchFacts:
    """A batch of this call's key that begins now."""
    key = call.key
    assert key is not None
    now_s = call.gate.wall_ns() // _NS
    settings = call.snapshot.settings
    fields = call.head.fields
    return BatchFacts(
        batch_id=new_batch_id(dialect),
        owner=owner_of(key),
        team=team_of(key, call.snapshot.terms.applications),
        key_id=key.key_id,
        dialect=dialect,
        endpoint=endpoint,
        created_s=now_s,
        expires_s=now_s + settings.batches.window_s,
        fields={
            name.decode(): fields[name].decode("latin-1") for name in _KEPT_FIELDS if name in fields
        },
    )


async def keep_batch(call: CallState, batch: BatchFacts, requests: bytes | None) -> Refusal | None:
    """Keep a batch for its runner to find."""
    most = call.snapshot.settings.batches.open_max
    kept = await call.gate.filing.ask(lambda shelf: shelf.keep_batch(batch, requests, most))
    if isinstance(kept, Refusal):
        return kept
    if not kept:
        detail = f"{most} batches of this owner are open; settings.batches.open_max is no more."
        return refuse("storage_full", detail, limit=most)
    return None


async def create_batch(call: CallState) -> Answer | Refusal:
    """Answer `POST /v1/batches`; its lines are read by the runner."""
    key = call.key
    assert key is not None
    try:
        asked = _decode_create(call.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return refuse("request_invalid", f"The body can't be taken: {error}.")
    if asked.endpoint not in ENDPOINTS:
        detail = f"The endpoint of a batch is one of {', '.join(ENDPOINTS)}."
        return refuse("request_invalid", detail, param="endpoint")
    owner, file_id = owner_of(key), asked.input_file_id
    file: FileFacts | Refusal | None = await call.gate.filing.ask(
        lambda shelf: shelf.file(owner, file_id)
    )
    if isinstance(file, Refusal):
        return file
    if file is None:
        detail = f"No file '{file_id}' of this key is known."
        return refuse("file_unknown", detail, param="input_file_id")
    if file.purpose != "batch":
        detail = f"The file was uploaded for '{file.purpose}', not for 'batch'."
        return refuse("request_invalid", detail, param="input_file_id")
    expiry = asked.output_expires_after
    batch = msgspec.structs.replace(
        begun_batch(call, "openai", asked.endpoint),
        input_file=file_id,
        metadata=asked.metadata,
        output_keep_s=expiry.seconds if expiry is not None else None,
    )
    refusal = await keep_batch(call, batch, None)
    return answer_json(batch_told(batch)) if refusal is None else refusal


async def list_batches(call: CallState) -> Answer | Refusal:
    """Answer `GET /v1/batches`."""
    key = call.key
    assert key is not None
    query = query_of(call)
    limit = page_limit(query, _LIST_USUAL, _LIST_MAX)
    if isinstance(limit, Refusal):
        return limit
    owner, page = owner_of(key), Page(limit + 1, query.get("after"))
    found = await call.gate.filing.ask(lambda shelf: shelf.batches(owner, "openai", page))
    if isinstance(found, Refusal):
        return found
    rows = [batch_told(batch) for batch in found[:limit]]
    return answer_json(list_told(rows, has_more=len(found) > limit))


async def show_batch(call: CallState) -> Answer | Refusal:
    """Answer `GET /v1/batches/{id}`."""
    batch = await find_batch(call, call.head.path[len(_BELOW) :].decode("latin-1"), "openai")
    return batch if isinstance(batch, Refusal) else answer_json(batch_told(batch))


async def cancel_batch(call: CallState) -> Answer | Refusal:
    """Answer `POST /v1/batches/{id}/cancel`."""
    path = call.head.path[len(_BELOW) :].decode("latin-1")
    if not path.endswith(_CANCEL):
        return refuse("route_unknown", "A batch takes POST at /v1/batches/{id}/cancel.")
    batch = await cancel_found(call, path.removesuffix(_CANCEL), "openai")
    return batch if isinstance(batch, Refusal) else answer_json(batch_told(batch))


async def cancel_found(call: CallState, batch_id: str, dialect: Dialect) -> BatchFacts | Refusal:
    """Ask for the end of a batch of this key."""
    found = await find_batch(call, batch_id, dialect)
    if isinstance(found, Refusal):
        return found
    if not found.is_open:
        detail = f"The batch has ended: it is {found.state}."
        return refuse("batch_state_conflict", detail)
    owner = found.owner
    changed = await call.gate.filing.ask(lambda shelf: shelf.cancel(owner, batch_id))
    return unknown_batch(batch_id) if changed is None else changed


async def find_batch(call: CallState, batch_id: str, dialect: Dialect) -> BatchFacts | Refusal:
    """A batch of this key, made in this dialect."""
    key = call.key
    assert key is not None
    owner = owner_of(key)

    def find(shelf: FileShelf) -> BatchFacts | None:
        return shelf.batch(owner, batch_id) if len(batch_id) <= ID_CHARACTERS_MAX else None

    batch = await call.gate.filing.ask(find)
    if isinstance(batch, Refusal):
        return batch
    if batch is None or batch.dialect != dialect:
        return unknown_batch(batch_id)
    return batch


def unknown_batch(batch_id: str) -> Refusal:
    """What is said of a batch that isn't there, or is another's."""
    detail = f"No batch '{batch_id[:ID_CHARACTERS_MAX]}' of this key is known."
    return refuse("batch_unknown", detail)
