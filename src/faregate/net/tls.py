"""TLS contexts for both sides; upstreams are always verified."""

import asyncio
import hashlib
import os
import ssl
from typing import Any, Final

from faregate.configuration.document import ProviderTls
from faregate.configuration.settings import TlsSettings
from faregate.core.errors import ConfigurationError
from faregate.identity.certificates import PeerCertificate, attribute, read_san

# As Python names the kinds of names that are compared.
_SAN_KINDS: Final = {"DNS": "dns", "URI": "uri", "email": "email", "IP Address": "ip"}
_NO_PASSWORD: Final = b""  # for a sealed key: it fails, where OpenSSL would ask on the terminal


def client_context(tls: ProviderTls) -> ssl.SSLContext:
    """A context for connections to an upstream; raises `ConfigurationError`."""
    file = tls.ca_file
    try:
        context = ssl.create_default_context(cafile=file)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        if tls.certificate_file is not None:
            file = tls.certificate_file
            context.load_cert_chain(file, tls.key_file, password=_NO_PASSWORD)
    except OSError as error:
        raise _unusable(file, error) from None
    return context


def peer_certificate(transport: asyncio.BaseTransport | None) -> PeerCertificate | None:
    """The certificate that the other side has shown; None without one."""
    secured = transport.get_extra_info("ssl_object") if transport is not None else None
    if secured is None:
        return None
    data = secured.getpeercert(binary_form=True)
    said: dict[str, Any] | None = secured.getpeercert()
    if not data or not said:  # none was shown, or none had to be verified
        return None
    subject = tuple(
        (attribute(name), value) for relative in said.get("subject", ()) for name, value in relative
    )
    sans = [
        f"{_SAN_KINDS[kind]}:{value}"
        for kind, value in said.get("subjectAltName", ())
        if kind in _SAN_KINDS
    ]
    return PeerCertificate(
        hashlib.sha256(data).hexdigest(),
        subject,
        tuple(_plain_san(name) for name in sans),
        int(ssl.cert_time_to_seconds(said["notAfter"])) * 1_000_000_000,
    )


def _plain_san(name: str) -> str:
    try:
        return read_san(name)
    except ValueError:  # an address that can't be one: it never matches
        return name


class ServerCertificates:
    """The gate's own context; `reload` changes what later handshakes use.

    A context keeps one certificate of each kind of key, and every authority: a new file loaded
    into it would stand beside the old one. So each handshake gets the newest context as it begins.
    """

    def __init__(self, settings: TlsSettings) -> None:
        self._settings = settings
        self._seen = self._stamps()
        self._newest = self._load()
        self.context = self._load()
        self.context.sni_callback = self._begin

    def _begin(
        self, connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: ssl.SSLContext
    ) -> None:
        connection.context = self._newest

    def _load(self) -> ssl.SSLContext:
        settings = self._settings
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        file = settings.certificate_file
        try:
            context.load_cert_chain(file, settings.key_file, password=_NO_PASSWORD)
            if settings.client_ca_file is not None:
                file = settings.client_ca_file
                # A session of TLS 1.2 could be resumed past authorities that have changed.
                context.minimum_version = ssl.TLSVersion.TLSv1_3
                context.load_verify_locations(file)
                needed = settings.client_certificates == "required"
                context.verify_mode = ssl.CERT_REQUIRED if needed else ssl.CERT_OPTIONAL
                # A resumed session is not verified again, whatever is trusted by then.
                context.options |= ssl.OP_NO_TICKET
                context.num_tickets = 0
        except OSError as error:
            raise _unusable(file, error) from None
        return context

    def _stamps(self) -> tuple[tuple[int, int, int], ...]:
        """What tells one state of the files from another; a missing one has none."""
        settings = self._settings
        stamps = []
        for file in (settings.certificate_file, settings.key_file, settings.client_ca_file):
            if file is not None:
                try:
                    stat = os.stat(file)
                except OSError:
                    continue
                stamps.append((stat.st_ino, stat.st_mtime_ns, stat.st_size))
        return tuple(stamps)

    def changed(self) -> bool:
        """Whether the files are others than at the last look; true once a change."""
        stamps = self._stamps()
        if stamps == self._seen:
            return False
        self._seen = stamps
        return True

    def reload(self) -> None:
        """Read the files again; bad ones change nothing.

        Raises `ConfigurationError`.
        """
        self._newest = self._load()


def _unusable(file: str | None, error: OSError) -> ConfigurationError:
    reason = getattr(error, "reason", None) or error.strerror or str(error)
    return ConfigurationError(
        f"the TLS files can't be used: {reason}",
        file=file,
        fix="Check that the files are PEM, belong together and are readable.",
    )
