"""Ten thousand idle connections and a reader that stalls cost little memory and no time."""

import asyncio
import contextlib
import os
import resource
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.net.listening import get

ROOT = Path(__file__).parents[2]
CONNECTIONS = 10_000
# A connection with its parser, its transport and its place in the wheel.
CONNECTION_KIB_MAX = 8


class Program:
    """The listener's process."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self._process = process
        self.port = port

    async def measure(self) -> tuple[int, float, int]:
        """Resident KiB, CPU seconds, connections."""
        self._process.stdin.write(b"memory\n")
        memory, cpu, connections = (await self._line()).split()
        return int(memory), float(cpu), int(connections)

    async def _line(self) -> bytes:
        return await asyncio.wait_for(self._process.stdout.readline(), 20)


@contextlib.asynccontextmanager
async def _program() -> AsyncIterator[Program]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.net.listener_program",
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        port = int(await asyncio.wait_for(process.stdout.readline(), 20))
        yield Program(process, port)
    finally:
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), 10)
        except TimeoutError:
            process.kill()
            await process.wait()


async def _connect(port: int, address: str) -> socket.socket:
    loop = asyncio.get_running_loop()
    connecting = socket.socket()
    connecting.setblocking(False)
    connecting.bind((address, 0))
    await loop.sock_connect(connecting, ("127.0.0.1", port))
    return connecting


@pytest.mark.alone
async def test_ten_thousand_idle_connections_cost_little():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < CONNECTIONS + 500:
        pytest.skip(f"the limit of open files is {hard}")
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    loop = asyncio.get_running_loop()
    clients: list[socket.socket] = []
    try:
        async with _program() as program:
            empty_kib, _, _ = await program.measure()
            for number in range(CONNECTIONS // 100):
                address = f"127.0.0.{2 + number % 4}"
                clients += await asyncio.gather(
                    *(_connect(program.port, address) for _ in range(100))
                )
            for client in clients:
                await loop.sock_sendall(client, get())
            for client in clients:
                assert (await loop.sock_recv(client, 1_000)).startswith(b"HTTP/1.1 200 OK")
            full_kib, busy_s, connections = await program.measure()
            assert connections == CONNECTIONS
            each_kib = (full_kib - empty_kib) / CONNECTIONS
            await asyncio.sleep(2)
            later_kib, idle_s, _ = await program.measure()
            print(f"\n{each_kib:.2f} KiB a connection; {(idle_s - busy_s) / 2:.1%} CPU idle")
            assert each_kib < CONNECTION_KIB_MAX
            assert later_kib - full_kib < 2_048
            assert (idle_s - busy_s) / 2 < 0.1
            await loop.sock_sendall(clients[0], get())
            assert (await loop.sock_recv(clients[0], 1_000)).startswith(b"HTTP/1.1 200 OK")
    finally:
        for client in clients:
            client.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.alone
async def test_a_reader_that_stalls_in_a_large_stream_costs_under_a_megabyte():
    size = 200_000_000
    async with _program() as program:
        reader, writer = await asyncio.open_connection("127.0.0.1", program.port)
        writer.write(get("/stream/200000"))
        await reader.readexactly(200_000)
        await asyncio.sleep(0.1)
        before_kib, _, _ = await program.measure()
        stalled = socket.create_connection(("127.0.0.1", program.port))
        stalled.sendall(get(f"/stream/{size}"))
        stalled.setblocking(False)
        await asyncio.sleep(0.5)
        stalled_kib, busy_s, _ = await program.measure()
        await asyncio.sleep(0.5)
        _, later_s, _ = await program.measure()
        assert stalled_kib - before_kib < 1_024
        assert later_s - busy_s < 0.1
        # And it is all there when it is read at last, at no more.
        received, peak_kib = 0, 0
        loop = asyncio.get_running_loop()
        while received < size:
            received += len(await loop.sock_recv(stalled, 1_000_000))
            if received // 50_000_000 > peak_kib:
                peak_kib = received // 50_000_000
                now_kib, _, _ = await program.measure()
                assert now_kib - before_kib < 1_024
        print(f"\n{stalled_kib - before_kib} KiB for a stalled reader")
        stalled.close()
        writer.close()
