"""Both clients over real sockets: typed replies, all pages, safe second tries, clear problems."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from tests.client.served_api import Served, served_api

from faregate.client import AsyncClient, Client, Page, ProblemError, Request, UnreachableError
from faregate.client.operations import Health, get_call, get_health, list_known_models
from faregate.core.errors import FaregateError


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served_api(tmp_path_factory.mktemp("api") / "home") as started:
        yield started


def test_a_typed_reply_and_all_pages(served: Served) -> None:
    with Client(served.url, served.token) as client:
        health = client.send(get_health())
        assert isinstance(health, Health)
        assert health.status == "alive"
        few = list_known_models(search="claude-haiku", limit=2)
        pages = list(client.pages(few))
        assert len(pages) > 1
        assert [len(page.items) for page in pages[:-1]] == [2] * (len(pages) - 1)
        assert [one.id for one in client.all(few)] == [o.id for page in pages for o in page.items]


async def test_the_same_awaited(served: Served) -> None:
    async with AsyncClient(served.url, served.token) as client:
        assert (await client.send(get_health())).status == "alive"
        few = list_known_models(search="claude-haiku", limit=2)
        names = [one.id async for one in client.all(few)]
        pages = [page async for page in client.pages(few)]
        assert names == [one.id for page in pages for one in page.items]
        with pytest.raises(ProblemError) as caught:
            await client.send(get_call("call_nowhere"))
        assert caught.value.code == "not_found"


def test_problems(served: Served) -> None:
    with Client(served.url, "fgp_wrong") as client:
        with pytest.raises(ProblemError) as caught:
            client.send(list_known_models())
        assert (caught.value.status, caught.value.code) == (401, "token_invalid")
    with Client(served.url) as client, pytest.raises(ProblemError) as missing:
        client.send(list_known_models())
    assert missing.value.status == 401
    with Client(served.url, served.token) as client, pytest.raises(ProblemError) as wrong:
        client.send(list_known_models(limit=100_000))
    assert wrong.value.status == 400
    assert wrong.value.errors[0].field == "limit"
    assert wrong.value.message


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with (
        Client(f"http://127.0.0.1:{port}", retries=0) as client,
        pytest.raises(UnreachableError, match="can't be reached") as caught,
    ):
        client.send(get_health())
    assert "faregate serve" in str(caught.value.fix)
    with pytest.raises(FaregateError, match="can't be read"):
        Client("https://h.example", ca=Path("/nowhere.pem"))


def flaky(replies: list[httpx2.Response | Exception]) -> tuple[httpx2.MockTransport, list[str]]:
    """A transport that gives these one after another; the idempotency keys that came."""
    keys: list[str] = []

    def handle(request: httpx2.Request) -> httpx2.Response:
        keys.append(request.headers.get("idempotency-key", ""))
        reply = replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply

    return httpx2.MockTransport(handle), keys


def good() -> httpx2.Response:
    return httpx2.Response(200, json={"status": "alive", "version": "1"})


def busy() -> httpx2.Response:
    body = {"title": "T", "status": 503, "code": "storage_unavailable", "detail": "D"}
    return httpx2.Response(503, json=body)


MAKE: Request[Health] = Request("POST", "/v1/x", Health, body={}, repeatable=True)
CHANGE: Request[Health] = Request("PUT", "/v1/x", Health, body={}, version="1")


def test_what_may_be_repeated_is_with_the_same_key() -> None:
    transport, keys = flaky([busy(), httpx2.ReadError("gone"), good()])
    with Client("http://localhost", transport=transport) as client:
        assert client.send(MAKE).status == "alive"
    assert len(keys) == 3
    assert len(set(keys)) == 1
    assert keys[0]


def test_a_change_is_not_repeated_unless_it_was_never_sent() -> None:
    transport, keys = flaky([httpx2.ReadError("gone"), good()])
    with Client("http://localhost", transport=transport) as client:
        with pytest.raises(UnreachableError):
            client.send(CHANGE)
        assert len(keys) == 1
    transport, keys = flaky([httpx2.ConnectError("refused"), good()])
    with Client("http://localhost", transport=transport) as client:
        assert client.send(CHANGE).status == "alive"
    transport, keys = flaky([busy(), busy(), busy(), good()])
    with (
        Client("http://localhost", transport=transport) as client,
        pytest.raises(ProblemError),
    ):
        client.send(MAKE)
    assert len(keys) == 3


async def test_the_same_when_awaited() -> None:
    transport, keys = flaky([busy(), good()])
    async with AsyncClient("http://localhost", transport=transport) as client:
        assert (await client.send(MAKE)).status == "alive"
    assert len(keys) == 2


def test_one_client_serves_several_threads(served: Served) -> None:
    seen: list[str] = []
    with Client(served.url, served.token) as client:
        threads = [
            threading.Thread(target=lambda: seen.append(client.send(get_health()).status))
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
    assert seen == ["alive"] * 8


def test_a_page_without_items() -> None:
    transport, _ = flaky([httpx2.Response(200, json={"items": [], "next_cursor": None})])
    with Client("http://localhost", transport=transport) as client:
        request: Request[Page[Health]] = Request("GET", "/v1/x", Page[Health])
        assert list(client.all(request)) == []
