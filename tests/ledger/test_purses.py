"""Units are places in what a call needs; a wallet's purse is its account."""

from faregate.ledger.purses import Need, Unit, wallet_purse_id, wallet_spec


def test_units_are_the_places_of_a_need():
    need: Need = (1, 2, 3, 4, 5)
    assert [need[unit] for unit in Unit] == [1, 2, 3, 4, 5]
    assert Unit.NANO == 0


def test_the_purse_of_a_wallet():
    assert wallet_purse_id("acme") == "wallet:acme"
    assert wallet_spec("acme").purse_id == "wallet:acme"
    assert wallet_spec("acme").cap is None
