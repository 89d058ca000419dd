"""h11 as an oracle: what another careful reader makes of the same bytes."""

import h11
from tests.wire.readers import RequestRecorder

Read = tuple[bytes, bytes, list[tuple[bytes, bytes]], bytes]


def h11_requests(data: bytes) -> list[Read]:
    """Method, target, fields and body of every whole request.

    Raises `h11.RemoteProtocolError`.
    """
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(data)
    found: list[Read] = []
    body = b""
    while True:
        event = connection.next_event()
        if isinstance(event, h11.Request):
            request, body = event, b""
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage):
            found.append((request.method, request.target, list(request.headers), body))
            connection.send(h11.Response(status_code=200, headers=[("content-length", "0")]))
            connection.send(h11.EndOfMessage())
            if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
                return found
            connection.start_next_cycle()
        else:
            return found


def whole_requests(reader: RequestRecorder) -> list[Read]:
    """The same of ours; repeated fields are combined."""
    found = []
    for head, body in zip(reader.heads, reader.bodies, strict=False):
        target = head.path + (b"?" + head.query if head.query else b"")
        found.append((head.method, target, sorted(head.fields.items()), body))
    return found


def is_tolerated(data: bytes) -> bool:
    """Whether `data` may have an oddity that h11 refuses and we do not.

    Each of them is in a table of `test_smuggling`.
    """
    line = data.lstrip(b"\r\n").partition(b"\r\n")[0]
    return (
        data[:1] in b"\r\n"
        or b"  " in line
        or line.rstrip().count(b" ") != 2
        or line != line.rstrip()
        or b"RTSP" in data
        or b"ICE/" in data
    )
