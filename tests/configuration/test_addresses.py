"""Addresses are refused for what can't be used, and no reason repeats one."""

import pytest

from faregate.configuration.addresses import (
    bad_api_url,
    bad_page_url,
    bad_store_url,
    holds_password,
)

STORES = ("postgresql", "redis", "rediss", "unix")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://api.example/v1", None),
        ("http://[::1]:8080", None),
        ("ftp://hidden", "must begin with https://"),
        ("https://u:hidden@h", "a user or a password"),
        ("https://h/v1?hidden", "more than a path"),
        ("https://h:hidden", "host or port"),
        ("https://hi dden", "spaces"),
    ],
)
def test_apis(url: str, reason: str | None) -> None:
    found = bad_api_url(url)
    assert (found is None) == (reason is None)
    assert reason is None or reason in (found or "")
    assert "hidden" not in (found or "")


@pytest.mark.parametrize(
    ("url", "is_page"),
    [
        ("https://example.com/top-up?team=a%20b#now", True),
        ("https://example.com", True),
        ("example.com/top-up", False),
        ("mailto:a@example.com", False),
        ("https://example.com/a b", False),
        ("https://example.com/?a=b c", False),
        ("https://example.com/?a=\n", False),
        ("https://example.com/?ü", False),
        ("javascript:alert(1)", False),
        ("", False),
    ],
)
def test_pages(url: str, is_page: bool) -> None:
    assert (bad_page_url(url) is None) == is_page


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("postgresql://u:hidden@h:5432/db", None),
        ("postgresql:///db?host=/run/postgresql", None),
        ("postgresql://h1,h2/db", None),
        ("redis://:hidden@h:6379/0", None),
        ("rediss://h", None),
        ("unix:///run/valkey.sock", None),
        ("hidden", "must begin with postgresql:// or redis://"),
        ("postgres://hidden", "must begin with"),
        ("mysql://hidden", "must begin with"),
        ("redis:hidden", "must begin with"),
        ("redis:///0", "names no host"),
        ("unix://", "names no socket"),
        ("redis://hidden:99999", "host or port"),
        ("redis://hidden:0", "host or port"),
        ("redis://hid den", "spaces"),
    ],
)
def test_stores(url: str, reason: str | None) -> None:
    found = bad_store_url(url, STORES)
    assert (found is None) == (reason is None), found
    assert reason is None or reason in (found or "")
    assert "hidden" not in (found or "")


@pytest.mark.parametrize(
    ("url", "holds"),
    [
        ("postgresql://u@h/db", False),
        ("postgresql://h:5432/db", False),
        ("${env:URL}", False),
        ("${sealed:v1:AAAA}", False),
        ("postgresql://u:${env:PASSWORD}@h/db", False),
        ("postgresql://h/db?password=${env:PASSWORD}", False),
        ("redis://:${env:PASSWORD}@h", False),
        ("postgresql://u:word@h/db", True),
        ("postgresql://u:wo/rd@h/db", True),
        ("postgresql://u:wo:r@d@h/db", True),
        ("postgresql://u:word@${env:HOST}/db", True),
        ("postgresql://u:x${env:PASSWORD}@h/db", True),
        ("postgresql://h/db?sslmode=require&password=word", True),
        ("postgresql://h/db?sslpassword=word", True),
        ("redis://:word@h", True),
        ("unix://u:word@/run/socket", True),
    ],
)
def test_passwords(url: str, holds: bool) -> None:
    assert holds_password(url) is holds
