"""Credit of wallets: shown, given, refunded and corrected."""

import datetime as dt
from decimal import Decimal
from typing import Annotated, Final, Literal

import msgspec
from fastapi import Path
from msgspec import Meta

from faregate.control.context import Context
from faregate.control.moments import to_ns
from faregate.control.operations import Reply, Routes
from faregate.control.paging import Page, Paging
from faregate.control.resources.money import (
    WALLETS,
    Balance,
    GrantFacts,
    Moved,
    Verified,
    balance_of,
    grant_of,
    moved,
    nano,
    opened,
    reference_of,
    require_name,
    wallet_of,
)
from faregate.control.resources.sight import seen
from faregate.control.resources.steps import wrong
from faregate.core.money import format_amount
from faregate.ledger.bookkeeping import WalletState

routes = Routes("Credit")

GRANTS_MAX: Final = 10_000
_Name = Annotated[
    str, Path(min_length=1, max_length=300, description="The wallet; a slash is written as %2F.")
]
_CallId = Annotated[str, Path(min_length=1, max_length=64, description="The call's id.")]
_Reason = Annotated[str, Meta(max_length=1_000, description="Why, for the statement.")]
_Reference = Annotated[
    str, Meta(min_length=1, max_length=200, description="The payment; it is given once.")
]
_Amount = Annotated[Decimal, Meta(description="Dollars, above zero, as 12.50.")]


class GrantRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Credit to give."""

    amount: _Amount
    kind: Literal["paid", "promotional"] = "paid"
    reason: _Reason = ""
    expires_at: dt.datetime | None = None
    reference: _Reference | None = None


class RefundRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A sum to give back, of no single call."""

    amount: _Amount
    reason: _Reason = ""
    reference: _Reference | None = None


class CallRefundRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The charge of a call to give back; without an amount, all of it."""

    amount: _Amount | None = None
    reason: _Reason = ""


class AdjustmentRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A correction; below zero takes away at most what is free."""

    amount: Annotated[Decimal, Meta(description="Dollars with a sign, as -5.00.")]
    reason: Annotated[str, Meta(min_length=1, max_length=1_000)]


@routes.both("GET", "/v1/balances", "wallets.read", reply=Page[Balance])
def list_balances(context: Context, paging: Paging, team: str | None = None) -> Page[Balance]:
    """List what is in wallets just now."""
    index = context.management.index
    test = seen(context, WALLETS, index, None if context.team is not None else team)
    shown = index.of(WALLETS).page(paging, ("name", "team"), test, context.team or team or None)
    with opened(context) as books:
        states = {state.name: state for state in books.wallets(context.chosen_teams(team))}
    return Page(
        [
            balance_of(context, states.get(item.name, WalletState(item.name)))
            for item in shown.items
        ],
        shown.next_cursor,
    )


@routes.both("GET", "/v1/wallets/{name}/balance", "wallets.read", reply=Balance)
def get_wallet_balance(context: Context, name: _Name, team: str | None = None) -> Balance:
    """Show what is in a wallet just now."""
    whole = require_name(context, name, team)
    with opened(context) as books:
        return balance_of(context, books.wallet(whole, context.chosen_teams(team)))


@routes.both("GET", "/v1/wallets/{name}/grants", "wallets.read", reply=Page[GrantFacts])
def list_wallet_grants(
    context: Context, name: _Name, paging: Paging, team: str | None = None
) -> Page[GrantFacts]:
    """List the credit that a wallet was given, the newest first."""
    whole = require_name(context, name, team)
    with opened(context) as books:
        grants = [
            grant_of(one) for one in books.grants(whole, GRANTS_MAX, context.chosen_teams(team))
        ]
    return paging.page(
        grants,
        sortable=("granted_at", "expires_at", "kind", "reference"),
        default="-granted_at",
        unique="reference",
    )


