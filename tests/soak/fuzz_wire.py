"""Coverage-guided fuzzing of the readers of HTTP/1.1, h11 beside them.

    python -m tests.soak.fuzz_wire requests|replies CORPUS [-max_total_time=60 ...]

The readers never raise, say the same however their bytes are cut, say nothing after a refusal,
and never read another request or reply in the same bytes than h11 does.
"""

import itertools
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["faregate.wire", "faregate.core"]):
    from tests.wire.readers import ReplyRecorder, RequestRecorder

import h11
from tests.wire.oracle import is_tolerated, whole_requests

# Longer input would reach limits, which are counted by the read and not by the byte.
INPUT_BYTES_MAX = 4_000

SEEDS = {
    "requests": [
        b"GET /a?b HTTP/1.1\r\nHost: a\r\n\r\n" * 2,
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello" * 2,
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"5;a=b\r\nhello\r\n0\r\nX: 1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: h2c\r\n"
        b"Content-Length: 2\r\n\r\nokGET / HTTP/1.1\r\n",
        b"GET http://a/ HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx",
    ],
    "replies": [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX: 1\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\nSet-Cookie: a\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nuntil the end",
    ],
}


class PlainReader(RequestRecorder):
    """Reads every head anew."""

    def _remember(self, data: bytes) -> None:
        pass


def _pieces(data: bytes, cuts: bytes) -> list[bytes]:
    points = sorted({0, len(data), *(cut * len(data) // 256 for cut in cuts)})
    return [data[a:b] for a, b in itertools.pairwise(points)]


def _told(reader: RequestRecorder) -> list[tuple[object, ...]]:
    """All but why it refused: of two mistakes in a head, the cuts decide which is met first."""
    return [("refused",) if event[0] == "refused" else event for event in reader.events]


def fuzz_requests(blob: bytes) -> None:
    """One input: four bytes say where it is cut."""
    cuts, data = blob[:4], blob[4 : 4 + INPUT_BYTES_MAX]
    if not data:
        return
    whole, cut, repeated, plain = (
        RequestRecorder(),
        RequestRecorder(),
        RequestRecorder(),
        (PlainReader()),
    )
    whole.feed(data)
    for piece in _pieces(data, cuts):
        cut.feed(piece)
        repeated.feed(piece)
        plain.feed(piece)
    for _ in range(2):  # what was read once may now go the short way
        for piece in _pieces(data, cuts):
            repeated.feed(piece)
            plain.feed(piece)
    assert _told(cut) == _told(whole), (cut.events, whole.events)
    assert _told(repeated) == _told(plain), (repeated.events, plain.events)
    refusals = [at for at, event in enumerate(whole.events) if event[0] == "refused"]
    assert refusals in ([], [len(whole.events) - 1])
    _compare_with_h11(whole, data)


def _compare_with_h11(reader: RequestRecorder, data: bytes) -> None:
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(data)
    ours = whole_requests(reader)
    try:
        for method, _, _, body in ours:
            request, found = connection.next_event(), b""
            if not isinstance(request, h11.Request):
                assert is_tolerated(data), (request, data)
                return
            assert request.method == method
            while not isinstance(event := connection.next_event(), h11.EndOfMessage):
                assert isinstance(event, h11.Data), (event, data)
                found += bytes(event.data)
            assert found == body, (found, body)
            connection.send(h11.Response(status_code=200, headers=[("content-length", "0")]))
            connection.send(h11.EndOfMessage())
            if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
                return
            data = connection.trailing_data[0]
            connection.start_next_cycle()
    except h11.RemoteProtocolError:
        assert is_tolerated(data) or _is_tolerated_in_a_field(data), data


def _is_tolerated_in_a_field(data: bytes) -> bool:
    """What h11 refuses in fields and chunks that we read in one way only."""
    lowered = data.lower()
    return (
        b"content-length: 0000000000" in lowered.replace(b":0", b": 0")
        or b"\r\n0\r\n" in data  # fields of a trailer
        or b";" in data  # extensions of chunks
    )


def fuzz_replies(blob: bytes) -> None:
    """One input: four bytes say where it is cut."""
    cuts, data = blob[:4], blob[4 : 4 + INPUT_BYTES_MAX]
    if not data:
        return
    whole, cut = ReplyRecorder(), ReplyRecorder()
    whole.feed(data)
    for piece in _pieces(data, cuts):
        cut.feed(piece)
    # Bytes behind a reply that come by themselves are broken, and not only left alone.
    events = [event for event in cut.events if event != ("broken",) or not cut.whole]
    assert events == whole.events, (cut.events, whole.events)
    # An empty line behind a reply is passed over where it comes with it, as the parser does.
    assert cut.keeps_alive == whole.keeps_alive or data[-1:] in b"\r\n"
    for reader in (whole, cut):
        assert [event[0] for event in reader.events].count("end") <= 1
        if reader.broken:
            assert not reader.keeps_alive
    if whole.whole and whole.keeps_alive:
        _compare_reply_with_h11(whole, data)


def _compare_reply_with_h11(reader: ReplyRecorder, data: bytes) -> None:
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method="POST", target="/", headers=[("host", "a")]))
    connection.send(h11.EndOfMessage())
    connection.receive_data(data)
    body = b""
    try:
        while not isinstance(event := connection.next_event(), h11.EndOfMessage):
            if isinstance(event, h11.Response):
                assert event.status_code == reader.heads[0].status
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif not isinstance(event, h11.InformationalResponse):
                raise AssertionError((event, data))
    except h11.RemoteProtocolError:
        return  # stricter in what makes no difference: the framing is compared where it reads
    assert body == reader.body, (body, reader.body)


def main() -> None:
    """Run until libFuzzer's own options say enough."""
    kind, corpus, *options = sys.argv[1:]
    targets = {"requests": fuzz_requests, "replies": fuzz_replies}
    for number, seed in enumerate(SEEDS[kind]):
        Path(corpus, f"seed-{number}").write_bytes(b"\x40\x80\xc0\xf0" + seed)
    atheris.Setup([sys.argv[0], corpus, *options], targets[kind])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
