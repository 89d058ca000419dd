"""Documents as they are kept: whatever came by reference is sealed."""

import msgspec

from faregate.configuration.document import Document
from faregate.configuration.problems import Path, place
from faregate.configuration.references import is_sealed, map_texts, plain
from faregate.core.errors import StorageError
from faregate.storage.secrets import SecretBox


class StoredDocument(msgspec.Struct, frozen=True):
    """What a revision keeps.

    `written` is as a person wrote it, with references; keys as hashes. `sealed` is what the gate
    takes: references replaced by sealed values, no keys.
    """

    written: Document
    sealed: Document


def seal_document(written: Document, clear: Document, box: SecretBox) -> Document:
    """`written` with its references replaced by sealed values of `clear`."""
    tree, values = plain(written), plain(clear)

    def seal(path: Path, text: str) -> str:
        if is_sealed(text):
            return text
        value = values
        for step in path:
            value = value[step]  # type: ignore[index]
        return box.seal(str(value), place(tree, path))

    return map_texts(written, seal)


def open_document(sealed: Document, box: SecretBox) -> Document:
    """`sealed` in the clear; raises `StorageError` where it can't be."""
    tree = plain(sealed)

    def unseal(path: Path, text: str) -> str:
        return box.open(text, place(tree, path)) if is_sealed(text) else text

    return map_texts(sealed, unseal)


def decode_stored(text: str | bytes) -> StoredDocument:
    """A revision's document from its JSON."""
    try:
        return msgspec.json.decode(text, type=StoredDocument)
    except msgspec.DecodeError as error:
        raise StorageError(
            f"the stored configuration can't be read: {error}",
            fix="run the release of Faregate that stored it, or apply a faregate.yaml again",
        ) from error
