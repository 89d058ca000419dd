"""Steps that explain what was decided of a call.

A caller sees the calls of its own key, and of them what is its to know; the operator, who shows
a token that follows from the master key, sees all.
"""

import datetime as dt
from collections.abc import Awaitable
from typing import Any, Final

import msgspec

from faregate.core.errors import FaregateError
from faregate.core.findings import Finding
from faregate.core.ids import CALL_ID_LENGTH, CALL_ID_PREFIX
from faregate.core.money import format_amount
from faregate.core.refusals import KINDS, Refusal, refuse
from faregate.gate.answers import Answer
from faregate.gate.explaining import Decision, TooManyReadersError
from faregate.gate.state import CallState
from faregate.identity.operator import OPERATOR_PREFIX, is_operator
from faregate.policies.acting import UNKNOWN_TOKEN
from faregate.policies.callers import RouteCheck
from faregate.policies.keys import KeyCheck

CALLS_PATH: Final = b"/v1/calls/"
DECISION_END: Final = b"/decision"
NO_STORE: Final = (("cache-control", "no-store"),)

_encode = msgspec.json.Encoder().encode
_PREFIX: Final = OPERATOR_PREFIX.encode()


def answer_json(value: Any) -> Answer:
    """An answer that is nobody else's to keep."""
    return Answer(200, "application/json", _encode(value), NO_STORE)


def moment(time_ns: int) -> str:
    """A moment in UTC, as ISO 8601 to the millisecond."""
    try:
        at = dt.datetime.fromtimestamp(time_ns / 1e9, dt.UTC)
    except (OverflowError, ValueError, OSError):
        at = dt.datetime.fromtimestamp(0, dt.UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class KeyOrOperatorCheck:
    """Identifies a caller by its key, or the operator by the token.

    The step leaves the operator's calls without a key. Fails closed.
    """

    def __init__(self, key_check: KeyCheck | RouteCheck) -> None:
        self.key_check = key_check

    def __call__(self, call: CallState) -> Refusal | Awaitable[Refusal | None] | None:
        """Set `call.key`, leave it None for the operator, or refuse with 401."""
        presented = operator_presented(call)
        if presented is None:
            return self.key_check(call)
        if is_operator(presented, call.gate.explaining.operator_hash):
            return None
        check = self.key_check
        keys = check.keys if isinstance(check, RouteCheck) else check
        return keys.refuse_guess(call, UNKNOWN_TOKEN)


def operator_presented(call: CallState) -> str | None:
    """What was sent as a key, where it looks like an operator's token."""
    fields = call.head.fields
    value = fields.get(b"authorization", b"")
    if value[:7].lower() == b"bearer ":
        value = value[7:].strip(b" ")
    else:
        value = fields.get(b"x-api-key", b"")
    return value.decode("latin-1") if value.startswith(_PREFIX) else None


class ShowDecision:
    """Answers `GET /v1/calls/{id}/decision`."""

    async def __call__(self, call: CallState) -> Answer | Refusal:
        """Show what every phase decided, or say that there is no such call of this key."""
        path = call.head.path
        if not path.endswith(DECISION_END):
            detail = "Of a call there is /v1/calls/{id}/decision."
            return refuse("route_unknown", detail)
        call_id = path[len(CALLS_PATH) : -len(DECISION_END)].decode("latin-1")
        if len(call_id) != CALL_ID_LENGTH or not call_id.startswith(CALL_ID_PREFIX):
            return _unknown("That is not the id of a call; it is in Faregate-Call-Id.")
        try:
            decision = await call.gate.explaining.find(call_id)
        except TooManyReadersError:
            detail = "Too many calls are being looked up at once."
            return refuse("gate_overloaded", detail, scope="gate")
        except TimeoutError:
            detail = "Reading the call log takes too long."
            return refuse("call_log_unavailable", detail, scope="gate")
        except FaregateError:
            return refuse("call_log_unavailable", "The call log can't be read.", scope="gate")
        key = call.key
        as_operator = key is None
        # A call of another key and one that never was look the same to a caller.
        if decision is None or not (key is None or decision.key_id == key.key_id):
            whose = "" if as_operator else " of this key"
            return _unknown(f"No call {call_id}{whose} is known.")
        return answer_json(decision_told(decision, as_operator=as_operator))


def _unknown(detail: str) -> Refusal:
    return refuse("call_unknown", detail)


def decision_told(decision: Decision, *, as_operator: bool) -> dict[str, Any]:
    """A decision as JSON: the whole of it, or a caller's part."""
    kind = KINDS.get(decision.refusal or "")
    told: dict[str, Any] = {
        "call_id": decision.call_id,
        "at": moment(decision.started_ns),
        "outcome": decision.outcome,
        "status": decision.status,
        "refusal": decision.refusal,
        "detail": decision.detail,
        "side": kind.side if kind is not None else None,
        "kept": decision.findings is not None,
        "findings": findings_told(decision.findings or (), as_operator=as_operator),
    }
    charge = decision.charge
    if charge is not None:
        told["charge"] = {"amount": format_amount(charge.charge_nano), "basis": charge.basis}
        if charge.wallet:
            told["charge"]["wallet"] = charge.wallet
        if as_operator:
            cost = charge.cost_nano
            told["charge"]["cost"] = None if cost is None else format_amount(cost)
            told["charge"]["shortfall"] = format_amount(charge.shortfall_nano)
    return told


def findings_told(findings: tuple[Finding, ...], *, as_operator: bool) -> list[dict[str, Any]]:
    """Findings as JSON; the operator's own are left out for callers."""
    return [
        {
            "phase": finding.phase,
            "policy": finding.policy,
            "verdict": finding.verdict,
            "detail": finding.detail,
            "numbers": dict(finding.numbers),
        }
        for finding in findings
        if as_operator or not finding.operator_only
    ]
