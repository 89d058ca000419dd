"""A reply is read as one thing however it is cut; whatever else came, nothing of it remains."""

import h11
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.wire.readers import ReplyRecorder, read_reply, splits

from faregate.core import bounds

OK = b"HTTP/1.1 200 OK\r\n"
SIZED = OK + b"Content-Type: application/json\r\nContent-Length: 5\r\nX-Id: 1\r\n\r\nhello"
CHUNKED = (
    OK + b"Transfer-Encoding: chunked\r\n\r\n"
    b"5;name=value\r\nhello\r\n6\r\n world\r\n0\r\nX-Trailer: 1\r\n\r\n"
)
OPEN_ENDED = OK + b"Content-Type: text/plain\r\n\r\nhello"
INTERIM = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"

REPLIES = {
    "sized": (SIZED, b"hello", True),
    "chunked": (CHUNKED, b"hello world", True),
    "open-ended": (OPEN_ENDED, b"hello", False),
    "empty": (OK + b"Content-Length: 0\r\n\r\n", b"", True),
    "closing": (OK + b"Connection: close\r\nContent-Length: 2\r\n\r\nok", b"ok", False),
    "no content": (b"HTTP/1.1 204 No Content\r\n\r\n", b"", True),
    "not modified": (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", b"", True),
    "interim": (INTERIM + b"HTTP/1.1 100 Continue\r\n\r\n" + SIZED, b"hello", True),
    "empty lines": (b"\r\n\r\n" + INTERIM + b"\r\n" + SIZED, b"hello", True),
    "no reason": (SIZED.replace(b" OK", b" "), b"hello", True),
    "no reason, no space": (SIZED.replace(b" OK", b""), b"hello", True),
    "unknown status": (SIZED.replace(b"200 OK", b"599 Odd"), b"hello", True),
    "HTTP/1.0": (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", b"ok", False),
    "HTTP/1.0 kept": (
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok",
        b"ok",
        True,
    ),
    "HTTP/1.0 chunked": (
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"2\r\nok\r\n0\r\n\r\n",
        b"ok",
        False,
    ),
    "white space": (
        OK + b"Transfer-Encoding: \t chunked  \r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"ok",
        True,
    ),
    "upgrade offered": (
        OK + b"Connection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\nok",
        b"ok",
        True,
    ),
}


@pytest.mark.parametrize("name", REPLIES)
def test_every_cut_reads_the_same(name: str):
    data, body, keeps_alive = REPLIES[name]
    whole = read_reply(data, ends=True)
    assert (whole.body, whole.whole, whole.broken) == (body, True, False)
    assert whole.keeps_alive is keeps_alive
    for pieces in splits(data):
        reader = read_reply(*pieces, ends=True)
        assert reader.events == whole.events, pieces
        assert reader.heads[0].raw == whole.heads[0].raw, pieces
        assert reader.keeps_alive is keeps_alive, pieces


@pytest.mark.parametrize("name", REPLIES)
def test_the_text_of_the_head_is_kept(name: str):
    data = REPLIES[name][0]
    raw = read_reply(data, ends=True).heads[0].raw
    assert raw.startswith(b"HTTP/1.")
    assert raw.endswith(b"\r\n")
    assert b"\r\n\r\n" not in raw
    assert raw + b"\r\n" in data


@pytest.mark.parametrize("name", REPLIES)
def test_a_connection_serves_one_reply_after_the_other(name: str):
    data, body, keeps_alive = REPLIES[name]
    if not keeps_alive:
        return
    reader = ReplyRecorder()
    for _ in range(3):
        reader.events.clear()
        reader.feed(data)
        assert (reader.body, reader.whole, reader.keeps_alive) == (body, True, True)
        assert not reader.head_seen
        reader.expect_reply()
    assert len(reader.heads) == 3


def test_fields_that_decide_are_found_whatever_their_case():
    head = read_reply(
        OK + b"CONTENT-TYPE: text/event-stream\r\nX-Other: content-length: 9\r\n"
        b"Keep-Alive: Timeout=5\r\ncontent-LENGTH: 2 \r\n\r\nok"
    ).heads[0]
    assert head.length == 2
    assert head.fields[b"content-type"] == b"text/event-stream"
    assert head.fields[b"keep-alive"].lower() == b"timeout=5"


BROKEN = {
    "not HTTP": b"GET / HTTP/1.1\r\n\r\n",
    "another protocol": b"ICY 200 OK\r\n\r\n",
    "HTTP/2": b"HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "HTTP/0.9": b"<html></html>",
    "bare line feeds": b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
    "one bare line feed": OK + b"X: 1\nContent-Length: 2\r\n\r\nok",
    "bare carriage return": OK + b"X: 1\rY: 2\r\nContent-Length: 2\r\n\r\nok",
    "folded": OK + b"X: 1\r\n 2\r\nContent-Length: 2\r\n\r\nok",
    "NUL": OK + b"X: a\0b\r\nContent-Length: 2\r\n\r\nok",
    "no colon": OK + b"nothing\r\nContent-Length: 2\r\n\r\nok",
    "space before colon": OK + b"Content-Length : 2\r\n\r\nok",
    "no name": OK + b": 1\r\nContent-Length: 2\r\n\r\nok",
    "length and chunks": OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and length": OK + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "two lengths": OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nok",
    "the same length twice": OK + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\nok",
    "a list of lengths": OK + b"Content-Length: 2, 2\r\n\r\nok",
    "signed length": OK + b"Content-Length: +2\r\n\r\nok",
    "negative length": OK + b"Content-Length: -2\r\n\r\nok",
    "empty length": OK + b"Content-Length:\r\n\r\nok",
    "endless length": OK + b"Content-Length: 99999999999999999999999\r\n\r\nok",
    "gzip": OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "twice chunked": OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
    "chunked and a tab": OK + b"Transfer-Encoding: chunked\t\r\n\r\n0\r\n\r\n",
    "xchunked": OK + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunk size": OK + b"Transfer-Encoding: chunked\r\n\r\n0x2\r\nok\r\n0\r\n\r\n",
    "chunk overflow": OK + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nok",
    "chunk too long": OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nokay\r\n0\r\n\r\n",
    "chunk with a bare line feed": OK + b"Transfer-Encoding: chunked\r\n\r\n2\nok\r\n0\r\n\r\n",
    "switching": b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
    "interim without end": b"HTTP/1.1 100 Continue\r\n\r\n" * (bounds.REPLY_INTERIM_COUNT_MAX + 1),
    "an interim reply with a body": b"HTTP/1.1 104 Odd\r\nContent-Length: 2\r\n\r\nok" + SIZED,
    "an interim reply with chunks": b"HTTP/1.1 199 Odd\r\nX: 1\r\nTransfer-Encoding: chunked\r\n"
    b"\r\n2\r\nok\r\n0\r\n\r\n" + SIZED,
    "status 99": b"HTTP/1.1 99 Odd\r\n\r\n",
    "status 000": b"HTTP/1.1 000 Odd\r\n\r\n",
    "status 1000": b"HTTP/1.1 1000 Odd\r\n\r\n",
    "too many fields": OK
    + b"".join(b"X-%d: 1\r\n" % number for number in range(bounds.REPLY_HEADER_COUNT_MAX + 1))
    + b"Content-Length: 2\r\n\r\nok",
    "too large": OK + b"X: " + b"a" * bounds.REPLY_HEAD_BYTES_MAX + b"\r\n\r\n",
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_reply_is_given_up_once(name: str):
    data = BROKEN[name]
    reader = read_reply(data)
    assert reader.broken
    assert not reader.whole
    assert not reader.keeps_alive
    count = len(reader.events)
    reader.feed(SIZED)
    reader.feed(data)
    assert not reader.feed_eof()
    assert len(reader.events) == count
    pieces = [data[at : at + 1] for at in range(len(data))] if len(data) < 1_000 else [data]
    assert read_reply(*pieces).events[-1] == ("broken",)


@pytest.mark.parametrize("name", REPLIES)
def test_an_early_end_at_every_byte_is_no_whole_reply(name: str):
    data = REPLIES[name][0]
    for length in range(len(data)):
        reader = ReplyRecorder()
        reader.feed(data[:length] or b"\r\n")
        open_ended = bool(reader.heads) and reader.heads[0].ends_with_connection
        assert reader.feed_eof() is open_ended
        assert reader.whole is open_ended


ENDLESS = {
    "name": (OK, b"a" * 100),
    "value": (OK + b"X: ", b"a" * 100),
    "lines": (OK, b"X: 1\r\n" * 20),
    "reason": (b"HTTP/1.1 200 ", b"a" * 100),
    "empty lines": (b"", b"\r\n" * 50),
    "trailer": (CHUNKED[:-2], b"X: 1\r\n" * 20),
    "value of a trailer": (CHUNKED[:-2] + b"X: ", b"a" * 100),
    "chunk extension": (OK + b"Transfer-Encoding: chunked\r\n\r\n2;", b"a" * 100),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_nothing_is_read_without_end(name: str):
    begin, piece = ENDLESS[name]
    reader = ReplyRecorder()
    if begin:
        reader.feed(begin)
    fed = 0
    while not reader.broken and fed < 3 * bounds.REPLY_HEAD_BYTES_MAX:
        reader.feed(piece)
        fed += len(piece)
    assert reader.broken
    assert fed < 2 * bounds.REPLY_HEAD_BYTES_MAX


def test_a_long_stream_has_no_bound():
    reader = read_reply(OK + b"Transfer-Encoding: chunked\r\n\r\n")
    for _ in range(5_000):
        reader.feed(b"40\r\n" + b"x" * 64 + b"\r\n")
    reader.feed(b"0\r\n\r\n")
    assert len(reader.body) == 320_000
    assert reader.whole


BEHIND = [b"x", b"H", b"HTTP/1.1 200", SIZED, INTERIM, b"0\r\n\r\n", b"\0"]


@pytest.mark.parametrize("behind", BEHIND)
@pytest.mark.parametrize("name", ["sized", "chunked", "empty", "not modified", "interim"])
def test_bytes_behind_a_reply_end_the_connection(name: str, behind: bytes):
    data = REPLIES[name][0]
    expected = read_reply(data).events
    for reader in (read_reply(data + behind), read_reply(data[:-1], data[-1:] + behind)):
        assert reader.events == expected
        assert not reader.keeps_alive


def test_bytes_that_nobody_asked_for_are_broken():
    reader = read_reply(SIZED)
    reader.feed(b"H")
    assert reader.events[-1] == ("broken",)
    assert not reader.keeps_alive


# -- h11 as an oracle ------------------------------------------------------------------------------


def _as_h11_reads(data: bytes) -> tuple[int, bytes, bool]:
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method="POST", target="/", headers=[("host", "a")]))
    connection.send(h11.EndOfMessage())
    connection.receive_data(data)
    connection.receive_data(b"")
    status, body = 0, b""
    while True:
        event = connection.next_event()
        if isinstance(event, h11.Response):
            status = event.status_code
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage):
            return status, body, connection.their_state is h11.DONE


NAMES = st.from_regex(r"[A-Za-z!#$%&'*+.^_`|~-][A-Za-z0-9-]{0,8}", fullmatch=True).filter(
    lambda name: (
        name.lower()
        not in {"connection", "content-length", "transfer-encoding", "upgrade", "keep-alive"}
    )
)
VALUES = st.from_regex(r"([!-~\x80-\xff]([\t -~\x80-\xff]{0,20}[!-~\x80-\xff])?)?", fullmatch=True)
FIELDS = st.lists(st.tuples(NAMES, VALUES), max_size=6)


@st.composite
def replies(draw: st.DrawFn) -> tuple[bytes, list[tuple[str, str]]]:
    status = draw(st.integers(200, 599))
    fields = draw(FIELDS)
    body = draw(st.binary(max_size=60))
    framing = draw(st.sampled_from(["sized", "chunked", "open"]))
    space = draw(st.sampled_from(["", " ", "\t "]))
    lines = [f"{name}:{space}{value}" for name, value in fields]
    if status in (204, 304):
        body, framing = b"", "none"
    if framing == "sized":
        lines.insert(draw(st.integers(0, len(lines))), f"Content-Length: {len(body)}")
    elif framing == "chunked":
        lines.insert(draw(st.integers(0, len(lines))), "transfer-encoding: Chunked")
        step = draw(st.integers(1, 20))
        pieces = [body[at : at + step] for at in range(0, len(body), step)]
        body = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    if draw(st.booleans()):
        lines.append("Connection: close")
    head = "\r\n".join([f"HTTP/1.1 {status} Reason", *lines, "", ""])
    return head.encode("latin-1") + body, fields


@settings(max_examples=400, derandomize=True, deadline=None)
@given(reply=replies(), cut=st.integers(0, 300))
def test_h11_reads_the_same(reply: tuple[bytes, list[tuple[str, str]]], cut: int):
    data, fields = reply
    status, body, reusable = _as_h11_reads(data)
    pieces = [data[:cut], data[cut:]] if 0 < cut < len(data) else [data]
    reader = read_reply(*pieces, ends=True)
    assert (reader.heads[0].status, reader.body) == (status, body)
    assert (reader.whole, reader.broken) == (True, False)
    assert reader.keeps_alive is (reusable and not reader.heads[0].ends_with_connection)
    text = reader.heads[0].raw.lower()
    for name, value in fields:
        assert name.lower().encode() in text
        assert value.lower().encode("latin-1").lower() in text.lower() or not value.isascii()
