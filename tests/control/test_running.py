"""The running service is asked by its operations port, and its silence is said."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from faregate.control.running import Running
from faregate.core.errors import FaregateError, StorageError

HEARD: list[tuple[str, str, str | None]] = []


class Port(BaseHTTPRequestHandler):
    """An operations port."""

    def answer(self) -> None:
        HEARD.append((self.command, self.path, self.headers.get("authorization")))
        good = self.path == "/status"
        body = json.dumps({"ready": True} if good else {"error": "unknown path"}).encode()
        self.send_response(200 if good else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = answer  # noqa: N815 - as the server calls them

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def address() -> Iterator[str]:
    HEARD.clear()
    server = HTTPServer(("127.0.0.1", 0), Port)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_only_orders_carry_the_token(address: str) -> None:
    running = Running(lambda: {"operations": address}, "fgo_token")
    assert running.ask("GET", "/status") == {"ready": True}
    with pytest.raises(FaregateError, match="unknown path"):
        running.ask("POST", "/elsewhere")
    assert HEARD == [("GET", "/status", None), ("POST", "/elsewhere", "Bearer fgo_token")]


def test_what_does_not_run_says_how_to_start_it() -> None:
    running = Running(lambda: None, "fgo_token")
    assert running.facts() is None
    with pytest.raises(StorageError) as caught:
        running.ask("GET", "/status")
    assert caught.value.fix == "start it: faregate serve"


def test_what_does_not_answer_is_said() -> None:
    with pytest.raises(StorageError, match="does not answer"):
        Running(lambda: {"operations": "127.0.0.1:1"}, "fgo_token").ask("GET", "/status")
