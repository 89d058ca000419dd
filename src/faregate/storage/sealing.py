"""Documents as they are kept: whatever came by reference is sealed."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from faregate.configuration.document import Document
from faregate.configuration.problems import Path, place
from faregate.configuration.references import is_sealed, map_texts, plain
from faregate.storage.secrets import SecretBox

_NOTHING: Final[Mapping[str, tuple[str, str]]] = MappingProxyType({})


def seal_document(
    written: Document,
    clear: Document,
    box: SecretBox,
    kept: Mapping[str, tuple[str, str]] = _NOTHING,
) -> Document:
    """`written` with its references replaced by sealed values of `clear`.

    `kept` has, by place, values and how they are sealed already: what has not changed is not
    sealed again.
    """
    tree, values = plain(written), plain(clear)

    def seal(path: Path, text: str) -> str:
        if is_sealed(text):
            return text
        value, where = str(_at(values, path)), place(tree, path)
        known, sealed = kept.get(where, (None, ""))
        return sealed if known == value else box.seal(value, where)

    return map_texts(written, seal)


def open_document(sealed: Document, box: SecretBox) -> Document:
    """`sealed` in the clear; raises `StorageError` where it can't be."""
    tree = plain(sealed)

    def unseal(path: Path, text: str) -> str:
        return box.open(text, place(tree, path)) if is_sealed(text) else text

    return map_texts(sealed, unseal)


def referred(written: Document, *others: Document) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each text with a reference: place, text in `written` and `others`.

    Keys are passed over: they are kept as hashes.
    """
    tree, trees = plain(written), [plain(one) for one in others]
    found: list[tuple[Path, str]] = []

    def note(path: Path, text: str) -> str:
        found.append((path, text))
        return text

    map_texts(written, note)
    for path, text in found:
        if path[0] != "keys":
            yield place(tree, path), (text, *(str(_at(one, path)) for one in trees))


def _at(tree: Any, path: Path) -> Any:
    for step in path:
        tree = tree[step]
    return tree
