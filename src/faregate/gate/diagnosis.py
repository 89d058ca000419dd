"""`POST /v1/diagnose`: what would become of a call, without making it.

The call goes through the steps of its own plan, in order, by the same code as a real one; each
step that takes something is asked by its `dry` method, and the last one, which sends, is only
looked at. Nothing is counted, held, drawn or sent. Phases behind the first refusal are judged as
well where they can be, and `gate.ways_out` finds the changes that let the call pass.
"""

import inspect
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from faregate.core.errors import FaregateError
from faregate.core.findings import Finding
from faregate.core.money import CURRENCY, format_amount
from faregate.core.refusals import Change, Refusal, refuse
from faregate.dialects import refusal_members
from faregate.gate.answers import Answer
from faregate.gate.choosing import Choose, Send
from faregate.gate.explanations import KeyOrOperatorCheck, answer_json, findings_told
from faregate.gate.findings import (
    counter_findings,
    not_reached,
    passed,
    phase_of,
    purse_finding,
    reason_finding,
    refused,
)
from faregate.gate.identifying import identify_dry, identity_findings, methods_of
from faregate.gate.phases import Phase
from faregate.gate.realtime import check_handshake
from faregate.gate.state import CallState
from faregate.gate.ways_out import SupposedPurses, Suppositions, find_ways_out
from faregate.identity.keys import KeyRecord
from faregate.ledger.purses import Unit
from faregate.limits.counters import NEVER
from faregate.policies.callers import RouteCheck
from faregate.policies.credit import CreditCheck
from faregate.policies.keys import KEY_FIELDS, KeyCheck
from faregate.policies.limits import LimitCheck, costs_of
from faregate.policies.tenants import Tenants
from faregate.wire.request_reader import RequestHead

_CREDENTIALS: Final = (b"authorization", *KEY_FIELDS)
_UPSTREAM_TROUBLE: Final = frozenset(("journal_unavailable", "upstream_busy"))


class Question(msgspec.Struct, forbid_unknown_fields=True):
    """A call to diagnose.

    `body` is JSON, `text` the body as it would be sent. `key` names a key; only the operator may.
    """

    method: str = "POST"
    path: str = "/v1/chat/completions"
    headers: dict[str, str] = {}
    body: msgspec.Raw = msgspec.Raw()
    text: str | None = None
    key: str | None = None


class _Request(msgspec.Struct):
    """A request itself, sent here instead of to its address."""

    model: msgspec.Raw = msgspec.Raw()
    input: msgspec.Raw = msgspec.Raw()
    prompt: msgspec.Raw = msgspec.Raw()


_decode: Final = msgspec.json.Decoder(Question).decode
_decode_request: Final = msgspec.json.Decoder(_Request).decode
_SUBJECTS: Final = (b"faregate-customer", b"faregate-run")


class Judged:
    """A call that was judged: what each phase said, and the first refusal."""

    def __init__(self, call: CallState) -> None:
        self.call = call
        self.findings: list[Finding] = []
        self.first: Refusal | None = None

    def refuse(self, refusal: Refusal) -> None:
        """Keep the first; what comes behind it is only told."""
        if self.first is None:
            self.first = refusal


class Diagnose:
    """The step that answers it."""

    def __init__(self, tenants: Tenants, key_check: KeyCheck) -> None:
        self._tenants = tenants
        self._key_check = key_check

    async def __call__(self, call: CallState) -> Answer | Refusal:
        """Judge the call that the body describes, and find the ways out."""
        question = _read(call.body, call.head.fields)
        if isinstance(question, Refusal):
            return question
        by_operator = call.key is None
        if question.key is not None and not by_operator:
            detail = "The field 'key' is the operator's; a call is diagnosed with its own key."
            return refuse("request_invalid", detail, param="key")
        record = call.key
        if question.key is not None:
            found = await _find_key(call, question.key)
            if isinstance(found, Refusal):
                return found
            record = found
        diagnosis = _Diagnosis(self, call, question, record)
        return answer_json(await diagnosis.tell(by_operator=by_operator))

    async def identify(
        self,
        asked: CallState,
        record: KeyRecord | None,
        step: KeyCheck | RouteCheck,
        methods: tuple[str, ...] = (),
    ) -> Refusal | None:
        """Who would call: the key that is known, or what the headers show.

        `methods` are those by which a caller that is known has come. What only a real call uses
        up, as the nonce of a signature, is left alone.
        """
        if record is not None:
            asked.key = record
            refusal = self._key_check.judge(record)
            if refusal is None and isinstance(step, RouteCheck):
                refusal = await step.dry(asked, record, methods)
            return refusal
        if isinstance(step, RouteCheck) or self._key_check.others is not None:
            return await identify_dry(asked, step, self._key_check)
        outcome = self._key_check(asked)
        return await outcome if inspect.isawaitable(outcome) else outcome

    def another_model(self, asked: CallState) -> str | None:
        """A model that the key may use instead, rather one of a name alike."""
        allowed = asked.key.models if asked.key is not None else frozenset()
        name = asked.model_asked[:200]
        scope = self._tenants.scope(asked.key)
        near = scope.nearest(name, allowed) or scope.names(allowed)
        return next((each for each in near if each != name), None)


