"""A revision as a worker holds it: complete, and never changed."""

from typing import Final, NamedTuple

from faregate.catalogue.models import Catalogue, Offer
from faregate.configuration.document import Document
from faregate.configuration.settings import Settings
from faregate.core.refusals import REFERENCE_PATH, Refusal, refuse
from faregate.gate import answers, phases
from faregate.gate.diagnosis import Diagnose
from faregate.gate.explanations import CALLS_PATH, KeyOrOperatorCheck, ShowDecision
from faregate.gate.me import ShowMe
from faregate.gate.phases import Phase, PhasedStep, Plan
from faregate.gate.terms import TermsBook
from faregate.gate.upstreams import Upstream
from faregate.policies.credit import CreditCheck
from faregate.policies.keys import KeyCheck
from faregate.policies.limits import LimitCheck
from faregate.policies.models import ModelCheck
from faregate.wire.request_reader import RequestHead

# The path that callers use, and the one below a provider's address.
FORWARDED_PATHS: Final = {
    "/v1/chat/completions": "/chat/completions",
    "/v1/completions": "/completions",
    "/v1/embeddings": "/embeddings",
}
_WITHOUT_OUTPUT: Final = frozenset({"/v1/embeddings"})
PATHS: Final = (
    *FORWARDED_PATHS,
    "/v1/models",
    "/v1/models/{id}",
    "/v1/me",
    "/v1/calls/{id}/decision",
    "/v1/diagnose",
    "/refusals/{code}",
)

_Methods = dict[bytes, Plan]


class Checks(NamedTuple):
    """The policies that outlive a snapshot, for they remember."""

    key: KeyCheck
    limits: LimitCheck
    credit: CreditCheck


class Snapshot:
    """Routes, models and upstreams of one revision."""

    def __init__(
        self,
        revision: int,
        document: Document,
        upstreams: dict[str, Upstream],
        checks: Checks,
        terms: TermsBook,
    ) -> None:
        self.revision = revision
        self.settings: Settings = document.settings
        self.upstreams = upstreams
        catalogue = Catalogue(
            (
                Offer(model.name, model.provider, model.upstream_model or model.name),
                model.aliases,
            )
            for model in document.models
        )
        self.terms = terms
        identify = PhasedStep(Phase.IDENTIFY, checks.key, needs_body=False)
        self._exact = _exact_routes(catalogue, identify, checks, terms)
        show_me = PhasedStep(Phase.SEND, ShowMe(catalogue, document, terms, tuple(FORWARDED_PATHS)))
        self._exact[b"/v1/me"] = _reading("/v1/me", [identify, show_me])
        either = PhasedStep(Phase.IDENTIFY, KeyOrOperatorCheck(checks.key), needs_body=False)
        self._exact[b"/v1/diagnose"] = _diagnosing(either, Diagnose(catalogue, checks.key))
        show_model = PhasedStep(Phase.SEND, answers.ShowModel(catalogue))
        explain = PhasedStep(Phase.SEND, answers.explain_code)
        self._below = {
            answers.MODELS_PATH + b"/": _reading("/v1/models/{id}", [identify, show_model]),
            CALLS_PATH: _reading(
                "/v1/calls/{id}/decision", [either, PhasedStep(Phase.SEND, ShowDecision())]
            ),
            REFERENCE_PATH.encode(): _reading("/refusals/{code}", [explain]),
        }

    def plan(self, head: RequestHead) -> Plan:
        """The plan for a request; where there is none, one that refuses it."""
        methods = self._exact.get(head.path)
        if methods is not None:
            plan = methods.get(head.method)
            if plan is not None:
                return plan
        else:
            methods = self._find_below(head)
            if methods is None:
                return UNKNOWN_ROUTE
            plan = methods.get(head.method)
            if plan is not None:
                return plan
        return _other_method(head, methods)

    def _find_below(self, head: RequestHead) -> _Methods | None:
        if head.path == b"*":
            return {b"OPTIONS": _say_methods("GET, HEAD, OPTIONS, POST")}
        for prefix, methods in self._below.items():
            if head.path.startswith(prefix) and len(head.path) > len(prefix):
                return methods
        return None


def _exact_routes(
    catalogue: Catalogue, identify: PhasedStep, checks: Checks, terms: TermsBook
) -> dict[bytes, _Methods]:
    check_model = ModelCheck(catalogue)
    routes = {}
    for path, upstream_path in FORWARDED_PATHS.items():
        steps = [
            identify,
            PhasedStep(Phase.IDENTIFY, phases.require_length, needs_body=False),
            PhasedStep(Phase.VALIDATE, phases.decode_body),
            PhasedStep(Phase.VALIDATE, phases.peek),
            PhasedStep(
                Phase.AUTHORIZE,
                phases.FindTerms(
                    path, check_model, terms, makes_output=path not in _WITHOUT_OUTPUT
                ),
            ),
            PhasedStep(Phase.LIMIT, checks.limits),
            PhasedStep(Phase.RESERVE, checks.credit),
            PhasedStep(Phase.CHOOSE, phases.choose),
            PhasedStep(Phase.SEND, phases.Send(upstream_path.encode())),
        ]
        routes[path.encode()] = {
            b"POST": Plan(path, steps),
            b"OPTIONS": _say_methods("OPTIONS, POST"),
        }
    listing = PhasedStep(Phase.SEND, answers.ListModels(catalogue))
    routes[answers.MODELS_PATH] = _reading("/v1/models", [identify, listing])
    return routes


def _reading(route: str, steps: list[PhasedStep]) -> _Methods:
    plan = Plan(route, steps)
    return {b"GET": plan, b"HEAD": plan, b"OPTIONS": _say_methods("GET, HEAD, OPTIONS")}


def _diagnosing(identify: PhasedStep, diagnose: Diagnose) -> _Methods:
    steps = [
        identify,
        PhasedStep(Phase.IDENTIFY, phases.require_length, needs_body=False),
        PhasedStep(Phase.VALIDATE, phases.decode_body),
        PhasedStep(Phase.SEND, diagnose),
    ]
    return {b"POST": Plan("/v1/diagnose", steps), b"OPTIONS": _say_methods("OPTIONS, POST")}


def _say_methods(allowed: str) -> Plan:
    answer = answers.say_methods(allowed)
    return Plan("options", [PhasedStep(Phase.SEND, lambda _call: answer)])


def _other_method(head: RequestHead, methods: _Methods) -> Plan:
    allowed = ", ".join(sorted(method.decode() for method in methods))
    known = head.method in (b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS")
    if not known:
        refusal = refuse("method_unknown", "The gate does not know this method.")
    else:
        detail = f"{head.method.decode()} is not taken here; {allowed} is."
        refusal = refuse("method_not_allowed", detail, headers=(("allow", allowed),))
    return _refusing("other", refusal)


def _refusing(route: str, refusal: Refusal) -> Plan:
    return Plan(route, [PhasedStep(Phase.ROUTE, lambda _call: refusal, needs_body=False)])


UNKNOWN_ROUTE: Final = _refusing(
    "other", refuse("route_unknown", f"The gate serves {', '.join(PATHS)}.")
)
