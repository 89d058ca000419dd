"""Certificates are verified upstream and renewed downstream; a bad file changes nothing."""

import asyncio
import shutil
import socket
import ssl
from pathlib import Path

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from tests.net.certificates import Authority, shown_name
from tests.net.listening import Client, Listening, get, listening
from tests.net.sending import all_closed, ask, pooling

from faregate.configuration.document import ProviderTls
from faregate.configuration.settings import TlsSettings
from faregate.core.errors import ConfigurationError
from faregate.net.tls import ServerCertificates, client_context, peer_certificate


class Files:
    """The files that a gate is configured with, and what is copied over them."""

    def __init__(self, folder: Path) -> None:
        self.authority = Authority(folder)
        self.certificate = folder / "gate.crt"
        self.key = folder / "gate.key"
        self._folder = folder

    def put(self, name: str, kind: str = "ec") -> None:
        """Make a new certificate and let it be the gate's."""
        certificate, key = self.authority.sign(name, kind=kind)
        shutil.copy(certificate, self.certificate)
        shutil.copy(key, self.key)

    def settings(self, client_ca_file: Path | None = None) -> TlsSettings:
        return TlsSettings(
            certificate_file=str(self.certificate),
            key_file=str(self.key),
            client_ca_file=str(client_ca_file) if client_ca_file else None,
        )


@pytest.fixture
def files(tmp_path: Path) -> Files:
    files = Files(tmp_path)
    files.put("first")
    return files


async def _connect(server: Listening, context: ssl.SSLContext) -> Client:
    client = Client()
    client.reader, client.writer = await asyncio.open_connection(
        "127.0.0.1", server.port, ssl=context, server_hostname="localhost"
    )
    return client


async def _shown(server: Listening, files: Files) -> str:
    context = ssl.create_default_context(cafile=str(files.authority.ca_file))
    async with await _connect(server, context) as client:
        assert (await client.ask(get())).status == 200
        return shown_name(client.writer.get_extra_info("ssl_object").getpeercert(True))


@pytest.mark.parametrize("kinds", [("ec", "ec"), ("rsa", "rsa"), ("rsa", "ec"), ("ec", "rsa")])
async def test_new_certificates_are_shown_without_a_restart(files: Files, kinds: tuple[str, str]):
    files.put("first", kinds[0])
    certificates = ServerCertificates(files.settings())
    async with listening(certificates) as server:
        assert await _shown(server, files) == "first"
        context = ssl.create_default_context(cafile=str(files.authority.ca_file))
        async with await _connect(server, context) as old:
            await old.ask(get())
            files.put("second", kinds[1])
            assert await _shown(server, files) == "first"
            certificates.reload()
            assert await _shown(server, files) == "second"
            assert (await old.ask(get())).status == 200


@pytest.mark.parametrize("damage", ["no certificate", "no key", "another key", "nonsense"])
async def test_bad_files_keep_the_old_certificate(files: Files, damage: str, tmp_path: Path):
    certificates = ServerCertificates(files.settings())
    async with listening(certificates) as server:
        if damage == "no certificate":
            files.certificate.unlink()
        elif damage == "no key":
            files.key.unlink()
        elif damage == "another key":
            shutil.copy(files.authority.sign("other")[1], files.key)
        else:
            files.certificate.write_text("nonsense")
        with pytest.raises(ConfigurationError, match="TLS files"):
            certificates.reload()
        assert await _shown(server, files) == "first"
        files.put("third")
        certificates.reload()
        assert await _shown(server, files) == "third"


def test_files_that_are_bad_from_the_start_are_an_error(files: Files):
    files.key.write_text("nonsense")
    with pytest.raises(ConfigurationError, match="TLS files"):
        ServerCertificates(files.settings())


