"""Findings: what every phase said of a call, in the order of the phases.

Of a call that has ended they follow from its refusal: the phases before have passed, those
behind were not reached. That costs a few look-ups, for every refused call has findings. A dry run
(`gate.diagnosis`) puts in their place what it found at each limit and each purse.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from faregate.core.findings import Finding, Verdict
from faregate.core.money import format_amount
from faregate.core.refusals import Refusal
from faregate.dialects.refusal_members import moment
from faregate.gate.phase import Phase
from faregate.gate.standing import LIMIT_UNIT_NAMES, UNIT_NAMES, amount_of
from faregate.ledger.purses import Need, Standing, Unit
from faregate.ledger.slices import Slice
from faregate.limits.counters import ASK, NEVER, TAKEN, Counter, LimitUnit
from faregate.policies.limits import Costs

if TYPE_CHECKING:
    from faregate.gate.phases import Plan

_encode = msgspec.msgpack.Encoder().encode

# Of each phase: who decides, what is said when it has passed, and the codes that it refuses with.
_PHASES: Final[dict[Phase, tuple[str, str, tuple[str, ...]]]] = {
    Phase.ROUTE: (
        "routes", "There is such an address, and it takes this method.",
        ("route_unknown", "method_not_allowed", "method_unknown"),
    ),
    Phase.IDENTIFY: (
        "keys", "The key is known and active.",
        (
            "key_missing", "key_unknown", "key_expired", "key_revoked", "key_store_unavailable",
            "length_required", "credentials_missing", "credentials_disagree", "token_invalid",
            "token_expired", "signature_invalid", "signature_expired", "signature_replayed",
            "certificate_missing", "certificate_unknown", "authentication_method_not_allowed",
            "caller_not_mapped", "identity_provider_unavailable",
        ),
    ),
    Phase.VALIDATE: (
        "request", "The request can be read.",
        (
            "request_invalid", "request_malformed", "request_timeout", "body_too_large",
            "media_type_unsupported", "expectation_failed", "headers_too_large",
        ),
    ),
    Phase.AUTHORIZE: (
        "models", "The key may use this model.", ("model_not_allowed", "model_unknown"),
    ),
    Phase.LIMIT: (
        "limits", "No limit is reached.",
        (
            "rate_limited", "tokens_limited", "concurrency_limited", "limits_unavailable",
            "request_exceeds_limit",
        ),
    ),
    Phase.RESERVE: (
        "credit", "There is room for the most that the call can use.",
        (
            "credit_exhausted", "call_too_large", "quota_exhausted", "budget_exhausted",
            "credit_held", "price_unknown", "ledger_unavailable",
        ),
    ),
    Phase.CHOOSE: ("upstreams", "A provider serves the model.", ()),
    Phase.SEND: ("upstreams", "The provider was asked.", ()),
}  # fmt: skip

_PHASE_OF_CODE: Final = {code: phase for phase, row in _PHASES.items() for code in row[2]}
_KEPT_MAX: Final = 512  # half a kilobyte each
_RELAY: Final = "RELAY"  # no step's phase: the reply is under way, all steps have passed
_NOT_REACHED: Final = "An earlier phase has refused the call."


def passed(phase: Phase) -> Finding:
    """What is said of a phase that let the call on."""
    policy, words, _ = _PHASES[phase]
    return Finding(phase.name, policy, "passed", words)


def not_reached(phase: Phase) -> Finding:
    """What is said of a phase that can't be judged."""
    return Finding(phase.name, _PHASES[phase][0], "not_reached", _NOT_REACHED)


def phase_of(refusal: Refusal) -> Phase:
    """The phase that refuses so; what no other says comes of sending."""
    if refusal.scope == "budget":
        return Phase.RESERVE
    return _PHASE_OF_CODE.get(refusal.kind.code, Phase.SEND)


class Surroundings:
    """What is said around the refusing phase.

    It is the same for all refusals of one code and plan.
    Every refused call writes its findings, so what doesn't change is encoded beforehand, and of
    a refusal that repeats (an unknown key) everything.
    """

    __slots__ = (
        "before", "behind", "encoded_before", "encoded_behind", "kept", "name", "policy",
    )  # fmt: skip

    def __init__(self, phases: tuple[Phase, ...], at: Phase, *, relays: bool = False) -> None:
        once = sorted({Phase.ROUTE, *phases, at})
        self.name, self.policy = (_RELAY if relays else at.name), _PHASES[at][0]
        self.before = tuple(passed(each) for each in once if each < at or relays)
        self.behind = tuple(not_reached(each) for each in once if each > at and not relays)
        count = len(self.before) + 1 + len(self.behind)
        # A msgpack array of up to 15 members has one byte before them.
        self.encoded_before = bytes([0x90 | count]) + b"".join(map(_encode, self.before))
        self.encoded_behind = b"".join(map(_encode, self.behind))
        # By identity; each holds the refusal whose it is.
        self.kept: dict[int, tuple[Refusal, msgspec.Raw]] = {}


def surroundings(plan: "Plan", refusal: Refusal, started: bool = False) -> Surroundings:
    """Those of a refusal, kept with its plan."""
    code = refusal.kind.code
    if refusal.scope == "budget":
        code = "budget"  # the one scope whose phase doesn't follow from the code
    # A stream that can't be paid on has passed what would have refused it at its start.
    relays = started and phase_of(refusal) < Phase.SEND
    if relays:
        code = f"{_RELAY} {code}"
    found: Surroundings | None = plan.surroundings.get(code)
    if found is None:
        at = phase_of(refusal)
        found = plan.surroundings[code] = Surroundings(plan.phases, at, relays=relays)
    return found


