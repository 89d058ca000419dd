"""Compiles the terms of calls from a document, once for each kind.

The document says what applies in selections and names; a call needs flat tuples. Counters and
slices go on over snapshots, for they are known by their ids.
"""

from collections.abc import Iterable, Iterator
from typing import Final, Generic, TypeVar

from faregate.catalogue.dearest import dearest
from faregate.catalogue.models import Offer
from faregate.catalogue.prices import Fraction
from faregate.configuration.accounts import serving
from faregate.configuration.commerce import (
    Application,
    Budget,
    Limit,
    Plan,
    Quota,
    Selection,
    TeamSettings,
)
from faregate.configuration.document import Document
from faregate.configuration.pricing import as_fraction, compile_prices
from faregate.core import bounds
from faregate.core.money import parse_amount
from faregate.dialects.rate_fields import RateFields, RatePolicy, RateUnit
from faregate.gate.credit_broker import CreditBroker
from faregate.gate.ports import Tally
from faregate.identity.keys import KeyRecord
from faregate.ledger.purses import PurseSpec, Unit
from faregate.ledger.slices import Slice
from faregate.ledger.windows import ROLLING_NS, period, previous
from faregate.limits.counters import Counter, LimitSpec, LimitUnit
from faregate.policies.tenants import team_of
from faregate.policies.terms import TargetFare, Terms

_WINDOW_S: Final = {"second": 1.0, "minute": 60.0}
_LIMIT_UNITS: Final = {
    "requests": LimitUnit.REQUESTS,
    "input_tokens": LimitUnit.INPUT_TOKENS,
    "output_tokens": LimitUnit.OUTPUT_TOKENS,
    "tokens": LimitUnit.TOKENS,
    "concurrent": LimitUnit.CONCURRENT,
}
_RATE_UNITS: Final[dict[LimitUnit, RateUnit]] = {
    LimitUnit.REQUESTS: "requests",
    LimitUnit.INPUT_TOKENS: "input-tokens",
    LimitUnit.OUTPUT_TOKENS: "output-tokens",
    LimitUnit.TOKENS: "tokens",
    LimitUnit.CONCURRENT: "concurrent-requests",
}
AskedTerms = dict[tuple[str, str], Terms]
_NONE: Final = Application(name="none")
_AS_ALL: Final = TeamSettings()


class _Caller:
    """Who calls what: the facts that rules select by and count for."""

    def __init__(
        self,
        key: KeyRecord,
        application: Application,
        team: str,
        offer: Offer,
        route: str,
        providers: list[str],
    ) -> None:
        self._providers = frozenset(providers)
        self.selected = {
            "keys": key.name,
            "applications": key.application or "",
            "teams": team,
            "plans": application.plan or "",
            "models": offer.name,
            "routes": route,
        }
        self.subjects = {
            "key": key.name,
            "application": key.application or "",
            "team": team,
            "model": offer.name,
            "route": route,
            "provider": offer.provider,
            "customer": "",
            "run": "",
        }

    def is_selected(self, selection: Selection) -> bool:
        """Whether a rule applies to these calls."""
        for field, fact in self.selected.items():
            chosen = getattr(selection, field)
            if chosen and fact not in chosen:
                return False
        # Of a virtual model it isn't known yet who serves: a rule for one of them counts.
        return not selection.providers or not self._providers.isdisjoint(selection.providers)

    def subject(self, each: str) -> str:
        """Whose count it is; empty where the call has no such thing."""
        return self.subjects[each]


Rule = TypeVar("Rule", bound=Limit | Budget)


