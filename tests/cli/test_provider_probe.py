"""Whatever a provider answers, the operator is told what it means and what to do."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from faregate.cli import provider_probe
from faregate.cli.provider_probe import probe, probe_all
from faregate.configuration.document import Document, Model, Provider


@contextmanager
def answering(
    status: int, body: bytes = b"{}", headers: dict[str, str] | None = None
) -> Iterator[tuple[str, list[dict[str, str]]]]:
    seen: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append({"path": self.path, **{k.lower(): v for k, v in self.headers.items()}})
            self.send_response(status)
            for name, value in {"content-length": str(len(body)), **(headers or {})}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}/v1", seen
        server.shutdown()


def provider(url: str, **fields: object) -> Provider:
    return Provider(name="p", base_url=url, api_key="sk-hidden", proxy="none", **fields)


def test_works() -> None:
    with answering(200, b'{"data": [{"id": "a"}, {"id": "b"}]}') as (url, seen):
        report = probe(provider(url + "/", headers={"x-org": "o"}), ["a"])
        assert (report.works, report.message, report.fix) == (True, "it lists 2 models", None)
        assert seen[0]["path"] == "/v1/models"
        assert seen[0]["authorization"] == "Bearer sk-hidden"
        assert seen[0]["x-org"] == "o"
        report = probe(provider(url), ["a", "c"])
        assert report.works
        assert "but not c" in report.message


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (401, "it refuses the key"),
        (402, "the account there is empty"),
        (403, "the key may not do this"),
        (404, "no list of models"),
        (407, "the proxy wants a password"),
        (429, "limits the rate"),
        (418, "it refuses the request"),
        (500, "it fails"),
    ],
)
def test_statuses(status: int, message: str) -> None:
    body = b'{"error": {"message": "no:\\n sk-hidden is bad"}}'
    with answering(status, body) as (url, _):
        report = probe(provider(url), [])
    assert not report.works
    assert message in report.message
    assert f"(HTTP {status}, it says: no: *** is bad)" in report.message
    assert report.fix


def test_a_key_is_not_sent_on() -> None:
    with answering(200) as (other, other_seen):
        with answering(302, headers={"location": other}) as (url, _):
            report = probe(provider(url), [])
        assert other_seen == []
    assert f"it has moved to {other}" in report.message


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"data": 1}', b"\xff"])
def test_not_openai(body: bytes) -> None:
    with answering(200, body) as (url, _):
        report = probe(provider(url), [])
    assert not report.works
    assert "not with a list of models" in report.message


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    report = probe(provider(f"http://127.0.0.1:{port}/v1"), [])
    assert report.message == "the connection is refused"
    report = probe(provider("http://host.invalid/v1"), [])
    assert "host name" in report.message or "reached" in report.message


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_something_else_there(scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def greet() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"220 mail ready\r\n\r\n" * 20)
                connection.recv(65_536)

        thread = Thread(target=greet)
        thread.start()
        report = probe(provider(f"{scheme}://127.0.0.1:{server.getsockname()[1]}/v1"), [])
        thread.join(10)
    assert not report.works
    assert report.message in {"what answers there is not HTTP", "TLS fails"}


def test_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provider_probe, "TIMEOUT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:
        report = probe(provider(f"http://127.0.0.1:{server.getsockname()[1]}/v1"), [])
    assert report.message == "no answer in 0.2 seconds"


def test_all_in_their_order() -> None:
    with answering(200, b'{"data": [{"id": "x"}]}') as (url, _):
        document = Document(
            providers=tuple(
                Provider(name=name, base_url=url, proxy="none") for name in ("a", "b", "c")
            ),
            models=(Model(name="m", provider="b", upstream_model="y"),),
        )
        reports = probe_all(document)
        assert [one.name for one in reports] == ["a", "b", "c"]
        assert "but not y" in reports[1].message
        assert [one.name for one in probe_all(document, "c")] == ["c"]
