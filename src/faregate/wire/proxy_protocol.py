"""What a TCP proxy puts before a connection: PROXY protocol v1 and v2.

Source: haproxy.org, "The PROXY protocol", versions 1 and 2, sections 2.1 and 2.2.
"""

import struct
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final, NamedTuple

V2_SIGNATURE: Final = b"\r\n\r\n\x00\r\nQUIT\n"
V1_BYTES_MAX: Final = 107
V2_BYTES_MAX: Final = 16 + 4096  # addresses and any extensions that proxies send


class ProxyHeaderError(Exception):
    """The bytes aren't a PROXY protocol header."""


class ProxyHeader(NamedTuple):
    """What the proxy says; `address` is None for its own health checks."""

    length: int
    address: str | None


def parse_proxy_header(data: bytes) -> ProxyHeader | None:
    """The header at the start of `data`, or None while more bytes are needed.

    Raises `ProxyHeaderError`.
    """
    if data[:12] == V2_SIGNATURE[: len(data)][:12]:
        return _parse_v2(data)
    if b"PROXY "[: len(data)] == data[:6]:
        return _parse_v1(data)
    raise ProxyHeaderError("the connection does not begin with a PROXY protocol header")


def _parse_v1(data: bytes) -> ProxyHeader | None:
    end = data.find(b"\r\n", 0, V1_BYTES_MAX)
    if end < 0:
        if len(data) >= V1_BYTES_MAX:
            raise ProxyHeaderError("a version 1 header has no end")
        return None
    parts = data[:end].decode("latin-1").split(" ")
    if parts[1] == "UNKNOWN":
        return ProxyHeader(end + 2, None)
    if len(parts) != 6 or parts[1] not in ("TCP4", "TCP6"):
        raise ProxyHeaderError("a version 1 header is malformed")
    try:
        source = ip_address(parts[2])
    except ValueError:
        raise ProxyHeaderError("a version 1 header names no address") from None
    if source.version != int(parts[1][3]):
        raise ProxyHeaderError("a version 1 header names an address of another family")
    return ProxyHeader(end + 2, str(source))


def _parse_v2(data: bytes) -> ProxyHeader | None:
    if len(data) < 16:
        return None
    version_command, family, length = struct.unpack_from("!BBH", data, 12)
    if version_command >> 4 != 2 or version_command & 15 > 1:
        raise ProxyHeaderError("a version 2 header has an unknown version or command")
    total = 16 + length
    if total > V2_BYTES_MAX:
        raise ProxyHeaderError("a version 2 header is too long")
    if len(data) < total:
        return None
    if version_command & 15 == 0:
        return ProxyHeader(total, None)
    if family >> 4 == 1 and length >= 12:
        return ProxyHeader(total, str(IPv4Address(data[16:20])))
    if family >> 4 == 2 and length >= 36:
        return ProxyHeader(total, str(IPv6Address(data[16:32])))
    if family >> 4 in (0, 3):
        return ProxyHeader(total, None)
    raise ProxyHeaderError("a version 2 header is malformed")
