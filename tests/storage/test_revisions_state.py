"""A state is never changed: a change makes another."""

import msgspec
import pytest
from tests.storage.revisions_world import BOX, DOCUMENT, M, P

from faregate.configuration.document import Model, Provider
from faregate.core.errors import StorageError
from faregate.storage.revisions_items import Row, encoded
from faregate.storage.revisions_state import NOTHING, Entry, ItemChange, State, state_of
from faregate.storage.secrets import SecretBox


def sealed_provider() -> str:
    sealed = BOX.seal("sk-hidden-1", "providers[p].api_key")
    return encoded(msgspec.structs.replace(P, api_key=sealed))


@pytest.fixture
def state() -> State:
    rows = [
        (Row("models", "m", 5, encoded(M), None), 3),
        (Row("providers", "p", 1, encoded(P), sealed_provider()), 2),
    ]
    return state_of(3, rows)


def test_what_is_kept(state: State) -> None:
    assert state.written == DOCUMENT
    assert (state.version("models", "m"), state.version("models", "x")) == (3, 0)
    assert state.clear(BOX).providers[0].api_key == "sk-hidden-1"
    assert state.values("models", BOX) is state.written.models
    assert NOTHING.clear(BOX) == NOTHING.written


def test_a_change_makes_another(state: State) -> None:
    new = Model(name="a", provider="p")
    before = state.find("models", "m")
    changes = [
        ItemChange("models", "a", None, Entry(1, 4, new, None)),
        ItemChange("models", "m", before, None),
    ]
    after = state.changed(4, changes)
    assert (after.number, after.written.models) == (4, (new,))
    assert after.written.providers is state.written.providers
    assert state.written.models == (M,)
    assert after.find("models", "m") is None


def test_another_master_key(state: State) -> None:
    other = SecretBox(b"x" * 32)
    with pytest.raises(StorageError, match="another master key"):
        state.clear(other)
    found: Provider = state.part(("providers",), other).providers[0]
    assert (found.api_key or "").startswith("${sealed:")
    assert state.part(("models",), other).models == (M,)


def test_what_is_sealed_alike_is_not_opened_again(state: State) -> None:
    first = state.clear(BOX)
    kept = state.find("providers", "p")
    assert kept is not None
    again = state_of(4, [(Row("providers", "p", 1, encoded(P), kept.sealed), 2)], state)
    # Another key can't open it: it was taken from the state before.
    assert again.clear(SecretBox(b"x" * 32)).providers == first.providers