def _read(body: bytes, fields: Mapping[bytes, bytes]) -> Question | Refusal:
    try:
        request = _decode_request(body)
        if bytes(request.model):
            return _question_of(request, body, fields)
        question = _decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return refuse("request_invalid", f"The question can't be read: {error}.")
    if bytes(question.body) and question.text is not None:
        return refuse("request_invalid", "Give 'body' or 'text', not both.", param="text")
    if not question.path.startswith("/") or not question.method.isascii():
        return refuse("request_invalid", "The path begins with '/'.", param="path")
    return question


def _question_of(request: _Request, body: bytes, fields: Mapping[bytes, bytes]) -> Question:
    """The question about a request that was sent as it is."""
    path = "/v1/chat/completions"
    if bytes(request.input):
        path = "/v1/embeddings"
    elif bytes(request.prompt):
        path = "/v1/completions"
    headers = {
        name.decode(): fields[name].decode("utf-8", "replace")
        for name in _SUBJECTS
        if name in fields
    }
    return Question(path=path, headers=headers, text=body.decode("utf-8", "replace"))


async def _find_key(call: CallState, name: str) -> KeyRecord | Refusal:
    find = call.gate.explaining.find_named_key
    try:
        record = await find(name) if find is not None else None
    except FaregateError:
        return refuse("key_store_unavailable", "The key store does not answer.", scope="gate")
    if record is None:
        detail = f"There is no key '{name[:100]}'; 'faregate keys list' shows all."
        return refuse("request_invalid", detail, param="key")
    return record


