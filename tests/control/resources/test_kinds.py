"""The table of kinds has every list of the configuration, and examples that are of the kind."""

import msgspec
import pytest
from tests.control.resources.world import document

from faregate.configuration.document import Document
from faregate.configuration.tenancy import OWNED_PARTS
from faregate.control.resources.kinds import KINDS, Kind, name_of, team_of
from faregate.identity.permissions import PERMISSIONS

NO_KINDS = {"version", "settings", "callers", "keys", "catalogue"}


def test_every_list_of_the_configuration_is_a_kind() -> None:
    assert set(KINDS) | NO_KINDS == set(Document.__struct_fields__)
    assert {kind.field for kind in KINDS.values() if kind.is_owned} == set(OWNED_PARTS)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_kind(kind: Kind) -> None:
    item = msgspec.convert(dict(kind.example), kind.type)
    assert name_of(item)
    assert {kind.read, kind.write} <= set(PERMISSIONS)
    fields = {field.name for field in msgspec.structs.fields(kind.type)}
    assert {*kind.filters, *kind.sortable} - {"name"} <= fields
    assert kind.noun in kind.plural
    assert "_" not in kind.path
    assert kind.items(document()) == getattr(document(), kind.field)


def test_names_and_owners() -> None:
    made = document()
    assert name_of(made.prices[0]) == "gpt-5"
    later = msgspec.convert(
        {"model": "m", "from_time": "2030-01-01T00:00:00Z"}, KINDS["prices"].type
    )
    assert name_of(later) == "m from 2030-01-01T00:00:00Z"
    assert [team_of(one) for one in made.wallets] == [None, "sales", "support"]
    assert team_of(made.plans[0]) is None
