"""Each key and model is tried with a real call; what comes back is explained, and what to do."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest
from tests.providers.test_tokens import written

from faregate.cli import provider_probe
from faregate.cli.provider_probe import Report, probe_all
from faregate.configuration.document import Document, Model, Provider, ProviderKey
from faregate.configuration.references import plain
from faregate.simulator.service import Simulator


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    """A simulator in a loop of its own; it takes keys that bring their scripts."""
    loop, made = asyncio.new_event_loop(), Simulator(key="sk-good-key")
    loop.run_until_complete(made.__aenter__())
    made.key_script("AKIDEXAMPLE:shh", "tokens=3")
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield made
    asyncio.run_coroutine_threadsafe(made.__aexit__(None, None, None), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


def root(simulator: Simulator) -> str:
    parts = urlsplit(simulator.base_url)
    return f"{parts.scheme}://{parts.netloc}"


def tried(base_url: str, vendor: str = "openai", **fields: Any) -> list[Report]:
    price = {"model": "m", "input": "1.00", "output": "2.00"}
    document = {
        "providers": [
            plain(
                Provider(
                    **{"name": "p", "vendor": vendor, "base_url": base_url, "proxy": "none"}
                    | fields
                )
            )
        ],
        "models": [{"name": "m", "provider": "p", "upstream_model": "sim"}],
        "prices": [price],
    }
    return probe_all(msgspec.convert(document, Document))


@pytest.mark.parametrize(
    ("vendor", "path", "key", "dialect"),
    [
        ("openai", "/v1", "sk-good-key", "openai_chat"),
        ("anthropic", "/v1", "sk-good-key", "anthropic"),
        ("gemini", "/v1beta", "sk-good-key", "gemini"),
        ("cohere", "/v2", "sk-good-key", "cohere"),
        ("bedrock", "", "AKIDEXAMPLE:shh", "bedrock_converse"),
    ],
)
def test_dialects(simulator: Simulator, vendor: str, path: str, key: str, dialect: str) -> None:
    options = {"region": "us-east-1"} if vendor == "bedrock" else {}
    base_url = root(simulator) + path
    [report] = tried(base_url, vendor, api_key=key, options=options)
    assert (report.works, report.result, report.dialect) == (True, "ok", dialect), report
    assert report.status == 200
    assert report.first_byte_ms is not None
    assert report.first_byte_ms > 0
    assert report.input_tokens
    assert report.output_tokens
    assert report.cost is not None
    nano = report.input_tokens * 1_000 + report.output_tokens * 2_000
    assert float(report.cost) == pytest.approx(nano / 1e9)


def test_a_token_is_fetched_for_it(simulator: Simulator) -> None:
    secret = written(token_uri=f"{root(simulator)}/token")
    base_url = f"{root(simulator)}/v1/projects/p/locations/global"
    dialects = {"generate": ("gemini",)}
    [report] = tried(base_url, "vertex", api_key=secret, dialects=dialects)
    assert report.works, report
    [report] = tried(base_url, "vertex", api_key="/no/such/file", dialects=dialects)
    assert (report.works, report.result) == (False, "unproven")
    assert "can't be read" in report.message


@pytest.mark.parametrize("vendor", ["openai", "anthropic", "gemini"])
def test_each_key_is_tried(simulator: Simulator, vendor: str) -> None:
    path = "/v1beta" if vendor == "gemini" else "/v1"
    keys = tuple(
        ProviderKey(name=name, secret=secret)
        for name, secret in (
            ("good", "sk-good-key"),
            ("wrong", "sk-wrong-hidden"),
            ("slow", "sk-sim:error=rate_limit"),
            ("broken", "sk-sim:error=server_error"),
        )
    )
    reports = tried(root(simulator) + path, vendor, keys=keys)
    assert [(one.key, one.works) for one in reports] == [
        ("good", True),
        ("wrong", False),
        ("slow", False),
        ("broken", False),
    ]
    assert reports[1].result == "auth"
    assert "it refuses the key" in reports[1].message
    assert "providers keys add p wrong --replace" in str(reports[1].fix)
    assert reports[2].result == "rate_limited"
    assert reports[3].result in ("overloaded", "failed")
    assert all(one.fix for one in reports[1:])
    assert "hidden" not in str(reports)


@contextmanager
def answering(
    status: int, body: bytes = b"{}", headers: dict[str, str] | None = None
) -> Iterator[tuple[str, list[dict[str, str]]]]:
    seen: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append({"path": self.path, **{k.lower(): v for k, v in self.headers.items()}})
            self.rfile.read(int(self.headers.get("content-length", 0)))
            self.send_response(status)
            for name, value in {"content-length": str(len(body)), **(headers or {})}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}/v1", seen
        server.shutdown()


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (401, "it refuses the key"),
        (402, "the account there is empty"),
        (403, "the key may not do this"),
        (404, "no such model"),
        (407, "the proxy wants a password"),
        (429, "limits the rate"),
        (418, "it refuses the request"),
        (500, "it is overloaded"),
        (520, "it fails"),
    ],
)
def test_statuses(status: int, message: str) -> None:
    body = b'{"error": {"message": "no:\\n sk-hidden is bad"}}'
    with answering(status, body) as (url, _):
        [report] = tried(url, "openai_compatible", api_key="sk-hidden")
    assert not report.works
    assert message in report.message
    assert f"(HTTP {status}, it says: no: *** is bad)" in report.message
    assert report.fix


def test_no_key() -> None:
    with answering(401) as (url, _):
        [report] = tried(url, "openai_compatible")
    assert report.message == "it wants a key, and has none (HTTP 401)"


def test_a_key_is_not_sent_on() -> None:
    with answering(200) as (other, other_seen):
        with answering(302, headers={"location": other}) as (url, _):
            [report] = tried(url, api_key="sk-hidden")
        assert other_seen == []
    assert f"it has moved to {other}" in report.message


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"data": 1}', b"\xff"])
def test_not_its_dialect(body: bytes) -> None:
    with answering(200, body) as (url, _):
        [report] = tried(url, api_key="k")
    assert (report.works, report.result) == (False, "malformed")
    assert "not as openai_chat does" in report.message


def test_errors_within_200() -> None:
    with answering(200, b'{"error": {"code": "insufficient_quota"}}') as (url, _):
        [report] = tried(url, api_key="k")
    assert (report.works, report.result) == (False, "payment_required")


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    [report] = tried(f"http://127.0.0.1:{port}/v1", api_key="k")
    assert (report.result, report.message) == ("unreachable", "the connection is refused")
    [report] = tried("http://host.invalid/v1", api_key="k")
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
        [report] = tried(f"{scheme}://127.0.0.1:{server.getsockname()[1]}/v1", api_key="k")
        thread.join(10)
    assert not report.works
    assert report.message in {"what answers there is not HTTP", "TLS fails"}


def test_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provider_probe, "TIMEOUT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:
        [report] = tried(f"http://127.0.0.1:{server.getsockname()[1]}/v1", api_key="k")
    assert report.message == "no answer in 0.2 seconds"


def listed(url: str, **fields: Any) -> list[Report]:
    given = {"name": "p", "base_url": url, "proxy": "none", "api_key": "sk-hidden"} | fields
    return probe_all(Document(providers=(Provider(**given),)))


def test_without_models_the_list_is_asked_for() -> None:
    with answering(200, b'{"data": [{"id": "a"}, {"id": "b"}]}') as (url, seen):
        [report] = listed(url + "/", headers={"x-org": "o"})
        assert (report.works, report.message, report.fix) == (True, "it lists 2 models", None)
        assert seen[0]["path"] == "/v1/models"
        assert seen[0]["authorization"] == "Bearer sk-hidden"
        assert seen[0]["x-org"] == "o"
        [report] = listed(url, vendor="anthropic")
        assert report.works
        assert seen[1]["x-api-key"] == "sk-hidden"
    with answering(200, b"<html>") as (url, _):
        [report] = listed(url)
    assert "not with a list of models" in report.message


def test_some_of_all() -> None:
    with answering(200, b'{"data": [{"id": "x"}]}') as (url, _):
        document = Document(
            providers=tuple(
                Provider(name=name, base_url=url, proxy="none") for name in ("a", "b", "c")
            ),
            models=(Model(name="m", provider="b"), Model(name="n", provider="b")),
        )
        reports = probe_all(document)
        assert [(one.name, one.model) for one in reports] == [
            ("a", None),
            ("b", "m"),
            ("b", "n"),
            ("c", None),
        ]
        assert [one.name for one in probe_all(document, "c")] == ["c"]
        assert [one.model for one in probe_all(document, model="n")] == ["n"]
        assert probe_all(document, key="other") == []
