"""Gates for clients that block: in a thread, before the simulator or the real model."""

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import uvloop
from tests.gate.running import Place, document, running

from faregate.configuration.document import Document, Model
from faregate.configuration.references import plain
from faregate.supervisor.sockets import reserve

MODEL = "smollm2"


@dataclass
class Address:
    """Where a gate is, and a key for it.

    `heal` lets it forget what it learnt of providers; `serve` adds a model by name, the facts of
    its account, and what the simulator shall do.
    """

    url: str
    key: str
    heal: Callable[[], None]
    serve: Callable[[str, dict[str, Any], str], None]

    @property
    def base_url(self) -> str:
        return f"{self.url}/v1"


def _with_model(url: str, name: str, facts: dict[str, Any], script: str) -> Document:
    told = plain(document(url))
    account = facts | {"name": name, "proxy": "none"}
    account["base_url"] = url.removesuffix("/v1") + account.pop("path")
    account["api_key"] = f"sk-sim:{script}" if script else "sk-well"
    told["providers"].append(account)
    told["models"].append({"name": name, "provider": name, "upstream_model": "sim"})
    return msgspec.convert(told, Document)


@contextlib.contextmanager
def gate_thread(upstream_url: str) -> Iterator[Address]:
    """A gate in a thread of its own."""
    found: list[Address] = []
    ready, done = threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []
    places: list[Place] = []

    def there(work: Callable[[], None]) -> None:
        worked = threading.Event()
        loops[0].call_soon_threadsafe(lambda: (work(), worked.set()))
        assert worked.wait(5)

    def heal() -> None:
        there(lambda: places[0].heal())

    def serve_model(name: str, facts: dict[str, Any], script: str) -> None:
        there(lambda: places[0].adopt(_with_model(upstream_url, name, facts, script)))

    async def serve() -> None:
        loops.append(asyncio.get_running_loop())
        async with running(upstream_url) as place:
            plain = document(upstream_url)
            local = Model(name=MODEL, provider="simulated", aliases=("local",))
            names = ("sim:error=quota", "sim:error=rate_limit,retry_after_s=0,fail_first=1")
            more = tuple(
                Model(name=f"m{n}", provider="simulated", upstream_model=name)
                for n, name in enumerate(names)
            )
            place.adopt(
                type(plain)(providers=plain.providers, models=(*plain.models, local, *more))
            )
            found.append(Address(f"http://127.0.0.1:{place.port}", place.key, heal, serve_model))
            places.append(place)
            ready.set()
            await done.wait()

    def run() -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve())

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield found[0]
    finally:
        loops[0].call_soon_threadsafe(done.set)
        thread.join(10)


@contextlib.contextmanager
def local_model() -> Iterator[str]:
    """The demo's model in a process; gives its base_url."""
    kept = reserve("127.0.0.1", 0)
    ours, theirs = socket.socketpair()
    ours.settimeout(60)
    port = kept.getsockname()[1]
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "faregate.supervisor.local_model", "--port", str(port)),
            *("--parent", str(os.getpid()), "--control-fd", str(theirs.fileno())),
        ],
        pass_fds=[theirs.fileno()],
    )
    theirs.close()
    try:
        assert json.loads(ours.recv(100)) == {"type": "ready"}
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        ours.close()  # as when the supervisor is gone
        process.wait(10)
        kept.close()