async def test_client_certificates_are_asked_for(files: Files, tmp_path: Path):
    clients = Authority(tmp_path, "clients")
    certificates = ServerCertificates(files.settings(clients.ca_file))
    known, unknown = clients.sign("known"), files.authority.sign("unknown")
    async with listening(certificates) as server:
        context = ssl.create_default_context(cafile=str(files.authority.ca_file))
        context.load_cert_chain(*known)
        async with await _connect(server, context) as client:
            assert (await client.ask(get())).status == 200
        for pair in (None, unknown):
            context = ssl.create_default_context(cafile=str(files.authority.ca_file))
            if pair is not None:
                context.load_cert_chain(*pair)
            with pytest.raises((ssl.SSLError, OSError, asyncio.IncompleteReadError)):
                await (await _connect(server, context)).ask(get())
        assert len(server.application.heads) == 1


async def test_client_certificates_may_be_shown(files: Files, tmp_path: Path):
    clients = Authority(tmp_path, "clients")
    settings = msgspec.structs.replace(
        files.settings(clients.ca_file), client_certificates="optional"
    )
    known, unknown = clients.sign("known", host="known.internal"), files.authority.sign("unknown")
    async with listening(ServerCertificates(settings)) as server:
        for pair, name in ((None, None), (known, "known")):
            context = ssl.create_default_context(cafile=str(files.authority.ca_file))
            if pair is not None:
                context.load_cert_chain(*pair)
            async with await _connect(server, context) as client:
                assert (await client.ask(get())).status == 200
                [connection] = server.listener.connections
                shown = connection.certificate
            if name is None:
                assert shown is None
            else:
                assert shown is not None
                assert shown.subject == (("cn", "known"),)
                assert shown.sans == ("dns:known.internal",)
                data = x509.load_pem_x509_certificate(known[0].read_bytes())
                assert shown.fingerprint == data.fingerprint(hashes.SHA256()).hex()
                assert shown.until_ns == int(data.not_valid_after_utc.timestamp()) * 10**9
            await server.empty()
        context = ssl.create_default_context(cafile=str(files.authority.ca_file))
        context.load_cert_chain(*unknown)
        with pytest.raises((ssl.SSLError, OSError, asyncio.IncompleteReadError)):
            await (await _connect(server, context)).ask(get())


async def test_without_tls_there_is_no_certificate():
    assert peer_certificate(None) is None
    async with listening() as server, await server.client() as client:
        assert (await client.ask(get())).status == 200
        [connection] = server.listener.connections
        assert connection.certificate is None


async def test_new_authorities_replace_the_old_ones(files: Files, tmp_path: Path):
    old, new = Authority(tmp_path, "old"), Authority(tmp_path, "new")
    asked = tmp_path / "asked.pem"
    shutil.copy(old.ca_file, asked)
    certificates = ServerCertificates(files.settings(asked))
    async with listening(certificates) as server:
        shutil.copy(new.ca_file, asked)
        certificates.reload()
        for authority, accepted in ((new, True), (old, False)):
            context = ssl.create_default_context(cafile=str(files.authority.ca_file))
            context.load_cert_chain(*authority.sign("client"))
            try:
                async with await _connect(server, context) as client:
                    found = (await client.ask(get())).status == 200
            except (OSError, asyncio.IncompleteReadError):
                found = False
            assert found is accepted


async def test_old_versions_of_tls_are_not_spoken(files: Files):
    async with listening(ServerCertificates(files.settings())) as server:
        context = ssl.create_default_context(cafile=str(files.authority.ca_file))
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
        context.set_ciphers("ALL:@SECLEVEL=0")
        with pytest.raises((ssl.SSLError, OSError)):
            await _connect(server, context)


async def test_plain_bytes_on_a_tls_port_are_no_request(files: Files):
    async with listening(ServerCertificates(files.settings())) as server:
        async with await server.client() as client:
            client.send(get())
            assert b"200" not in await client.end()
        assert server.application.heads == []
        assert await _shown(server, files) == "first"


def test_a_change_of_the_files_is_seen_once(files: Files):
    certificates = ServerCertificates(files.settings())
    assert not certificates.changed()
    files.put("second")
    assert certificates.changed()
    assert not certificates.changed()
    files.key.unlink()
    assert certificates.changed()
    assert not certificates.changed()