class _OfTeams(Generic[Rule]):
    """Rules by whose they are: a team's bind its own calls alone."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._by_team: dict[str, list[Rule]] = {"": []}
        for rule in rules:
            self._by_team.setdefault(rule.team or "", []).append(rule)

    def of(self, team: str) -> list[Rule]:
        """The organisation's, then the team's own."""
        common = self._by_team[""]
        if team in self._by_team and team:
            return [*common, *self._by_team[team]]
        return common


class TermsBook:
    """The terms of one snapshot's calls, compiled when first asked for."""

    def __init__(self, document: Document, tally: Tally, broker: CreditBroker) -> None:
        self._document = document
        self._tally = tally
        self._broker = broker
        self.applications = {one.name: one for one in document.applications}
        self._team_wallets = {one.name: one.wallet for one in document.teams}
        self._team_settings = {
            one.name: one.settings for one in document.teams if one.settings != _AS_ALL
        }
        self._limits: _OfTeams[Limit] = _OfTeams(document.limits)
        self._budgets_of: _OfTeams[Budget] = _OfTeams(document.budgets)
        self._priced = frozenset(price.model for price in document.prices)
        self._plans = {one.name: one for one in document.plans}
        self._models = {one.name: one for one in document.models}
        self._contexts = {
            pin.model: pin.context_tokens
            for pin in document.catalogue
            if pin.context_tokens is not None
        }
        self._virtual = {one.name: one for one in document.virtual_models}
        self.prices = compile_prices(document)
        self._by_subject = any(
            rule.each in ("customer", "run")
            for rule in (*document.limits, *document.budgets, *self._of_plans())
        )
        self._known: dict[tuple[str, str, str], Terms] = {}
        self._asked: dict[str, AskedTerms] = {}  # by path
        self._of_subjects: dict[tuple[str, str, str, str, str], Terms] = {}

    def _of_plans(self) -> Iterator[Limit | Quota]:
        for plan in self._document.plans:
            yield from plan.limits
            yield from plan.quotas

    def asked(self, route: str) -> AskedTerms:
        """For a step to keep a path's terms, by key and name asked for.

        Only those of calls that passed, without customer or run. What is found there must still
        hold (`still_holds`).
        """
        return self._asked.setdefault(route, {})

    def find(
        self, key: KeyRecord, offer: Offer, route: str, customer: str, run: str, now_ns: int
    ) -> Terms:
        """The terms of a call; `route` is its path."""
        if self._by_subject and (customer or run):
            whole = (key.key_id, offer.name, route, customer, run)
            terms = self._of_subjects.get(whole)
            if terms is not None and still_holds(terms, key, now_ns):
                return terms
            if len(self._of_subjects) >= bounds.SUBJECTS_KEPT_MAX:
                self._of_subjects.pop(next(iter(self._of_subjects)))
            terms = self._of_subjects[whole] = self._compile(
                key, offer, route, customer, run, now_ns
            )
            return terms
        place = (key.key_id, offer.name, route)
        terms = self._known.get(place)
        if terms is not None and still_holds(terms, key, now_ns):
            return terms
        if len(self._known) >= bounds.KEY_CACHE_ENTRIES_MAX:
            self._known.pop(next(iter(self._known)))
        terms = self._known[place] = self._compile(key, offer, route, "", "", now_ns)
        return terms

    def forget(self) -> None:
        """Slices were dropped: compile again what asks for them."""
        self._known.clear()
        for asked in self._asked.values():
            asked.clear()
        self._of_subjects.clear()

    # -- compiling --------------------------------------------------------------------------------

    def _compile(
        self, key: KeyRecord, offer: Offer, route: str, customer: str, run: str, now_ns: int
    ) -> Terms:
        application = self.applications.get(key.application or "", _NONE)
        team = team_of(key, self.applications)
        settings = self._team_settings.get(team, _AS_ALL)
        names = self._targets(offer.name)
        providers = [self._models[one].provider for one in names if one in self._models]
        caller = _Caller(key, application, team, offer, route, providers)
        caller.subjects["customer"], caller.subjects["run"] = customer, run
        plan = self._plans.get(application.plan or "")
        terms = Terms(key)
        terms.offer = offer
        terms.team = team
        terms.plan = application.plan or ""
        ends: list[int] = []
        limits = [*self._limits.of(team), *(plan.limits if plan is not None else ())]
        chosen = [(rule, caller.subject(rule.each)) for rule in limits if caller.is_selected(rule)]
        terms.counters = tuple(self._counters(chosen, plan))
        volumes = list(self._volumes(plan, caller, now_ns, ends))
        terms.included = tuple(one for one, quota in volumes if quota.included)
        terms.slices = (
            *self._long_limits(chosen, plan),
            *(one for one, quota in volumes if not quota.included),
            *self._budgets(caller, now_ns, ends),
            *self._wallet(application, terms),
        )
        style = settings.limit_headers or self._document.settings.limits.headers
        if terms.counters and style != "none":
            terms.rate_fields = RateFields([_policy(one.spec) for one in terms.counters], style)
        terms.upgrade_urls = {
            one.spec.name: quota.upgrade_url for one, quota in volumes if quota.upgrade_url
        }
        terms.missing_subject = self._missing_subject(caller)
        self._price(terms, offer, plan, now_ns, ends)
        self._describe(terms, offer.name, plan, settings)
        terms.until_ns = min(ends, default=None)
        terms.complete()
        return terms

    def _missing_subject(self, caller: _Caller) -> str | None:
        """What a call must name and doesn't, by a budget that requires it."""
        for budget in self._budgets_of.of(caller.selected["teams"]):
            if budget.required and not caller.subject(budget.each) and caller.is_selected(budget):
                return budget.each
        return None

    def _counters(self, rules: list[tuple[Limit, str]], plan: Plan | None) -> Iterator[Counter]:
        for rule, subject in rules:
            if not subject or (rule.per is not None and rule.per not in _WINDOW_S):
                continue
            name = _full_name(rule, plan)
            window_s = _WINDOW_S[rule.per] if rule.per is not None else 0.0
            yield self._tally.counter(
                LimitSpec(
                    f"{name}:{subject}", name, subject, _LIMIT_UNITS[rule.unit], rule.max,
                    window_s, rule.burst,
                )
            )  # fmt: skip

    def _long_limits(self, rules: list[tuple[Limit, str]], plan: Plan | None) -> Iterator[Slice]:
        for rule, subject in rules:
            if subject and rule.per is not None and rule.per not in _WINDOW_S:
                name = _full_name(rule, plan)
                yield self._broker.slice(
                    PurseSpec(
                        purse_id=f"limit:{name}:{subject}",
                        kind="limit",
                        name=name,
                        subject=subject,
                        unit=Unit(_LIMIT_UNITS[rule.unit]),
                        cap=rule.max,
                        rolling_ns=ROLLING_NS[rule.per],  # type: ignore[index]
                    )
                )

    def _volumes(
        self, plan: Plan | None, caller: _Caller, now_ns: int, ends: list[int]
    ) -> Iterator[tuple[Slice, Quota]]:
        for quota in plan.quotas if plan is not None else ():
            subject = caller.subject(quota.each)
            if plan is None or not subject:
                continue
            current = period(quota.period, quota.time_zone, now_ns)
            ends.append(current.ends_ns)
            name = f"{plan.name}/{quota.name}"
            prefix = f"quota:{name}:{subject}:"
            carries = quota.carry_over_max > 0
            spec = PurseSpec(
                purse_id=prefix + current.label,
                kind="quota",
                name=name,
                subject=subject,
                unit=Unit(_LIMIT_UNITS[quota.unit]),
                cap=quota.max,
                starts_ns=current.starts_ns,
                ends_ns=current.ends_ns,
                carry_from=prefix + previous(current).label if carries else None,
                carry_max=quota.carry_over_max,
                alert_at=(80, 100),
            )
            yield self._broker.slice(spec), quota

    def _budgets(self, caller: _Caller, now_ns: int, ends: list[int]) -> Iterator[Slice]:
        for budget in self._budgets_of.of(caller.selected["teams"]):
            subject = caller.subject(budget.each)
            if subject and caller.is_selected(budget):
                yield self._broker.slice(_budget_spec(budget, subject, now_ns, ends))

    def _wallet(self, application: Application, terms: Terms) -> Iterator[Slice]:
        wallet = application.wallet or self._team_wallets.get(terms.team)
        if wallet:
            terms.wallet = wallet
            yield self._broker.slice(
                PurseSpec(f"wallet:{wallet}", "wallet", wallet, wallet, Unit.NANO, None)
            )

    def _price(
        self, terms: Terms, offer: Offer, plan: Plan | None, now_ns: int, ends: list[int]
    ) -> None:
        """The price of each target, and the dearest to hold by."""
        overage = _overage(plan)
        own = None
        if offer.name in self._virtual:  # a price of its own is what callers pay, whoever serves
            own = self.prices.fare(offer.name, terms.plan or None, now_ns)
        for name in self._targets(offer.name):
            fare = self.prices.fare(name, terms.plan or None, now_ns)
            charge = fare.charge
            if own is not None and own.charge is not None and self._has_price(offer.name, plan):
                charge = own.charge
            if charge is not None and charge.same_price(fare.cost):
                charge = fare.cost  # so that a call's price is computed once
            beyond = charge.times(overage) if overage is not None and charge is not None else charge
            terms.fares[name] = TargetFare(fare.cost, charge, beyond)
            for priced in (fare, own):
                if priced is not None:
                    tariffs = (priced.cost, priced.charge)
                    untils = [tariff.until_ns for tariff in tariffs if tariff is not None]
                    ends.extend(at for at in (*untils, priced.until_ns) if at is not None)
        fares = list(terms.fares.values())
        terms.cost = dearest([fare.cost for fare in fares])
        terms.charge = dearest([fare.charge for fare in fares])
        terms.overage = dearest([fare.overage for fare in fares])

    def _has_price(self, name: str, plan: Plan | None) -> bool:
        """Whether a price is written for this very name."""
        own = plan.prices if plan is not None else ()
        return name in self._priced or any(price.model == name for price in own)

    def _targets(self, name: str) -> tuple[str, ...]:
        """The models that may serve a name: its own, or all of a virtual model's."""
        virtual = self._virtual.get(name)
        return (name,) if virtual is None else serving(virtual)

    def _describe(self, terms: Terms, name: str, plan: Plan | None, settings: TeamSettings) -> None:
        terms.top_up_url = settings.top_up_url or self._document.settings.credit.top_up_url
        if plan is not None:
            terms.fits = plan.fit == "lower"
            terms.default_output_tokens = plan.default_output_tokens
        virtual = self._virtual.get(name)
        models = [self._models[one] for one in self._targets(name) if one in self._models]
        if not models:
            return
        limits = [model.output_tokens_max for model in models]
        known = [limit for limit in limits if limit is not None]
        terms.output_tokens_max = max(known) if len(known) == len(limits) else None
        terms.hidden_reasoning = any(model.hidden_reasoning for model in models)
        contexts = [self._contexts.get(model.name, bounds.CONTEXT_TOKENS) for model in models]
        terms.context_tokens = max(contexts)
        terms.image_tokens_max = max(model.image_tokens_max for model in models)
        tokenizers = {model.tokenizer for model in models}
        terms.tokenizer = tokenizers.pop() if len(tokenizers) == 1 else None
        terms.total_s = virtual.total_s if virtual is not None else None
        if virtual is not None:
            terms.drops = virtual.unsupported == "drop"
        else:
            common = self._document.settings.routing.unsupported
            terms.drops = (settings.unsupported or common) == "drop"


