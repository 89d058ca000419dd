"""A certificate is compared by all that is said of it, however a person writes that."""

import pytest

from faregate.identity.certificates import (
    CertificateRule,
    PeerCertificate,
    read_fingerprint,
    read_san,
    read_subject,
)

SHOP = PeerCertificate(
    "ab" * 32, (("cn", "shop"), ("o", "Example, Inc.")), ("dns:shop.internal", "ip:10.0.0.7"), 1
)


def rule(fingerprint: str | None = None, subject: str | None = None, san: str | None = None):
    return CertificateRule(
        None if fingerprint is None else read_fingerprint(fingerprint),
        None if subject is None else read_subject(subject),
        None if san is None else read_san(san),
    )


@pytest.mark.parametrize(
    "matching",
    [
        rule(fingerprint=":".join(["AB"] * 32)),
        rule(fingerprint="ab" * 32),
        rule(subject=r"O=Example\, Inc., CN=shop"),
        rule(subject=r"commonName=shop,organizationName=Example\, Inc."),
        rule(san="dns:Shop.Internal"),
        rule(san="ip:10.0.0.7"),
        rule(subject=r"CN=shop,O=Example\, Inc.", san="dns:shop.internal"),
    ],
)
def test_it_matches(matching: CertificateRule):
    assert matching.matches(SHOP)


@pytest.mark.parametrize(
    "other",
    [
        rule(fingerprint="ac" * 32),
        rule(subject="CN=shop"),
        rule(subject=r"CN=Shop,O=Example\, Inc."),
        rule(subject=r"CN=shop,CN=shop,O=Example\, Inc."),
        rule(san="dns:internal"),
        rule(san="uri:shop.internal"),
        rule(subject=r"CN=shop,O=Example\, Inc.", san="dns:other"),
    ],
)
def test_it_does_not_match(other: CertificateRule):
    assert not other.matches(SHOP)


@pytest.mark.parametrize("text", ["", "shop", "CN=", "CN=a,,O=b", "=a"])
def test_what_is_no_subject(text: str):
    with pytest.raises(ValueError, match=r"subject|value"):
        read_subject(text)


@pytest.mark.parametrize("text", ["shop.internal", "dns:", "ip:10.0.0", "cn:shop"])
def test_what_is_no_name(text: str):
    with pytest.raises(ValueError, match=r"."):
        read_san(text)


def test_what_is_no_fingerprint():
    with pytest.raises(ValueError, match="64 hex digits"):
        read_fingerprint("ab" * 20)


def test_it_is_told_in_one_line():
    assert "CN=shop" in SHOP.told()
    assert SHOP.fingerprint in SHOP.told()
