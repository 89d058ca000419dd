"""A state and its changes are values that nobody can change in between."""

import pytest

from faregate.configuration.document import Document
from faregate.configuration.state import Changes, ConfigurationState
from faregate.gate import ports


@pytest.mark.parametrize(
    ("value", "field"),
    [
        (ConfigurationState(revision=1, document=Document()), "revision"),
        (Changes(cursor=2, revision=None, key_hashes=()), "cursor"),
    ],
)
def test_values_are_frozen(value: object, field: str):
    with pytest.raises(AttributeError):
        setattr(value, field, 3)


def test_the_gates_port_speaks_in_them():
    assert (ports.ConfigurationState, ports.Changes) == (ConfigurationState, Changes)
