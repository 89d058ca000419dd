"""What changed is told as a person would, and never a secret."""

import msgspec
import pytest
from tests.storage.revisions_world import BOX, DOCUMENT, M, P

from faregate.configuration.document import Document, Model
from faregate.configuration.references import expand
from faregate.storage.revisions_items import encoded
from faregate.storage.revisions_rows import Past
from faregate.storage.revisions_state import Entry, ItemChange
from faregate.storage.revisions_telling import moved, order_differs, revived, tell
from faregate.storage.sealing import seal_document
from faregate.storage.secrets import SecretBox


def kept(value: str, position: int = 1) -> Entry:
    """The provider p with this key."""
    document = Document(providers=(P,))
    clear, _ = expand(document, {"KEY": value})
    sealed = seal_document(document, clear, BOX).providers[0]
    return Entry(position, 1, P, encoded(sealed))


def test_kinds_come_in_the_order_of_a_document() -> None:
    changes = [
        ItemChange("models", "m", None, Entry(1, 1, M, None)),
        ItemChange("providers", "p", None, kept("sk-hidden-1")),
    ]
    lines = [str(line) for line in tell(changes, BOX, {"models"})]
    assert lines == [
        "+ providers[p]",
        "+ providers[p].base_url: http://h/v1",
        "+ providers[p].api_key",
        "+ models[m]",
        "+ models[m].provider: p",
        "~ models (order): changed",
    ]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [("sk-1", "sk-2", ["~ providers[p].api_key (value): changed"]), ("sk-1", "sk-1", [])],
)
def test_values_alone(before: str, after: str, told: list[str]) -> None:
    change = ItemChange("providers", "p", kept(before), kept(after))
    assert [str(line) for line in tell([change], BOX)] == told


def test_what_another_key_sealed_may_be_another_value() -> None:
    change = ItemChange("providers", "p", kept("sk-1"), kept("sk-1"))
    told = tell([change], SecretBox(b"x" * 32))
    assert [line.place for line in told] == ["providers[p].api_key (value)"]


def test_kept_changes_come_back() -> None:
    renamed = msgspec.structs.replace(M, upstream_model="u")
    past = [
        ("models", "m", Past(5, encoded(M), None), Past(9, encoded(renamed), None)),
        ("models", "n", None, Past(7, encoded(Model(name="n", provider="p")), None)),
        ("providers", "p", Past(1, encoded(P), None), None),
    ]
    changes = revived(past)
    assert moved(changes) == {"models"}
    assert changes[1].before is None
    assert [str(line) for line in tell(changes, BOX)] == [
        "- providers[p]",
        "+ models[n]",
        "+ models[n].provider: p",
        "~ models[m].upstream_model: none -> u",
    ]
    assert DOCUMENT.models == (M,)


def test_order() -> None:
    one = [("models", name) for name in "abc"]
    assert not order_differs(one, one[1:])
    assert not order_differs(one, [*one[:1], ("models", "x"), *one[1:]])
    assert order_differs(one, one[::-1])
