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

import uvloop
from tests.gate.running import Place, document, running

from faregate.configuration.document import Model
from faregate.supervisor.sockets import reserve

MODEL = "smollm2"


@dataclass
class Address:
    """Where a gate is, and a key for it; `heal` lets it forget what it learnt of providers."""

    url: str
    key: str
    heal: Callable[[], None]

    @property
    def base_url(self) -> str:
        return f"{self.url}/v1"


@contextlib.contextmanager
def gate_thread(upstream_url: str) -> Iterator[Address]:
    """A gate in a thread of its own."""
    found: list[Address] = []
    ready, done = threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []
    places: list[Place] = []

    def heal() -> None:
        healed = threading.Event()
        loops[0].call_soon_threadsafe(lambda: (places[0].heal(), healed.set()))
        assert healed.wait(5)

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
            found.append(Address(f"http://127.0.0.1:{place.port}", place.key, heal))
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
