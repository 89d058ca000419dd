"""The machines that serve are listed and shown, here and elsewhere."""

import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from tests.cli.anywhere import PLACES, console_at
from tests.cli.console import Console

from faregate.supervisor.lock import HomeLock

STATUS = {
    "ready": False,
    "reasons": ["gate 0 is starting"],
    "version": "9.9",
    "uptime_s": 61.5,
    "started_at": "2030-01-01T00:00:00Z",
    "processes": [
        {"role": "gate", "worker": 0, "state": "starting", "pid": 7, "restarts": 0},
    ],
}


class _Operations(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps(STATUS).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its base's name
        pass


@pytest.fixture(params=PLACES)
def console(request: pytest.FixtureRequest, empty_console: Console) -> Iterator[Console]:
    with console_at(request.param, empty_console) as opened:
        yield opened


def test_nothing_runs(console: Console) -> None:
    console.good("teams", "add", "sales")
    [node] = console.good("nodes", "list", "--json").json
    assert (node["state"], node["revision"], node["processes"]) == ("stopped", 1, [])
    lines = console.good("nodes", "list").out.splitlines()
    assert lines[0].split()[:3] == ["NODE", "STATE", "VERSION"]
    assert lines[1].split()[:2] == [node["name"], "stopped"]
    assert console.good("nodes", "show", node["name"], "--json").json == node
    said = console.run("nodes", "show", node["name"][:-1])
    assert said.status == 1
    assert f"did you mean {node['name']!r}?" in said.err


def test_a_service_that_runs(empty_console: Console) -> None:
    empty_console.good("init")
    server = HTTPServer(("127.0.0.1", 0), _Operations)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    run = empty_console.home.run
    run.mkdir(exist_ok=True)
    lock = HomeLock(run)
    try:
        address = f"127.0.0.1:{server.server_address[1]}"
        lock.describe({"operations": address, "url": "http://h:1", "pid": os.getpid()})
        [node] = empty_console.good("nodes", "list", "--json").json
        assert (node["state"], node["version"], node["url"]) == ("not_ready", "9.9", "http://h:1")
        shown = empty_console.good("nodes", "show", node["name"]).out.splitlines()
    finally:
        lock.release()
        server.shutdown()
        server.server_close()
        thread.join(10)
    assert shown == [
        node["name"],
        "  state       not ready: gate 0 is starting",
        "  gateway     http://h:1",
        "  version     9.9",
        "  up for      0:01:01",
        "  revision    0",
        "  gate 0      starting (process 7)",
    ]
