"""Realtime sessions of a real service: a kill loses the session's charge once, a drain nothing."""

import contextlib
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.end_to_end.served import Served, wait_until
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from faregate.core.money import format_amount
from faregate.identity.keys import generate_key
from faregate.simulator.service import SimulatorThread

CONFIGURATION = """
version: 1
settings:
  gate: {{drain_timeout_s: 2}}
providers:
  - name: simulated
    base_url: "{base_url}"
    dialects: {{realtime: [openai_realtime]}}
    proxy: none
models:
  - {{name: talk, provider: simulated, output_tokens_max: 100}}
prices:
  - {{model: talk, input: "1", output: "10"}}
wallets:
  - name: main
    grants: [{{name: first, amount: "1"}}]
applications:
  - {{name: app, wallet: main}}
keys:
  - {{name: test, secret: "${{env:TEST_KEY}}", application: app}}
"""
KEY = generate_key()


@pytest.fixture
def served(serve: Callable[..., Served], home: Path, tmp_path: Path) -> Iterator[Served]:
    with SimulatorThread() as simulator:
        path = tmp_path / "faregate.yaml"
        path.write_text(CONFIGURATION.format(base_url=simulator.base_url))
        yield serve(home, "--config", str(path), "--workers", "1", TEST_KEY=KEY).ready()


def opened(served: Served) -> ClientConnection:
    """A session that has had a response."""
    url = f"ws://127.0.0.1:{served.port}/v1/realtime?model=talk"
    headers = {"authorization": f"Bearer {KEY}"}
    client = connect(url, additional_headers=headers, proxy=None, legacy=True)
    assert isinstance(client, ClientConnection)
    respond(client)
    return client


def respond(client: ClientConnection) -> None:
    client.send(json.dumps({"type": "response.create"}))
    deadline = time.monotonic() + 10
    while json.loads(client.recv(10))["type"] != "response.done":
        assert time.monotonic() < deadline


def closing_code(client: ClientConnection) -> int:
    with contextlib.suppress(ConnectionClosed):
        while client.recv(10):
            pass
    assert client.close_code is not None
    return client.close_code


def calls(served: Served) -> list[dict[str, Any]]:
    told = served.run("calls", "tail", "--json")
    assert told.returncode == 0, told.stderr
    return [json.loads(line) for line in told.stdout.splitlines()]


def test_a_killed_worker_loses_its_session_and_a_drained_one_charges_it(served: Served) -> None:
    killed = opened(served)
    [worker] = served.pids("gate")
    os.kill(worker, signal.SIGKILL)
    assert closing_code(killed) == 1006
    wait_until(lambda: served.pids("gate") not in ([], [worker]))
    wait_until(lambda: [one["outcome"] for one in calls(served)] == ["lost"])
    drained = opened(served)
    respond(drained)
    served.process.send_signal(signal.SIGTERM)
    assert closing_code(drained) == 1001
    served.process.wait(30)
    found = {one["outcome"]: one for one in calls(served)}
    assert set(found) == {"lost", "cancelled"}
    assert found["lost"].get("charge") is None
    usage = found["cancelled"]["usage"]
    nano = 1_000 * usage["input_tokens"] + 10_000 * usage["output_tokens"]
    assert found["cancelled"]["charge"]["amount"] == format_amount(nano)
    shown = served.run("calls", "show", found["cancelled"]["call_id"]).stdout
    assert "/v1/realtime" in shown
    statement = served.run("wallets", "verify")
    assert statement.returncode == 0, statement.stdout
    assert "Traceback" not in served.log
