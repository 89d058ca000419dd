"""Calls of an installation elsewhere, like those in the call log here."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import msgspec

from faregate.calllog.frames import Attempt, CallRecord, Charge
from faregate.calllog.query import CallFilter
from faregate.cli.remote import nano_of
from faregate.cli.remote_connection import Connection, at, connected, since_1970
from faregate.cli.remote_profiles import Target
from faregate.client import operations as api
from faregate.core.errors import MissingError
from faregate.core.findings import Finding
from faregate.dialects.usage import Usage

POLL_S: Final = 2.0  # between two looks for new calls
_PAGE: Final = 500
_NS: Final = 1_000_000_000
_LONGEST_NS: Final = 3_600 * _NS  # a call that began longer ago is not waited for


class RemoteCallLog:
    """The call log over a connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def recent(self, count: int, chosen: CallFilter) -> list[CallRecord]:
        """The newest calls that are asked for, the oldest of them first."""
        if count == 0:
            return []
        found = self._connection.newest(_asked(chosen, min(count, _PAGE)), count)
        return [record_of(one) for one in reversed(found)]

    def find(self, call_id: str) -> CallRecord | None:
        """One call with its decision; None where there is none."""
        try:
            record = record_of(self._connection.send(api.get_call(call_id)))
        except MissingError:
            return None
        decision = self._connection.send(api.get_call_decision(call_id))
        if decision.kept:
            record.decision = tuple(map(_finding, decision.findings))
        return record

    def find_near(self, call_id: str) -> str | None:
        """No id is looked for that is nearly this one."""
        return None

    def follow(self, chosen: CallFilter) -> "RemoteFollower":
        """What goes on with each call that ends from now on."""
        return RemoteFollower(self._connection, chosen)


class RemoteFollower:
    """Looks for calls that have ended, again and again."""

    def __init__(self, connection: Connection, chosen: CallFilter) -> None:
        self._connection = connection
        self._chosen = chosen
        self._began_ns = time.time_ns() - _LONGEST_NS
        self._seen = {one.call_id for one in self._ended()}
        self._looked = time.monotonic()

    def poll(self) -> list[CallRecord]:
        """Those that have ended since, the oldest first.

        At most one look in `POLL_S`.
        """
        if time.monotonic() - self._looked < POLL_S:
            return []
        self._looked = time.monotonic()
        news = [one for one in self._ended() if one.call_id not in self._seen]
        self._seen.update(one.call_id for one in news)
        return [record_of(one) for one in reversed(news)]

    def close(self) -> None:
        """Nothing is held."""

    def _ended(self) -> list[api.Call]:
        chosen = msgspec.structs.replace(self._chosen, since_ns=self._began_ns)
        found = self._connection.newest(_asked(chosen, _PAGE), _PAGE)
        return [one for one in found if one.state == "closed"]


@contextmanager
def remote_call_log(target: Target) -> Iterator[RemoteCallLog]:
    """The call log of `target`."""
    with connected(target) as connection:
        yield RemoteCallLog(connection)


def _asked(chosen: CallFilter, limit: int) -> Any:
    status = None
    if chosen.status_low is not None:
        of_class = chosen.status_high == chosen.status_low + 100
        status = f"{chosen.status_low // 100}xx" if of_class else str(chosen.status_low)
    return api.list_calls(
        key=chosen.key,
        application=chosen.application,
        model=chosen.model,
        customer=chosen.customer,
        run=chosen.run,
        refused=chosen.refused or None,
        status=status,
        since=at(chosen.since_ns),
        until=at(chosen.until_ns),
        limit=limit,
    )


def record_of(call: api.Call) -> CallRecord:
    """A call as the code here knows calls."""
    return CallRecord(
        call_id=call.call_id,
        worker=call.worker,
        state="open" if call.state == "open" else "closed",
        started_ns=since_1970(call.started_at),
        revision=call.revision,
        key_id=call.key_id,
        key_name=call.key_name,
        method=call.method,
        path=call.path,
        client_address=call.client_address,
        user_agent=call.user_agent,
        model_asked=call.model_asked,
        model_served=call.model_served or "",
        provider=call.provider or "",
        streamed=call.streamed,
        outcome=call.outcome,  # type: ignore[arg-type]
        status=call.status,
        refusal=call.refusal,
        detail=call.detail,
        first_byte_us=call.first_byte_us,
        total_us=call.total_us,
        request_bytes=call.request_bytes,
        reply_bytes=call.reply_bytes,
        usage=None if call.usage is None else Usage(**_of(Usage, call.usage)),
        attempts=tuple(map(_attempt, call.attempts)),
        application=call.application or "",
        team=call.team or "",
        customer=call.customer or "",
        run=call.run or "",
        charge=None if call.charge is None else _charge(call.charge),
        request_body=call.request_body,
        reply_body=call.reply_body,
    )


def _of(kind: type[msgspec.Struct], facts: dict[str, Any]) -> dict[str, Any]:
    """What a kind has a field for: a newer installation may tell more."""
    return {name: facts[name] for name in kind.__struct_fields__ if name in facts}


def _attempt(facts: dict[str, Any]) -> Attempt:
    return Attempt(**{"first_byte_us": None, **_of(Attempt, facts)})


def _charge(charge: api.CallCharge) -> Charge:
    return Charge(
        wallet=charge.wallet or "",
        purses=tuple(one.purse for one in charge.purses),
        used=tuple(
            nano_of(one.used) if isinstance(one.used, str) else one.used for one in charge.purses
        ),
        charge_nano=nano_of(charge.amount),
        cost_nano=None if charge.cost is None else nano_of(charge.cost),
        shortfall_nano=nano_of(charge.shortfall),
        basis="stated" if charge.basis == "stated" else "estimated",
    )


def _finding(one: api.Finding) -> Finding:
    numbers = tuple((name, str(value)) for name, value in one.numbers.items())
    verdict: Any = one.verdict
    return Finding(one.phase, one.policy, verdict, one.detail, numbers)
