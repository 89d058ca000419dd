"""Every part of a document is an item, and is read as it was kept."""

import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given
from tests.configuration.documents import documents

from faregate.configuration.commerce import Application, Price
from faregate.configuration.document import Document, Key, Provider
from faregate.configuration.problems import label
from faregate.configuration.references import plain
from faregate.configuration.settings import GateSettings, Settings
from faregate.core.errors import StorageError
from faregate.storage import revisions_items
from faregate.storage.revisions_items import (
    LISTS,
    SINGLES,
    alone,
    assembled,
    decoded,
    encoded,
    name_of,
    of,
    team_of,
    where,
)

LATER = dt.datetime(2027, 1, 1, tzinfo=dt.UTC)


def test_every_field_of_a_document_is_a_kind() -> None:
    assert {*LISTS, *SINGLES} == set(Document.__struct_fields__)
    assert "settings" in SINGLES
    for kind, of_items in LISTS.items():
        assert {"name", "model"} & set(of_items.__struct_fields__), kind


@given(documents())
def test_items_are_a_document_again(document: Document) -> None:
    values = {
        kind: decoded(kind, map(encoded, revisions_items.given(document, kind)))
        for kind in Document.__struct_fields__
    }
    assert assembled(values) == document
    for kind in LISTS:
        tree = plain(document)[kind]
        assert [name_of(item) for item in revisions_items.given(document, kind)] == list(
            map(label, tree)
        )


def test_names() -> None:
    price = Price(model="m", input=Decimal(1), output=Decimal(1))
    later = Price(model="m", input=Decimal(1), output=Decimal(1), from_time=LATER)
    assert (name_of(price), name_of(later)) == ("m", "m from 2027-01-01T00:00:00Z")
    assert where("prices", "m") == "prices[m]"
    assert where("settings", "") == "settings"


def test_owners() -> None:
    assert team_of("applications", Application(name="sales/shop", team="sales")) == "sales"
    assert team_of("applications", Application(name="shop")) is None
    key = Key(name="sales/app", secret=f"sha256:{0:064x}")
    assert team_of("keys", key) == "sales"
    assert team_of("settings", Settings()) is None


def test_an_item_alone_is_where_it_is_in_the_whole() -> None:
    provider = Provider(name="p", api_key="${env:KEY}")
    assert of("providers", alone("providers", provider)) == provider
    settings = Settings(gate=GateSettings(workers=3))
    assert alone("settings", settings) == Document(settings=settings)


@pytest.mark.parametrize(("kind", "text"), [("models", '{"x": 1}'), ("things", "{}")])
def test_what_is_not_known_is_told(kind: str, text: str) -> None:
    with pytest.raises(StorageError, match=f"can't be read: {kind}"):
        decoded(kind, [text])
