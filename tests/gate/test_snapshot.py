"""Every path and method has one plan; where nothing is served, it says so."""

import asyncio

import pytest
from tests.gate.running import running

from faregate.catalogue.models import Catalogue
from faregate.configuration.document import Document
from faregate.core.clock import ManualClock
from faregate.gate.credit_broker import CreditBroker
from faregate.gate.explanations import KeyOrOperatorCheck
from faregate.gate.memory import MemoryConfiguration
from faregate.gate.phases import Phase
from faregate.gate.served import OPERATIONS
from faregate.gate.snapshot import UNKNOWN_ROUTE, Checks, Snapshot
from faregate.gate.terms import TermsBook
from faregate.identity.keys import KeyRecord
from faregate.ledger.memory import MemoryLedger
from faregate.policies.callers import RouteCheck
from faregate.policies.credit import CreditCheck
from faregate.policies.hmac_signatures import check_body
from faregate.policies.keys import KeyCheck
from faregate.policies.limits import LimitCheck
from faregate.tally.memory import MemoryTally
from faregate.wire.request_reader import RequestHead


async def find(digest: bytes) -> KeyRecord | None:
    return MemoryConfiguration().find_key(digest)


def snapshot() -> Snapshot:
    clock, tally = ManualClock(), MemoryTally()
    source = MemoryLedger(clock).source("w")
    broker = CreditBroker(asyncio.new_event_loop(), source, clock.monotonic, Document().settings)
    checks = Checks(
        KeyCheck(find, clock),
        LimitCheck(tally, clock.monotonic),
        CreditCheck(broker, clock.wall_ns),
    )
    return Snapshot(3, Document(), {}, checks, TermsBook(Document(), tally, broker), {})


SNAPSHOT = snapshot()


def _asked(path: str) -> str:
    """The target of a request for an operation."""
    if path.endswith(":streamGenerateContent"):
        path += "?alt=sse"
    return path.replace("{model}", "a%20model").replace("?alt=json", "")


def route(method: str, target: str) -> str:
    return SNAPSHOT.plan(RequestHead(method.encode(), target.encode(), {})).route


@pytest.mark.parametrize(
    ("method", "target", "expected"),
    [
        *(("POST", _asked(path), path.partition("?")[0]) for path in OPERATIONS),
        *(("OPTIONS", _asked(path), "options") for path in OPERATIONS),
        ("POST", "/v1/embeddings?x=/y", "/v1/embeddings"),
        ("POST", "/v1beta/models/a/b:generateContent", "/v1beta/models/{model}:generateContent"),
        ("POST", "/v1/models/a:b:countTokens", "/v1/models/{model}:countTokens"),
        ("GET", "/v1beta/models", "/v1beta/models"),
        ("GET", "/v1beta/models/a/b", "/v1beta/models/{id}"),
        ("GET", "/api/tags", "/api/tags"),
        ("HEAD", "/api/version", "/api/version"),
        ("POST", "/api/show", "/api/show"),
        ("GET", "/v1/models", "/v1/models"),
        ("HEAD", "/v1/models", "/v1/models"),
        ("GET", "/v1/models/a/b:c", "/v1/models/{id}"),
        ("HEAD", "/v1/models/a", "/v1/models/{id}"),
        ("GET", "/refusals/key_unknown", "/refusals/{code}"),
        ("OPTIONS", "*", "options"),
        ("OPTIONS", "/v1/models", "options"),
    ],
)
def test_what_is_served_has_its_plan(method: str, target: str, expected: str) -> None:
    assert route(method, target) == expected


@pytest.mark.parametrize(
    "target",
    [
        "/",
        "/v1",
        "/v1/",
        "/v1/chat/completions/",
        "/v1//chat/completions",
        "/V1/models",
        "/v1/chat/../models",
        "/v1/models/",
        "/refusals/",
        "/healthz",
        "/metrics",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "DELETE"])
def test_what_is_not_served_is_unknown(method: str, target: str) -> None:
    head = RequestHead(method.encode(), target.encode(), {})
    assert SNAPSHOT.plan(head) is UNKNOWN_ROUTE


@pytest.mark.parametrize("path", OPERATIONS)
def test_who_calls_is_known_before_the_body_is_taken_in(path: str) -> None:
    plan = SNAPSHOT.plan(RequestHead(b"POST", path.encode(), {}))
    assert list(plan.phases) == sorted(plan.phases)
    assert plan.phases[: len(plan.head_steps)] == (Phase.IDENTIFY, Phase.IDENTIFY)
    assert plan.phases[-1] is Phase.SEND
    assert Catalogue([]).of("").names(None) == []


# -- policies of callers ---------------------------------------------------------------------------


async def test_no_path_escapes_its_policy() -> None:
    """Every plan that identifies callers does it by the policy that names its path."""
    commerce = {
        "applications": [{"name": "app"}],
        "callers": {
            "oauth2": {"enabled": True},
            "hmac": [{"name": "a", "secret": "s" * 32, "application": "app"}],
            "policies": [{"name": "all", "any_of": ["hmac"]}],
        },
    }
    async with running(commerce=commerce) as place:
        snapshot = place.gate.snapshot
        found = [*snapshot._exact.values(), *snapshot._by_verb.values(), *snapshot._below.values()]
        plans = {plan for methods in found for plan in methods.values()}
        identifying = set()
        for plan in plans:
            for step in plan.head_steps:
                assert not isinstance(step, KeyCheck), plan.route
                if isinstance(step, KeyOrOperatorCheck):
                    step = step.key_check
                if isinstance(step, RouteCheck):
                    identifying.add(plan.route)
                    assert check_body in plan.body_steps
        open_to_all = {plan.route for plan in plans} - identifying
        assert open_to_all == {
            "options", "/refusals/{code}", "/oauth2/token",
            "/.well-known/oauth-authorization-server", "/api/version",
        }  # fmt: skip
