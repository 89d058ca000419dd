"""The audit: everything is added up again, and what differs is told.

Each check is one query whose rows are discrepancies; a ledger that is right gives none.
"""

from collections.abc import Iterator
from typing import Final

from faregate.core.money import format_amount
from faregate.ledger.bookkeeping import Verification
from faregate.storage.ledger_connection import Session

DISCREPANCIES_MAX: Final = 100  # that are told

_ACCOUNTS: Final = """
    SELECT account, MAX(balance), SUM(moved) FROM (
        SELECT account, balance_nano AS balance, 0 AS moved FROM accounts
        UNION ALL SELECT credit, NULL, SUM(amount_nano) FROM transfers GROUP BY credit
        UNION ALL SELECT debit, NULL, -SUM(amount_nano) FROM transfers GROUP BY debit
    ) sums GROUP BY account
    HAVING COALESCE(MAX(balance), 0) <> SUM(moved) ORDER BY account"""
_NEGATIVE: Final = (
    "SELECT account, balance_nano FROM accounts "
    "WHERE SUBSTR(account, 1, 7) = 'wallet:' AND balance_nano < 0 ORDER BY account"
)
_GRANTS: Final = """
    SELECT account, SUM(balance), SUM(remaining) FROM (
        SELECT account, balance_nano AS balance, 0 AS remaining FROM accounts
        WHERE SUBSTR(account, 1, 7) = 'wallet:'
        UNION ALL SELECT 'wallet:' || wallet, 0, remaining_nano FROM grants
    ) sums GROUP BY account HAVING SUM(balance) <> SUM(remaining) ORDER BY account"""
_DRAWN: Final = """
    SELECT purse_id, SUM(drawn), SUM(draws) FROM (
        SELECT purse_id, drawn, 0 AS draws FROM purses
        UNION ALL SELECT purse_id, 0, amount FROM draws
    ) sums GROUP BY purse_id HAVING SUM(drawn) <> SUM(draws) ORDER BY purse_id"""
_OVERDRAWN: Final = """
    SELECT p.purse_id, p.drawn, COALESCE(a.balance_nano, 0) FROM purses p
    LEFT JOIN accounts a ON a.account = p.purse_id
    WHERE p.kind = 'wallet' AND p.drawn > COALESCE(a.balance_nano, 0) ORDER BY p.purse_id"""
# The balance that each transfer left is the one before it and what it moved.
_CHAIN: Final = """
    SELECT transfer_id, account, balance, previous + moved FROM (
        SELECT seq, transfer_id, account, balance, moved, COALESCE(LAG(balance) OVER (
            PARTITION BY account ORDER BY seq
        ), 0) AS previous FROM (
            SELECT seq, transfer_id, debit AS account, balance_nano AS balance,
                -amount_nano AS moved FROM transfers
                WHERE SUBSTR(debit, 1, 7) = 'wallet:'
            UNION ALL
            SELECT seq, transfer_id, credit, balance_nano, amount_nano FROM transfers
                WHERE SUBSTR(credit, 1, 7) = 'wallet:'
        ) entries
    ) chain WHERE balance IS NULL OR balance <> previous + moved ORDER BY seq"""
_REFUNDS: Final = """
    SELECT r.transfer_id, r.amount_nano, COALESCE(c.amount_nano, 0) FROM transfers r
    LEFT JOIN transfers c ON c.transfer_id = REPLACE(r.transfer_id, '+refund', '')
    WHERE r.kind = 'refund' AND r.called_ns IS NOT NULL
    AND r.amount_nano > COALESCE(c.amount_nano, 0) ORDER BY r.seq"""


def verify(session: Session) -> Verification:
    """Check the whole ledger; reads every transfer."""
    found = list(_discrepancies(session))
    told = found[:DISCREPANCIES_MAX]
    if len(found) > len(told):
        told.append(f"and {len(found) - len(told)} more")
    wallets, in_wallets = session.rows(
        "SELECT COUNT(*), COALESCE(SUM(balance_nano), 0) FROM accounts "
        "WHERE SUBSTR(account, 1, 7) = 'wallet:'"
    )[0]
    transfers = session.rows("SELECT COUNT(*) FROM transfers")[0][0]
    return Verification(tuple(told), int(wallets), int(transfers), int(in_wallets))


def _discrepancies(session: Session) -> Iterator[str]:
    total = int(session.rows("SELECT COALESCE(SUM(balance_nano), 0) FROM accounts")[0][0])
    if total:
        yield f"all accounts together are {format_amount(total)}, not 0.00"
    for account, balance, moved in session.rows(_ACCOUNTS):
        yield (
            f"{account} has {_money(balance)}; its transfers add up to {_money(moved)}"
        )  # fmt: skip
    for account, balance in session.rows(_NEGATIVE):
        yield f"{account} is below zero: {_money(balance)}"
    for account, balance, remaining in session.rows(_GRANTS):
        yield f"{account} has {_money(balance)}; of its grants {_money(remaining)} is left"
    for purse_id, drawn, draws in session.rows(_DRAWN):
        yield f"{purse_id} has {int(drawn)} drawn; its workers' draws add up to {int(draws)}"
    for purse_id, drawn, balance in session.rows(_OVERDRAWN):
        yield f"{purse_id} has {_money(balance)}; {_money(drawn)} of it is drawn"
    for transfer_id, account, balance, expected in session.rows(_CHAIN):
        yield (
            f"{transfer_id} says that {account} has {_money(balance)} after it; "
            f"it is {_money(expected)}"
        )
    for transfer_id, amount, charged in session.rows(_REFUNDS):
        yield f"{transfer_id} gave {_money(amount)} back of {_money(charged)}"


def _money(nano: int | None) -> str:
    return "nothing" if nano is None else format_amount(int(nano))
