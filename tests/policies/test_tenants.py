"""A call is of its key's application's team, and sees what that team may name."""

import pytest

from faregate.catalogue.models import Catalogue, Offer
from faregate.configuration.commerce import Application
from faregate.identity.keys import KeyRecord
from faregate.policies.tenants import Tenants, team_of

APPLICATIONS = {
    "sales/shop": Application(name="sales/shop", team="sales"),
    "till": Application(name="till", team="sales"),
    "tools": Application(name="tools"),
}
OWN = Offer("sales/own", "sales/account", "own", "sales")
TENANTS = Tenants(Catalogue([(OWN, ())]), APPLICATIONS)


def a_key(application: str | None, team: str | None = None) -> KeyRecord:
    return KeyRecord("id", "key", "fg_", b"h", None, 0, None, None, application, team)


@pytest.mark.parametrize(
    ("application", "team", "found"),
    [
        ("sales/shop", "sales", "sales"),
        ("till", None, "sales"),
        ("till", "support", "sales"),  # it was moved; the document counts
        ("tools", None, ""),
        ("tools", "sales", ""),
        ("gone", "sales", "sales"),
        (None, "sales", "sales"),
        (None, None, ""),
    ],
)
def test_whose_a_call_is(application: str | None, team: str | None, found: str) -> None:
    assert team_of(a_key(application, team), APPLICATIONS) == found


def test_what_is_there_for_it() -> None:
    assert TENANTS.scope(a_key("till")).find("own") is OWN
    assert TENANTS.scope(a_key("tools")).find("sales/own") is None
    assert TENANTS.scope(None).names(None) == []
