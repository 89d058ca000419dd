"""What is written is what another implementation reads."""

from http import HTTPStatus

import h11
import pytest

from faregate.wire.reply import CHUNKED_FIELD, LAST_CHUNK, chunk, render_reply, status_line


def _read(data: bytes, method: str = "GET") -> tuple[h11.Response, bytes, bool]:
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method=method, target="/", headers=[("host", "a")]))
    connection.send(h11.EndOfMessage())
    connection.receive_data(data)
    response, body = connection.next_event(), b""
    assert isinstance(response, h11.Response)
    while not isinstance(event := connection.next_event(), h11.EndOfMessage):
        assert isinstance(event, h11.Data)
        body += bytes(event.data)
    return response, body, connection.their_state is h11.DONE


@pytest.mark.parametrize("close", [False, True])
@pytest.mark.parametrize("status", [200, 404, 413, 503, 599])
def test_a_reply_is_read_as_it_was_meant(status: int, close: bool):
    data = render_reply(status, [("x-own", "é")], b"body", close=close)
    response, body, reusable = _read(data)
    assert (response.status_code, body, reusable) == (status, b"body", not close)
    assert (b"x-own", "é".encode("latin-1")) in list(response.headers)


def test_head_has_the_length_and_no_body():
    data = render_reply(200, [], b"body", close=False, bodiless=True)
    response, body, reusable = _read(data, "HEAD")
    assert (dict(response.headers)[b"content-length"], body, reusable) == (b"4", b"", True)


def test_no_content_has_no_length():
    assert b"content-length" not in render_reply(204, [], b"", close=False)
    assert _read(render_reply(204, [], b"", close=False))[2]


def test_every_status_has_its_line():
    assert status_line(200) == b"HTTP/1.1 200 OK\r\n"
    assert status_line(599) == b"HTTP/1.1 599 \r\n"
    for status in HTTPStatus:
        assert status_line(status).startswith(b"HTTP/1.1 %d " % status)


def test_chunks_are_read_as_they_were_meant():
    pieces = [b"a", b"b" * 1_000, b"\r\n0\r\n\r\n"]
    head = status_line(200) + CHUNKED_FIELD + b"\r\n"
    data = head + b"".join(chunk(piece) for piece in pieces) + LAST_CHUNK
    assert _read(data)[1:] == (b"".join(pieces), True)
