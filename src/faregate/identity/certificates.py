"""Client certificates as facts, and what is said of one.

Their signatures and dates are TLS's affair; this only compares.
"""

import ipaddress
import re
from typing import Final, NamedTuple

FINGERPRINT: Final = re.compile(r"([0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2}\Z")
SAN_KINDS: Final = ("dns", "uri", "email", "ip")

# Names of RFC 4514 §3, and of X.520 as OpenSSL writes them.
_ATTRIBUTES: Final = {
    "commonname": "cn",
    "organizationname": "o",
    "organizationalunitname": "ou",
    "countryname": "c",
    "stateorprovincename": "st",
    "localityname": "l",
    "domaincomponent": "dc",
    "userid": "uid",
    "emailaddress": "emailaddress",
    "serialnumber": "serialnumber",
}
_PART: Final = re.compile(r"\s*([A-Za-z][A-Za-z0-9-]*)\s*=((?:\\.|[^,\\])*)(?:,|\Z)", re.DOTALL)

Attributes = tuple[tuple[str, str], ...]


class PeerCertificate(NamedTuple):
    """A certificate that TLS has verified.

    `fingerprint` is SHA-256 in lower-case hex; `subject` has (attribute, value) in order; `sans`
    are as `dns:shop.internal`; `until_ns` is when it ends, ns since 1970.
    """

    fingerprint: str
    subject: Attributes
    sans: tuple[str, ...]
    until_ns: int

    def told(self) -> str:
        """It for the operator, in one line."""
        subject = ",".join(f"{name.upper()}={value}" for name, value in self.subject)
        sans = ", ".join(self.sans) or "none"
        return f"subject {subject or 'none'}, names {sans}, sha256 {self.fingerprint}"[:600]


def attribute(name: str) -> str:
    """The short name of a subject's attribute, in lower case."""
    return _ATTRIBUTES.get(name.lower(), name.lower())


def read_subject(text: str) -> Attributes:
    """The attributes of a subject as RFC 4514 writes it; raises `ValueError`."""
    found: list[tuple[str, str]] = []
    at = 0
    while at < len(text):
        part = _PART.match(text, at)
        if part is None:
            raise ValueError("a subject is written as CN=shop,O=Example")
        value = re.sub(r"\\(.)", r"\1", part[2].strip())
        if not value:
            raise ValueError(f"the attribute {part[1]} has no value")
        found.append((attribute(part[1]), value))
        at = part.end()
    if not found:
        raise ValueError("a subject is written as CN=shop,O=Example")
    return tuple(found)


def read_san(text: str) -> str:
    """An alternative name in the form that is compared; raises `ValueError`."""
    kind, colon, value = text.partition(":")
    kind = kind.lower()
    if not colon or kind not in SAN_KINDS or not value:
        raise ValueError("a name is written as dns:shop.internal, uri:..., email:... or ip:...")
    if kind == "ip":
        value = str(ipaddress.ip_address(value))
    return f"{kind}:{value.lower() if kind == 'dns' else value}"


def read_fingerprint(text: str) -> str:
    """A fingerprint in lower-case hex without colons; raises `ValueError`."""
    if not FINGERPRINT.match(text):
        raise ValueError("a SHA-256 fingerprint has 64 hex digits")
    return text.replace(":", "").lower()


class CertificateRule(NamedTuple):
    """What a certificate must be; what is None isn't asked for."""

    fingerprint: str | None
    subject: Attributes | None
    san: str | None

    def matches(self, certificate: PeerCertificate) -> bool:
        """Whether all that is asked for is so."""
        return (
            (self.fingerprint is None or self.fingerprint == certificate.fingerprint)
            and (self.subject is None or sorted(self.subject) == sorted(certificate.subject))
            and (self.san is None or self.san in certificate.sans)
        )
