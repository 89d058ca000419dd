"""Steps, and the plan of steps that a route becomes.

A step is called with the call. None: go on. A refusal or an answer ends the call. An awaitable is
awaited, and what it gives counts. `head_steps` need the head alone, so a caller that
isn't known can't make the gate take in its body.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from faregate.core import bounds
from faregate.core.errors import FaregateError
from faregate.core.refusals import Refusal, refuse
from faregate.dialects import openai_bounds, openai_chat
from faregate.gate.findings import Surroundings
from faregate.gate.finish import record_start
from faregate.gate.phase import Phase as Phase
from faregate.gate.terms import TermsBook, still_holds
from faregate.identity.keys import KeyRecord
from faregate.policies.models import ModelCheck
from faregate.policies.terms import Terms
from faregate.wire import content_coding

if TYPE_CHECKING:
    from faregate.gate.call import Call


Step = Callable[[Any], Any]

_NOBODY: Final = ("", "")
_SUBJECT_MAX: Final = bounds.SUBJECT_CHARACTERS_MAX


class PhasedStep(NamedTuple):
    """A step and its phase; `needs_body`: the request must be whole."""

    phase: Phase
    step: Step
    needs_body: bool = True


class Plan:
    """The steps of one route and method, flat."""

    __slots__ = ("body_steps", "head_steps", "phases", "route", "surroundings")

    def __init__(self, route: str, steps: list[PhasedStep]) -> None:
        ordered = sorted(steps, key=lambda step: step.phase)
        first_with_body = (at for at, each in enumerate(ordered) if each.needs_body)
        body_at = next(first_with_body, len(ordered))
        if any(not each.needs_body for each in ordered[body_at:]):
            raise ValueError("a step that needs no body stands behind one that does")
        self.route = route
        self.surroundings: dict[str, Surroundings] = {}  # by code, for `gate.findings`
        self.phases = tuple(each.phase for each in ordered)
        self.head_steps = tuple(each.step for each in ordered[:body_at])
        self.body_steps = tuple(each.step for each in ordered[body_at:])


def require_length(call: "Call") -> Refusal | None:
    """Refuse a request that should have a body and announces none."""
    head = call.head
    if head.chunked or head.length >= 0:
        return None
    return refuse("length_required", "The request has neither Content-Length nor chunks.")


def decode_body(call: "Call") -> Refusal | None:
    """Take the content coding off, for the body will be read."""
    coding = call.head.fields.get(b"content-encoding")
    if coding is None:
        return None
    limit = call.gate.settings.body_bytes_max
    try:
        call.body = content_coding.decode(call.body, coding, limit)
    except content_coding.CodingUnsupportedError as error:
        detail = f"The content coding '{str(error)[:40]}' is not one of those read here."
        fields = (("accept-encoding", ", ".join(content_coding.CODINGS)),)
        return refuse("media_type_unsupported", detail, param="content-encoding", headers=fields)
    except content_coding.CodingBrokenError as error:
        detail = f"The body is not what its Content-Encoding says: {error}."
        return refuse("request_invalid", detail, param="content-encoding")
    except content_coding.DecodedTooLargeError:
        detail = f"The decoded body is over {limit} bytes."
        return refuse("body_too_large", detail, limit=limit)
    return None


def peek(call: "Call") -> Refusal | None:
    """Read the few fields of the body that later steps need."""
    peeked = openai_chat.peek(call.body)
    if isinstance(peeked, Refusal):
        return peeked
    call.peek = peeked
    call.model_asked = peeked.model
    if len(peeked.model) > bounds.MODEL_NAME_CHARACTERS_MAX:
        detail = f"A model's name has at most {bounds.MODEL_NAME_CHARACTERS_MAX} characters."
        return refuse("request_invalid", detail, param="model")
    if peeked.output_limit is not None or peeked.n is not None or peeked.best_of is not None:
        return openai_chat.refuse_twofold(call.body)
    return None


class FindTerms:
    """The step that finds the model, if the key may use it, and its terms.

    Terms are all that applies to the call: limits, volumes, budgets, prices. `makes_output`:
    whether this operation puts out tokens.
    """

    def __init__(
        self, route: str, check_model: ModelCheck, book: TermsBook, *, makes_output: bool
    ) -> None:
        self._route = route
        self._check_model = check_model
        self._book = book
        self._makes_output = makes_output
        self._has_prompts = route == openai_chat.COMPLETIONS_PATH
        self._asked = book.asked(route)

    def __call__(self, call: "Call") -> Refusal | None:
        """Set `call.offer` and `call.terms`, or refuse the model or a subject's name."""
        head, key, peeked = call.head, call.key, call.peek
        assert key is not None
        assert peeked is not None
        call.makes_output = self._makes_output
        subjects = head.subjects
        if subjects is None:
            subjects = head.subjects = _subjects(head.fields)
        if subjects is _NOBODY and not peeked.user:
            terms = self._asked.get((key.key_id, call.model_asked))
            if terms is not None and still_holds(terms, key, call.started_ns):
                call.offer = terms.offer
                call.terms = terms
                if terms.measures:
                    self._measure(call, terms, peeked)
                return None
        return self._check_model(call) or self._find(call, key, subjects, peeked)

    def _find(
        self, call: "Call", key: KeyRecord, subjects: tuple[str, str], peeked: openai_chat.Peek
    ) -> Refusal | None:
        offer = call.offer
        assert offer is not None
        customer, run = subjects
        if not customer and peeked.user:
            customer = peeked.user
        if len(customer) > _SUBJECT_MAX or len(run) > _SUBJECT_MAX:
            detail = f"The name of a customer or a run has at most {_SUBJECT_MAX} characters."
            return refuse("request_invalid", detail, param="user")
        if "\0" in customer or "\0" in run:
            detail = "The name of a customer or a run has a character NUL."
            return refuse("request_invalid", detail, param="user")
        call.customer, call.run_name = customer, run
        try:
            call.terms = self._book.find(key, offer, self._route, customer, run, call.started_ns)
        except FaregateError:
            return refuse("limits_unavailable", "Too many limits are counted.", scope="gate")
        if subjects is _NOBODY and not customer:
            if len(self._asked) >= bounds.KEY_CACHE_ENTRIES_MAX:
                self._asked.clear()
            self._asked[key.key_id, call.model_asked] = call.terms
        if call.terms.measures:
            self._measure(call, call.terms, peeked)
        return None

    def _measure(self, call: "Call", terms: Terms, peeked: openai_chat.Peek) -> None:
        """What decides how much the call may use: of input, and how many answers it has."""
        body = call.body
        call.input_bound = openai_bounds.cheap_bound(body, terms.image_tokens_max)
        several = peeked.n is not None or peeked.best_of is not None
        call.choices = peeked.choices if several else 1
        if self._has_prompts:
            call.choices *= openai_bounds.count_prompts(body)


