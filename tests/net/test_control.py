"""A control channel carries a message a line, and its end is told once."""

import asyncio
import json
import os
import socket
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from faregate.ledger.spending import WINDOWS
from faregate.net import control
from faregate.net.control import (
    LINE_BYTES_MAX,
    SPENT_MAX,
    UNREAD_BYTES_MAX,
    ControlChannel,
    parts_of,
)


class Child:
    """A channel in this process, what it heard, and the supervisor's socket."""

    def __init__(self) -> None:
        self.ours, theirs = socket.socketpair()
        self.ours.setblocking(False)
        self.heard: list[str] = []
        self.told: list[Any] = []
        self.ends = 0
        self.news = asyncio.Event()
        self.channel = ControlChannel(theirs.detach(), self._hear, self._end)

    def _hear(self, kind: str, data: Any) -> None:
        self.heard.append(kind)
        self.told.append(data)
        self.news.set()

    def _end(self) -> None:
        self.ends += 1
        self.news.set()

    async def until_heard(self, count: int) -> None:
        async with asyncio.timeout(5):
            while len(self.heard) < count:
                self.news.clear()
                await self.news.wait()

    async def until_ended(self) -> None:
        async with asyncio.timeout(5):
            while not self.ends:
                self.news.clear()
                await self.news.wait()

    async def line(self) -> Any:
        data = b""
        async with asyncio.timeout(5):
            while not data.endswith(b"\n"):
                data += await asyncio.get_running_loop().sock_recv(self.ours, 65_536)
        return json.loads(data)


@pytest.fixture
async def child() -> AsyncIterator[Child]:
    child = Child()
    await child.channel.open()
    yield child
    child.ours.close()
    await child.channel.close()


async def test_each_line_is_a_message_however_it_is_cut(child: Child) -> None:
    lines = b'{"type":"drain"}\n{"type":"metrics","data":{"a":"\\n"}}\n{"type":"reload"}\n'
    for position in range(0, len(lines), 7):
        child.ours.send(lines[position : position + 7])
        await asyncio.sleep(0)
    await child.until_heard(3)
    assert child.heard == ["drain", "metrics", "reload"]
    assert child.told == [None, {"a": "\n"}, None]
    assert child.ends == 0


async def test_messages_go_the_other_way(child: Child) -> None:
    child.channel.send("ready")
    assert await child.line() == {"type": "ready"}
    child.channel.send("metrics", {"calls": 1, "name": "é\n"})
    assert await child.line() == {"type": "metrics", "data": {"calls": 1, "name": "é\n"}}


async def test_its_end_is_told_once_and_nothing_is_sent_any_more(child: Child) -> None:
    child.ours.close()
    await child.until_ended()
    for _ in range(3):
        child.channel.send("metrics", {})
        await asyncio.sleep(0)
    await child.channel.close()
    assert child.ends == 1


@pytest.mark.parametrize(
    "line",
    [b"drain\n", b"[]\n", b"3\n", b"\xff\xfe\n", b"\n", b'{"type":' + b"x" * LINE_BYTES_MAX],
    ids=["a word", "a list", "a number", "no text", "an empty line", "a line without end"],
)
async def test_a_channel_that_breaks_has_ended(child: Child, line: bytes) -> None:
    child.ours.send(b'{"type":"reload"}\n')
    await child.until_heard(1)
    await asyncio.get_running_loop().sock_sendall(child.ours, line)
    await child.until_ended()
    assert (child.heard, child.ends) == (["reload"], 1)


async def test_half_a_message_at_the_end_is_no_message(child: Child) -> None:
    child.ours.send(b'{"type":"dra')
    child.ours.shutdown(socket.SHUT_WR)
    await child.until_ended()
    assert child.heard == []


async def test_a_message_without_type_is_told_as_it_is(child: Child) -> None:
    child.ours.send(b"{}\n")
    await child.until_heard(1)
    assert child.heard == ["None"]


async def test_a_supervisor_that_does_not_read_costs_no_memory_and_no_time(
    child: Child, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "_CLOSE_SECONDS", 0.2)
    message = {"text": "x" * 60_000}
    for _ in range(200):
        child.channel.send("metrics", message)
    writer = child.channel._writer
    assert writer is not None
    assert writer.transport.get_write_buffer_size() < UNREAD_BYTES_MAX + 100_000
    began = time.monotonic()
    await child.channel.close()
    assert time.monotonic() - began < 2


async def test_closing_sends_what_is_still_to_be_sent(child: Child) -> None:
    text = "x" * 500_000  # more than the socket holds
    child.channel.send("drained", text)
    closing = asyncio.create_task(child.channel.close())
    assert await child.line() == {"type": "drained", "data": text}
    await closing
    assert child.ends == 0


def test_a_descriptor_that_is_no_socket_is_an_error() -> None:
    reading, writing = os.pipe()
    os.close(writing)
    with pytest.raises(OSError, match="socket"):
        ControlChannel(reading, lambda kind, data: None, lambda: None)
    os.close(reading)


def test_what_is_told_of_many_is_told_in_parts():
    told = {f"account-{number}": number for number in range(5)}
    assert [*parts_of(told, 2)] == [
        {"account-0": 0, "account-1": 1},
        {"account-2": 2, "account-3": 3},
        {"account-4": 4},
    ]
    assert [*parts_of({}, 2)] == []
    # The longest names of a team's accounts, spent to the full in each window.
    full = {window: [2**62, 2**62] for window in WINDOWS}
    line = json.dumps({f"{'t' * 100}/{number:0100}": full for number in range(SPENT_MAX)})
    assert len(line) < LINE_BYTES_MAX / 2
