"""Steps, and the plan of steps that a route becomes.

A step is called with the call. None: go on. A refusal or an answer ends the call. An awaitable is
awaited, and what it gives counts. `head_steps` need the head alone, so a caller that
isn't known can't make the gate take in its body.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import unquote

from faregate.core import bounds
from faregate.core.errors import FaregateError
from faregate.core.refusals import Refusal, refuse
from faregate.dialects import openai_bounds
from faregate.dialects.renderers import RENDERERS
from faregate.dialects.translation import Peeked
from faregate.dialects.usage import Usage
from faregate.gate.findings import Surroundings
from faregate.gate.operations import Operation
from faregate.gate.phase import Phase as Phase
from faregate.gate.terms import TermsBook, still_holds
from faregate.identity.keys import KeyRecord
from faregate.policies.models import ModelCheck
from faregate.policies.terms import Terms
from faregate.wire import content_coding, multipart

if TYPE_CHECKING:
    from faregate.gate.call import Call


Step = Callable[[Any], Any]

_NOBODY: Final = ("", "")
_SUBJECT_MAX: Final = bounds.SUBJECT_CHARACTERS_MAX


class PhasedStep(NamedTuple):
    """A step and its phase; `needs_body`: the request must be whole.

    `by_route` gives another step for some routes, and `with_body` is what has to be done once the
    body is there.
    """

    phase: Phase
    step: Step
    needs_body: bool = True
    by_route: Callable[[str], Step] | None = None
    with_body: Step | None = None


class Plan:
    """The steps of one route and method, flat."""

    __slots__ = (
        "body_steps", "head_steps", "operation", "phases", "refusals", "route", "surroundings",
    )  # fmt: skip

    def __init__(
        self,
        route: str,
        steps: list[PhasedStep],
        operation: Operation | None = None,
        dialect: str = "openai",
    ) -> None:
        ordered = sorted(_for_route(steps, route), key=lambda step: step.phase)
        first_with_body = (at for at, each in enumerate(ordered) if each.needs_body)
        body_at = next(first_with_body, len(ordered))
        if any(not each.needs_body for each in ordered[body_at:]):
            raise ValueError("a step that needs no body stands behind one that does")
        self.route = route
        self.operation = operation
        self.refusals = operation.refusals if operation is not None else RENDERERS[dialect]
        self.surroundings: dict[str, Surroundings] = {}  # by code, for `gate.findings`
        self.phases = tuple(each.phase for each in ordered)
        self.head_steps = tuple(each.step for each in ordered[:body_at])
        self.body_steps = tuple(each.step for each in ordered[body_at:])


def _for_route(steps: list[PhasedStep], route: str) -> list[PhasedStep]:
    """The steps as they are for a route, and what they do once the body is there."""
    chosen = [
        step if step.by_route is None else step._replace(step=step.by_route(route))
        for step in steps
    ]
    behind = [PhasedStep(step.phase, step.with_body) for step in steps if step.with_body]
    return [*chosen, *behind]


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


class Peek:
    """The step that reads the few fields of the body that later steps need."""

    def __init__(self, operation: Operation) -> None:
        self._peek = operation.native.peek
        before, _, behind = operation.path.partition("{model}")
        self._before = len(before) if behind else 0
        self._behind = len(behind.partition("?")[0])
        self._streams = operation.streams
        self._peek_form = getattr(operation.native, "peek_form", None)

    def __call__(self, call: "Call") -> Refusal | None:
        """Set `call.peek` and `call.model_asked`."""
        if self._before:
            model = self._model(call)
            peeked = self._peek(call.body, model, stream=bool(self._streams))
        elif self._peek_form is not None and (form := _form_type(call)):
            call.form = form
            peeked = self._peek_form(call.body, form)
        else:
            peeked = self._peek(call.body, None, stream=False)
        if isinstance(peeked, Refusal):
            return peeked
        call.peek = peeked
        call.model_asked = name = peeked.model
        if len(name) > bounds.MODEL_NAME_CHARACTERS_MAX:
            detail = f"A model's name has at most {bounds.MODEL_NAME_CHARACTERS_MAX} characters."
            return refuse("request_invalid", detail, param="model")
        return None

    def _model(self, call: "Call") -> str:
        """The model that the path names."""
        path = call.head.path.decode("latin-1")
        return unquote(path[self._before : len(path) - self._behind])


def _form_type(call: "Call") -> bytes:
    """The Content-Type of a form; empty where the body is none."""
    content_type = call.head.fields.get(b"content-type", b"")
    return content_type if multipart.is_form(content_type) else b""


class FindTerms:
    """The step that finds the model, if the key may use it, and its terms.

    Terms are all that applies to the call: limits, volumes, budgets, prices.
    """

    def __init__(self, operation: Operation, check_model: ModelCheck, book: TermsBook) -> None:
        self._route = operation.route
        self._dialect = operation.dialect
        self._check_model = check_model
        self._book = book
        self._makes_output = operation.makes_output
        self._has_prompts = operation.has_prompts
        self._most = getattr(operation.native, "most", None)
        self._most_form = getattr(operation.native, "most_form", None)
        self._asked = book.asked(operation.route)

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
        self, call: "Call", key: KeyRecord, subjects: tuple[str, str], peeked: Peeked
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

    def _measure(self, call: "Call", terms: Terms, peeked: Peeked) -> None:
        """What decides how much the call may use: of input, and how many answers it has."""
        if not self._makes_output:
            self._measure_whole(call, terms)
            return
        body = call.body
        dialect = self._dialect
        call.input_bound = openai_bounds.cheap_bound(body, terms.image_tokens_max, dialect)
        if (dialect != "openai_chat" or b"_options" in body) and (
            openai_bounds.refers_elsewhere(body)
        ):
            call.input_bound = max(call.input_bound, terms.context_tokens)
            call.elsewhere = True
        call.choices = peeked.choices
        tier = getattr(peeked, "service_tier", None)
        if isinstance(tier, str):
            call.most = Usage(service_tier=tier)
        if self._has_prompts:
            call.choices *= openai_bounds.count_prompts(body)

    def _measure_whole(self, call: "Call", terms: Terms) -> None:
        """The same of what makes no text: its operation knows the most that it costs."""
        if call.form:
            assert self._most_form is not None
            most = self._most_form(call.body, call.form)
        else:
            most = self._most(call.body) if self._most is not None else None
        call.most = most
        if most is not None and most.input_tokens is not None:
            call.input_bound = most.input_tokens
            call.elsewhere = True  # its length says nothing, and isn't to be looked at again
        else:
            images = terms.image_tokens_max
            call.input_bound = openai_bounds.cheap_bound(call.body, images, self._dialect)


def _subjects(fields: dict[bytes, bytes]) -> tuple[str, str]:
    """The customer and the run that the headers name; empty where they don't."""
    customer = fields.get(b"faregate-customer", b"").decode("utf-8", "replace")
    run = fields.get(b"faregate-run", b"").decode("utf-8", "replace")
    return (customer, run) if customer or run else _NOBODY
