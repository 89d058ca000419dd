"""How a caller was identified, for /v1/me and for those who diagnose.

What is found here changes nothing: nonces are left for the real call. The operator learns what
was presented and why it was not enough; callers learn what their refusals say.
"""

import inspect
from typing import Any

from faregate.core.findings import Finding
from faregate.core.refusals import Refusal
from faregate.dialects.refusal_members import moment
from faregate.gate.phases import Phase
from faregate.gate.state import CallState
from faregate.policies.callers import Callers, Presented, Proven, RouteCheck
from faregate.policies.hmac_signatures import SignedHead
from faregate.policies.identified import Identified, method_of
from faregate.policies.keys import KeyCheck


async def identify_dry(
    asked: CallState, step: KeyCheck | RouteCheck, key_check: KeyCheck
) -> Refusal | None:
    """Identify by what the headers show, and use nothing up."""
    callers = asked.snapshot.callers
    if isinstance(step, RouteCheck):
        found = await step.judge(asked, dry=True)
        if not isinstance(found, Refusal):
            asked.key = found.record
            return None
        outcome = callers.refuse(asked, found) if callers is not None else found
    elif callers is not None and _signed_only(asked, callers):
        found_signed = callers.find(asked, Presented("hmac"), dry=True)
        assert not inspect.isawaitable(found_signed)
        if isinstance(found_signed, Identified):
            asked.key = found_signed.record
            return None
        assert found_signed is not None
        outcome = callers.refuse(asked, found_signed)
    else:
        outcome = key_check(asked)
    return await outcome if inspect.isawaitable(outcome) else outcome


def _signed_only(asked: CallState, callers: Callers) -> bool:
    """Whether the signature of a request is what identifies it."""
    presented = callers.presented(asked)
    return bool(presented) and presented[0].method == "hmac" and "hmac" in callers.methods


def identity_findings(
    asked: CallState, callers: Callers, step: KeyCheck | RouteCheck, refusal: Refusal | None
) -> list[Finding]:
    """Which methods the path takes, and what was presented there."""
    if isinstance(step, RouteCheck):
        detail, accepted, policy = step.told(), step.accepted, step.policy.name
    else:
        accepted, policy = callers.methods, ""
        detail = f"This address takes one of {', '.join(accepted)}."
    numbers = [("accepted", ", ".join(accepted))]
    if policy:
        numbers.append(("policy", policy))
    methods = methods_of(asked) if refusal is None else ()
    if methods:
        numbers.append(("identified_by", ", ".join(methods)))
    found = [Finding(Phase.IDENTIFY.name, "callers", "passed", detail, tuple(numbers))]
    presented = ", ".join(one.method for one in callers.presented(asked)) or "nothing"
    certificate = asked.connection.certificate
    shown = f" The connection's certificate: {certificate.told()}." if certificate else ""
    words = f"The request presents {presented}.{shown}"
    verdict = [("presented", presented)]
    found.append(Finding(Phase.IDENTIFY.name, "callers", "passed", words, tuple(verdict), True))
    return found


def identity_told(call: CallState) -> dict[str, Any]:
    """By what a caller was identified, for itself."""
    key, known = call.key, call.head.identity
    assert key is not None
    told: dict[str, Any] = {"methods": list(methods_of(call)), "id": key.key_id}
    proofs = known.proofs if isinstance(known, Proven) else (known,)
    ends = [
        one.until_ns for one in proofs if isinstance(one, Identified) and one.until_ns is not None
    ]
    told["until"] = moment(min(ends)) if ends else None
    customer = next((one.customer for one in proofs if isinstance(one, Identified)), "")
    told["customer"] = customer or None
    return told


def methods_of(call: CallState) -> tuple[str, ...]:
    """By which methods a caller has identified itself.

    The first says whose call it is.
    """
    known = call.head.identity
    if isinstance(known, Proven):
        return tuple(one.method if isinstance(one, Identified) else "key" for one in known.proofs)
    if isinstance(known, Identified):
        return (known.method,)
    if call.key is None:
        return ()
    method = method_of(call.key)
    # A signature may stand beside another way, which then says whose call it is.
    return (method, "hmac") if isinstance(known, SignedHead) and method != "hmac" else (method,)
