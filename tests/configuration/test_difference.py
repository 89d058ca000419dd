"""A difference names every change once, by name, and shows no secret."""

import msgspec
import pytest
from hypothesis import given
from tests.configuration.documents import documents

from faregate.configuration.difference import difference
from faregate.configuration.document import Document, Key, Model, Provider
from faregate.configuration.settings import GateSettings, Settings, TlsSettings

SEALED = "${sealed:v1:AAAA}"
A = Provider(name="a", base_url="http://a")
B = Provider(name="b", base_url="http://b", api_key=SEALED, headers={"x": "1", "X-Key": "k"})


def gate(**fields: object) -> Document:
    return Document(settings=Settings(gate=msgspec.convert(fields, GateSettings)))


def both(old: Provider, new: Provider) -> tuple[Document, Document]:
    return Document(providers=(old,)), Document(providers=(new,))


TLS = TlsSettings(certificate_file="c", key_file="k")
CASES = [
    (Document(), Document(), []),
    (gate(), gate(port=1), ["~ settings.gate.port: 8402 -> 1"]),
    (gate(), gate(proxy_protocol=True), ["~ settings.gate.proxy_protocol: false -> true"]),
    (
        gate(),
        gate(trusted_proxies=["10.0.0.0/8", "::1"]),
        ["~ settings.gate.trusted_proxies: nothing -> 10.0.0.0/8, ::1"],
    ),
    (
        gate(),
        Document(settings=Settings(gate=GateSettings(tls=TLS))),
        [
            "+ settings.gate.tls.certificate_file: c",
            "+ settings.gate.tls.key_file: k",
            "+ settings.gate.tls.client_ca_file: none",
        ],
    ),
    (Document(settings=Settings(gate=GateSettings(tls=TLS))), gate(), ["- settings.gate.tls"]),
    (
        Document(),
        Document(providers=(B,)),
        [
            "+ providers[b]",
            "+ providers[b].base_url: http://b",
            "+ providers[b].api_key",
            "+ providers[b].headers[x]: 1",
            "+ providers[b].headers[X-Key]",
        ],
    ),
    (Document(providers=(A, B)), Document(providers=(B,)), ["- providers[a]"]),
    (Document(providers=(A, B)), Document(providers=(B, A)), ["~ providers (order): changed"]),
    (
        *both(A, msgspec.structs.replace(A, api_key="${env:KEY}")),
        ["~ providers[a].api_key: changed"],
    ),
    (
        *both(B, msgspec.structs.replace(B, headers={"X-Key": "other", "y": SEALED})),
        [
            "~ providers[b].headers[X-Key]: changed",
            "+ providers[b].headers[y]",
            "- providers[b].headers[x]",
        ],
    ),
    (
        Document(models=(Model(name="m", provider="a"),)),
        Document(models=(Model(name="m", provider="b", aliases=("n",), upstream_model=""),)),
        [
            "~ models[m].aliases: nothing -> n",
            "~ models[m].provider: a -> b",
            "~ models[m].upstream_model: none -> ''",
        ],
    ),
    (
        Document(keys=(Key(name="k", secret="sha256:" + "1" * 64),)),
        Document(keys=(Key(name="k", secret="sha256:" + "2" * 64, revoked=True),)),
        ["~ keys[k].secret: changed", "~ keys[k].revoked: false -> true"],
    ),
]


@pytest.mark.parametrize(("old", "new", "lines"), CASES)
def test_lines(old: Document, new: Document, lines: list[str]) -> None:
    if new.keys or new.providers:
        assert lines
    assert [str(change) for change in difference(old, new)] == lines


@given(documents(), documents())
def test_nothing_is_missed(old: Document, new: Document) -> None:
    assert difference(old, old) == []
    assert bool(difference(old, new)) == (old != new)
    assert "sha256" not in "".join(map(str, difference(old, new)))
