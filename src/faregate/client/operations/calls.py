"""The management API: calls. Written by `make docs`."""

import datetime as dt
from typing import Any

import msgspec

from faregate.client.requests import Page, Request, asked, place

__all__ = [
    "Call",
    "CallCharge",
    "Decision",
    "Finding",
    "PurseUse",
    "get_call",
    "get_call_decision",
    "list_calls",
]


class PurseUse(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a call used of a purse: dollars as a string, else a number."""

    purse: str
    used: str | int


class CallCharge(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a call moved, in decimal strings."""

    amount: str
    cost: str | None
    shortfall: str
    currency: str
    basis: str
    wallet: str | None
    purses: list[PurseUse]


class Call(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One call; `state` is open until its end is known."""

    call_id: str
    state: str
    started_at: str
    team: str | None
    application: str | None
    key_id: str
    key_name: str
    customer: str | None
    run: str | None
    method: str
    path: str
    model_asked: str
    model_served: str | None
    provider: str | None
    streamed: bool
    outcome: str | None
    status: int | None
    refusal: str | None
    detail: str | None
    first_byte_us: int | None
    total_us: int | None
    request_bytes: int
    reply_bytes: int
    usage: dict[str, int | None] | None
    charge: CallCharge | None
    attempts: list[dict[str, Any]]
    client_address: str
    user_agent: str
    revision: int
    worker: str
    request_body: str | None
    reply_body: str | None


class Finding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one step decided, with its numbers."""

    phase: str
    policy: str
    verdict: str
    detail: str
    numbers: dict[str, Any]


class Decision(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why a call went as it did.

    Why a call went as it did; `kept` is false where only its end is known.
    """

    call_id: str
    outcome: str | None
    status: int | None
    refusal: str | None
    side: str | None
    detail: str | None
    kept: bool
    findings: list[Finding]


def get_call(call_id: str, *, team: str | None = None) -> Request[Call]:
    """Show one call."""
    return Request("GET", place("/v1/calls/{call_id}", call_id=call_id, team=team), Call)


def get_call_decision(call_id: str, *, team: str | None = None) -> Request[Decision]:
    """Show what every step decided of a call, and why."""
    return Request(
        "GET", place("/v1/calls/{call_id}/decision", call_id=call_id, team=team), Decision
    )


def list_calls(
    *,
    team: str | None = None,
    key: str | None = None,
    application: str | None = None,
    model: str | None = None,
    customer: str | None = None,
    run: str | None = None,
    refused: bool | None = None,
    status: str | None = None,
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
    limit: int | None = None,
    cursor: str | None = None,
    sort: str | None = None,
) -> Request[Page[Call]]:
    """List calls, the newest first."""
    return Request(
        "GET",
        place("/v1/calls", team=team),
        Page[Call],
        query=asked(
            key=key,
            application=application,
            model=model,
            customer=customer,
            run=run,
            refused=refused,
            status=status,
            since=since,
            until=until,
            limit=limit,
            cursor=cursor,
            sort=sort,
        ),
    )