class _Diagnosis:
    """One question, and the judging of it as often as it takes."""

    def __init__(
        self, step: Diagnose, call: CallState, question: Question, record: KeyRecord | None
    ) -> None:
        self._step = step
        self._call = call
        self._record = record
        self._method = question.method.encode("ascii")
        self._target = question.path.encode("utf-8")
        self._fields = _fields(question.headers, drop_key=record is not None)
        self._purses = SupposedPurses(call.gate.broker)
        self._body = bytes(question.body) or (question.text or "").encode()

    async def tell(self, *, by_operator: bool) -> dict[str, Any]:
        """The whole diagnosis as JSON."""
        supposed = Suppositions(self._body, self._purses)
        judged = await self._judge(supposed)
        first, asked = judged.first, judged.call
        told: dict[str, Any] = {
            "would": "pass" if first is None else "refuse",
            "key": asked.key.name if asked.key is not None else None,
            "model": asked.model_asked or None,
            "findings": findings_told(tuple(judged.findings), as_operator=by_operator),
            "price_ceiling": _ceiling(asked),
            "output_limit_set": asked.output_sent or None,
        }
        if first is None:
            return told | {"changes": [], "passes_with_changes": True}
        statuses = self._call.gate.snapshot.settings.refusals.statuses
        status = first.told_status(statuses)
        members = refusal_members.members(first, self._call.call_id, status)
        changes, passes = await find_ways_out(first, supposed, self._first, self._suggest)
        told |= {"status": status, "code": first.kind.code, "refusal": members}
        told |= {"changes": changes, "passes_with_changes": passes}
        return told | {"depends_on_calls_in_flight": passes and supposed.on_calls_in_flight}

    async def _first(self, supposed: Suppositions) -> Refusal | None:
        return (await self._judge(supposed)).first

    # -- the phases -------------------------------------------------------------------------------

    async def _judge(self, supposed: Suppositions) -> Judged:
        """Take the call's steps, doing nothing."""
        body = supposed.body
        head = RequestHead(self._method, self._target, dict(self._fields))
        if body or self._method == b"POST":
            head.length = len(body)
        gate, snapshot = self._call.gate, self._call.snapshot
        asked = CallState(gate, snapshot, self._call.connection, head)
        asked.body, asked.request_bytes, asked.whole = body, len(body), True
        judged = self._judged = Judged(asked)
        steps = (*asked.plan.head_steps, *asked.plan.body_steps)
        told: set[Phase] = set()
        for phase, step in zip(asked.plan.phases, steps, strict=True):
            refusal = await self._take(judged, phase, step, supposed)
            if refusal is None:
                continue
            judged.refuse(refusal)
            told.add(phase)
            if phase not in (Phase.LIMIT, Phase.RESERVE, Phase.SEND) and not (
                phase is Phase.IDENTIFY and asked.key is not None
            ):
                break
        self._complete(judged)
        return judged

    async def _take(
        self, judged: Judged, phase: Phase, step: Any, supposed: Suppositions
    ) -> Refusal | None:
        asked = judged.call
        if isinstance(step, KeyCheck | RouteCheck | KeyOrOperatorCheck):
            return await self._identify(judged, step)
        if isinstance(step, LimitCheck):
            return await self._limit(judged, step, supposed)
        if isinstance(step, CreditCheck):
            return await self._reserve(judged, step)
        if isinstance(step, Choose):
            refusal = step.dry(asked)  # type: ignore[arg-type]
        elif isinstance(step, Send):
            return self._send(judged, supposed)
        elif phase is Phase.SEND or step is check_handshake:
            return None  # what the gate answers by itself, and what a dry run doesn't switch
        else:
            refusal = step(asked)
        if refusal is not None:
            judged.findings.append(refused(refusal, phase_of(refusal)))
        return refusal

    async def _identify(
        self, judged: Judged, step: KeyCheck | RouteCheck | KeyOrOperatorCheck
    ) -> Refusal | None:
        asked, callers = judged.call, self._call.snapshot.callers
        if isinstance(step, KeyOrOperatorCheck):
            step = step.key_check
        own = self._record is not None and self._record is self._call.key
        methods = methods_of(self._call) if own else ()
        refusal = await self._step.identify(asked, self._record, step, methods)
        if callers is not None:
            judged.findings += identity_findings(asked, callers, step, refusal)
        if refusal is not None:
            judged.findings.append(refused(refusal, phase_of(refusal)))
            if refusal.reason:
                judged.findings.append(reason_finding(refusal, Phase.IDENTIFY.name))
        elif callers is not None:
            judged.findings.append(passed(Phase.IDENTIFY))
        return refusal

    async def _limit(
        self, judged: Judged, step: LimitCheck, supposed: Suppositions
    ) -> Refusal | None:
        asked = judged.call
        counters = asked.terms.counters
        outcome = step.dry(asked)
        refusal = await outcome if inspect.isawaitable(outcome) else outcome
        if refusal is not None and refusal.subject is None:
            judged.findings.append(refused(refusal, Phase.LIMIT))
        elif not counters:
            judged.findings.append(_not_applicable(Phase.LIMIT, "limits", "No limit applies."))
        else:
            costs = costs_of(asked)
            judged.findings += counter_findings(counters, costs, asked.gate.now())
        waits = refusal is not None and refusal.kind.retryable
        return None if waits and supposed.limits_waited else refusal

    async def _reserve(self, judged: Judged, step: CreditCheck) -> Refusal | None:
        asked, terms = judged.call, judged.call.terms
        try:
            refusal = await step.dry(asked, self._purses)
        except TimeoutError:
            refusal = refuse("ledger_unavailable", "The ledger does not answer.", scope="gate")
        if refusal is not None and refusal.kind.code in ("price_unknown", "ledger_unavailable"):
            judged.findings.append(refused(refusal, Phase.RESERVE))
            return refusal
        if refusal is not None and refusal.kind.code == "request_invalid":
            judged.findings.append(refused(refusal, Phase.RESERVE))
            return refusal
        if not (terms.slices or terms.included):
            words = "No wallet, budget or volume applies: nothing is charged."
            judged.findings.append(_not_applicable(Phase.RESERVE, "credit", words))
            return refusal
        need = asked.need if asked.slices else step.need(asked, terms)
        asked.need = need
        counted = {one.spec.purse_id for one in asked.slices or terms.slices}
        for one, standing in self._purses.asked():
            if one.spec.purse_id in counted:
                judged.findings.append(purse_finding(one, standing, need, one.free))
        if refusal is not None and all(each.verdict != "refused" for each in judged.findings):
            judged.findings.append(refused(refusal, Phase.RESERVE))
        return refusal

    def _send(self, judged: Judged, supposed: Suppositions) -> Refusal | None:
        """How the provider is, as far as this worker knows."""
        asked = judged.call
        upstream, recorder = asked.upstream, asked.gate.recorder
        refusal = None
        if recorder.full and recorder.when_full == "refuse":
            refusal = refuse("journal_unavailable", "The journal has no room.", scope="gate")
        elif upstream is not None:
            origin, state = upstream.pool.origin, upstream.pool.state
            numbers = (
                ("connections", str(state.open)),
                ("connections_max", str(origin.connections_max)),
                ("idle", str(state.idle)),
                ("waiting", str(state.waiting)),
            )
            busy = state.idle == 0 and state.open >= origin.connections_max
            if busy and state.waiting >= origin.queue_max:
                detail = f"Provider '{upstream.name}': all connections are in use."
                refusal = refuse("upstream_busy", detail, scope="provider", retry_after_s=1)
            judged.findings.append(
                Finding(
                    Phase.SEND.name, "connections", "refused" if refusal else "passed",
                    f"The connections to '{upstream.name}' ({upstream.address}).", numbers, True,
                )
            )  # fmt: skip
        return None if supposed.sends else refusal

    def _complete(self, judged: Judged) -> None:
        """A finding for every phase, in order."""
        findings, asked = judged.findings, judged.call
        told = {finding.phase for finding in findings}
        refusing = [finding.phase for finding in findings if finding.verdict == "refused"]
        last = max((Phase[name] for name in refusing), default=Phase.SEND)
        for phase in sorted({Phase.ROUTE, *asked.plan.phases}):
            if phase.name in told:
                continue
            reached = phase < last or judged.first is None or _reached(asked, phase)
            findings.append(passed(phase) if reached else not_reached(phase))
        findings.sort(key=lambda finding: Phase[finding.phase])

    # -- ways out ---------------------------------------------------------------------------------

    def _suggest(self, supposed: Suppositions, refusal: Refusal) -> Change | None:
        asked = self._judged.call
        if refusal.kind.code in ("model_unknown", "model_not_allowed"):
            name = self._step.another_model(asked) if asked.peek is not None else None
            return Change("set", name="model", value=name) if name is not None else None
        if refusal.kind.code == "request_exceeds_limit" and refusal.scope == "limit":
            tokens = _output_that_fits(asked)
            return Change("set", name="max_tokens", value=tokens) if tokens else None
        return None


