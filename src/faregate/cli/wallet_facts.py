"""Wallets, grants and entries as commands print them.

Amounts are decimal strings.
"""

from typing import TYPE_CHECKING, Any

from faregate.cli.output import moment
from faregate.configuration.document import Document
from faregate.core.money import format_amount
from faregate.ledger.bookkeeping import Entry, GrantState, WalletState

if TYPE_CHECKING:
    from faregate.cli.ports import Given


def wallet_facts(document: Document, state: WalletState) -> dict[str, Any]:
    """A wallet for a program.

    `declared` says whether the configuration has it.
    """
    return {
        "wallet": state.name,
        "balance": format_amount(state.balance_nano),
        "available": format_amount(state.available_nano),
        "drawn": format_amount(state.drawn_nano),
        "promotional": format_amount(state.promotional_nano),
        "promotional_expires_at": moment(state.promotional_expires_ns),
        "expires_next": format_amount(state.expires_next_nano),
        "expires_next_at": moment(state.expires_next_ns),
        "pays_for": owners(document, state.name),
        "declared": any(wallet.name == state.name for wallet in document.wallets),
    }


def owners(document: Document, wallet: str) -> list[str]:
    """Whose calls a wallet pays for, as `team commerce`."""
    return [
        *(f"team {team.name}" for team in document.teams if team.wallet == wallet),
        *(f"application {one.name}" for one in document.applications if one.wallet == wallet),
    ]


def grant_facts(grant: GrantState) -> dict[str, Any]:
    """A grant for a program."""
    return {
        "granted_at": moment(grant.granted_ns),
        "kind": grant.kind,
        "amount": format_amount(grant.amount_nano),
        "remaining": format_amount(grant.remaining_nano),
        "expires_at": moment(grant.expires_ns),
        "reference": grant.reference,
        "author": grant.author,
        "reason": grant.reason,
    }


def entry_facts(entry: Entry) -> dict[str, Any]:
    """An entry of a wallet for a program."""
    return {
        "entry": entry.entry_id,
        "wallet": entry.wallet,
        "at": moment(entry.at_ns),
        "movement": entry.movement,
        "amount": format_amount(entry.amount_nano),
        "call_id": entry.call_id or None,
        "author": entry.author,
        "reason": entry.reason,
    }


def given_lines(given: "Given") -> list[str]:
    """What the configuration gave wallets just now, for a person."""
    lines = [
        f"Gave {format_amount(one.amount_nano)} to {one.wallet} ({one.reason})."
        for one in given.entries
    ]
    lines += [
        f"note: the grant {one.name} of {one.wallet} has expired and is not given"
        for one in given.expired
    ]
    return lines
