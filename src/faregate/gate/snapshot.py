"""A revision as a worker holds it: complete, and never changed."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from faregate.catalogue.models import Catalogue, Offer
from faregate.configuration.document import Document, Model, VirtualModel
from faregate.configuration.settings import Settings
from faregate.configuration.tenancy import Hidden
from faregate.core.refusals import REFERENCE_PATH, Refusal, refuse
from faregate.gate import answers, phases
from faregate.gate.choosing import Choose, Send
from faregate.gate.counting import ChooseCounter
from faregate.gate.diagnosis import Diagnose
from faregate.gate.explanations import CALLS_PATH, KeyOrOperatorCheck, ShowDecision
from faregate.gate.file_routes import BATCH_PATHS, FILE_PATHS, file_routes
from faregate.gate.listings import LISTING_PATHS, Listings, listed_models, listing_routes
from faregate.gate.me import ShowMe
from faregate.gate.operations import Operation
from faregate.gate.phases import Phase, PhasedStep, Plan
from faregate.gate.realtime import realtime_plan
from faregate.gate.realtime_call import REALTIME_PATH
from faregate.gate.served import OPERATIONS
from faregate.gate.terms import TermsBook
from faregate.gate.token_endpoint import METADATA_PATH, TOKEN_PATH, oauth2_routes
from faregate.gate.upstreams import Upstream
from faregate.policies.callers import Callers, RouteCheck
from faregate.policies.credit import CreditCheck
from faregate.policies.hmac_signatures import check_body
from faregate.policies.keys import KeyCheck
from faregate.policies.limits import LimitCheck
from faregate.policies.models import ModelCheck
from faregate.policies.oauth2 import AccessTokens
from faregate.policies.tenants import Tenants
from faregate.routing.route import Route
from faregate.wire.request_reader import RequestHead

PATHS: Final = (
    *OPERATIONS,
    REALTIME_PATH.decode(),
    "/v1/models",
    "/v1/models/{id}",
    "/v1/me",
    "/v1/calls/{id}/decision",
    "/v1/diagnose",
    *LISTING_PATHS,
    *FILE_PATHS,
    *BATCH_PATHS,
    TOKEN_PATH,
    METADATA_PATH,
    "/refusals/{code}",
)

_Methods = dict[bytes, Plan]


class Checks(NamedTuple):
    """The policies that outlive a snapshot, for they remember."""

    key: KeyCheck
    limits: LimitCheck
    credit: CreditCheck
    tokens: AccessTokens | None = None


class _Identifying:
    """The steps that identify callers, by route."""

    def __init__(self, document: Document, keys: KeyCheck, callers: Callers | None) -> None:
        self._policies = document.callers.policies
        self._keys = keys
        self._callers = callers

    def step(self, route: str = "") -> KeyCheck | RouteCheck:
        callers = self._callers
        return self._keys if callers is None else callers.step_for(self._policies, route)

    def phased(self, *, operator_too: bool = False) -> PhasedStep:
        """A step for all routes; `operator_too`: who shows the token needs no key."""

        def by_route(route: str) -> KeyCheck | RouteCheck | KeyOrOperatorCheck:
            step = self.step(route)
            return KeyOrOperatorCheck(step) if operator_too else step

        callers = self._callers
        compares = callers is not None and callers.with_body
        with_body = check_body if compares else None
        return PhasedStep(Phase.IDENTIFY, by_route(""), False, by_route, with_body)


class Snapshot:
    """Routes, models and upstreams of one revision."""

    def __init__(
        self,
        revision: int,
        document: Document,
        upstreams: dict[str, Upstream],
        checks: Checks,
        terms: TermsBook,
        routes: Mapping[str, Route],
        callers: Callers | None = None,
    ) -> None:
        self.callers = callers
        self.revision = revision
        self.settings: Settings = document.settings
        self.upstreams = upstreams
        self.routes = routes
        models = {model.name: model for model in document.models}
        self.terms = terms
        tenants = Tenants(offered(document), terms.applications)
        identifying = _Identifying(document, checks.key, callers)
        identify = identifying.phased()
        check_model = ModelCheck(tenants)
        self._exact: dict[bytes, _Methods] = {}
        self._by_verb: dict[bytes, _Methods] = {}
        for operation in OPERATIONS.values():
            chooser = ChooseCounter if operation.name == "count_tokens" else Choose
            choose = chooser(operation, routes, models, upstreams)
            find_terms = phases.FindTerms(operation, check_model, terms)
            self._serve(operation, identify, checks, find_terms, choose)
        self.models = models
        self._exact[REALTIME_PATH] = {
            b"GET": realtime_plan(
                document, identify, checks, check_model, terms, routes, upstreams
            ),
            b"OPTIONS": _say_methods("GET, OPTIONS"),
        }
        show_me = PhasedStep(Phase.SEND, ShowMe(tenants, document, terms, tuple(OPERATIONS)))
        self._exact[b"/v1/me"] = _reading("/v1/me", [identify, show_me])
        either = identifying.phased(operator_too=True)
        self._exact[b"/v1/diagnose"] = _diagnosing(either, Diagnose(tenants, checks.key))
        explain = PhasedStep(Phase.SEND, answers.explain_code)
        self._below = {
            CALLS_PATH: _reading(
                "/v1/calls/{id}/decision", [either, PhasedStep(Phase.SEND, ShowDecision())]
            ),
            REFERENCE_PATH.encode(): _reading("/refusals/{code}", [explain]),
        }
        oauth2, secure = document.callers.oauth2, self.settings.gate.tls is not None
        if oauth2.enabled and checks.tokens is not None:
            self._exact |= oauth2_routes(checks.tokens, checks.key, oauth2, secure=secure)
        exact, below = file_routes(identify, with_batches=self.settings.batches.enabled)
        self._exact |= exact
        self._below |= below
        listings = Listings(tenants, listed_models(document, upstreams))
        exact, below = listing_routes(identify, listings)
        self._exact |= exact
        self._below |= below

    def _serve(
        self,
        operation: Operation,
        identify: PhasedStep,
        checks: Checks,
        find_terms: phases.FindTerms,
        choose: Choose,
    ) -> None:
        """Make the plan of an operation that is forwarded, and find it by its address."""
        steps = [
            identify,
            PhasedStep(Phase.IDENTIFY, phases.require_length, needs_body=False),
            PhasedStep(Phase.VALIDATE, phases.decode_body),
            PhasedStep(Phase.VALIDATE, phases.Peek(operation)),
            PhasedStep(Phase.AUTHORIZE, find_terms),
            PhasedStep(Phase.LIMIT, checks.limits),
        ]
        if not operation.is_free:
            steps.append(PhasedStep(Phase.RESERVE, checks.credit))
        steps.append(PhasedStep(Phase.CHOOSE, choose))
        steps.append(PhasedStep(Phase.SEND, Send(choose)))
        methods = {
            b"POST": Plan(operation.route, steps, operation),
            b"OPTIONS": _say_methods("OPTIONS, POST"),
        }
        before, _, behind = operation.path.partition("{model}")
        if behind:
            self._by_verb[before.encode() + behind.encode()] = methods
        else:
            self._exact[operation.path.encode()] = methods

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
        before, slash, named = head.path.partition(b"/models/")  # names may have a / of their own
        model, colon, verb = named.rpartition(b":")
        if model and colon:
            if verb == b"streamGenerateContent" and b"alt=sse" not in head.query:
                verb += b"?alt=json"
            methods = self._by_verb.get(before + slash + colon + verb)
            if methods is not None:
                return methods
        for prefix, methods in self._below.items():
            if head.path.startswith(prefix) and len(head.path) > len(prefix):
                return methods
        return None


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


def offered(document: Document) -> Catalogue:
    """What callers may name, by whose it is."""
    shared = Hidden(document).models
    offers = [
        (_offer(one, one.provider, one.upstream_model or one.name, shared), one.aliases)
        for one in document.models
    ]
    offers += [
        (_offer(one, "virtual", one.name, shared), one.aliases) for one in document.virtual_models
    ]
    chosen = {
        team.name: frozenset(team.settings.models)
        for team in document.teams
        if team.settings.models is not None
    }
    return Catalogue(offers, chosen)


def _offer(
    one: Model | VirtualModel,
    provider: str,
    upstream_model: str,
    shared: Mapping[str, frozenset[str]],
) -> Offer:
    return Offer(one.name, provider, upstream_model, one.team or "", shared.get(one.name))


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
