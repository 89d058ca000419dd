"""Commands on money know the wallets that there are."""

import pytest
from tests.cli.console import Console

from faregate.cli.ledger_session import opened_books, refuse_unknown
from faregate.core.errors import FaregateError
from faregate.core.money import NANO


def test_wallets_are_of_the_configuration_or_of_the_ledger(console: Console) -> None:
    console.good("wallets", "create", "shop")
    with opened_books() as session:
        session.require_declared("shop")
        session.books.grant("gone", NANO, "paid", "ada")
        session.require_known("gone")
        with pytest.raises(FaregateError, match="there is no wallet 'gone'"):
            session.require_declared("gone")
        with pytest.raises(FaregateError, match="did you mean 'gone'"):
            session.require_known("gon")


def test_nothing_is_near() -> None:
    with pytest.raises(FaregateError, match=r"there is no wallet 'x'$"):
        refuse_unknown("x", [])
