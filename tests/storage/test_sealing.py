"""A kept document holds no secret in the clear, and opens to what was sealed."""

import msgspec
from hypothesis import given
from tests.configuration.documents import ENVIRONMENT, documents

from faregate.configuration.document import Document, Provider, ProviderKey
from faregate.configuration.references import expand
from faregate.storage.sealing import open_document, referred, seal_document
from faregate.storage.secrets import SecretBox

BOX = SecretBox(b"k" * 32)


@given(documents())
def test_round_trip(document: Document) -> None:
    clear, _ = expand(document, ENVIRONMENT)
    sealed = seal_document(document, clear, BOX)
    text = msgspec.json.encode(sealed)
    assert b"sk-hidden" not in text
    assert b"c.example" not in text
    assert b"${env" not in text
    assert open_document(msgspec.json.decode(text, type=Document), BOX) == clear


def test_what_has_not_changed_is_not_sealed_again() -> None:
    key = ProviderKey(name="a", secret="${env:A}")
    written = Document(providers=(Provider(name="p", api_key="${env:B}", keys=(key,)),))
    clear, _ = expand(written, {"A": "sk-hidden-a", "B": "sk-hidden-b"})
    first = seal_document(written, clear, BOX)
    kept = {where: (value, sealed) for where, (_, sealed, value) in referred(written, first, clear)}
    assert set(kept) == {"providers[p].api_key", "providers[p].keys[a].secret"}
    changed, _ = expand(written, {"A": "sk-hidden-a", "B": "sk-hidden-c"})
    second = seal_document(written, changed, BOX, kept)
    assert second.providers[0].keys == first.providers[0].keys
    assert second.providers[0].api_key != first.providers[0].api_key
    assert open_document(second, BOX) == changed
