"""A kept document holds no secret in the clear, and opens to what was sealed."""

import msgspec
import pytest
from hypothesis import given
from tests.configuration.documents import ENVIRONMENT, documents

from faregate.configuration.document import Document
from faregate.configuration.references import expand
from faregate.core.errors import StorageError
from faregate.storage.sealing import decode_stored, open_document, seal_document
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


def test_unreadable() -> None:
    with pytest.raises(StorageError, match="can't be read"):
        decode_stored('{"written": {"unknown": 1}, "sealed": {}}')