def findings_of(
    plan: "Plan", refusal: Refusal | None, started: bool = False
) -> tuple[Finding, ...]:
    """What every phase said of a call; `started`: it was sent upstream."""
    if refusal is None:
        return tuple(passed(phase) for phase in sorted({Phase.ROUTE, *plan.phases}))
    around = surroundings(plan, refusal, started)
    middle = _refused(refusal, around.name, around.policy)
    if refusal.reason:
        return (*around.before, middle, reason_finding(refusal, around.name), *around.behind)
    return (*around.before, middle, *around.behind)


def encoded_findings(plan: "Plan", refusal: Refusal | None, started: bool = False) -> msgspec.Raw:
    """The same, as it stands in a frame of the journal."""
    if refusal is None or refusal.reason:
        return msgspec.Raw(_encode(findings_of(plan, refusal, started)))
    around = surroundings(plan, refusal, started)
    kept = around.kept.get(id(refusal))
    if kept is not None:
        return kept[1]
    middle = _encode(_refused(refusal, around.name, around.policy))
    encoded = msgspec.Raw(b"%b%b%b" % (around.encoded_before, middle, around.encoded_behind))
    if refusal.repeats:
        if len(around.kept) >= _KEPT_MAX:
            around.kept.clear()
        around.kept[id(refusal)] = (refusal, encoded)
    return encoded


def refused(refusal: Refusal, phase: Phase) -> Finding:
    """What the refusing phase says, with the refusal's numbers."""
    return _refused(refusal, phase.name, _PHASES[phase][0])


def reason_finding(refusal: Refusal, phase_name: str) -> Finding:
    """What only the operator is to know of a refusal."""
    policy = _PHASES[phase_of(refusal)][0]
    return Finding(phase_name, policy, "refused", refusal.reason, operator_only=True)


def _refused(refusal: Refusal, phase_name: str, policy: str) -> Finding:
    subject, numbers = refusal.subject or policy, _numbers(refusal)
    return Finding(phase_name, subject, "refused", refusal.detail, numbers)


def _numbers(refusal: Refusal) -> tuple[tuple[str, str], ...]:
    numbers = [("code", refusal.kind.code)]
    if refusal.needed_nano is not None:
        numbers.append(("needed", format_amount(refusal.needed_nano)))
        if refusal.available_nano is not None:
            numbers.append(("available", format_amount(refusal.available_nano)))
        if refusal.held_nano is not None:
            numbers.append(("held", format_amount(refusal.held_nano)))
    if refusal.limit is not None or refusal.used is not None:
        for name, count in (("limit", refusal.limit), ("used", refusal.used)):
            if count is not None:
                money = refusal.scope == "budget"
                numbers.append((name, format_amount(count) if money else str(count)))
    if refusal.retry_after_s is not None:
        numbers.append(("retry_after_s", str(refusal.retry_after_s)))
    if refusal.resets_ns is not None:
        numbers.append(("resets_at", moment(refusal.resets_ns)))
    if refusal.affordable_output_tokens is not None:
        numbers.append(("affordable_max_tokens", str(refusal.affordable_output_tokens)))
    return tuple(numbers)


# -- a dry run's ----------------------------------------------------------------------------------


def counter_findings(counters: Sequence[Counter], costs: Costs, now: float) -> list[Finding]:
    """What each short limit says of a call that counts for `costs`."""
    return [_counter(one, costs[one.spec.unit], now) for one in counters]


def _counter(counter: Counter, cost: int, now: float) -> Finding:
    spec = counter.spec
    waits_s = counter.check(cost, now)
    left = max(counter.left(now), 0)
    numbers = [("counts_for", str(cost)), ("left", str(left)), ("limit", str(spec.maximum))]
    verdict: Verdict = "passed" if waits_s in (TAKEN, ASK) else "refused"
    if verdict == "refused" and waits_s != NEVER and spec.unit is not LimitUnit.CONCURRENT:
        numbers.append(("wait_s", f"{waits_s:.3f}"))
    words = LIMIT_UNIT_NAMES[spec.unit].replace("_", " ")
    window = f" in {spec.window_s:g} s" if spec.window_s else " at once"
    what = "calls" if spec.unit is LimitUnit.CONCURRENT else words
    detail = f"{spec.maximum} {what}{window} for '{spec.subject}'."
    return Finding(Phase.LIMIT.name, spec.name, verdict, detail, tuple(numbers))


def purse_finding(one: Slice, standing: Standing, need: Need, own_free: int) -> Finding:
    """What a purse says of a call; `own_free` lies drawn in this worker."""
    spec, unit = one.spec, one.unit
    left, needed = standing.available + own_free, need[unit]
    verdict: Verdict = "passed" if left >= needed else "refused"
    numbers = [
        ("needed", str(amount_of(unit, needed))),
        ("available", str(amount_of(unit, left))),
        ("held", str(amount_of(unit, max(standing.drawn - own_free, 0)))),
    ]
    if spec.kind == "wallet":
        detail = f"The wallet '{spec.name}' pays for the call."
    else:
        words = UNIT_NAMES[Unit(unit)].replace("_", " ")
        cap = amount_of(unit, standing.cap)
        detail = f"The {spec.kind} '{spec.name}' of '{spec.subject}' is {cap} {words}."
        numbers.append(("cap", str(cap)))
        if spec.ends_ns is not None:
            numbers.append(("resets_at", moment(spec.ends_ns)))
    phase = Phase.LIMIT if spec.kind == "limit" else Phase.RESERVE
    return Finding(phase.name, spec.name, verdict, detail, tuple(numbers))