def test_upstreams_are_always_verified(files: Files):
    context = client_context(ProviderTls(ca_file=str(files.authority.ca_file)))
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize("field", ["ca_file", "certificate_file"])
def test_bad_files_for_upstreams_are_named(files: Files, tmp_path: Path, field: str):
    missing = str(tmp_path / "missing.pem")
    with pytest.raises(ConfigurationError) as caught:
        client_context(ProviderTls(**{field: missing}))
    assert "missing.pem" in str(caught.value)


async def test_a_session_of_before_is_no_way_past_new_authorities(files: Files, tmp_path: Path):
    old, new = Authority(tmp_path, "old"), Authority(tmp_path, "new")
    asked = tmp_path / "asked.pem"
    shutil.copy(old.ca_file, asked)
    certificates = ServerCertificates(files.settings(asked))
    context = ssl.create_default_context(cafile=str(files.authority.ca_file))
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(*old.sign("client"))

    def ask(port: int, session: ssl.SSLSession | None) -> tuple[bytes, ssl.SSLSession | None]:
        with (
            socket.create_connection(("127.0.0.1", port), 5) as raw,
            context.wrap_socket(raw, server_hostname="localhost", session=session) as client,
        ):
            client.sendall(get())
            return client.recv(1_000), client.session

    async with listening(certificates) as server:
        reply, session = await asyncio.to_thread(ask, server.port, None)
        assert reply.startswith(b"HTTP/1.1 200 ")
        shutil.copy(new.ca_file, asked)
        certificates.reload()
        try:
            reply, _ = await asyncio.to_thread(ask, server.port, session)
        except OSError:
            reply = b""
        assert reply == b""


def test_client_certificates_need_the_version_whose_sessions_can_be_refused(
    files: Files, tmp_path: Path
):
    asking = ServerCertificates(files.settings(Authority(tmp_path, "clients").ca_file))
    assert asking.context.minimum_version == ssl.TLSVersion.TLSv1_3
    assert ServerCertificates(files.settings()).context.minimum_version == ssl.TLSVersion.TLSv1_2


def test_the_file_that_is_at_fault_is_named(files: Files, tmp_path: Path):
    missing = str(tmp_path / "missing.pem")
    own, other = str(files.certificate), str(files.authority.sign("other")[1])
    cases = [
        (ProviderTls(ca_file=missing, certificate_file=own), missing),
        (ProviderTls(ca_file=own, certificate_file=missing), missing),
        (ProviderTls(certificate_file=own), own),  # without its key
        (ProviderTls(certificate_file=own, key_file=other), own),
    ]
    for tls, named in cases:
        with pytest.raises(ConfigurationError) as caught:
            client_context(tls)
        assert caught.value.file == named
    with pytest.raises(ConfigurationError) as caught:
        ServerCertificates(files.settings(Path(missing)))
    assert caught.value.file == missing


def test_nobody_is_asked_for_the_password_of_a_key(files: Files):
    key = serialization.load_pem_private_key(files.key.read_bytes(), None)
    files.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    with pytest.raises(ConfigurationError):
        ServerCertificates(files.settings())
    tls = ProviderTls(certificate_file=str(files.certificate), key_file=str(files.key))
    with pytest.raises(ConfigurationError):
        client_context(tls)


@pytest.mark.parametrize("known", [True, False])
async def test_our_certificate_is_shown_to_an_upstream(
    files: Files, tmp_path: Path, *, known: bool
):
    clients, strangers = Authority(tmp_path, "clients"), Authority(tmp_path, "strangers")
    certificate, key = (clients if known else strangers).sign("gate-as-client")
    certificates = ServerCertificates(files.settings(clients.ca_file))
    context = client_context(
        ProviderTls(
            ca_file=str(files.authority.ca_file),
            certificate_file=str(certificate),
            key_file=str(key),
        )
    )
    async with (
        listening(certificates) as server,
        pooling(server.port, host="localhost", tls=context) as pool,
    ):
        sender = await ask(pool)
        assert await sender.result() == ("ok" if known else "closed")
        if not known:
            await all_closed(pool)