def _fields(headers: Mapping[str, str], *, drop_key: bool) -> dict[bytes, bytes]:
    fields = {
        name.strip().lower().encode("utf-8"): value.strip().encode("utf-8")
        for name, value in headers.items()
    }
    if drop_key:
        for name in _CREDENTIALS:
            fields.pop(name, None)
    return fields


def _reached(asked: CallState, phase: Phase) -> bool:
    """Whether the call as it was judged came past a phase that leaves something behind."""
    if phase is Phase.IDENTIFY:
        return asked.key is not None
    if phase is Phase.VALIDATE:
        return asked.peek is not None
    if phase is Phase.AUTHORIZE:
        return asked.offer is not None
    return phase is Phase.CHOOSE and asked.upstream is not None


def _not_applicable(phase: Phase, policy: str, words: str) -> Finding:
    return Finding(phase.name, policy, "not_applicable", words)


def _output_that_fits(asked: CallState) -> int | None:
    """The highest output limit that no short limit forbids for ever; None: there is none."""
    peeked, now = asked.peek, asked.gate.now()
    if peeked is None:
        return None
    inputs, outputs = asked.estimate()

    def fits(tokens: int) -> bool:
        made = tokens * asked.choices
        costs = (0, 1, inputs, made, inputs + made, 1)
        return all(one.check(costs[one.spec.unit], now) != NEVER for one in asked.terms.counters)

    low, high = 0, outputs // asked.choices
    while low < high:
        middle = (low + high + 1) // 2
        if fits(middle):
            low = middle
        else:
            high = middle - 1
    return low or None


def _ceiling(asked: CallState) -> dict[str, Any] | None:
    """The most that the call can cost its caller; None where that isn't known."""
    tariff, terms = asked.tariff or asked.terms.charge, asked.terms
    if tariff is None or asked.peek is None:
        return None
    if asked.slices and asked.tariff is None:
        return {"amount": format_amount(0), "currency": CURRENCY, "included": True}
    inputs = asked.input_bound
    outputs: int | None = asked.need[Unit.OUTPUT_TOKENS]
    if asked.grows:
        most = terms.output_tokens_max
        outputs = most * asked.choices if most is not None else None
    elif not outputs and asked.makes_output:
        inputs, outputs = asked.estimate()
    told: dict[str, Any] = {"currency": CURRENCY, "input_tokens_max": inputs}
    if outputs is None:
        # The stream ends where the credit does.
        told |= {"amount": None, "output_tokens_max": None}
    else:
        told |= {
            "amount": format_amount(tariff.bound(inputs, outputs, asked.most)),
            "output_tokens_max": outputs,
        }
    if asked.need[Unit.NANO]:
        told["held_first"] = format_amount(asked.need[Unit.NANO])
    return told
