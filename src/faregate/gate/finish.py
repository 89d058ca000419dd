"""FINISH: whatever became of a call, it is recorded and counted, once."""

from typing import Any, Literal

from faregate.calllog.frames import (
    Attempt,
    Body,
    Charge,
    Closed,
    Decided,
    Outcome,
    Settled,
    Started,
)
from faregate.core import bounds
from faregate.core.refusals import Refusal
from faregate.gate.charging import conclude
from faregate.gate.findings import encoded_findings
from faregate.gate.state import CallState
from faregate.policies.masking import mask
from faregate.policies.tenants import team_of
from faregate.policies.terms import NO_TERMS
from faregate.routing.targets import ended
from faregate.wire.request_reader import RequestHead

CLIENT_CLOSED_STATUS = 499  # nginx's number for a client that left before the reply


def record_start(call: CallState) -> bool:
    """Write the frame that must be out before the upstream sees the call.

    False: there is no room.
    """
    head, wire, key, terms = call.head, call.wire, call.key, call.terms
    assert wire is not None
    assert key is not None
    method, path, user_agent = head.shown or _shown(head)
    call.started = call.gate.recorder.begins(
        Started(
            call.call_id,
            call.started_ns,
            call.snapshot.revision,
            key.key_id,
            key.name,
            method,
            path,
            call.gate.client_address(call),
            user_agent,
            call.model_asked,
            wire.model,
            wire.upstream.name,
            bool(call.peek is not None and call.peek.stream),
            call.request_bytes,
            terms.application,
            terms.team,
            call.customer,
            call.run_name,
            call.acting,
        )
    )
    return call.started


def _shown(head: RequestHead) -> tuple[str, str, str]:
    """Method, path and user agent as they are recorded; kept with the head."""
    head.shown = (
        head.method.decode("latin-1"),
        head.path[:500].decode("latin-1"),
        head.fields.get(b"user-agent", b"")[:200].decode("latin-1"),
    )
    return head.shown


def add_attempt(call: CallState, status: int, result: str, now: float) -> None:
    """Note how a request to an upstream ended."""
    wire, begun = call.wire, call.started_at
    if wire is None or not call.attempting:
        return
    call.attempting = False
    choice, upstream = wire.choice, wire.upstream
    ended(choice)
    first_byte_us = int((call.first_byte_at - begun) * 1e6) if call.first_byte_at else None
    attempt = Attempt(
        upstream.name,
        upstream.address,
        wire.model,
        int(((call.sent_at or call.submitted_at) - begun) * 1e6),
        first_byte_us,
        int((now - begun) * 1e6),
        status,
        result,
        call.reused,
        choice.key.name,
        wire.name,
    )
    call.attempts += (attempt,)
    if result != "ok":
        call.gate.metrics.upstream_failed(upstream.name, result)


def finish_call(
    call: CallState, outcome: Outcome, status: int, refusal: Refusal | None, now: float = 0.0
) -> None:
    """Record and count the end of a call; the second time nothing happens."""
    if call.ended:
        return
    call.ended = True
    gate = call.gate
    total_s = (now or gate.now()) - call.started_at
    if call.growth is not None:
        call.growth.stop()
    if call.timer is not None:
        call.timer.cancel()
    if call.attempting and call.wire is not None:  # the caller left before it was on its way
        call.attempting = False
        ended(call.wire.choice)
    charge = conclude(call, outcome, status)
    if charge is not None and charge.cost_nano and call.choice is not None:
        call.choice.target.account.balance.unsettled_nano += charge.cost_nano
    code = refusal.code if refusal is not None else None
    detail = refusal.detail if refusal is not None else None
    if call.started:
        sent_at, first_at = call.sent_at, call.first_byte_at
        frame: Settled | Closed = Settled(
            call.call_id,
            outcome,
            status,
            code,
            detail,
            int((sent_at - call.submitted_at) * 1e6) if sent_at else 0,
            int((first_at - call.started_at) * 1e6) if first_at else None,
            int(total_s * 1e6),
            call.reply_bytes,
            call.meter.events if call.meter is not None else 0,
            call.usage,
            call.attempts,
            charge,
        )
    else:
        frame = _closed(call, outcome, status, code, detail, int(total_s * 1e6))
    gate.recorder.ends(frame)
    gate.sampled_in -= 1
    if code is not None or gate.sampled_in == 0:
        _explain(call, outcome, status, refusal, charge)
    _count(call, outcome, status, code, total_s)
    if gate.keeps_bodies:
        _keep_bodies(call)


