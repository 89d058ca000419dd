"""Bytes that two readers could split into different requests are refused, by name.

Sources: RFC 9112 §6.1, §6.3, §7.1, §11.2; RFC 9110 §5.5.
"""

import h11
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.wire.oracle import h11_requests, is_tolerated, whole_requests
from tests.wire.readers import read_requests

# The request that an attacker would like to have read as one of its own.
HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n"

MALFORMED = "request_malformed"
CODING = "transfer_coding_unsupported"
VERSION = "http_version_unsupported"
METHOD = "method_unknown"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
BODY = b"3\r\nabc\r\n0\r\n\r\n"


def _post(fields: bytes, body: bytes = b"abc") -> bytes:
    return b"POST / HTTP/1.1\r\nHost: a\r\n" + fields + b"\r\n" + body


def _line(line: bytes) -> bytes:
    return line + b"\r\nHost: a\r\n\r\n"


HEADS = {
    "length and chunks": (_post(b"Content-Length: 3\r\n" + CHUNKED, BODY), MALFORMED),
    "chunks and length": (_post(CHUNKED + b"Content-Length: 3\r\n", BODY), MALFORMED),
    "two lengths": (_post(b"Content-Length: 3\r\nContent-Length: 0\r\n"), MALFORMED),
    "the same length twice": (_post(b"Content-Length: 3\r\nContent-Length: 3\r\n"), MALFORMED),
    "a list of lengths": (_post(b"Content-Length: 3, 3\r\n"), MALFORMED),
    "a length with a sign": (_post(b"Content-Length: +3\r\n"), MALFORMED),
    "a negative length": (_post(b"Content-Length: -3\r\n"), MALFORMED),
    "a hexadecimal length": (_post(b"Content-Length: 0x3\r\n"), MALFORMED),
    "a length with a gap": (_post(b"Content-Length: 3 3\r\n"), MALFORMED),
    "a length with an underscore": (_post(b"Content-Length: 3_0\r\n"), MALFORMED),
    "an empty length": (_post(b"Content-Length:\r\n"), MALFORMED),
    "a length beyond 64 bits": (
        _post(b"Content-Length: 18446744073709551619\r\n"),
        "body_too_large",
    ),
    "folded": (_post(b"X: 1\r\n Content-Length: 3\r\n"), MALFORMED),
    "folded coding": (_post(b"Transfer-Encoding:\r\n chunked\r\n", BODY), MALFORMED),
    "folded first line": (b"GET / HTTP/1.1\r\n Host: a\r\n\r\n", MALFORMED),
    "a bare line feed after a field": (_post(b"X: 1\nContent-Length: 3\r\n"), MALFORMED),
    "a bare line feed at the end": (b"GET / HTTP/1.1\r\nHost: a\r\n\n", MALFORMED),
    "a bare line feed after the line": (b"GET / HTTP/1.1\nHost: a\r\n\r\n", MALFORMED),
    "a bare carriage return": (_post(b"X: 1\rContent-Length: 3\r\n"), MALFORMED),
    "two carriage returns": (_post(b"X: 1\r\r\nContent-Length: 3\r\n"), MALFORMED),
    "a space before the colon": (_post(b"Content-Length : 3\r\n"), MALFORMED),
    "a tab before the colon": (_post(b"Transfer-Encoding\t: chunked\r\n", BODY), MALFORMED),
    "a name with a NUL": (_post(b"X\0: 1\r\n"), MALFORMED),
    "a value with a NUL": (_post(b"X: a\0b\r\n"), MALFORMED),
    "a name with a bracket": (_post(b"X(y): 1\r\n"), MALFORMED),
    "no name": (_post(b": 1\r\n"), MALFORMED),
    "no colon": (_post(b"nothing\r\n"), MALFORMED),
    "xchunked": (_post(b"Transfer-Encoding: xchunked\r\n", BODY), CODING),
    "chunkedx": (_post(b"Transfer-Encoding: chunkedx\r\n", BODY), CODING),
    "identity": (_post(b"Transfer-Encoding: identity\r\n"), CODING),
    "gzip, chunked": (_post(b"Transfer-Encoding: gzip, chunked\r\n", BODY), CODING),
    "chunked, gzip": (_post(b"Transfer-Encoding: chunked, gzip\r\n", BODY), MALFORMED),
    "chunked twice": (_post(CHUNKED + CHUNKED, BODY), MALFORMED),
    "chunked, chunked": (_post(b"Transfer-Encoding: chunked, chunked\r\n", BODY), MALFORMED),
    "identity and chunked": (_post(b"Transfer-Encoding: identity\r\n" + CHUNKED, BODY), CODING),
    "chunked and identity": (_post(CHUNKED + b"Transfer-Encoding: identity\r\n", BODY), MALFORMED),
    "chunked with a parameter": (_post(b"Transfer-Encoding: chunked;a=b\r\n", BODY), CODING),
    "chunked and a comma": (_post(b"Transfer-Encoding: chunked,\r\n", BODY), MALFORMED),
    "chunked and a tab": (_post(b"Transfer-Encoding: chunked\t\r\n", BODY), CODING),
    "chunked, a tab and a space": (_post(b"Transfer-Encoding: chunked\t \r\n", BODY), CODING),
    "a comma and chunked": (_post(b"Transfer-Encoding: ,chunked\r\n", BODY), CODING),
    "quoted chunked": (_post(b'Transfer-Encoding: "chunked"\r\n', BODY), CODING),
    "vertical tab": (_post(b"Transfer-Encoding: \x0bchunked\r\n", BODY), MALFORMED),
    "empty coding": (_post(b"Transfer-Encoding:\r\n" + CHUNKED, BODY), MALFORMED),
    "chunks in HTTP/1.0": (
        b"POST / HTTP/1.0\r\nHost: a\r\n" + CHUNKED + b"\r\n" + BODY,
        MALFORMED,
    ),
    "another address": (_line(b"GET http://b/ HTTP/1.1"), MALFORMED),
    "another port": (_line(b"GET http://a:81/ HTTP/1.1"), MALFORMED),
    "user in the address": (_line(b"GET http://b@a/ HTTP/1.1"), MALFORMED),
    "another scheme": (_line(b"GET ftp://a/ HTTP/1.1"), MALFORMED),
    "no Host": (b"GET / HTTP/1.1\r\n\r\n", MALFORMED),
    "no Host for an address": (b"GET http://a/ HTTP/1.0\r\n\r\n", MALFORMED),
    "two Hosts": (b"GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", MALFORMED),
    "a list of Hosts": (b"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", MALFORMED),
    "two words in Host": (b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", MALFORMED),
    "a path in Host": (b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", MALFORMED),
    "a user in Host": (b"GET / HTTP/1.1\r\nHost: b@a\r\n\r\n", MALFORMED),
    "a NUL in the target": (_line(b"GET /\0 HTTP/1.1"), MALFORMED),
    "a tab in the target": (_line(b"GET /a\tb HTTP/1.1"), MALFORMED),
    "8 bits in the target": (_line(b"GET /\xff HTTP/1.1"), MALFORMED),
    "a space in the target": (_line(b"GET /a b HTTP/1.1"), MALFORMED),
    "a fragment": (_line(b"GET /a#b HTTP/1.1"), MALFORMED),
    "a fragment in an address": (_line(b"GET http://a/#b HTTP/1.1"), MALFORMED),
    "CONNECT": (_line(b"CONNECT a:443 HTTP/1.1"), MALFORMED),
    "an asterisk": (_line(b"GET * HTTP/1.1"), MALFORMED),
    "a word as target": (_line(b"GET word HTTP/1.1"), MALFORMED),
    "the preface of HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", VERSION),
    "HTTP/0.9": (b"GET /\r\n\r\n", VERSION),
    "HTTP/0.9, said": (_line(b"GET / HTTP/0.9"), VERSION),
    "HTTP/2.0": (_line(b"GET / HTTP/2.0"), VERSION),
    "HTTP/1.2": (_line(b"GET / HTTP/1.2"), VERSION),
    "HTTP/1.10": (_line(b"GET / HTTP/1.10"), MALFORMED),
    "http/1.1": (_line(b"GET / http/1.1"), MALFORMED),
    "a method in lower case": (_line(b"get / HTTP/1.1"), METHOD),
    "an unknown method": (_line(b"FETCH / HTTP/1.1"), METHOD),
    "a tab after the method": (_line(b"GET\t/ HTTP/1.1"), METHOD),
    "a reply": (b"HTTP/1.1 200 OK\r\n\r\n", METHOD),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", METHOD),
    "another expectation": (
        _post(b"Expect: 200-ok\r\nContent-Length: 3\r\n"),
        "expectation_failed",
    ),
}


@pytest.mark.parametrize("name", HEADS)
def test_a_head_of_two_meanings_is_refused(name: str):
    data, code = HEADS[name]
    reader = read_requests(data + HIDDEN)
    assert reader.heads == []
    assert reader.refused == code
    pieces = [(data + HIDDEN)[at : at + 1] for at in range(len(data + HIDDEN))]
    assert read_requests(*pieces).events == reader.events


CHUNKS = {
    "0x": b"0x3\r\nabc\r\n0\r\n\r\n",
    "a sign": b"+3\r\nabc\r\n0\r\n\r\n",
    "a minus": b"-3\r\nabc\r\n0\r\n\r\n",
    "overflow": b"10000000000000003\r\nabc\r\n0\r\n\r\n",
    "a space before": b" 3\r\nabc\r\n0\r\n\r\n",
    "a space behind": b"3 \r\nabc\r\n0\r\n\r\n",
    "an underscore": b"3_\r\nabc\r\n0\r\n\r\n",
    "no size": b"\r\nabc\r\n0\r\n\r\n",
    "only an extension": b";a\r\nabc\r\n0\r\n\r\n",
    "a line feed alone": b"3\nabc\r\n0\r\n\r\n",
    "a carriage return alone": b"3\rabc\r\n0\r\n\r\n",
    "a line feed in an extension": b"3;a\nb\r\nabc\r\n0\r\n\r\n",
    "a carriage return in an extension": b"3;a\rb\r\nabc\r\n0\r\n\r\n",
    "a line end in a quoted extension": b'3;a="\r\n"\r\nabc\r\n0\r\n\r\n',
    "a NUL in an extension": b"3;a\0\r\nabc\r\n0\r\n\r\n",
    "a longer chunk": b"3\r\nabcd\r\n0\r\n\r\n",
    "a shorter chunk": b"3\r\nab\r\n0\r\n\r\n",
    "no end of a chunk": b"3\r\nabc0\r\n\r\n",
    "a line feed behind a chunk": b"3\r\nabc\n0\r\n\r\n",
    "a line feed at the end": b"3\r\nabc\r\n0\r\n\n",
    "a trailer without a colon": b"0\r\nnothing\r\n\r\n",
    "a folded trailer": b"0\r\nX: 1\r\n 2\r\n\r\n",
    "a length in the trailer": b"0\r\nContent-Length: 10\r\n\r\n",
}


@pytest.mark.parametrize("name", CHUNKS)
def test_a_body_of_two_meanings_is_refused(name: str):
    reader = read_requests(_post(CHUNKED, CHUNKS[name]) + HIDDEN)
    assert len(reader.heads) == 1
    assert ("end",) not in reader.events
    assert reader.refused == MALFORMED


@pytest.mark.parametrize("trailer", [b"Host: b\r\n", b"Authorization: x\r\n", b"Expect: x\r\n"])
def test_a_trailer_changes_nothing(trailer: bytes):
    reader = read_requests(_post(CHUNKED, b"0\r\n" + trailer + b"\r\n"), HIDDEN)
    assert [head.path for head in reader.heads] == [b"/", b"/hidden"]
    assert reader.heads[0].fields == {b"host": b"a", b"transfer-encoding": b"chunked"}
    assert reader.heads[1].fields == {b"host": b"a"}


# What h11 refuses and this reader does not; each has one meaning only.
TOLERATED = {
    "several spaces in the request line": b"GET  /  HTTP/1.1\r\nHost: a\r\n\r\n",
    "empty lines before a request": b"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "another protocol of the family": b"GET / RTSP/1.0\r\nHost: a\r\n\r\n",
    "zeros before a long length": _post(b"Content-Length: 000000000000000000000003\r\n"),
    "spaces behind chunked": _post(b"Transfer-Encoding: chunked  \r\n", BODY),
    "a trailer with a Host": _post(CHUNKED, b"0\r\nHost: b\r\n\r\n"),
}


def _combined(fields: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    combined: dict[bytes, bytes] = {}
    for name, value in fields:
        glue = b"; " if name == b"cookie" else b", "
        combined[name] = combined[name] + glue + value if name in combined else value
    return sorted(combined.items())


def _without_empty_query(target: bytes) -> bytes:
    return target[:-1] if target.find(b"?") == len(target) - 1 else target


@pytest.mark.parametrize("name", TOLERATED)
def test_a_tolerated_oddity_is_read_in_one_way(name: str):
    reader = read_requests(TOLERATED[name])
    assert reader.refused is None
    assert len(reader.heads) == 1
    assert reader.bodies in ([b""], [b"abc"])


METHODS = st.sampled_from([b"GET", b"POST", b"PUT", b"DELETE", b"HEAD", b"OPTIONS", b"PATCH"])
TARGETS = st.from_regex(rb"/[!$-~]{0,12}(\?[!$-~]{1,12})?", fullmatch=True)
NAMES = st.from_regex(rb"[A-Za-z!#$%&'*+.^_`|~-][A-Za-z0-9-]{0,8}", fullmatch=True).filter(
    lambda name: (
        name.lower()
        not in {
            b"host", b"content-length", b"transfer-encoding", b"connection", b"upgrade", b"expect",
        }
    )
)  # fmt: skip
VALUES = st.from_regex(rb"([!-~\x80-\xff]([\t -~\x80-\xff]{0,20}[!-~\x80-\xff])?)?", fullmatch=True)
SPACES = st.sampled_from([b"", b" ", b"  ", b"\t", b" \t "])


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    lines = [
        name + b":" + draw(SPACES) + value + draw(SPACES)
        for name, value in draw(st.lists(st.tuples(NAMES, VALUES), max_size=5))
    ]
    lines.insert(draw(st.integers(0, len(lines))), b"hOst:" + draw(SPACES) + b"gate:80")
    body = draw(st.binary(max_size=40))
    framing = draw(st.sampled_from(["none", "sized", "chunked"]))
    if framing == "none":
        body = b""
    elif framing == "sized":
        lines.append(b"Content-Length: %d" % len(body))
    else:
        lines.append(b"Transfer-Encoding: chunked")
        step = draw(st.integers(1, 15))
        pieces = [body[at : at + step] for at in range(0, len(body), step)]
        body = b"".join(b"%X\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
        body += b"0\r\n" + b"".join(
            name + b": " + value + b"\r\n"
            for name, value in draw(st.lists(st.tuples(NAMES, VALUES), max_size=2))
        )
        body += b"\r\n"
    line = draw(METHODS) + b" " + draw(TARGETS) + b" HTTP/1.1"
    return b"\r\n".join([line, *lines, b"", b""]) + body


@settings(max_examples=200, derandomize=True, deadline=None)
@given(messages=st.lists(requests(), min_size=1, max_size=3), cut=st.integers(0, 400))
def test_h11_reads_the_same(messages: list[bytes], cut: int):
    data = b"".join(messages)
    expected = [
        (method, _without_empty_query(target), _combined(fields), body)
        for method, target, fields, body in h11_requests(data)
    ]
    assert len(expected) == len(messages)
    pieces = [data[:cut], data[cut:]] if 0 < cut < len(data) else [data]
    reader = read_requests(*pieces)
    assert reader.refused is None
    assert whole_requests(reader) == expected


@settings(max_examples=800, derandomize=True, deadline=None)
@given(
    message=requests(),
    at=st.floats(0, 1, exclude_max=True),
    length=st.integers(0, 3),
    instead=st.one_of(
        st.sampled_from(
            [b"\r", b"\n", b"\0", b" ", b"\t", b":", b",", b"\r\n", b"\r\n ", b"0", b"x", b"\x0b",
             b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n", b"#", b"@", b"/"]
        ),
        st.binary(max_size=2),
    ),
)  # fmt: skip
def test_what_h11_refuses_is_refused(message: bytes, at: float, length: int, instead: bytes):
    start = int(len(message) * at)
    data = message[:start] + instead + message[start + length :]
    reader = read_requests(data)
    try:
        expected = h11_requests(data)
    except h11.RemoteProtocolError as error:
        if "no request line" in str(error):  # empty lines before or behind a request
            return
        assert reader.refused is not None or ("end",) not in reader.events or is_tolerated(data)
        return
    # Where both read a request, they read the same, and not one more.
    ours = whole_requests(reader)
    assert len(ours) <= len(expected) or is_tolerated(data)
    for mine, theirs in zip(ours, expected, strict=False):
        assert mine[0] == theirs[0]
        assert mine[3] == theirs[3]
