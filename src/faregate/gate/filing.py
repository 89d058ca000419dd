"""A worker's way to the files and batches of callers.

All work on them blocks, and is done in one thread, one request at a time. How many may wait is
bounded.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl

from faregate.core import bounds
from faregate.core.errors import FaregateError
from faregate.core.refusals import Refusal, refuse
from faregate.gate.finish import finish_call
from faregate.gate.ports import FileShelf
from faregate.gate.state import CallState
from faregate.wire.reply import render_reply

Result = TypeVar("Result")

_CLOGGED_S: Final = 0.02  # between two looks at a client that reads slowly
_QUERY_FIELDS_MAX: Final = 16


class Filing:
    """Does work on the shelf that `open_shelf` gives, if there is one."""

    def __init__(self, open_shelf: Callable[[], FileShelf] | None = None) -> None:
        self._open_shelf = open_shelf
        self._shelf: FileShelf | None = None
        self._thread: ThreadPoolExecutor | None = None
        self._waiting = 0

    async def ask(self, work: Callable[[FileShelf], Result]) -> Result | Refusal:
        """What `work` gives, done in the thread; or why it can't be done."""
        if self._open_shelf is None:
            return refuse("files_unavailable", "This worker keeps no files.", scope="gate")
        if self._waiting >= bounds.FILE_REQUESTS_WAITING_MAX:
            detail = "Too many requests for files wait already."
            return refuse("gate_overloaded", detail, scope="gate")
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="files")
        self._waiting += 1
        doing = asyncio.get_running_loop().run_in_executor(self._thread, self._do, work)
        doing.add_done_callback(self._has_done)
        try:
            return await asyncio.shield(doing)
        except FaregateError:
            detail = "The files of this gateway can't be read or written."
            return refuse("files_unavailable", detail, scope="gate")

    def _has_done(self, doing: "asyncio.Future[Any]") -> None:
        self._waiting -= 1
        if not doing.cancelled():
            doing.exception()  # whoever waited for it may have left

    def _do(self, work: Callable[[FileShelf], Result]) -> Result:
        if self._shelf is None:
            assert self._open_shelf is not None
            self._shelf = self._open_shelf()
        return work(self._shelf)

    def close(self) -> None:
        """Let go of the files."""
        if self._thread is None:
            return
        if self._shelf is not None:
            self._thread.submit(self._shelf.close)
        self._thread.shutdown(wait=False)


async def send_bytes(
    call: CallState, name: str, size: int, fields: list[tuple[str, str]]
) -> Refusal | None:
    """Answer with the bytes under a name, as fast as the client reads."""
    connection = call.connection
    if call.head.method == b"HEAD" or size == 0:
        _begin(call, size, fields)
    while call.reply_bytes < size and call.head.method != b"HEAD":
        piece = await _piece(call, name)
        if call.ended:
            return None
        if isinstance(piece, Refusal) and not call.relaying:
            return piece
        if isinstance(piece, Refusal):
            finish_call(call, "failed", 200, piece)
            connection.abort()
            return None
        if not call.relaying:
            _begin(call, size, fields)
        connection.send(piece)
        call.reply_bytes += len(piece)
        while connection.is_clogged and not call.ended:  # noqa: ASYNC110 - nothing tells its end
            await asyncio.sleep(_CLOGGED_S)
    if not call.ended:
        finish_call(call, "answered", 200, None)
        connection.finish()
    return None


def _begin(call: CallState, size: int, fields: list[tuple[str, str]]) -> None:
    head = [*fields, ("faregate-call-id", call.call_id)]
    closes = call.connection.closes
    call.connection.send(render_reply(200, head, b"", close=closes, length=size))
    call.relaying = True


async def _piece(call: CallState, name: str) -> bytes | Refusal:
    """What comes behind the bytes that were sent."""
    start = call.reply_bytes

    def read(shelf: FileShelf) -> bytes:
        return shelf.read(name, start, bounds.FILE_PIECE_BYTES)

    piece = await call.gate.filing.ask(read)
    if not piece:
        return refuse("files_unavailable", "The file is shorter than it was.", scope="gate")
    return piece


def query_of(call: CallState) -> dict[str, str]:
    """The query's fields; of one that stands twice the last."""
    text = call.head.query.decode("latin-1")
    try:
        return dict(parse_qsl(text, max_num_fields=_QUERY_FIELDS_MAX))
    except ValueError:
        return {}


def page_limit(query: dict[str, str], usual: int, most: int) -> int | Refusal:
    """How many rows are asked for."""
    text = query.get("limit", str(usual))
    if text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= most:
        return int(text)
    return refuse("request_invalid", f"The limit is a number from 1 to {most}.", param="limit")
