"""The caller's address behind known proxies; nothing else is believed.

`X-Forwarded-For` is read from its right end: every proxy appends the address it saw, so the
first one from the right that isn't a known proxy is the caller; whatever stands left of it was
written by the caller. RFC 7239 §8.1 explains why the rest can't be trusted.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network


class ProxyTrust:
    """The networks whose proxies are believed."""

    def __init__(self, networks: tuple[str, ...]) -> None:
        self._networks: tuple[Network, ...] = tuple(
            ip_network(network, strict=False) for network in networks
        )

    def __bool__(self) -> bool:
        return bool(self._networks)

    def believes(self, address: str) -> bool:
        """Whether `address` is that of a known proxy; what is no address is not."""
        parsed = _parse(address)
        if parsed is None:
            return False
        return any(parsed in network for network in self._networks)

    def client_address(self, peer: str, forwarded_for: bytes | None) -> str:
        """The caller's address, by the connection's peer and X-Forwarded-For."""
        if not self._networks or forwarded_for is None or not self.believes(peer):
            return peer
        nearest = peer
        for part in reversed(forwarded_for.decode("latin-1").split(",")):
            parsed = _parse(part.strip())
            if parsed is None:
                return nearest
            nearest = str(parsed)
            if not self.believes(nearest):
                return nearest
        return nearest


def _parse(text: str) -> IPv4Address | IPv6Address | None:
    """An address as proxies write it: bare, with a port, in brackets, or mapped into IPv6."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        parsed = ip_address(text)
    except ValueError:
        return None
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        return parsed.ipv4_mapped
    return parsed
