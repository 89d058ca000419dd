"""Identifies callers by the certificate of their connection.

TLS has verified it when a call comes; this says for which application it stands. What was found
is kept with the connection. Fails closed.
"""

from collections.abc import Iterable
from typing import Final, Protocol

from faregate.configuration.callers import ClientCertificate
from faregate.core.clock import Clock
from faregate.core.refusals import Refusal, refuse
from faregate.identity.certificates import (
    CertificateRule,
    PeerCertificate,
    read_fingerprint,
    read_san,
    read_subject,
)
from faregate.identity.keys import KeyRecord
from faregate.policies.identified import Identified, caller_record

MISSING: Final = refuse(
    "certificate_missing", "The connection has no client certificate.", scope="key", repeats=True
)


class Connection(Protocol):
    """What is read of a connection.

    `identity` is for this policy to keep what it finds.
    """

    identity: object | None

    @property
    def certificate(self) -> PeerCertificate | None:
        """What the client showed, once TLS has verified it."""


class CertificateCheck:
    """Finds whose call comes over a connection."""

    def __init__(self, certificates: Iterable[ClientCertificate], clock: Clock) -> None:
        self._clock = clock
        self._rules = [
            (_rule(one), caller_record("mtls", one.name, one.application)) for one in certificates
        ]

    def named(self, name: str, application: str) -> KeyRecord | None:
        """The record of a certificate's callers."""
        whole = caller_record("mtls", name, application).key_id
        return next((record for _, record in self._rules if record.key_id == whole), None)

    def __call__(self, connection: Connection) -> Identified | Refusal | None:
        """Whom the connection's certificate stands for; None: it has none."""
        kept, now_ns = connection.identity, self._clock.wall_ns()
        if type(kept) is Identified and kept.owner is self and kept.holds(now_ns):
            return kept
        certificate = connection.certificate
        if certificate is None:
            return None
        if now_ns >= certificate.until_ns:
            return _unknown(certificate, "It has expired since the connection was made")
        for rule, record in self._rules:
            if rule.matches(certificate):
                found = Identified("mtls", record, certificate.until_ns)
                found.owner = self
                connection.identity = found
                return found
        return _unknown(certificate, "None in callers.certificates is like it")


def _rule(written: ClientCertificate) -> CertificateRule:
    return CertificateRule(
        None if written.fingerprint is None else read_fingerprint(written.fingerprint),
        None if written.subject is None else read_subject(written.subject),
        None if written.san is None else read_san(written.san),
    )


def _unknown(certificate: PeerCertificate, reason: str) -> Refusal:
    return refuse(
        "certificate_unknown",
        "The client certificate of this connection stands for no application here.",
        scope="key",
        reason=f"{reason}: {certificate.told()}.",
    )
