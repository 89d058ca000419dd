"""Where webhooks may be sent: nowhere in the machine's surroundings.

Whoever may add a webhook could else make Faregate ask services that only it can reach: on the
machine itself, in its network, or a cloud's metadata service, which gives out credentials.
"""

import ipaddress
from typing import Final
from urllib.parse import SplitResult, urlsplit

from faregate.core.errors import ConfigurationError

URL_CHARACTERS_MAX: Final = 2_000

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# Metadata and host services of clouds that stand at addresses of other kinds.
_METADATA: Final = frozenset(
    map(ipaddress.ip_address, ("100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254"))
)
_TRANSLATED: Final = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052: the last 32 bits are IPv4


def check_url(url: str, *, private_addresses: bool) -> str:
    """`url`, if a webhook may have it. Raises `ConfigurationError`.

    A host that is a name is judged when it is resolved, each time anew.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        parts, host, port = SplitResult("", "", "", "", ""), None, None
    if parts.scheme not in ("https", "http") or not host or port == 0:
        raise ConfigurationError("url: it is no https address", fix="write it as https://host/path")
    if len(url) > URL_CHARACTERS_MAX or not url.isascii() or not url.isprintable() or " " in url:
        raise ConfigurationError(
            f"url: it has more than {URL_CHARACTERS_MAX} characters, or such that need escaping",
            fix="write other characters as %20",
        )
    if "@" in parts.netloc or parts.fragment:
        raise ConfigurationError(
            "url: it must have no user, password or fragment",
            fix="deliveries are signed: the receiver needs no password",
        )
    if parts.scheme == "http" and not private_addresses:
        raise ConfigurationError(
            "url: http is only for addresses of your own network",
            fix="use https, or set webhooks.private_addresses in the settings",
        )
    problem = refusal(host, private_addresses=private_addresses) if _is_literal(host) else None
    if problem is not None:
        raise ConfigurationError(f"url: {problem}", fix=FIX)
    return url


FIX: Final = "use an address of the internet, or set webhooks.private_addresses in the settings"


def refusal(address: str, *, private_addresses: bool, tls: bool = True) -> str | None:
    """Why nothing is sent to this resolved address; None where it may be.

    Without TLS only private addresses will do.
    """
    found = _embedded(ipaddress.ip_address(address.partition("%")[0]))
    if found.is_link_local or found.is_multicast or found.is_unspecified or found in _METADATA:
        return f"{found} is link-local, multicast, or a metadata service"
    if found.is_global and not found.is_reserved:
        return None if tls else f"{found} is public, and http is only for private addresses"
    if not private_addresses:
        return f"{found} is a private address"
    return None


def _embedded(address: _Address) -> _Address:
    """The IPv4 address that an IPv6 one leads to, or the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address in _TRANSLATED:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True
