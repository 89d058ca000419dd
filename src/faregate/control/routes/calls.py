"""Calls as they were recorded, and what was decided of them."""

import contextlib
import datetime as dt
from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
from fastapi import Path, Query

from faregate.calllog.facts import call_facts, finding_facts
from faregate.calllog.frames import CallRecord
from faregate.calllog.query import CallFilter, parse_status
from faregate.control.context import Context
from faregate.control.moments import moment, to_ns
from faregate.control.operations import Routes
from faregate.control.paging import Page, Paging, encode_cursor, invalid_query
from faregate.control.problems import missing
from faregate.core.errors import FaregateError
from faregate.core.refusals import KINDS
from faregate.storage.call_log import CallLog

routes = Routes("Calls")

CallId = Annotated[str, Path(max_length=64, description="As in the header Faregate-Call-Id.")]


class PurseUse(msgspec.Struct, frozen=True):
    """What a call used of a purse: dollars as a string, else a number."""

    purse: str
    used: str | int


class CallCharge(msgspec.Struct, frozen=True):
    """What a call moved, in decimal strings."""

    amount: str
    cost: str | None
    shortfall: str
    currency: str
    basis: str
    wallet: str | None
    purses: list[PurseUse]


class Call(msgspec.Struct, frozen=True, kw_only=True):
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


class Finding(msgspec.Struct, frozen=True):
    """What one step decided, with its numbers."""

    phase: str
    policy: str
    verdict: str
    detail: str
    numbers: dict[str, Any]


class Decision(msgspec.Struct, frozen=True):
    """Why a call went as it did; `kept` is false where only its end is known."""

    call_id: str
    outcome: str | None
    status: int | None
    refusal: str | None
    side: str | None
    detail: str | None
    kept: bool
    findings: list[Finding]


@routes.both("GET", "/v1/calls", "calls.read", reply=Page[Call])
def list_calls(
    context: Context,
    paging: Paging,
    team: str | None = None,
    key: Annotated[str | None, Query(description="A key's name or id.")] = None,
    application: str | None = None,
    model: Annotated[str | None, Query(description="As asked for or as served.")] = None,
    customer: str | None = None,
    run: str | None = None,
    refused: Annotated[bool, Query(description="Refused calls alone.")] = False,
    status: Annotated[str | None, Query(description="429, or a class: 5xx.")] = None,
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
) -> Page[Call]:
    """List calls, the newest first."""
    if paging.sort not in (None, "-started_at"):
        raise invalid_query("sort", "calls come the newest first", ("-started_at",))
    low, high = _statuses(status)
    chosen = CallFilter(
        key=key,
        model=model,
        application=application,
        customer=customer,
        run=run,
        refused=refused,
        status_low=low,
        status_high=high,
        teams=context.chosen_teams(team),
        since_ns=to_ns(since, "since"),
        until_ns=to_ns(until, "until"),
    )
    with opened(context) as log:
        records = log.page(paging.limit + 1, chosen, _before(paging))
    shown = records[: paging.limit]
    if len(records) <= paging.limit:
        return Page(list(map(told, shown)), None)
    last = shown[-1]
    return Page(list(map(told, shown)), encode_cursor([last.started_ns, last.call_id]))


@routes.both("GET", "/v1/calls/{call_id}", "calls.read", reply=Call)
def get_call(context: Context, call_id: CallId, team: str | None = None) -> Call:
    """Show one call."""
    return told(_found(context, call_id, team))


@routes.both("GET", "/v1/calls/{call_id}/decision", "calls.read", reply=Decision)
def get_call_decision(context: Context, call_id: CallId, team: str | None = None) -> Decision:
    """Show what every step decided of a call, and why."""
    record = _found(context, call_id, team)
    kind = KINDS.get(record.refusal or "")
    return Decision(
        record.call_id,
        record.outcome,
        record.status,
        record.refusal,
        kind.side if kind is not None else None,
        record.detail,
        record.decision is not None,
        [msgspec.convert(finding_facts(one), Finding) for one in record.decision or ()],
    )


def told(record: CallRecord) -> Call:
    """A record as the API shows it."""
    facts = call_facts(record)
    return Call(
        call_id=record.call_id,
        state=record.state,
        started_at=moment(record.started_ns),
        team=record.team or None,
        application=record.application or None,
        key_id=record.key_id,
        key_name=record.key_name,
        customer=record.customer or None,
        run=record.run or None,
        method=record.method,
        path=record.path,
        model_asked=record.model_asked,
        model_served=record.model_served or None,
        provider=record.provider or None,
        streamed=record.streamed,
        outcome=record.outcome,
        status=record.status,
        refusal=record.refusal,
        detail=record.detail,
        first_byte_us=record.first_byte_us,
        total_us=record.total_us,
        request_bytes=record.request_bytes,
        reply_bytes=record.reply_bytes,
        usage=facts.get("usage"),
        charge=msgspec.convert(facts["charge"], CallCharge) if "charge" in facts else None,
        attempts=facts.get("attempts", []),
        client_address=record.client_address,
        user_agent=record.user_agent,
        revision=record.revision,
        worker=record.worker,
        request_body=record.request_body,
        reply_body=record.reply_body,
    )


@contextlib.contextmanager
def opened(context: Context) -> Iterator[CallLog]:
    """The call log of the installation."""
    home = context.management.home
    with contextlib.closing(CallLog(home.journal, home.calls_database)) as log:
        yield log


def _statuses(text: str | None) -> tuple[int | None, int | None]:
    if text is None:
        return None, None
    try:
        return parse_status(text)
    except FaregateError as error:
        raise invalid_query("status", error.message, ("429", "5xx")) from None


def _found(context: Context, call_id: str, team: str | None) -> CallRecord:
    with opened(context) as log:
        record = log.find(call_id, context.chosen_teams(team))
    if record is None:
        raise missing(f"the call {call_id!r}")
    return record


def _before(paging: Paging) -> tuple[int, str] | None:
    position = paging.position()
    if position is None:
        return None
    match position:
        case [int(started_ns), str(call_id)] if not isinstance(started_ns, bool):
            return started_ns, call_id
    raise invalid_query("cursor", "it belongs to another list", ())
