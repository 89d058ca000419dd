"""A delivery goes to the address that was judged, in bounded time."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.control.receiver import receiver
from tests.net.certificates import Authority

from faregate.control.webhook_sending import send
from faregate.storage.webhook_outbox import Tried

LOOPBACK = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0))]


def post(
    url: str,
    *,
    private: bool = True,
    timeout_s: float = 5.0,
    context: ssl.SSLContext | None = None,
) -> Tried:
    return asyncio.run(
        send(
            url,
            {"webhook-id": "m1"},
            b'{"a":1}',
            timeout_s=timeout_s,
            private_addresses=private,
            context=context,
        )
    )


def test_a_post_and_its_answer() -> None:
    with receiver() as told:
        told.answers.append((202, {}, b"thanks" * 1_000))
        tried = post(told.url)
        fields, body = told.wait(1)[0]
    assert (tried.status, tried.error, tried.arrived) == (202, None, True)
    assert tried.reply == ("thanks" * 1_000)[:1_000]
    assert tried.duration_us > 0
    assert body == b'{"a":1}'
    assert (fields[":target"], fields["webhook-id"]) == ("/hook?from=faregate", "m1")


@pytest.mark.parametrize(
    ("status", "fields", "retry_after_s"),
    [
        (500, {}, None),
        (302, {"Location": "http://127.0.0.1:1/"}, None),
        (429, {"Retry-After": "7"}, 7.0),
    ],
)
def test_other_answers_are_failures(
    status: int, fields: dict[str, str], retry_after_s: float | None
) -> None:
    with receiver() as told:
        told.answers.append((status, fields, b""))
        tried = post(told.url)
        assert len(told.received) == 1
    assert (tried.status, tried.arrived, tried.retry_after_s) == (status, False, retry_after_s)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_private_addresses_are_not_connected_to(host: str) -> None:
    with receiver() as told:
        tried = post(told.url.replace("127.0.0.1", host), private=False)
        assert told.received == []
    assert tried.status is None
    assert "the address is refused" in (tried.error or "")


def test_a_name_with_one_forbidden_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def both(*_: object, **__: object) -> list[tuple[object, ...]]:
        places = [("93.184.215.14", 443), ("169.254.169.254", 443)]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", place) for place in places]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    assert "169.254.169.254 is link-local" in (post("https://rebound.example/").error or "")


def test_the_next_address_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.getaddrinfo

    def dead_first(host: str, port: int, *rest: object, **named: object) -> list[object]:
        if host != "two.example":
            return list(real(host, port, *rest, **named))  # type: ignore[arg-type]
        places = [("127.0.0.77", port), ("127.0.0.1", port)]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", place) for place in places]

    monkeypatch.setattr(socket, "getaddrinfo", dead_first)
    with receiver() as told:
        assert post(told.url.replace("127.0.0.1", "two.example")).status == 204


def test_tls_is_checked_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = Authority(tmp_path)
    certificate, key = authority.sign("server", host="localhost")
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(certificate, key)
    trusting = ssl.create_default_context(cafile=str(authority.ca_file))

    def secure(plain: socket.socket) -> socket.socket:
        return serving.wrap_socket(plain, server_side=True)

    with receiver(secure) as told:
        assert post(told.url, context=trusting).status == 204
        assert "TLS failed" in (post(told.url).error or "")
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: LOOPBACK)
        other = told.url.replace("localhost", "other.example")
        assert "TLS failed" in (post(other, context=trusting).error or "")


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://127.0.0.1:1/", "refused"),
        ("http://no-such-host.invalid/", "is not found"),
        ("http://[::/", "can't be used"),
    ],
)
def test_what_can_not_be_reached(url: str, told: str) -> None:
    assert told in (post(url).error or "").lower()


def slow(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")


def nonsense(connection: socket.socket) -> None:
    connection.sendall(b"SSH-2.0-OpenSSH\r\n\r\n")


def silent(connection: socket.socket) -> None:
    connection.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    ("behaviour", "told"),
    [(slow, "no answer within 0.3 seconds"), (nonsense, ""), (silent, "ended early")],
)
def test_receivers_that_do_not_answer(
    behaviour: Callable[[socket.socket], None], told: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]

        async def meet() -> Tried:
            loop = asyncio.get_running_loop()
            listening.setblocking(False)
            sending = loop.create_task(
                send(
                    f"http://127.0.0.1:{port}/",
                    {},
                    b"{}",
                    timeout_s=0.3,
                    private_addresses=True,
                )
            )
            connection, _ = await loop.sock_accept(listening)
            with connection:
                await loop.sock_recv(connection, 1)
                behaviour(connection)
                return await sending

        tried = asyncio.run(meet())
    assert tried.status is None
    assert tried.error
    assert told in tried.error
