"""What is told of wallets: amounts as texts, payers by name."""

from faregate.cli.wallet_facts import entry_facts, given_lines, grant_facts, owners, wallet_facts
from faregate.configuration.commerce import Application, Team, Wallet
from faregate.configuration.document import Document
from faregate.core.money import NANO
from faregate.ledger.bookkeeping import Entry, FileGrant, GrantState, WalletState
from faregate.storage.ledger_grants import Given

DOCUMENT = Document(
    wallets=(Wallet(name="shop"),),
    teams=(Team(name="commerce", wallet="shop"),),
    applications=(Application(name="web", wallet="shop"), Application(name="other")),
)
ENTRY = Entry("grant:shop:r", "shop", "grant", NANO, NANO, 0, "ada", "grant first")


def test_a_wallet_names_who_it_pays_for() -> None:
    assert owners(DOCUMENT, "shop") == ["team commerce", "application web"]
    facts = wallet_facts(DOCUMENT, WalletState("shop", 3 * NANO, NANO, 2 * NANO))
    assert (facts["balance"], facts["drawn"], facts["available"]) == ("3.00", "1.00", "2.00")
    assert facts["declared"] is True
    assert wallet_facts(DOCUMENT, WalletState("gone"))["declared"] is False


def test_entries_and_grants_are_texts() -> None:
    assert entry_facts(ENTRY)["amount"] == "1.00"
    assert entry_facts(ENTRY)["call_id"] is None
    facts = grant_facts(GrantState("shop", "r", "paid", NANO, 1, None, 0))
    assert (facts["amount"], facts["remaining"]) == ("1.00", "0.000000001")


def test_what_the_file_gave_is_told() -> None:
    late = FileGrant("shop", "late", NANO, "paid", 1)
    assert given_lines(Given((ENTRY,), (late,))) == [
        "Gave 1.00 to shop (grant first).",
        "note: the grant late of shop has expired and is not given",
    ]
