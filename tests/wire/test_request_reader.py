"""However its bytes are cut, a request is read as one thing, or refused by name, once."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.wire.readers import RequestRecorder, describe_head, read_requests, splits

from faregate.core import bounds
from faregate.wire.request_reader import RequestReader

GET = b"GET /v1/models?a=b HTTP/1.1\r\nHost: gate\r\nX-One: 1\r\n\r\n"
POST = b"POST /v1/x HTTP/1.1\r\nHost: gate\r\nContent-Length: 5\r\nX-One: 1\r\n\r\nhello"
CHUNKED = (
    b"POST /v1/x HTTP/1.1\r\nHost: gate\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5;name=value\r\nhello\r\n6\r\n world\r\n0\r\nX-Trailer: 1\r\nX-Other: 2\r\n\r\n"
)
EXPECT = b"POST /v1/x HTTP/1.1\r\nHost: gate\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nab"
UPGRADE = (
    b"POST /v1/x HTTP/1.1\r\nHost: gate\r\nConnection: Upgrade, HTTP2-Settings\r\n"
    b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\nContent-Length: 5\r\n\r\nhello"
)
CLOSE = b"GET / HTTP/1.1\r\nHost: gate\r\nConnection: close\r\n\r\n"

MESSAGES = {
    "get": GET,
    "post": POST,
    "chunked": CHUNKED,
    "expect": EXPECT,
    "upgrade": UPGRADE,
    "close, then more": CLOSE + GET,
    "upgrade, then more": UPGRADE + GET,
    "pipelined": GET + POST + CHUNKED + GET,
    "empty lines before": b"\r\n\r\n" + GET + b"\r\n" + POST,
    "HTTP/1.0": b"GET / HTTP/1.0\r\n\r\n",
    "HTTP/1.0 kept": b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + GET,
    "absolute": b"GET http://gate/a?b HTTP/1.1\r\nHost: gate\r\n\r\n",
    "refused late": GET + b"POST / HTTP/1.1\r\nHost: gate\r\nContent-Length: x\r\n\r\n" + GET,
    "refused in a body": CHUNKED.replace(b"\r\n6\r\n", b"\r\n6 \r\n") + GET,
    "refused trailer": CHUNKED.replace(b"X-Other: 2", b"X-Other : 2"),
    "garbage": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
}


# -- conversations -------------------------------------------------------------------------------


def test_a_request_is_told_in_order():
    reader = read_requests(POST)
    assert [event[0] for event in reader.events] == ["head", "data", "end"]
    head = reader.heads[0]
    assert (head.method, head.path, head.query) == (b"POST", b"/v1/x", b"")
    assert head.fields == {b"host": b"gate", b"content-length": b"5", b"x-one": b"1"}
    assert (head.length, head.chunked, head.keep_alive, head.http11) == (5, False, True, True)
    assert reader.bodies == [b"hello"]
    assert reader.between_requests


def test_a_body_that_comes_in_pieces_is_told_as_it_comes():
    reader = read_requests(POST[:-5])
    assert [event[0] for event in reader.events] == ["head"]
    assert not reader.between_requests
    assert not reader.in_head
    reader.feed(b"he")
    assert reader.events[-1] == ("data", b"he")
    reader.feed(b"llo")
    assert reader.events[-2:] == [("data", b"hello"), ("end",)]


def test_chunks_are_taken_off_and_trailers_dropped():
    reader = read_requests(CHUNKED, GET)
    assert reader.bodies == [b"hello world", b""]
    assert [list(head.fields) for head in reader.heads] == [
        [b"host", b"transfer-encoding"],
        [b"host", b"x-one"],
    ]


def test_a_head_in_parts_is_known_as_such():
    reader = RequestRecorder()
    assert reader.between_requests
    reader.feed(GET[:10])
    assert (reader.in_head, reader.between_requests) == (True, False)
    reader.feed(GET[10:])
    assert (reader.in_head, reader.between_requests) == (False, True)


def test_repeated_lines_are_one_value():
    reader = read_requests(
        b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\nCookie: a=1\r\nx: 2\r\nCookie: b=2\r\n\r\n"
    )
    assert reader.heads[0].fields == {b"host": b"a", b"x": b"1, 2", b"cookie": b"a=1; b=2"}


def test_white_space_around_a_value_is_not_part_of_it():
    reader = read_requests(
        b"POST / HTTP/1.1\r\nHost:\t gate \t\r\nAuthorization: Bearer x \r\n"
        b"Content-Length: 2 \t \r\n\r\nok"
    )
    assert reader.heads[0].fields == {
        b"host": b"gate",
        b"authorization": b"Bearer x",
        b"content-length": b"2",
    }
    assert reader.bodies == [b"ok"]


@pytest.mark.parametrize(
    ("request_line", "host", "path", "query"),
    [
        (b"GET http://gate/a/b?c=d HTTP/1.1", b"gate", b"/a/b", b"c=d"),
        (b"GET HTTPS://Gate:80/a HTTP/1.1", b"gate:80", b"/a", b""),
        (b"GET http://gate HTTP/1.1", b"gate", b"/", b""),
        (b"GET http://gate?c HTTP/1.1", b"gate", b"/", b"c"),
        (b"GET /? HTTP/1.1", b"gate", b"/", b""),
        (b"GET //x/y HTTP/1.1", b"gate", b"//x/y", b""),
        (b"OPTIONS * HTTP/1.1", b"gate", b"*", b""),
    ],
)
def test_targets_become_a_path_and_a_query(request_line, host, path, query):
    head = read_requests(request_line + b"\r\nHost: " + host + b"\r\n\r\n").heads[0]
    assert (head.path, head.query) == (path, query)


@pytest.mark.parametrize(
    ("fields", "expects"),
    [
        (b"Expect: 100-continue\r\nContent-Length: 2\r\n", True),
        (b"Expect: 100-Continue\r\nTransfer-Encoding: chunked\r\n", True),
        (b"Expect: 100-continue\r\nContent-Length: 0\r\n", False),
        (b"Expect: 100-continue\r\n", False),
        (b"Content-Length: 2\r\n", False),
    ],
)
def test_a_continue_is_expected_only_for_a_body(fields, expects):
    head = read_requests(b"POST / HTTP/1.1\r\nHost: a\r\n" + fields + b"\r\n").heads[0]
    assert head.expects_continue is expects


def test_http10_expects_no_continue():
    head = read_requests(
        b"POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    ).heads[0]
    assert not head.expects_continue


@pytest.mark.parametrize(
    ("version", "connection", "kept"),
    [
        (b"1.1", b"", True),
        (b"1.1", b"Connection: close\r\n", False),
        (b"1.1", b"Connection: x, Close\r\n", False),
        (b"1.0", b"", False),
        (b"1.0", b"Connection: keep-alive\r\n", True),
        (b"1.1", b"Connection: upgrade\r\nUpgrade: websocket\r\n", False),
    ],
)
def test_whether_the_connection_is_kept(version, connection, kept):
    reader = read_requests(b"GET / HTTP/%b\r\nHost: a\r\n%b\r\n" % (version, connection))
    assert reader.heads[0].keep_alive is kept


@pytest.mark.parametrize("body", ["sized", "chunked", "none"])
def test_an_upgrade_is_ignored_and_its_body_read(body):
    # Some clients ask for h2c with every first request, bodies included.
    if body == "sized":
        data, expected = UPGRADE, b"hello"
    elif body == "chunked":
        framing = b"Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"
        data, expected = UPGRADE.replace(b"Content-Length: 5\r\n\r\nhello", framing), b"hello"
    else:
        data, expected = UPGRADE.replace(b"Content-Length: 5\r\n\r\nhello", b"\r\n"), b""
    reader = read_requests(data)
    assert reader.bodies == [expected]
    assert not reader.heads[0].keep_alive
    assert reader.refused is None
    reader.feed(GET)
    assert len(reader.heads) == 1


# -- every way to cut ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", MESSAGES)
def test_every_cut_reads_the_same(name: str):
    data = MESSAGES[name]
    expected = read_requests(data).events
    assert expected
    for pieces in splits(data):
        assert read_requests(*pieces).events == expected, pieces


def test_random_cuts_read_the_same():
    data = b"".join(MESSAGES[name] for name in ("pipelined", "empty lines before", "upgrade"))
    expected = read_requests(data).events
    cutter = random.Random(8402)
    for _ in range(500):
        points = sorted(cutter.sample(range(1, len(data)), cutter.randint(1, 12)))
        pieces = [data[a:b] for a, b in zip([0, *points], [*points, len(data)], strict=True)]
        assert read_requests(*pieces).events == expected, pieces


@pytest.mark.parametrize("name", MESSAGES)
def test_nothing_follows_a_refusal(name: str):
    reader = read_requests(GET)
    reader.feed(b"\0")
    for pieces in (MESSAGES[name], GET, GET, b"x" * 100_000):
        reader.feed(pieces)
    assert [event[0] for event in reader.events] == ["head", "end", "refused"]


# -- limits --------------------------------------------------------------------------------------


def _code(*pieces: bytes) -> str | None:
    return read_requests(*pieces).refused


HEAD = b"GET / HTTP/1.1\r\nHost: a\r\n"


def test_a_target_may_be_as_long_as_it_may():
    longest = b"/" + b"a" * (bounds.REQUEST_LINE_BYTES_MAX - 1)
    line = b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n"
    assert _code(line % longest) is None
    assert _code(line % (longest + b"a")) == "target_too_long"


@pytest.mark.parametrize("piece", [1_000, 1_000_000])
def test_an_endless_target_is_refused(piece: int):
    data = b"GET /" + b"a" * 40_000
    assert _code(*(data[at : at + piece] for at in range(0, len(data), piece))) == (
        "target_too_long"
    )


def test_fields_may_be_as_many_as_they_may():
    def fields(count: int) -> bytes:
        return b"".join(b"X-%d: 1\r\n" % number for number in range(count))

    most = bounds.REQUEST_HEADER_COUNT_MAX - 1  # and Host
    assert _code(HEAD + fields(most) + b"\r\n") is None
    assert _code(HEAD + fields(most + 1) + b"\r\n") == "headers_too_large"


def test_a_head_may_be_as_large_as_it_may():
    small = b"X: " + b"a" * (bounds.REQUEST_HEAD_BYTES_MAX - 100) + b"\r\n\r\n"
    large = b"X: " + b"a" * (bounds.REQUEST_HEAD_BYTES_MAX + 100) + b"\r\n\r\n"
    assert _code(HEAD + small) is None
    assert _code(HEAD, small) is None
    assert _code(HEAD + large) == "headers_too_large"
    assert _code(HEAD, large) == "headers_too_large"


@pytest.mark.parametrize("line", [b"X: 1\r\n", b"X: ", b"a"])
def test_an_endless_head_is_refused_soon(line: bytes):
    reader = read_requests(HEAD)
    fed = 0
    while reader.refused is None and fed < 10 * bounds.REQUEST_HEAD_BYTES_MAX:
        reader.feed(line * 100)
        fed += len(line) * 100
    assert reader.refused == "headers_too_large"
    assert fed < 2 * bounds.REQUEST_HEAD_BYTES_MAX


def test_one_name_may_not_grow_without_end():
    assert _code(HEAD + b"X: aaaaaaaa\r\n" * 20_000 + b"\r\n") == "headers_too_large"


CHUNKED_HEAD = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"


def _feed_until_refused(reader: RequestRecorder, piece: bytes, most: int) -> int:
    fed = 0
    while reader.refused is None and fed < most:
        reader.feed(piece)
        fed += len(piece)
    return fed


def test_padding_around_chunks_is_refused():
    reader = read_requests(CHUNKED_HEAD)
    fed = _feed_until_refused(reader, b"1;" + b"p" * 1_000 + b"\r\nx\r\n", 10_000_000)
    assert reader.refused == "request_malformed"
    assert fed < 2 * bounds.CHUNK_OVERHEAD_BYTES_MAX


def test_small_chunks_are_not_padding():
    reader = read_requests(CHUNKED_HEAD)
    for _ in range(2_000):
        reader.feed(b"1\r\nx\r\n" * 100)
    reader.feed(b"0\r\n\r\n")
    assert reader.refused is None
    assert reader.bodies == [b"x" * 200_000]


@pytest.mark.parametrize("piece", [b"X-1: 1\r\n" * 100, b"a" * 1_000, b"X: " + b"a" * 1_000])
def test_an_endless_trailer_is_refused_however_large_the_body_was(piece: bytes):
    reader = read_requests(CHUNKED_HEAD)
    for _ in range(10):
        reader.feed(b"20000\r\n" + b"x" * 0x20000 + b"\r\n")
    reader.feed(b"0\r\n")
    fed = _feed_until_refused(reader, piece, 10_000_000)
    assert reader.refused == "request_malformed"
    assert fed < 2 * bounds.CHUNK_OVERHEAD_BYTES_MAX


# -- a head that repeats -------------------------------------------------------------------------


class Plain(RequestRecorder):
    """Reads every head anew: what the short way for repeated heads is compared with."""

    def _remember(self, data: bytes) -> None:
        pass


def _post(body: bytes, *, digits: bytes = b"", key: bytes = b"one", extra: bytes = b"") -> bytes:
    return (
        b"POST /v1/x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %b\r\n"
        b"Content-Length:%b\r\n%bAccept: */*\r\n\r\n%b"
    ) % (key, digits or b" %d" % len(body), extra, body)


def test_a_head_that_repeats_is_the_same_value():
    reader = read_requests(_post(b"a"), _post(b"bc"), _post(b""), _post(b"x" * 12_345))
    assert [head is reader.heads[0] for head in reader.heads] == [True] * 4
    assert reader.bodies == [b"a", b"bc", b"", b"x" * 12_345]


def test_a_head_without_a_body_repeats_too():
    reader = read_requests(GET, GET, GET + GET, GET)
    assert reader.heads[1] is reader.heads[0]
    assert [describe_head(head) for head in reader.heads] == [describe_head(reader.heads[0])] * 5


def test_another_key_is_another_head():
    reader = read_requests(_post(b"a"), _post(b"a", key=b"two"), _post(b"a"), _post(b"a"))
    keys = [head.fields[b"authorization"] for head in reader.heads]
    assert keys == [b"Bearer one", b"Bearer two", b"Bearer one", b"Bearer one"]
    assert reader.heads[1] is not reader.heads[0]


def test_requests_that_came_together_are_not_taken_for_each_other():
    one = GET.replace(b"X-One: 1", b"Authorization: Bearer one")
    two = GET.replace(b"X-One: 1", b"Authorization: Bearer two")
    reader = read_requests(one + two, one, two, one + two, two)
    keys = [head.fields[b"authorization"][-3:] for head in reader.heads]
    assert keys == [b"one", b"two", b"one", b"two", b"one", b"two", b"two"]


def test_a_connection_that_closes_forgets_its_head():
    reader = read_requests(GET, CLOSE[:10], CLOSE[10:], GET)
    assert len(reader.heads) == 2
    assert reader.refused == "request_malformed"


def test_what_follows_a_begun_head_belongs_to_it():
    # The second read would be a request of its own, if the first had not begun another.
    begun = GET + b"GET /begun HTTP/1.1\r\nHost: a\r\nX: "
    reader = read_requests(GET, begun)
    assert reader.in_head
    reader.feed(GET)
    assert len(reader.heads) == 2
    assert reader.refused == "request_malformed"  # it has two Host fields


REPEATS = st.sampled_from(
    [
        _post(b"a"),
        _post(b"bcd"),
        _post(b""),
        _post(b"a" * 1_000),
        _post(b"a", key=b"two"),
        _post(b"abc", key=b"two"),
        _post(b"abc", digits=b" 003"),
        _post(b"abc", digits=b" 3 "),
        _post(b"abc", digits=b"  3"),
        _post(b"abc", digits=b"3"),
        _post(b"abc", digits=b"\t3\t"),
        _post(b"abc", digits=b" 0000000003"),
        _post(b"abc", digits=b" 00000000003"),
        _post(b"abc", digits=b" 000000000000003"),
        _post(b"abc", digits=b" +3"),
        _post(b"abc", digits=b" 3_0"),
        _post(b"abc", digits=b" "),
        _post(b"abc", digits=b" 3, 3"),
        _post(b"abc", digits=b" 4"),
        _post(b"abc", digits=b" 2"),
        _post(b"abc", extra=b"Content-Length: 3\r\n"),
        _post(b"abc", extra=b"Transfer-Encoding: chunked\r\n"),
        _post(b"abc", extra=b"X-Content-Length: 7\r\n"),
        _post(b"abc").replace(b"Accept: */*\r\n", b""),
        _post(b"abc").replace(b"Content-Length", b"content-length"),
        GET,
        GET[:-2] + b"Content-Length: 0\r\n\r\n",
        GET.replace(b"X-One: 1", b"X-One: 2"),
        CHUNKED,
        CLOSE,
        EXPECT,
        UPGRADE,
        b"\r\n" + GET,
        b"\r\n",
        b"\0",
        b"G",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: ",
        GET[:-2],
        CHUNKED[:-9],
    ]
)
FEEDS = st.lists(
    st.tuples(st.lists(REPEATS, min_size=1, max_size=3), st.integers(0, 400)), max_size=8
)


@settings(max_examples=600, derandomize=True, deadline=None)
@given(feeds=FEEDS)
def test_the_short_way_reads_what_the_parser_reads(feeds):
    short, plain = RequestRecorder(), Plain()
    for messages, cut in feeds:
        data = b"".join(messages)
        pieces = [data[:cut], data[cut:]] if 0 < cut < len(data) else [data]
        for piece in pieces:
            short.feed(piece)
            plain.feed(piece)
    assert short.events == plain.events


# -- the end -------------------------------------------------------------------------------------


def test_a_released_reader_has_no_parser():
    reader = RequestReader()
    reader.feed(GET)
    reader.release()
    with pytest.raises(AttributeError):
        reader.feed(POST)
