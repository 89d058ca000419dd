"""Work on files is done beside the loop, bounded, and its failures are told."""

import asyncio
import contextlib
import threading

import pytest
from tests.gate.filed import AwayBatches, keep_files, send, upload
from tests.gate.running import Place, connect, until

from faregate.batches.memory import MemoryBatches
from faregate.core import bounds
from faregate.core.refusals import Refusal
from faregate.gate.filing import Filing


async def test_without_files_all_is_refused(place: Place) -> None:
    reply = await send(place, "GET", "/v1/files")
    assert (reply.status, reply.code) == (503, "files_unavailable")


async def test_a_disk_that_is_gone_is_told(place: Place) -> None:
    keep_files(place, AwayBatches())
    for path in ("/v1/files", "/v1/batches"):
        assert (await send(place, "GET", path)).code == "files_unavailable"
    reply = await send(place, "GET", "/v1/messages/batches")
    assert (reply.status, reply.json["error"]["type"]) == (503, "api_error")


async def test_so_many_wait_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "FILE_REQUESTS_WAITING_MAX", 2)
    store, release = MemoryBatches(), threading.Event()
    filing = Filing(lambda: store)

    def wait(_: object) -> bool:
        return release.wait(10)

    waiting = [asyncio.create_task(filing.ask(wait)) for _ in range(2)]
    await asyncio.sleep(0)
    refusal = await filing.ask(wait)
    assert isinstance(refusal, Refusal)
    assert refusal.code == "gate_overloaded"
    release.set()
    assert await asyncio.gather(*waiting) == [True, True]
    assert await filing.ask(wait) is True
    filing.close()


async def test_a_slow_reader_gets_all_of_a_file_piece_by_piece(place: Place) -> None:
    keep_files(place)
    data = bytes(range(256)) * 16_384  # 4 MiB
    file_id = (await upload(place, data)).json["id"]
    async with await connect(place.port, place.key, receive_bytes=4_096) as client:
        client.ask(None, f"/v1/files/{file_id}/content", "GET")
        head = await client.reader.readuntil(b"\r\n\r\n")
        assert b"content-length: %d" % len(data) in head
        [connection] = [one for one in place.gate.listener.connections if one.busy]
        await until(lambda: connection.is_clogged)
        got = b""
        while len(got) < len(data):
            got += await client.reader.read(1 << 16)
        assert got == data
        # The connection goes on.
        client.ask(None, f"/v1/files/{file_id}", "GET")
        assert (await client.reply()).json["bytes"] == len(data)


async def test_a_reader_that_leaves_ends_the_call(place: Place) -> None:
    keep_files(place)
    file_id = (await upload(place, b"x" * 4_000_000)).json["id"]
    async with await connect(place.port, place.key, receive_bytes=4_096) as client:
        client.ask(None, f"/v1/files/{file_id}/content", "GET")
        await client.reader.readuntil(b"\r\n\r\n")
        client.leave()
        calls = await place.settled(2)
    assert calls[-1].closed.outcome == "cancelled"
    await until(lambda: not place.gate.tasks)


async def test_bytes_that_end_too_soon_break_the_reply(place: Place) -> None:
    store = keep_files(place)
    file_id = (await upload(place, b"x" * 1_000_000)).json["id"]
    store._bytes[file_id] = b"x" * bounds.FILE_PIECE_BYTES
    async with place.client() as client:
        client.ask(None, f"/v1/files/{file_id}/content", "GET")
        await client.reader.readuntil(b"\r\n\r\n")
        data = b""
        with contextlib.suppress(ConnectionResetError):
            while piece := await client.reader.read(1 << 16):
                data += piece
    assert len(data) < 1_000_000
    assert (await place.settled(2))[-1].closed.outcome == "failed"
