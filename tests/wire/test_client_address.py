"""An address is believed as far as known proxies wrote it, and no further."""

import pytest

from faregate.wire.client_address import ProxyTrust

TRUST = ProxyTrust(("10.0.0.0/8", "192.0.2.1", "2001:db8::/32"))


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "client"),
    [
        # Nobody between: what the header says was written by the caller.
        ("203.0.113.9", b"198.51.100.1", "203.0.113.9"),
        ("203.0.113.9", None, "203.0.113.9"),
        # One proxy, then two.
        ("10.1.1.1", b"198.51.100.1", "198.51.100.1"),
        ("10.1.1.1", b"198.51.100.1, 10.2.2.2", "198.51.100.1"),
        ("10.1.1.1", b"198.51.100.1, 192.0.2.1,10.2.2.2", "198.51.100.1"),
        # The caller wrote the first itself; the proxy appended what it saw.
        ("10.1.1.1", b"127.0.0.1, 198.51.100.1", "198.51.100.1"),
        ("10.1.1.1", b"10.9.9.9, 198.51.100.1", "198.51.100.1"),
        ("10.1.1.1", b"nonsense, 198.51.100.1", "198.51.100.1"),
        # All of them are proxies: the farthest.
        ("10.1.1.1", b"10.3.3.3, 10.2.2.2", "10.3.3.3"),
        # Where a known proxy wrote no address, its own is the last that is known.
        ("10.1.1.1", b"unknown", "10.1.1.1"),
        ("10.1.1.1", b"198.51.100.1, unknown, 10.2.2.2", "10.2.2.2"),
        ("10.1.1.1", b"", "10.1.1.1"),
        ("10.1.1.1", b"198.51.100.1,", "10.1.1.1"),
        ("10.1.1.1", b"\xff\xfe", "10.1.1.1"),
        # Spellings: with a port, in brackets, mapped.
        ("10.1.1.1", b"198.51.100.1:4711", "198.51.100.1"),
        ("10.1.1.1", b"[2001:4711::1]:80", "2001:4711::1"),
        ("10.1.1.1", b"2001:4711::1", "2001:4711::1"),
        ("::ffff:10.1.1.1", b"::ffff:198.51.100.1", "198.51.100.1"),
        ("2001:db8::5", b"198.51.100.1", "198.51.100.1"),
    ],
)
def test_the_client_behind_known_proxies(peer: str, forwarded_for: bytes | None, client: str):
    assert TRUST.client_address(peer, forwarded_for) == client


def test_without_known_proxies_the_peer_is_the_client():
    nobody = ProxyTrust(())
    assert not nobody
    assert not nobody.believes("127.0.0.1")
    assert nobody.client_address("127.0.0.1", b"198.51.100.1") == "127.0.0.1"


@pytest.mark.parametrize(
    ("address", "believed"),
    [
        ("10.255.0.1", True),
        ("192.0.2.1", True),
        ("192.0.2.2", False),
        ("::ffff:10.0.0.1", True),
        ("2001:db8:ffff::1", True),
        ("2001:db9::1", False),
        ("", False),
        ("nonsense", False),
    ],
)
def test_which_addresses_are_believed(address: str, believed: bool):
    assert TRUST.believes(address) is believed
