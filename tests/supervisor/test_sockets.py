"""A taken port is noticed, even one that would be shared silently, and explained in a line."""

import os
import socket

import pytest

from faregate.core.errors import FaregateError
from faregate.supervisor.sockets import listen, listen_shared, port_holder, reserve


@pytest.fixture(params=[False, True], ids=["plain", "shared"])
def taken(request):
    with socket.socket() as sock:
        if request.param:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        yield sock.getsockname()[1]


def test_a_taken_port_is_an_error_with_the_ways_out(taken) -> None:
    with pytest.raises(FaregateError) as caught:
        listen_shared("127.0.0.1", taken, 2, variable="FAREGATE_PORT", option="--port")
    assert f"port {taken} on 127.0.0.1 is taken by " in caught.value.message
    assert f"(process {os.getpid()})" in caught.value.message
    assert "FAREGATE_PORT" in caught.value.fix
    assert "--port" in caught.value.fix


def test_workers_share_one_port_and_each_has_a_queue_of_its_own() -> None:
    sockets = listen_shared("127.0.0.1", 0, 3, variable="FAREGATE_PORT")
    ports = {sock.getsockname()[1] for sock in sockets}
    assert len(ports) == 1
    port = ports.pop()
    clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(60)]
    accepted = 0
    for sock in sockets:
        while True:
            try:
                sock.accept()[0].close()
            except BlockingIOError:
                break
            accepted += 1
    assert accepted == 60
    for sock in [*clients, *sockets]:
        sock.close()


@pytest.mark.parametrize(
    ("host", "words"),
    [("192.0.2.1", "not an address of this machine"), ("no such host", "has no address")],
)
def test_a_wrong_host_is_explained(host, words) -> None:
    with pytest.raises(FaregateError, match=words) as caught:
        listen(host, 0, variable="FAREGATE_PORT")
    assert caught.value.fix


def test_both_families_are_served() -> None:
    with listen("::1", 0, variable="FAREGATE_PORT") as sock:
        assert sock.family is socket.AF_INET6


def test_nobody_holds_a_free_port() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    assert port_holder(port) is None


def test_a_reserved_port_is_kept_for_who_shares_its_use() -> None:
    kept = reserve("127.0.0.1", 0)
    port = kept.getsockname()[1]
    with socket.socket() as stranger, pytest.raises(OSError, match="in use"):
        stranger.bind(("127.0.0.1", port))
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        server.bind(("127.0.0.1", port))
        server.listen()
        socket.create_connection(("127.0.0.1", port)).close()
        other = reserve("127.0.0.1", port)
        assert other.getsockname()[1] != port
        other.close()
    kept.close()


def test_a_port_is_kept_from_one_start_to_the_next() -> None:
    kept = reserve("127.0.0.1", 0)
    port = kept.getsockname()[1]
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        server.bind(("127.0.0.1", port))
        server.listen()
        with socket.create_connection(("127.0.0.1", port)) as client:
            server.accept()[0].close()  # the server's side ends first: its port lingers
            assert client.recv(1) == b""
    kept.close()
    again = reserve("127.0.0.1", port)
    assert again.getsockname()[1] == port
    again.close()
