"""CHOOSE and SEND: which target serves a call, and what it will see.

The first choice is made here, the next ones by `gate.attempts`; both go through `prepare`.
"""

from collections.abc import Awaitable, Mapping
from typing import TYPE_CHECKING, Final, cast

import msgspec

from faregate.configuration.document import Model
from faregate.core.errors import FaregateError
from faregate.core.refusals import Refusal, refuse
from faregate.dialects.audio.openai import can_pass
from faregate.dialects.form_native import read_form
from faregate.dialects.neutral.parts import carries_foreign
from faregate.dialects.translation import FormNative, Lost, Written
from faregate.gate.finish import add_attempt, record_start
from faregate.gate.operations import Operation
from faregate.gate.routing_facts import facts_of
from faregate.gate.shadowing import send_copy
from faregate.gate.upstreams import Upstream
from faregate.gate.wires import UnservedError, Wire
from faregate.providers.tokens import UnprovenError
from faregate.routing.course import Course, GiveUp
from faregate.routing.route import Refused, Route
from faregate.routing.strategies import NO_FACTS
from faregate.routing.targets import Choice, begin
from faregate.routing.troubles import REFUSAL_CODES, Trouble

if TYPE_CHECKING:
    from faregate.gate.relay import Relay

_UNSUPPORTED_FIELD: Final = b"faregate-unsupported"
_TIMEOUT_FIELD: Final = b"faregate-timeout"
_TIMEOUT_S_MAX: Final = 86_400
_DROP: Final = b"drop"
# What changes no answer: it is left out where a target has no place for it, and told.
HINTS: Final = frozenset(
    {"cache", "prompt_cache_key", "user", "metadata", "store", "messages.name"}
    | {"messages.image.detail", "others.context_management", "others.betas", "others.include"}
    | {"others.truncation", "citations", "messages.citations", "others.prompt_cache_retention"}
    | {"others.safety_identifier", "others.client_metadata", "tools.strict"}
)
_FAR: Final = float("inf")


