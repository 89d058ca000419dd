"""Amounts, references and states of wallets as the API takes and shows them."""

import pytest
from tests.control.managed import holder
from tests.control.resources.asking import asking
from tests.control.resources.world import document

from faregate.control.management import Management
from faregate.control.problems import ProblemError
from faregate.control.resources.money import (
    balance_of,
    grant_of,
    line_of,
    moved,
    nano,
    opened,
    reference_of,
    require_name,
    spending_of,
    wallet_of,
)
from faregate.ledger.bookkeeping import GrantState, PurseState, WalletState
from faregate.ledger.purses import Unit
from faregate.ledger.statement import Line

NANO = 1_000_000_000


@pytest.mark.parametrize(
    ("text", "signed", "amount"),
    [("12.50", False, 12_500_000_000), ("-5", True, -5 * NANO), ("1E+2", True, 100 * NANO)],
)
def test_amounts(text: str, signed: bool, amount: int) -> None:
    assert nano(text, signed=signed) == amount


@pytest.mark.parametrize(
    "text", ["0", "-0", "-1", "NaN", "-NaN", "sNaN", "Infinity", "x", "", "1e400", "1e-10", "1e19"]
)
def test_amounts_that_are_none(text: str) -> None:
    for signed in (False, True):
        if text == "-1" and signed:
            continue
        with pytest.raises(ProblemError) as refused:
            nano(text, signed=signed)
        assert refused.value.problem.errors[0].field == "amount"


def test_a_reference_is_made_of_who_asked_and_the_key() -> None:
    assert reference_of(asking(), None) is None
    assert reference_of(asking(idempotency_key="a"), "given") == "given"
    made = reference_of(asking(idempotency_key="a"), None)
    assert made == reference_of(asking(idempotency_key="a"), None)
    others = (
        asking(idempotency_key="b"),
        asking(principal=holder("finance"), idempotency_key="a"),
    )
    assert made not in [reference_of(other, None) for other in others]


def test_wallets_of_a_path(management: Management) -> None:
    management.installation.revisions.apply(document(), "root", "first")
    assert wallet_of(asking(management, team="sales"), "main", None).name == "sales/main"
    assert wallet_of(asking(management), "main", "sales").name == "sales/main"
    with opened(asking(management)) as books:
        books.grant("removed", NANO, "paid", "ada")
        entry = books.grant("main", NANO, "paid", "ada")[0]
        told = moved(asking(management), books, entry, "wallets.grant")
    assert (told.wallet.balance, told.wallet.pays_for) == ("1.00", ["application portal"])
    assert management.audit.find(limit=1)[0].object == "wallets/main"
    assert require_name(asking(management), "removed", None) == "removed"
    for context in (
        asking(management, teams=frozenset({"sales"})),
        asking(management, team="sales"),
    ):
        for name in ("removed", "support/main"):
            with pytest.raises(ProblemError):
                require_name(context, name, None)
    with pytest.raises(ProblemError):
        require_name(asking(management), "never", None)


def test_a_team_is_told_of_its_own_payers(management: Management) -> None:
    management.installation.revisions.apply(document(), "root", "first")
    state = WalletState("sales/main", balance_nano=NANO, available_nano=NANO // 2)
    told = balance_of(asking(management, team="support"), state)
    assert (told.balance, told.available, told.pays_for) == ("1.00", "0.50", [])
    assert balance_of(asking(management, team="sales"), state).pays_for == ["team sales"]
    assert balance_of(asking(management), WalletState("gone")).declared is False


def test_facts() -> None:
    grant = grant_of(GrantState("main", "r", "paid", NANO, 0, None, 0, "ada", "why"))
    assert (grant.amount, grant.remaining, grant.expires_at) == ("1.00", "0.00", None)
    line = line_of(Line("x", 0, charged_nano=-NANO, calls=1, balance_nano=NANO))
    assert (line.amount, line.balance, line.author) == ("-1.00", "1.00", None)
    purse = PurseState("p", "budget", "b", "s", Unit.NANO, NANO, 0, 0, NANO, None, 3_600 * NANO)
    assert (spending_of(purse).max, spending_of(purse).rolling_s) == ("1.00", 3_600)
    tokens = PurseState("p", "limit", "b", "s", Unit.TOKENS, 5, 1, 1, 3, NANO, None)
    assert (spending_of(tokens).left, spending_of(tokens).unit) == (3, "tokens")
