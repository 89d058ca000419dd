"""`GET /v1/me`: what a key may do, and what is left of it.

A caller learns of nothing that doesn't apply to its own calls. Reading the ledger is one look
at a time in each worker, so that many who ask don't hold up calls that draw.
"""

import asyncio
from collections.abc import Iterable
from typing import Any, Final

from faregate.configuration.commerce import Budget, Limit
from faregate.configuration.document import Document
from faregate.core import bounds
from faregate.core.errors import FaregateError
from faregate.core.refusals import Refusal, refuse
from faregate.dialects.refusal_members import moment
from faregate.gate.answers import Answer
from faregate.gate.explanations import answer_json
from faregate.gate.identifying import identity_told
from faregate.gate.standing import (
    counter_told,
    prices_told,
    purse_told,
    read_standings,
    unique,
)
from faregate.gate.state import CallState
from faregate.gate.terms import TermsBook
from faregate.identity.keys import KeyRecord
from faregate.ledger.purses import Standing
from faregate.ledger.slices import Slice
from faregate.limits.counters import Counter
from faregate.policies.tenants import Tenants
from faregate.policies.terms import Terms

_LISTS: Final = {"limit": "limits", "quota": "quotas", "budget": "budgets"}
_AT_ONCE: Final = 32  # models that are looked at before others get their turn


class ShowMe:
    """The step that answers it. `routes` are the paths that forward calls."""

    def __init__(
        self, tenants: Tenants, document: Document, terms: TermsBook, routes: tuple[str, ...]
    ) -> None:
        self._tenants = tenants
        self._terms = terms
        # Terms differ by path only where a rule names paths.
        self._routes = routes if _by_route(document) else routes[:1]
        self._reading = asyncio.Lock()
        self._waiting = 0

    async def __call__(self, call: CallState) -> Answer | Refusal:
        """Tell what applies to the key, from fresh numbers."""
        key = call.key
        assert key is not None
        customer, run = (
            call.head.fields.get(name, b"").decode("utf-8", "replace")
            for name in (b"faregate-customer", b"faregate-run")
        )
        if max(len(customer), len(run)) > bounds.SUBJECT_CHARACTERS_MAX:
            detail = "The name of a customer or a run is too long."
            return refuse("request_invalid", detail, param="faregate-customer")
        found = await self._find(call, customer, run)
        slices = unique(one for terms in found.values() for one in (*terms.included, *terms.slices))
        if self._waiting >= bounds.DECISION_LOOKUPS_WAITING_MAX:
            return refuse("gate_overloaded", "Too many ask for this at once.", scope="gate")
        self._waiting += 1
        try:
            async with self._reading:
                standings: list[Standing] | None = await read_standings(call.gate.broker, slices)
        except (FaregateError, TimeoutError):
            standings = None
        finally:
            self._waiting -= 1
        told = _key_told(key, next(iter(found.values()), None))
        if call.snapshot.callers is not None:
            told["identified_by"] = identity_told(call)
        told["models"] = [
            {"id": name, "prices": prices_told(found[offer.name].charge)}
            for name, offer in self._tenants.scope(key).offers(key.models)
        ]
        now, now_ns = call.gate.now(), call.gate.wall_ns()
        told["limits"] = [counter_told(one, now, now_ns) for one in _counters(found.values())]
        if standings is None:  # all else is true without it
            told |= {"quotas": None, "budgets": None, "wallet": None, "ledger": "unavailable"}
            return answer_json(told)
        included = {one.spec.purse_id for one in _included(found.values())}
        _add_purses(told, slices, standings, included)
        return answer_json(told)

    async def _find(self, call: CallState, customer: str, run: str) -> dict[str, Terms]:
        """The terms of the key's calls, by model and path; the first of a model by its name."""
        key = call.key
        assert key is not None
        found: dict[str, Terms] = {}
        offers = self._tenants.scope(key).offers(key.models)
        for at, (_, offer) in enumerate(offers):
            if offer.name in found:
                continue
            for route in self._routes:
                place = offer.name if route == self._routes[0] else f"{route} {offer.name}"
                found[place] = self._terms.find(key, offer, route, customer, run, call.started_ns)
            if at % _AT_ONCE == 0:
                await asyncio.sleep(0)
        return found


def _by_route(document: Document) -> bool:
    """Whether any rule asks for the path."""
    rules: list[Limit | Budget] = [*document.limits, *document.budgets]
    rules += [limit for plan in document.plans for limit in plan.limits]
    return any(rule.routes or rule.each == "route" for rule in rules)


def _key_told(key: KeyRecord, terms: Terms | None) -> dict[str, Any]:
    return {
        "key": {
            "id": key.key_id,
            "name": key.name,
            "prefix": key.prefix,
            "application": key.application,
            "team": (terms.team or None) if terms is not None else None,
            "plan": (terms.plan or None) if terms is not None else None,
            "expires_at": moment(key.expires_ns) if key.expires_ns is not None else None,
        }
    }


def _counters(found: Iterable[Terms]) -> list[Counter]:
    """Each counter once."""
    return list({one.spec.limit_id: one for terms in found for one in terms.counters}.values())


def _included(found: Iterable[Terms]) -> list[Slice]:
    return [one for terms in found for one in terms.included]


def _add_purses(
    told: dict[str, Any], slices: list[Slice], standings: list[Standing], included: set[str]
) -> None:
    """Put each purse where it belongs: the wallet alone, the others in lists."""
    told |= {"quotas": [], "budgets": [], "wallet": None}
    for one, standing in zip(slices, standings, strict=True):
        row = purse_told(one, standing)
        kind = one.spec.kind
        if kind == "wallet":
            told["wallet"] = row
            continue
        if kind == "quota":
            row["included"] = one.spec.purse_id in included
        told[_LISTS[kind]].append(row)
