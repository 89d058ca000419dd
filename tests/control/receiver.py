"""A receiver of webhooks on a real socket, which answers as it is told."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Received = tuple[dict[str, str], bytes]
"""Fields in lower case, and the body."""


class Receiver:
    """What came, in order; `answers` are used up one by one, then it is 204."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self.url = f"http://127.0.0.1:{server.server_address[1]}/hook?from=faregate"
        self.received: list[Received] = []
        self.answers: list[tuple[int, dict[str, str], bytes]] = []
        self.came = threading.Condition()

    def wait(self, count: int, timeout_s: float = 10.0) -> list[Received]:
        """What came, once there are so many."""
        with self.came:
            assert self.came.wait_for(lambda: len(self.received) >= count, timeout_s), self.received
            return list(self.received)

    def ids(self) -> list[str]:
        """The messages' ids, as they came."""
        with self.came:
            return [fields["webhook-id"] for fields, _ in self.received]


@contextmanager
def receiver(secure: Callable[[Any], Any] | None = None) -> Iterator[Receiver]:
    """A receiver that listens to the end; `secure` wraps its socket in TLS."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            fields = {name.lower(): value for name, value in self.headers.items()}
            with told.came:
                told.received.append((fields | {":target": self.path}, body))
                status, more, answer = told.answers.pop(0) if told.answers else (204, {}, b"")
                told.came.notify_all()
            self.send_response(status)
            for name, value in more.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    told = Receiver(server)
    if secure is not None:
        server.socket = secure(server.socket)
        told.url = told.url.replace("http://127.0.0.1", "https://localhost")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()
