"""A PROXY header is read exactly as long as it is, in every version, or refused."""

import socket
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faregate.wire.proxy_protocol import (
    V1_BYTES_MAX,
    V2_SIGNATURE,
    ProxyHeaderError,
    parse_proxy_header,
)


def v2(family: int, addresses: bytes, *, command: int = 1, version: int = 2) -> bytes:
    return (
        V2_SIGNATURE
        + struct.pack("!BBH", version << 4 | command, family, len(addresses))
        + (addresses)
    )


IPV4 = socket.inet_aton("198.51.100.1") + socket.inet_aton("10.0.0.1") + b"\x12\x34\x01\xbb"
IPV6 = socket.inet_pton(socket.AF_INET6, "2001:db8::1") * 2 + b"\x12\x34\x01\xbb"

HEADERS = {
    "v1 IPv4": (b"PROXY TCP4 198.51.100.1 10.0.0.1 4711 443\r\n", "198.51.100.1"),
    "v1 IPv6": (b"PROXY TCP6 2001:db8::1 2001:db8::2 4711 443\r\n", "2001:db8::1"),
    "v1 unknown": (b"PROXY UNKNOWN\r\n", None),
    "v1 unknown with more": (b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", None),
    "v2 IPv4": (v2(0x11, IPV4), "198.51.100.1"),
    "v2 IPv6": (v2(0x21, IPV6), "2001:db8::1"),
    "v2 with extensions": (v2(0x11, IPV4 + b"\x04\x00\x03abc"), "198.51.100.1"),
    "v2 local": (v2(0x00, b"", command=0), None),
    "v2 local with addresses": (v2(0x11, IPV4, command=0), None),
    "v2 unspecified": (v2(0x00, b""), None),
    "v2 unix": (v2(0x31, b"\0" * 216), None),
}


@pytest.mark.parametrize("name", HEADERS)
@pytest.mark.parametrize("behind", [b"", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\r\n"])
def test_a_header_says_who_calls_and_where_it_ends(name: str, behind: bytes):
    data, address = HEADERS[name]
    assert parse_proxy_header(data + behind) == (len(data), address)


@pytest.mark.parametrize("name", HEADERS)
def test_a_part_of_a_header_is_waited_for(name: str):
    data, _ = HEADERS[name]
    for length in range(1, len(data)):
        assert parse_proxy_header(data[:length]) is None


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n",
        b"PROXY",
        b"proxy TCP4 1.2.3.4 5.6.7.8 1 2\r\n",
        b"PROXY  TCP4 1.2.3.4 5.6.7.8 1 2\r\n",
        b"PROXY \r\n",
        b"PROXY TCP5 1.2.3.4 5.6.7.8 1 2\r\n",
        b"PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n",
        b"PROXY TCP4 1.2.3.4.5 5.6.7.8 1 2\r\n",
        b"PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n",
        b"PROXY TCP6 1.2.3.4 5.6.7.8 1 2\r\n",
        b"PROXY TCP4 " + b"1" * V1_BYTES_MAX,
        b"\r\n\r\nGET / HTTP/1.1\r\n",
        b"\x16\x03\x01\x02\x00",
        v2(0x11, IPV4, version=1),
        v2(0x11, IPV4, command=2),
        v2(0x11, IPV4[:8]),
        v2(0x21, IPV4),
        v2(0x41, IPV4),
        V2_SIGNATURE + struct.pack("!BBH", 0x21, 0x11, 65_535),
    ],
)
def test_what_is_no_header_is_refused(data: bytes):
    if data == b"PROXY":  # the beginning of one
        assert parse_proxy_header(data) is None
        return
    with pytest.raises(ProxyHeaderError):
        parse_proxy_header(data)


@settings(max_examples=500, derandomize=True, deadline=None)
@given(
    data=st.one_of(
        st.binary(min_size=1, max_size=300),
        st.binary(max_size=300).map(lambda rest: b"PROXY " + rest),
        st.binary(max_size=300).map(lambda rest: V2_SIGNATURE + rest),
        st.text("TCP46 .:0123456789abcdef\r\n", max_size=110).map(
            lambda rest: b"PROXY TCP" + rest.encode()
        ),
    )
)
def test_any_bytes_are_a_header_or_not(data: bytes):
    try:
        header = parse_proxy_header(data)
    except ProxyHeaderError:
        return
    assert header is None or 0 < header.length <= len(data)
