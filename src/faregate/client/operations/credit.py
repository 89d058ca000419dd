"""The management API: credit. Written by `make docs`."""

from decimal import Decimal
from typing import Literal

import msgspec

from faregate.client.operations.shapes import GrantedEntry
from faregate.client.requests import Page, Request, asked, place

__all__ = [
    "AdjustmentRequest",
    "Balance",
    "CallRefundRequest",
    "GrantFacts",
    "GrantRequest",
    "Moved",
    "RefundRequest",
    "Verified",
    "adjust_wallet",
    "get_wallet_balance",
    "grant_wallet_credit",
    "list_balances",
    "list_wallet_grants",
    "refund_call",
    "refund_wallet",
    "verify_ledger",
]


class AdjustmentRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A correction; below zero takes away at most what is free."""

    amount: Decimal
    reason: str


class Balance(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is in a wallet just now.

    `available` is without what calls in flight hold.
    """

    name: str
    team: str | None
    balance: str
    available: str
    drawn: str
    promotional: str
    promotional_expires_at: str | None
    expires_next: str
    expires_next_at: str | None
    pays_for: list[str]
    declared: bool


class CallRefundRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The charge of a call to give back; without an amount, all of it."""

    amount: Decimal | None = None
    reason: str = ""


class GrantFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Credit that a wallet was given, and what is left of it."""

    reference: str
    granted_at: str
    kind: str
    amount: str
    remaining: str
    expires_at: str | None
    author: str
    reason: str


class GrantRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Credit to give."""

    amount: Decimal
    kind: Literal["paid", "promotional"] = "paid"
    reason: str = ""
    expires_at: str | None = None
    reference: str | None = None


class Moved(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was moved.

    What was moved, and what is in the wallet now. `changed` is false where it had been moved
    before.
    """

    entry: GrantedEntry
    changed: bool
    wallet: Balance


class RefundRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A sum to give back, of no single call."""

    amount: Decimal
    reason: str = ""
    reference: str | None = None


class Verified(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whether everything in the ledger adds up, and where it doesn't."""

    ok: bool
    discrepancies: list[str]
    wallets: int
    transfers: int
    in_wallets: str


def adjust_wallet(name: str, body: AdjustmentRequest, *, team: str | None = None) -> Request[Moved]:
    """Correct a wallet's balance, downwards by at most what is free."""
    return Request(
        "POST",
        place("/v1/wallets/{name}/adjustments", name=name, team=team),
        Moved,
        body=body,
        repeatable=True,
    )


def get_wallet_balance(name: str, *, team: str | None = None) -> Request[Balance]:
    """Show what is in a wallet just now."""
    return Request("GET", place("/v1/wallets/{name}/balance", name=name, team=team), Balance)


def grant_wallet_credit(
    name: str, body: GrantRequest, *, team: str | None = None
) -> Request[Moved]:
    """Give credit to a wallet; once for each reference."""
    return Request(
        "POST",
        place("/v1/wallets/{name}/grants", name=name, team=team),
        Moved,
        body=body,
        repeatable=True,
    )


def list_balances(
    *,
    team: str | None = None,
    limit: int | None = None,
    cursor: str | None = None,
    sort: str | None = None,
) -> Request[Page[Balance]]:
    """List what is in wallets just now."""
    return Request(
        "GET",
        place("/v1/balances", team=team),
        Page[Balance],
        query=asked(limit=limit, cursor=cursor, sort=sort),
    )


def list_wallet_grants(
    name: str,
    *,
    team: str | None = None,
    limit: int | None = None,
    cursor: str | None = None,
    sort: str | None = None,
) -> Request[Page[GrantFacts]]:
    """List the credit that a wallet was given, the newest first."""
    return Request(
        "GET",
        place("/v1/wallets/{name}/grants", name=name, team=team),
        Page[GrantFacts],
        query=asked(limit=limit, cursor=cursor, sort=sort),
    )


def refund_call(
    call_id: str, body: CallRefundRequest, *, team: str | None = None
) -> Request[Moved]:
    """Give the charge of a call back, once, whole or in part."""
    return Request(
        "POST",
        place("/v1/calls/{call_id}/refund", call_id=call_id, team=team),
        Moved,
        body=body,
        repeatable=True,
    )


def refund_wallet(name: str, body: RefundRequest, *, team: str | None = None) -> Request[Moved]:
    """Give a sum back to a wallet; once for each reference."""
    return Request(
        "POST",
        place("/v1/wallets/{name}/refunds", name=name, team=team),
        Moved,
        body=body,
        repeatable=True,
    )


def verify_ledger() -> Request[Verified]:
    """Add up the whole ledger, and say where it does not agree."""
    return Request("POST", place("/v1/ledger/verification"), Verified)
