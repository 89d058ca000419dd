"""Header fields: which are of one connection, how lists are read.

Names are bytes in lower case. Source: RFC 9110 §7.6.1 (Connection and hop-by-hop fields),
§5.6.1 (lists).
"""

from collections.abc import Iterable
from typing import Final

HOP_BY_HOP: Final = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)


def tokens(value: bytes) -> list[bytes]:
    """The members of a comma-separated list, lower case, none empty."""
    return [token for part in value.split(b",") if (token := part.strip(b" \t").lower())]


def combine(first: bytes, second: bytes, name: bytes) -> bytes:
    """Two lines of one field as one value.

    RFC 9110 §5.3; for cookies RFC 6265 §5.4.
    """
    return first + (b"; " if name == b"cookie" else b", ") + second


def connection_names(values: Iterable[bytes]) -> set[bytes]:
    """Names that `Connection` declares hop-by-hop, but for its own options."""
    named = {token for value in values for token in tokens(value)}
    return named - {b"close", b"keep-alive"}