class Choose:
    """The step that chooses a target and writes the request for it."""

    def __init__(
        self,
        operation: Operation,
        routes: Mapping[str, Route],
        models: Mapping[str, Model],
        upstreams: Mapping[str, Upstream],
    ) -> None:
        self._operation = operation
        self._routes = routes
        self._models = models
        self._upstreams = upstreams
        self._wires: dict[Choice, Wire] = {}

    def __call__(self, call: "Relay") -> Refusal | None:
        """Set what SEND sends, or refuse."""
        offer = call.offer
        assert offer is not None
        route, terms = self._routes[offer.name], call.terms
        if _TIMEOUT_FIELD in call.head.fields or terms.total_s is not None:
            seconds = deadline_s(call)
            if isinstance(seconds, Refusal):
                return seconds
            set_deadline(call, seconds)
        if terms.overage is not terms.charge:
            call.beyond = call.tariff is not None and call.tariff is terms.overage
        quick = route.quick
        if quick is not None and not quick.account_health.troubled:
            route.calls += 1
            outcome = self.prepare(call, quick)
            if outcome is None or isinstance(outcome, Refusal):
                return outcome
            return choose_another(call, self, quick, outcome)
        return self._choose(call, route)

    def _choose(self, call: "Relay", route: Route) -> Refusal | None:
        """Where there is a choice, or something is in trouble."""
        facts = NO_FACTS if not route.needs else facts_of(call, route)
        choice = route.choose(facts, call.started_at)
        if isinstance(choice, Refused):
            return choice.refusal()
        if route.shadow is not None:
            call.shadow = route.shadow_choice(facts, call.started_at)
        outcome = self.prepare(call, choice)
        if isinstance(outcome, Refusal):
            return outcome
        return None if outcome is None else choose_another(call, self, choice, outcome)

    def dry(self, call: "Relay") -> Refusal | None:
        """What would be chosen now; nothing is claimed or begun."""
        offer = call.offer
        assert offer is not None
        route = self._routes[offer.name]
        seconds = deadline_s(call)
        if isinstance(seconds, Refusal):
            return seconds
        now, facts = call.gate.now(), facts_of(call, route)
        first = route.look(facts, now)
        if isinstance(first, Refused):
            return first.refusal()
        choice: Choice | None = first
        lost, skipped = [], set()
        while choice is not None:  # as `choose_another`
            outcome = self.prepare(call, choice)
            if not isinstance(outcome, Lost):
                return outcome
            lost.append(outcome)
            skipped.add(choice.target_health)
            choice = route.pick_any(route.stages(facts), facts, now, skipped, claims=False)
        return refuse_lost(call, lost[0])

    def route(self, name: str) -> Route:
        """The route of a model, virtual or not."""
        return self._routes[name]

    def prepare(self, call: "Relay", choice: Choice) -> Refusal | Lost | None:
        """Write the request for `choice`.

        What it can't take, where something is in the way.
        """
        wire = self._wires.get(choice)
        if wire is None:
            try:
                wire = self.wire(choice)
            except UnservedError as error:
                return Lost(self._operation.name, str(error))
        call.choice, call.wire = choice, wire
        call.upstream = wire.upstream
        fare = call.terms.fares.get(wire.name)
        if fare is not None and not self._operation.is_free:
            call.cost = fare.cost
            if call.tariff is not None and fare.charge is not None:
                call.tariff = fare.overage if call.beyond else fare.charge
        passed = self._pass(call, wire) if wire.native is not None else None
        if type(passed) is bytes:
            call.request_body = passed
        elif isinstance(passed, Refusal):
            return passed
        else:
            wire = wire.translated or wire
            written = self._translate(call, wire)
            if not isinstance(written, Written):
                return written
            call.dropped = tuple(lost.name for lost in written.lost)
            call.request_body = written.body
            call.wire = wire.carrying(written)
        call.idempotent = b"idempotency-key" in call.head.fields
        return None

    def wire(self, choice: Choice) -> Wire:
        """The way to a target.

        Raises `UnservedError` where it can't serve this operation.
        """
        wire = self._wires.get(choice)
        if wire is None:
            target = choice.target
            wire = Wire(
                choice,
                self._upstreams[target.account.name],
                self._models[target.name],
                self._operation,
            )
            if not choice.is_probe:
                self._wires[choice] = wire
        return wire

    def copy(self, call: "Relay", wire: Wire) -> tuple[Wire, bytes] | None:
        """The request once more, for another target; None: it can't take it."""
        passed = self._pass(call, wire) if wire.native is not None else None
        if passed is not None:
            return (wire, passed) if isinstance(passed, bytes) else None
        wire = wire.translated or wire
        written = self._translate(call, wire)
        return (wire.carrying(written), written.body) if isinstance(written, Written) else None

    def _pass(self, call: "Relay", wire: Wire) -> bytes | Refusal | None:
        """The caller's bytes, with what must be another's; None: they must be translated."""
        native, peeked = wire.native, call.peek
        assert native is not None
        assert peeked is not None
        if call.form:
            if wire.translated is not None and not _passes(call, wire.facts.unsupported):
                return None
            forms = cast(FormNative, native)
            return forms.splice_model_form(call.body, call.form, peeked.model, wire.model)
        if wire.translated is not None and carries_foreign(call.body):
            return None  # of another vendor, which this one would refuse
        body = native.splice_model(call.body, peeked.model, wire.model)
        if isinstance(body, Refusal):
            return body
        if peeked.stream and wire.upstream.ask_stream_usage and not peeked.asks_usage:
            body = native.ask_stream_usage(body)
        if call.output_sent:
            field = wire.upstream.row.output_limit_field
            body = native.set_output_limit(body, call.output_sent, field)
        return body

    def _translate(self, call: "Relay", wire: Wire) -> Written | Refusal | Lost:
        """The request in the target's dialect."""
        neutral, peeked = call.neutral, call.peek
        assert peeked is not None
        if neutral is None:
            reader = self._operation.translator
            assert reader is not None
            if call.form:
                read = reader.read_form(call.body, call.form)
            else:
                read = reader.read_request(call.body, peeked.model, stream=bool(peeked.stream))
            if isinstance(read, Refusal):
                return read
            neutral = call.neutral = read
        if call.output_sent:
            neutral = msgspec.structs.replace(neutral, output_tokens_max=call.output_sent)
        assert wire.writer is not None
        written: Written = wire.writer.write_request(neutral, wire.facts)
        grave = next((lost for lost in written.lost if lost.name not in HINTS), None)
        return written if grave is None or drops(call) else grave


def deadline_s(call: "Relay") -> float | Refusal | None:
    """How long the call may take.

    That is by the caller's own word, and by the virtual model's.
    """
    seconds, said = call.terms.total_s, call.head.fields.get(_TIMEOUT_FIELD)
    if said is not None:
        try:
            asked = float(said)
        except ValueError:
            asked = 0.0
        if not 0 < asked <= _TIMEOUT_S_MAX:
            detail = f"Faregate-Timeout is seconds, above 0 and at most {_TIMEOUT_S_MAX}."
            return refuse("request_invalid", detail, param="faregate-timeout")
        seconds = asked if seconds is None else min(asked, seconds)
    return seconds


def set_deadline(call: "Relay", seconds: float | None) -> None:
    """End the call in time."""
    assert seconds is not None
    call.deadline = call.started_at + seconds
    call.timer = call.gate.loop.call_later(
        max(call.deadline - call.gate.now(), 0.0), call.out_of_time
    )


def _passes(call: "Relay", unsupported: frozenset[str]) -> bool:
    """Whether the target gives a transcript in the form that the caller wants."""
    form = read_form(call.body, call.form)
    return isinstance(form, Refusal) or can_pass(form.fields.get("response_format"), unsupported)


