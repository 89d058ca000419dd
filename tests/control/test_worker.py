"""The process answers on its socket until it is drained."""

import asyncio
import json
import socket
import urllib.request

from tests.control.managed import make_home

from faregate.control.app import create_app
from faregate.control.context import Caller
from faregate.control.management import open_management
from faregate.control.worker import ControlWorker

WORDS: list[str] = []


def ask(port: int) -> dict[str, str]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/health", timeout=10) as reply:
        return json.load(reply)


async def test_it_says_ready_serves_drains_and_ends(tmp_path) -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    ours, theirs = socket.socketpair()
    ended = []

    async def task(stopping: asyncio.Event) -> None:
        if not ended:
            ended.append("failed")
            raise RuntimeError("once")
        await stopping.wait()
        ended.append("stopped")

    with open_management(make_home(tmp_path / "home")) as management:
        app = create_app(management, lambda _: Caller(None, ""))
        worker = ControlWorker(app, listening, theirs.detach(), [task])
        running = asyncio.create_task(worker.run())
        reader, writer = await asyncio.open_connection(sock=ours)
        assert json.loads(await reader.readline()) == {"type": "ready"}
        assert (await asyncio.to_thread(ask, port))["status"] == "alive"
        writer.write(b'{"type":"drain"}\n')
        assert json.loads(await reader.readline()) == {"type": "drained"}
        await asyncio.wait_for(running, 10)
        writer.close()
    assert ended[0] == "failed"