@routes.both(
    "POST",
    "/v1/wallets/{name}/grants",
    "credit.write",
    reply=Moved,
    status=201,
    across=False,
    idempotent=True,
    errors=(409,),
    example={"amount": "50", "reason": "invoice 2041", "reference": "invoice-2041"},
)
def grant_wallet_credit(
    context: Context, name: _Name, body: GrantRequest, team: str | None = None
) -> Reply:
    """Give credit to a wallet; once for each reference."""
    wallet, amount = wallet_of(context, name, team), nano(body.amount)
    expires_ns = _coming(body.expires_at)
    reference = reference_of(context, body.reference)
    with opened(context) as books:
        entry, new = books.grant(
            wallet.name,
            amount,
            body.kind,
            str(context.actor),
            body.reason,
            expires_ns,
            reference,
            context.chosen_teams(team),
        )
        told = moved(context, books, entry, "wallets.grant", changed=new)
    return Reply(told, status=201 if new else 200)


@routes.both(
    "POST",
    "/v1/wallets/{name}/refunds",
    "credit.write",
    reply=Moved,
    status=201,
    across=False,
    idempotent=True,
    errors=(409,),
    example={"amount": "2.50", "reason": "an outage"},
)
def refund_wallet(
    context: Context, name: _Name, body: RefundRequest, team: str | None = None
) -> Reply:
    """Give a sum back to a wallet; once for each reference."""
    wallet, amount = wallet_of(context, name, team), nano(body.amount)
    reference = reference_of(context, body.reference)
    with opened(context) as books:
        entry, new = books.refund(
            wallet.name,
            amount,
            str(context.actor),
            body.reason,
            reference,
            context.chosen_teams(team),
        )
        told = moved(context, books, entry, "wallets.refund", changed=new)
    return Reply(told, status=201 if new else 200)


@routes.both(
    "POST",
    "/v1/wallets/{name}/adjustments",
    "credit.write",
    reply=Moved,
    status=201,
    across=False,
    idempotent=True,
    errors=(409,),
    example={"amount": "-5.00", "reason": "counted twice on invoice 2041"},
)
def adjust_wallet(
    context: Context, name: _Name, body: AdjustmentRequest, team: str | None = None
) -> Moved:
    """Correct a wallet's balance, downwards by at most what is free."""
    wallet, amount = wallet_of(context, name, team), nano(body.amount, signed=True)
    with opened(context) as books:
        entry = books.adjust(
            wallet.name, amount, str(context.actor), body.reason, context.chosen_teams(team)
        )
        return moved(context, books, entry, "wallets.adjust")


@routes.both(
    "POST",
    "/v1/calls/{call_id}/refund",
    "credit.write",
    reply=Moved,
    status=201,
    across=False,
    idempotent=True,
    errors=(409,),
    example={"reason": "wrong answer"},
)
def refund_call(
    context: Context, call_id: _CallId, body: CallRefundRequest, team: str | None = None
) -> Moved:
    """Give the charge of a call back, once, whole or in part."""
    amount = None if body.amount is None else nano(body.amount)
    teams = context.chosen_teams(team)
    with opened(context) as books:
        entry = books.refund_call(call_id, amount, str(context.actor), body.reason, teams)
        return moved(context, books, entry, "wallets.refund")


@routes.post("/v1/ledger/verification", "wallets.read", reply=Verified)
def verify_ledger(context: Context) -> Verified:
    """Add up the whole ledger, and say where it does not agree."""
    with opened(context) as books:
        found = books.verify()
    context.management.audit.record(
        context.actor, "ledger.verify", "ledger", detail=f"{len(found.discrepancies)} discrepancies"
    )
    return Verified(
        not found.discrepancies,
        list(found.discrepancies),
        found.wallets,
        found.transfers,
        format_amount(found.in_wallets_nano),
    )


def _coming(when: dt.datetime | None) -> int | None:
    """A moment of a body in nanoseconds. Raises `ProblemError`."""
    if when is not None and when.tzinfo is None:
        raise wrong("expires_at", "it has no time zone", "end it with Z for UTC")
    return to_ns(when, "expires_at")
