"""Steps that answer /v1/files, as OpenAI does.

The files are Faregate's own: none is sent to a vendor, and a vendor's file ids mean nothing here.
They belong to the key's application, or to the key where it has none; what is another's looks as
if it weren't there.

Sources: OpenAI's API reference, "Files"; the resource `files` of its SDK for Python 3.54.
"""

from typing import Final

import msgspec

from faregate.batches.facts import ID_CHARACTERS_MAX, FileFacts, Page, new_file_id, owner_of
from faregate.batches.openai_shapes import file_told, list_told
from faregate.core import bounds
from faregate.core.refusals import Refusal, refuse
from faregate.gate.answers import Answer
from faregate.gate.explanations import answer_json
from faregate.gate.filing import page_limit, query_of, send_bytes
from faregate.gate.ports import FileShelf
from faregate.gate.state import CallState
from faregate.policies.tenants import team_of
from faregate.wire import multipart

FILES_PATH: Final = b"/v1/files"
_BELOW: Final = FILES_PATH + b"/"
_CONTENT: Final = "/content"

PURPOSES: Final = ("assistants", "batch", "fine-tune", "vision", "user_data", "evals")
EXPIRY_S: Final = (3_600, 30 * 86_400)  # the least and the most that a caller may ask for

_NAME_CHARACTERS_MAX: Final = 255
_NS: Final = 1_000_000_000


class _Form(msgspec.Struct):
    """An upload's form, as far as it is read."""

    purpose: str
    filename: str
    start: int
    end: int
    expires_in_s: int | None


async def upload_file(call: CallState) -> Answer | Refusal:
    """Answer `POST /v1/files`."""
    content_type = call.head.fields.get(b"content-type", b"")
    form = await call.gate.filing.ask(lambda _: _read_form(call.body, content_type))
    if isinstance(form, Refusal):
        return form
    settings, key = call.snapshot.settings.files, call.key
    assert key is not None
    size = form.end - form.start
    if size > settings.bytes_max:
        detail = f"The file has {size} bytes; settings.files.bytes_max is {settings.bytes_max}."
        return refuse("file_too_large", detail, param="file", limit=settings.bytes_max)
    now_s = call.gate.wall_ns() // _NS
    file = FileFacts(
        file_id=new_file_id(),
        owner=owner_of(key),
        team=team_of(key, call.snapshot.terms.applications),
        purpose=form.purpose,
        filename=form.filename,
        size_bytes=size,
        created_s=now_s,
        expires_s=now_s + min(form.expires_in_s or settings.keep_s, settings.keep_s),
    )
    data, start, end = call.body, form.start, form.end

    def keep(shelf: FileShelf) -> bool:
        return shelf.keep(file, data[start:end], settings.total_bytes_max, settings.count_max)

    kept = await call.gate.filing.ask(keep)
    if isinstance(kept, Refusal):
        return kept
    if not kept:
        detail = (
            f"Files of this owner may be {settings.count_max} of {settings.total_bytes_max} bytes "
            "in all; with this one they would be more."
        )
        return refuse("storage_full", detail, param="file")
    return answer_json(file_told(file))


def _read_form(body: bytes, content_type: bytes) -> _Form | Refusal:
    try:
        parts = multipart.parts(body, content_type)
    except multipart.MultipartError as error:
        return refuse("request_invalid", f"The body is not a form: {error}.", param="file")
    found = {part.name: part for part in parts}
    if len(found) < len(parts):
        return refuse("request_invalid", "A part of the form stands twice.", param="file")
    file = found.get("file")
    if file is None or file.filename is None:
        return refuse("request_invalid", "The form has no file.", param="file")
    texts = {
        name: body[part.start : part.end].decode("utf-8", "replace")
        for name, part in found.items()
        if part.filename is None and part.end - part.start <= _NAME_CHARACTERS_MAX
    }
    purpose = texts.get("purpose", "")
    if purpose not in PURPOSES:
        detail = f"The purpose is one of {', '.join(PURPOSES)}."
        return refuse("request_invalid", detail, param="purpose")
    seconds = texts.get("expires_after[seconds]")
    if seconds is not None and not is_expiry(seconds):
        detail = f"A file expires after {EXPIRY_S[0]} to {EXPIRY_S[1]} seconds."
        return refuse("request_invalid", detail, param="expires_after[seconds]")
    if texts.get("expires_after[anchor]", "created_at") != "created_at":
        detail = "A file's expiry is counted from created_at."
        return refuse("request_invalid", detail, param="expires_after[anchor]")
    filename = file.filename[:_NAME_CHARACTERS_MAX]
    in_s = int(seconds) if seconds is not None else None
    return _Form(purpose, filename, file.start, file.end, in_s)


def is_expiry(text: str) -> bool:
    """Whether these are seconds that a caller may ask for."""
    least, most = EXPIRY_S
    return text.isascii() and text.isdigit() and len(text) < 10 and least <= int(text) <= most


async def list_files(call: CallState) -> Answer | Refusal:
    """Answer `GET /v1/files`."""
    key = call.key
    assert key is not None
    query = query_of(call)
    limit = page_limit(query, bounds.FILE_LIST_MAX, bounds.FILE_LIST_MAX)
    if isinstance(limit, Refusal):
        return limit
    page = Page(limit + 1, query.get("after"), oldest_first=query.get("order") == "asc")
    owner, purpose = owner_of(key), query.get("purpose")
    found = await call.gate.filing.ask(lambda shelf: shelf.files(owner, page, purpose))
    if isinstance(found, Refusal):
        return found
    rows = [file_told(file) for file in found[:limit]]
    return answer_json(list_told(rows, has_more=len(found) > limit))


async def show_file(call: CallState) -> Answer | Refusal | None:
    """Answer `GET /v1/files/{id}` and `GET /v1/files/{id}/content`."""
    path = call.head.path[len(_BELOW) :].decode("latin-1")
    file = await _find(call, path.removesuffix(_CONTENT))
    if isinstance(file, Refusal):
        return file
    if not path.endswith(_CONTENT):
        return answer_json(file_told(file))
    fields = [("content-type", "application/octet-stream"), ("cache-control", "no-store")]
    return await send_bytes(call, file.file_id, file.size_bytes, fields)


async def delete_file(call: CallState) -> Answer | Refusal:
    """Answer `DELETE /v1/files/{id}`."""
    key = call.key
    assert key is not None
    file = await _find(call, call.head.path[len(_BELOW) :].decode("latin-1"))
    if isinstance(file, Refusal):
        return file
    owner, file_id = owner_of(key), file.file_id
    gone = await call.gate.filing.ask(lambda shelf: shelf.delete(owner, file_id))
    if isinstance(gone, Refusal):
        return gone
    return answer_json({"id": file_id, "object": "file", "deleted": True})


async def _find(call: CallState, file_id: str) -> FileFacts | Refusal:
    key = call.key
    assert key is not None
    if len(file_id) > ID_CHARACTERS_MAX:
        return _unknown(file_id)
    owner = owner_of(key)
    file = await call.gate.filing.ask(lambda shelf: shelf.file(owner, file_id))
    return _unknown(file_id) if file is None else file


def _unknown(file_id: str) -> Refusal:
    return refuse("file_unknown", f"No file '{file_id[:ID_CHARACTERS_MAX]}' of this key is known.")
