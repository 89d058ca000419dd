"""Calls go to a socket that lives, and it is known which were not made."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from faregate.runner import gates
from faregate.runner.gates import Gates, NotSentError, ReplyLostError


@contextlib.contextmanager
def answering(path: Path, reply: bytes) -> Iterator[list[bytes]]:
    """A socket that gives the same reply to each caller; what came is kept."""
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(path))
    listening.listen()
    received: list[bytes] = []

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                accepted, _ = listening.accept()
                with accepted:
                    request = accepted.recv(65_536)
                    while not request.endswith((b"\r\n\r\n", b"{}")):
                        request += accepted.recv(65_536)
                    received.append(request)
                    accepted.sendall(reply)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield received
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(5)


def head(length: int) -> bytes:
    return b"HTTP/1.1 200 OK\r\nRetry-After: 3\r\nContent-Length: %d\r\n\r\n" % length


def test_a_call_shows_the_token_and_names_the_key(tmp_path: Path) -> None:
    dead = tmp_path / "dead.sock"
    dead.touch()
    path = tmp_path / "a.sock"
    with answering(path, head(2) + b"{}") as received:
        asked = Gates(lambda: [dead, path], "fgo_token")
        for _ in range(2):
            reply = asked.ask("POST", "/v1/messages", "key-1", b"{}", {"Faregate-Run": "r"})
            assert (reply.status, reply.body, reply.truncated) == (200, b"{}", False)
            assert reply.fields["retry-after"] == "3"
    for one in received:
        assert one.startswith(b"POST /v1/messages HTTP/1.1\r\n")
        for field in (b"Authorization: Bearer fgo_token", b"Faregate-Key: key-1", b"Run: r"):
            assert field in one


def test_without_a_gate_nothing_was_sent(tmp_path: Path) -> None:
    for sockets in ([], [tmp_path / "none"]):
        with pytest.raises(NotSentError):
            Gates(lambda sockets=sockets: sockets, "").ask("GET", "/", "k", None, {})


@pytest.mark.parametrize(
    "reply", [b"", b"HTTP/1.1 200 OK\r\n", head(9) + b"{}", b"nonsense\r\n\r\n"]
)
def test_half_a_reply_is_none(tmp_path: Path, reply: bytes) -> None:
    path = tmp_path / "a.sock"
    with answering(path, reply), pytest.raises(ReplyLostError):
        Gates(lambda: [path], "").ask("GET", "/", "k", None, {})


def test_a_reply_is_kept_up_to_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gates, "BATCH_REPLY_BYTES_MAX", 10)
    path = tmp_path / "a.sock"
    with answering(path, head(99) + b"x" * 99):
        reply = Gates(lambda: [path], "").ask("GET", "/", "k", None, {})
    assert (reply.truncated, len(reply.body)) == (True, 11)