def _overage(plan: Plan | None) -> Fraction | None:
    """What a price beyond the plan's included volumes is multiplied by."""
    multiplier = None
    for quota in plan.quotas if plan is not None else ():
        if quota.included:
            multiplier = as_fraction(quota.overage_multiplier)
    return multiplier


def _policy(spec: LimitSpec) -> RatePolicy:
    most = spec.maximum + (spec.burst or 0)  # that one window can let through
    return RatePolicy(spec.name, most, spec.window_s, _RATE_UNITS[spec.unit])


def still_holds(terms: Terms, key: KeyRecord, now_ns: int) -> bool:
    """Whether they are those of this key as it is, at this moment."""
    until_ns = terms.until_ns
    return terms.key is key and (until_ns is None or now_ns < until_ns)


def _full_name(rule: Limit, plan: Plan | None) -> str:
    """A limit's name; that of a plan's own limit has the plan's before it."""
    if plan is not None and any(rule is one for one in plan.limits):
        return f"{plan.name}/{rule.name}"
    return rule.name


def _budget_spec(budget: Budget, subject: str, now_ns: int, ends: list[int]) -> PurseSpec:
    prefix = f"budget:{budget.name}:{subject}"
    starts_ns = ends_ns = rolling_ns = None
    if budget.window is not None and budget.rolling:
        rolling_ns = ROLLING_NS[budget.window]
    elif budget.window is not None:
        current = period(budget.window, budget.time_zone, now_ns)
        starts_ns, ends_ns = current.starts_ns, current.ends_ns
        ends.append(ends_ns)
        prefix += f":{current.label}"
    return PurseSpec(
        purse_id=prefix,
        kind="budget",
        name=budget.name,
        subject=subject,
        unit=Unit.NANO,
        cap=parse_amount(budget.amount),
        starts_ns=starts_ns,
        ends_ns=ends_ns,
        rolling_ns=rolling_ns,
        alert_at=budget.alert_at,
    )
