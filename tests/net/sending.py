"""A pool with senders that write down what they are told."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from faregate.configuration.document import ProviderTimeouts
from faregate.net.connect import Address
from faregate.net.deadlines import Deadlines
from faregate.net.pool import Origin, Pool
from faregate.net.upstream_connection import Failure, Sending
from faregate.wire.reply_reader import ReplyHead


class RecordingSender:
    """One request and all that is said about it."""

    def __init__(self, body: bytes = b"{}", *, idempotent: bool = False, path: str = "/") -> None:
        self.request_head = (
            f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        )
        self.request_body = body
        self.idempotent = idempotent
        self.resent = False
        self.sending: Sending | None = None
        self.chosen: list[bool] = []
        self.head: ReplyHead | None = None
        self.body = b""
        self.reads = 0
        self.ended = False
        self.failure: Failure | None = None
        self.done = asyncio.get_running_loop().create_future()

    def upstream_chosen(self, now: float, *, reused: bool) -> None:
        self.chosen.append(reused)

    def reply_head(self, head: ReplyHead) -> None:
        assert self.head is None
        self.head = head

    def reply_data(self, data: bytes) -> None:
        assert self.head is not None
        assert not self.ended
        self.body += data

    def reply_read(self) -> None:
        self.reads += 1

    def reply_end(self) -> None:
        self._end()
        self.ended = True

    def upstream_failed(self, failure: Failure) -> None:
        self._end()
        self.failure = failure

    def _end(self) -> None:
        assert not self.done.done(), "it ended twice"
        self.sending = None
        self.done.set_result(None)

    async def result(self, timeout_s: float = 5.0) -> str:
        """ "ok" or the kind of its failure."""
        await asyncio.wait_for(asyncio.shield(self.done), timeout_s)
        return self.failure.kind if self.failure is not None else "ok"


@contextlib.asynccontextmanager
async def pooling(
    port: int,
    *,
    host: str = "127.0.0.1",
    connections_max: int = 10,
    queue_max: int = 10,
    tls: Any = None,
    proxy: Any = None,
    **timeouts: float,
) -> AsyncIterator[Pool]:
    """A pool to `port`, closed with the block."""
    loop = asyncio.get_running_loop()
    deadlines = Deadlines(loop, loop.time)
    origin = Origin(
        Address(host, port, tls is not None),
        ProviderTimeouts(**timeouts),
        connections_max,
        queue_max,
        tls,
        proxy,
    )
    pool = Pool(loop, deadlines, loop.time, origin)
    try:
        yield pool
    finally:
        pool.close()
        deadlines.close()


def send(pool: Pool, *args: Any, **kwargs: Any) -> RecordingSender:
    """A request on its way."""
    sender = RecordingSender(*args, **kwargs)
    pool.send(sender, asyncio.get_running_loop().time())
    return sender


async def ask(pool: Pool, *args: Any, **kwargs: Any) -> RecordingSender:
    """A request that has ended."""
    sender = send(pool, *args, **kwargs)
    await sender.result()
    return sender


async def all_closed(pool: Pool, timeout_s: float = 2.0) -> None:
    """Wait until no connection is open."""
    async with asyncio.timeout(timeout_s):
        while pool.state.open:  # noqa: ASYNC110 - it has no event for this
            await asyncio.sleep(0.005)