def _explain(
    call: CallState, outcome: Outcome, status: int, refusal: Refusal | None, charge: Charge | None
) -> None:
    """Keep what every phase said: of each refused call, and of some that passed."""
    gate = call.gate
    if gate.sampled_in == 0:
        gate.sampled_in = gate.sampled_every
    # Raw stands for what it holds: encoded beforehand, for every refused call comes here.
    findings: Any = encoded_findings(call.plan, refusal, call.started)
    gate.recorder.ends(Decided(call.call_id, findings))
    gate.explaining.recent.add(call, outcome, status, refusal, charge)


def _closed(
    call: CallState,
    outcome: Outcome,
    status: int,
    code: str | None,
    detail: str | None,
    total_us: int,
) -> Closed:
    key, head = call.key, call.head
    method, path, user_agent = head.shown or _shown(head)
    application, team = _payer(call)
    return Closed(
        call.call_id,
        call.started_ns,
        call.snapshot.revision,
        key.key_id if key is not None else "",
        key.name if key is not None else "",
        method,
        path,
        call.gate.client_address(call),
        user_agent,
        call.model_asked[:200],
        outcome,
        status,
        code,
        detail,
        total_us,
        call.request_bytes,
        call.reply_bytes,
        application,
        team,
        call.customer,
        call.run_name,
        call.acting,
    )


def _payer(call: CallState) -> tuple[str, str]:
    """Application and team of a call, also of one that was refused before it had terms."""
    key, terms = call.key, call.terms
    if terms is not NO_TERMS or key is None:
        return terms.application, terms.team
    return key.application or "", team_of(key, call.snapshot.terms.applications)


def _count(
    call: CallState, outcome: Outcome, status: int, code: str | None, total_s: float
) -> None:
    metrics = call.gate.metrics
    metrics.call_ended(call.plan.route, outcome, status)
    metrics.bytes_received += call.request_bytes
    metrics.bytes_sent += call.reply_bytes
    if code is not None:
        metrics.call_refused(code)
    begun = call.started_at
    if not call.first_byte_at:
        metrics.duration.observe(total_s)
    else:
        metrics.call_timed(total_s, call.first_byte_at - begun, call.submitted_at - begun)
    if call.meter is not None:
        metrics.stream_events += call.meter.events
    usage, wire = call.usage, call.wire
    if usage is not None and wire is not None:
        metrics.tokens_used(
            wire.upstream.name,
            wire.name,
            usage.input_tokens,
            usage.output_tokens,
            usage.cached_input_tokens,
            usage.reasoning_tokens,
        )


def _keep_bodies(call: CallState) -> None:
    """Write what is kept of the bodies, masked."""
    _keep_body(call, "request", call.body, len(call.body))
    kept = call.kept
    ends_only = call.meter is None and call.kept_bytes > bounds.REPLY_KEPT_BYTES_MAX
    start = kept[0] if ends_only else b"".join(kept)
    _keep_body(call, "reply", start, call.reply_bytes)


def _keep_body(
    call: CallState, part: Literal["request", "reply"], data: bytes, whole_bytes: int
) -> None:
    # Masked first and cut then, and of a body that was cut before its end is left out as well:
    # half a secret isn't known as one.
    if not data:
        return
    masked = mask(data)
    limit = call.gate.body_bytes_kept
    if len(data) < whole_bytes:
        limit = min(limit, max(len(masked) - bounds.MASKING_MARGIN_BYTES, 0))
    call.gate.recorder.ends(Body(call.call_id, part, masked[:limit], whole_bytes))
