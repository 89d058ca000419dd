"""A sealed secret opens with its key at its place, and nowhere else; nothing shows it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faregate.core.errors import StorageError
from faregate.storage.secrets import SecretBox

BOX = SecretBox(b"k" * 32)
PLACE = "providers[openai].api_key"


@given(st.text(), st.text(min_size=1))
def test_round_trip(secret: str, place: str) -> None:
    sealed = BOX.seal(secret, place)
    assert sealed.startswith("${sealed:v1:")
    assert sealed.endswith("}")
    assert BOX.open(sealed, place) == secret


def test_twice_the_same_secret_looks_different() -> None:
    assert BOX.seal("s", PLACE) != BOX.seal("s", PLACE)


def test_another_master_key() -> None:
    with pytest.raises(StorageError, match="another master key"):
        SecretBox(b"x" * 32).open(BOX.seal("hidden", PLACE), PLACE)


def test_another_place() -> None:
    with pytest.raises(StorageError, match="another place"):
        BOX.open(BOX.seal("hidden", PLACE), "providers[other].api_key")


def test_changed_text() -> None:
    sealed = BOX.seal("hidden", PLACE)
    for position in range(len("${sealed:v1:"), len(sealed) - 2):
        other = "A" if sealed[position] != "A" else "B"
        with pytest.raises(StorageError):
            BOX.open(sealed[:position] + other + sealed[position + 1 :], PLACE)


@pytest.mark.parametrize("text", ["", "hidden", "${sealed:v1:}", "${sealed:v1:AAAA}", "${sealed:"])
def test_not_sealed(text: str) -> None:
    with pytest.raises(StorageError, match="not complete"):
        BOX.open(text, PLACE)


def test_nothing_shows_the_key() -> None:
    assert "kkkk" not in repr(BOX)
    assert (b"k" * 32).hex() not in repr(BOX)
