"""The routes of a snapshot: from models to targets and strategies."""

from hashlib import blake2b
from random import Random
from typing import Final

from faregate.configuration.accounts import account_keys, api_url
from faregate.configuration.document import Document, Provider, VirtualModel
from faregate.configuration.pricing import Prices
from faregate.configuration.settings import RoutingSettings
from faregate.core.errors import FaregateError
from faregate.core.money import NANO
from faregate.dialects.usage import Usage
from faregate.routing.budgets import BudgetSpec
from faregate.routing.expressions import Expression, ExpressionError
from faregate.routing.rates import AccountLimits
from faregate.routing.registry import AccountSpec, KeySpec, Prepared, Registry
from faregate.routing.retries import Retries
from faregate.routing.route import Canary, Fallbacks, Route, Shadow
from faregate.routing.targets import Target

_TYPICAL: Final = Usage(1_000, 300)  # what "the cheapest" is judged by


class Routes:
    """The routes by the names of models, and the accounts behind them."""

    def __init__(self, accounts: Prepared, by_name: dict[str, Route]) -> None:
        self.accounts = accounts
        self.by_name = by_name


def compile_routes(
    document: Document, registry: Registry, prices: Prices, random: Random, now_ns: int
) -> Routes:
    """The routes of a document; nothing changes yet.

    Raises `FaregateError` where an expression can't be compiled.
    """
    accounts = registry.prepare(_account(provider) for provider in document.providers)
    compiler = _Compiler(document, accounts, prices, random, now_ns)
    by_name = {model.name: compiler.concrete(model.name) for model in document.models}
    for virtual in document.virtual_models:
        by_name[virtual.name] = compiler.virtual(virtual)
    return Routes(accounts, by_name)


def _account(provider: Provider) -> AccountSpec:
    limits = provider.limits
    return AccountSpec(
        provider.name,
        provider.vendor,
        _fingerprint(api_url(provider)),
        provider.tags,
        tuple(
            KeySpec(key.name, key.weight, _fingerprint(key.secret))
            for key in account_keys(provider)
        ),
        AccountLimits(limits.requests_per_minute, limits.tokens_per_minute, limits.concurrent),
        tuple(int(amount * NANO) for amount in provider.balance_alert_at),
        tuple(
            BudgetSpec(budget.window, int(budget.amount * NANO), budget.alert_at)
            for budget in provider.budgets
        ),
    )


def _fingerprint(text: str) -> str:
    return blake2b(text.encode(), digest_size=8).hexdigest()


class _Compiler:
    """Makes the routes of one document."""

    def __init__(
        self,
        document: Document,
        accounts: Prepared,
        prices: Prices,
        random: Random,
        now_ns: int,
    ) -> None:
        self._accounts = accounts
        self._prices = prices
        self._random = random
        self._now_ns = now_ns
        self._providers = {model.name: model.provider for model in document.models}
        self._settings = document.settings.routing

    def concrete(self, name: str) -> Route:
        """A model by its own name: its account's keys alone."""
        retries = _retries(self._settings, None)
        return Route(name, (self._target(name),), self._random, retries=retries)

    def virtual(self, virtual: VirtualModel) -> Route:
        """A name over several models."""
        fallbacks, canary, shadow = virtual.fallbacks, virtual.canary, virtual.shadow
        return Route(
            virtual.name,
            [self._target(target.model, target.weight, target.when) for target in virtual.targets],
            self._random,
            strategy=virtual.strategy,
            fallbacks=Fallbacks(
                tuple(self._target(name) for name in fallbacks.failure),
                tuple(self._target(name) for name in fallbacks.context),
                tuple(self._target(name) for name in fallbacks.content),
            ),
            canary=None
            if canary is None
            else Canary(canary.percent, (self._target(canary.model),)),
            shadow=None if shadow is None else Shadow(shadow.percent, self._target(shadow.model)),
            retries=_retries(self._settings, virtual.retries_max),
        )

    def _target(self, name: str, weight: int = 1, when: str | None = None) -> Target:
        try:
            expression = Expression(when) if when is not None else None
        except ExpressionError as error:
            raise FaregateError(f"The expression {when!r} can't be used: {error}") from None
        cost = self._prices.fare(name, None, self._now_ns).cost
        return self._accounts.target(
            name,
            self._providers[name],
            weight=weight,
            price_nano=cost.price(_TYPICAL) if cost is not None else None,
            when=expression,
        )


def _retries(settings: RoutingSettings, repeats_max: int | None) -> Retries:
    return Retries(
        settings.retries_max if repeats_max is None else repeats_max,
        settings.attempts_max,
        settings.backoff_s,
        settings.backoff_max_s,
        settings.retry_share / 100,
        settings.retries_per_s,
    )
