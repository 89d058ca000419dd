"""Writes heads of replies, and whole replies of the gate's own.

Sources: RFC 9110 §15 (status codes), RFC 9112 §4 (status line), §6.1 and §7.1 (framing).
"""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Final

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
LAST_CHUNK: Final = b"0\r\n\r\n"
CLOSE_FIELD: Final = b"connection: close\r\n"
CHUNKED_FIELD: Final = b"transfer-encoding: chunked\r\n"

_NO_CONTENT: Final = 204

_STATUS_LINES: Final = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus
}


def status_line(status: int) -> bytes:
    """The first line of a reply.

    A status without a name gets none, as RFC 9112 §4 allows.
    """
    line = _STATUS_LINES.get(status)
    return line if line is not None else b"HTTP/1.1 %d \r\n" % status


def chunk(data: bytes) -> bytes:
    """`data` as one chunk; it must not be empty."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def render_reply(
    status: int,
    fields: Iterable[tuple[str, str]],
    body: bytes,
    *,
    close: bool,
    bodiless: bool = False,
    length: int | None = None,
) -> bytes:
    """A whole reply; `bodiless` answers HEAD, with a body's length alone.

    `length` is that of a body that is sent after this.
    """
    text = "".join([f"{name}: {value}\r\n" for name, value in fields])
    head = [status_line(status), text.encode("latin-1")]
    if close:
        head.append(CLOSE_FIELD)
    if status != _NO_CONTENT:
        head.append(b"content-length: %d\r\n" % (len(body) if length is None else length))
    head.append(b"\r\n")
    if body and not bodiless:
        head.append(body)
    return b"".join(head)
