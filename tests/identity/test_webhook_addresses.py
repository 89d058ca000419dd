"""Webhooks can't be made to ask what only this machine can reach."""

import pytest

from faregate.core.errors import ConfigurationError
from faregate.identity.webhook_addresses import check_url, refusal

PRIVATE = [
    "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "0.0.0.0", "::1",
    "fc00::1", "fe80::1%eth0", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "2002:7f00:1::1",
    "64:ff9b::a00:1", "::127.0.0.1", "192.0.2.1", "240.0.0.1",
]  # fmt: skip
NEVER = [
    "169.254.169.254", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "fd00:ec2::254",
    "100.100.100.200", "168.63.129.16", "224.0.0.1", "ff02::1", "0.0.0.0", "::", "fe80::1",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_refused(address: str) -> None:
    assert refusal(address, private_addresses=False) is not None


@pytest.mark.parametrize("address", NEVER)
def test_some_are_refused_whatever_is_set(address: str) -> None:
    assert refusal(address, private_addresses=True) is not None
    assert refusal(address, private_addresses=False) is not None


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"])
def test_the_internet_is_reached_by_tls(address: str) -> None:
    assert refusal(address, private_addresses=False) is None
    assert refusal(address, private_addresses=True) is None
    assert "public" in (refusal(address, private_addresses=True, tls=False) or "")


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "::1", "fc00::1"])
def test_own_networks_where_it_is_set(address: str) -> None:
    assert refusal(address, private_addresses=True) is None
    assert refusal(address, private_addresses=True, tls=False) is None


@pytest.mark.parametrize(
    ("url", "private"),
    [
        ("https://example.com/hook?a=b", False),
        ("https://example.com:8443", False),
        ("http://10.0.0.1:9000/hook", True),
        ("http://localhost/hook", True),
        ("https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]/", False),
    ],
)
def test_addresses_that_may_be_given(url: str, private: bool) -> None:
    assert check_url(url, private_addresses=private) == url


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("", "no https address"),
        ("ftp://example.com", "no https address"),
        ("https://", "no https address"),
        ("https://example.com:0/", "no https address"),
        ("https://example.com:99999/", "no https address"),
        ("https://[1/", "no https address"),
        ("http://example.com", "http is only for"),
        ("https://ann:pw@example.com/", "no user, password"),
        ("https://example.com/#a", "no user, password or fragment"),
        ("https://example.com/ä", "need escaping"),
        ("https://example.com/a b", "need escaping"),
        ("https://example.com/\r\nX-Evil: 1", "need escaping"),
        ("https://example.com/" + "a" * 2_000, "more than 2000"),
        ("https://127.0.0.1/", "private address"),
        ("https://[::ffff:169.254.169.254]/", "link-local"),
    ],
)
def test_addresses_that_may_not_be_given(url: str, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        check_url(url, private_addresses=False)