def _subjects(fields: dict[bytes, bytes]) -> tuple[str, str]:
    """The customer and the run that the headers name; empty where they don't."""
    customer = fields.get(b"faregate-customer", b"").decode("utf-8", "replace")
    run = fields.get(b"faregate-run", b"").decode("utf-8", "replace")
    return (customer, run) if customer or run else _NOBODY


def choose(call: "Call") -> Refusal | None:
    """Choose the upstream, and write the request as it will see it."""
    offer, peeked = call.offer, call.peek
    assert offer is not None
    assert peeked is not None
    upstream = call.upstream = call.snapshot.upstreams[offer.provider]
    body = openai_chat.splice_model(call.body, peeked.model, offer.upstream_model)
    if isinstance(body, Refusal):
        return body
    if peeked.stream and upstream.ask_stream_usage and not peeked.asks_usage:
        body = openai_chat.ask_stream_usage(body)
    if call.output_sent:
        chat = call.plan.route == openai_chat.CHAT_PATH
        field = upstream.output_limit_field if chat else "max_tokens"
        body = openai_chat.set_output_limit(body, call.output_sent, field)
    call.request_body = body
    call.idempotent = b"idempotency-key" in call.head.fields
    return None


class Send:
    """The last step: record the call, then send it to the provider.

    `path` is below the provider's address.
    """

    def __init__(self, path: bytes) -> None:
        self._path = path

    def __call__(self, call: "Call") -> Refusal | None:
        """Send; what comes back is the relay's affair."""
        upstream = call.upstream
        assert upstream is not None
        if not record_start(call) and call.gate.recorder.when_full == "refuse":
            return refuse("journal_unavailable", "The journal has no room.", scope="gate")
        call.request_head = upstream.request_head(call.head, self._path, len(call.request_body))
        now = call.submitted_at = call.gate.now()
        upstream.pool.send(call, now)
        return None