def drops(call: "Relay") -> bool:
    """Whether parts that a target can't take are left out.

    Else the call is refused.
    """
    said = call.head.fields.get(_UNSUPPORTED_FIELD)
    return call.terms.drops if said is None else said.strip().lower() == _DROP


def refuse_lost(call: "Relay", lost: Lost) -> Refusal:
    """The refusal of a request that no target can take as it is."""
    operation = call.plan.operation
    if operation is not None and lost.name == operation.name:
        detail = f"The model '{call.model_asked[:100]}' does not serve {operation.path}."
        return refuse("operation_unsupported", detail, param="model", scope="model")
    detail = f"The model '{call.model_asked[:100]}' can't take '{lost.name}': {lost.why}"
    return refuse("unsupported_parameter", detail, param=lost.name, scope="model")


def choose_another(call: "Relay", choose: Choose, choice: Choice, lost: Lost) -> Refusal | None:
    """Prepare for a target that can take the request, where there is one."""
    course, now = course_of(call, choose, choice), call.gate.now()
    refusal = refuse_lost(call, lost)
    while True:
        trouble = Trouble("unsupported", "request", detail=lost.why)
        call.answers += ((trouble, refusal),)
        following = course.failed(choice, trouble, now)
        if isinstance(following, GiveUp) or following.wait_s:
            return refusal
        choice = following.choice
        outcome = choose.prepare(call, choice)
        if not isinstance(outcome, Lost):
            return outcome
        lost = outcome


def course_of(call: "Relay", choose: Choose, choice: Choice) -> Course:
    """What is tried for this call, from its first trouble on."""
    course = call.course
    if course is None:
        offer = call.offer
        assert offer is not None
        route = choose.route(offer.name)
        deadline = call.deadline or _FAR
        facts = facts_of(call, route)
        course = call.course = route.course(choice, facts, call.gate.now(), deadline)
    return course


class Send:
    """The last step: record the call, then send it to the provider."""

    def __init__(self, choose: Choose) -> None:
        self.choose = choose

    def __call__(self, call: "Relay") -> Refusal | Awaitable[Refusal | None] | None:
        """Send; what comes back is the relay's affair."""
        if not record_start(call) and call.gate.recorder.when_full == "refuse":
            return refuse("journal_unavailable", "The journal has no room.", scope="gate")
        if call.shadow is not None:
            send_copy(call, self.choose)
        return send(call)


def send(call: "Relay") -> Refusal | Awaitable[Refusal | None] | None:
    """Send what is prepared; awaitable where a token must be fetched first."""
    wire, choice = call.wire, call.choice
    assert wire is not None
    assert choice is not None
    now = call.submitted_at = call.gate.now()
    begin(choice, now)
    call.attempting = True
    peeked, proof, signed = call.peek, wire.upstream.proof, b""
    streamed = peeked is not None and peeked.stream is True
    if proof is not None:
        path = wire.stream_path if streamed else wire.path
        try:
            lines = proof.lines(wire, path, call.request_body)
        except FaregateError as error:
            unproven(call, error)
            return None
        if not isinstance(lines, bytes):
            return _send_proven(call, wire, lines, streamed=streamed)
        signed = lines
    if call.deadline:
        signed += _time_left(call, now)
    length = len(call.request_body)
    call.request_head = wire.request_head(
        call.head, length, streamed=streamed, signed=signed, form=call.form
    )
    wire.lane.pool.send(call, now)
    return None


def _time_left(call: "Relay", now: float) -> bytes:
    """The caller's deadline, as the next gate or server may heed it."""
    if _TIMEOUT_FIELD not in call.head.fields:
        return b""
    return b"faregate-timeout: %.3f\r\n" % max(call.deadline - now, 0.001)


async def _send_proven(
    call: "Relay", wire: Wire, lines: Awaitable[bytes], *, streamed: bool
) -> Refusal | None:
    try:
        signed = await lines
    except FaregateError as error:
        if not call.ended:
            unproven(call, error)
        return None
    if not call.ended:
        signed += _time_left(call, call.gate.now())
        length = len(call.request_body)
        call.request_head = wire.request_head(
            call.head, length, streamed=streamed, signed=signed, form=call.form
        )
        wire.lane.pool.send(call, call.gate.now())
    return None


def unproven(call: "Relay", error: FaregateError) -> None:
    """What lets us in at a provider could not be had.

    That is an attempt's trouble.
    """
    name = call.upstream.name if call.upstream is not None else "unknown"
    kind = error.kind if isinstance(error, UnprovenError) else "auth"
    code = REFUSAL_CODES[kind]
    assert code is not None
    add_attempt(call, 0, code, call.gate.now())
    trouble = Trouble(kind, "key" if kind == "auth" else "account", detail=str(error))
    detail = f"Provider '{name}': {error}."
    call.unproven(trouble, refuse(code, detail, scope="provider"))
