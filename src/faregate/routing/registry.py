"""Keeps what was learnt of accounts through changes of configuration.

A new document makes new accounts, keys and targets around the health of those that they were:
calls that began under the old document end on the old ones, and count in the same place. What is
no longer the same thing starts fresh: a key whose secret changed, an account whose address did.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from faregate.routing.balance import Balance
from faregate.routing.budgets import Budgets, BudgetSpec, Told
from faregate.routing.expressions import Expression
from faregate.routing.health import Health
from faregate.routing.rates import AccountLimits, Rates
from faregate.routing.targets import Account, Key, OnEvent, Target, ignore_event


class KeySpec(msgspec.Struct, frozen=True):
    """A key of the document; its `fingerprint` changes with the secret."""

    name: str
    weight: int = 1
    fingerprint: str = ""


class AccountSpec(msgspec.Struct, frozen=True):
    """An account of the document.

    Its `fingerprint` changes with the address. Without `keys` it is called without one.
    `thresholds_nano`: balances to warn of.
    """

    name: str
    vendor: str
    fingerprint: str = ""
    tags: tuple[str, ...] = ()
    keys: tuple[KeySpec, ...] = ()
    limits: AccountLimits = AccountLimits()
    thresholds_nano: tuple[int, ...] = ()
    budgets: tuple[BudgetSpec, ...] = ()


NO_KEY = KeySpec("")


class _Known:
    """What outlives a document, of one account."""

    __slots__ = ("balance", "budgets", "fingerprint", "health", "keys", "rates", "targets",
                 "vendor")  # fmt: skip

    def __init__(self, spec: AccountSpec) -> None:
        self.vendor = spec.vendor
        self.fingerprint = spec.fingerprint
        self.health = Health(set())
        self.balance = Balance()
        self.budgets: Budgets | None = None
        self.rates: Rates | None = None
        self.keys: dict[tuple[str, str], Health] = {}
        self.targets: dict[str, Health] = {}

    def next(self) -> "_Known":
        """The same, as yet without keys and models."""
        known = object.__new__(_Known)
        known.vendor, known.fingerprint = self.vendor, self.fingerprint
        known.health, known.balance, known.rates = self.health, self.balance, self.rates
        known.keys, known.targets = {}, {}
        return known


class Prepared:
    """The accounts of a document, as yet unused."""

    def __init__(self, before: dict[str, _Known], on_event: OnEvent) -> None:
        self.accounts: dict[str, Account] = {}
        self._before = before
        self._on_event = on_event
        self._known: dict[str, _Known] = {}
        self._specs: dict[str, AccountSpec] = {}

    def add(self, spec: AccountSpec) -> Account:
        """Make an account, around what is known of it."""
        before = self._before.get(spec.name)
        same = before is not None and (before.vendor, before.fingerprint) == (
            spec.vendor,
            spec.fingerprint,
        )
        if before is not None and same:
            known = before.next()
            old_keys = before.keys
        else:
            known, old_keys = _Known(spec), {}
        if not spec.budgets:
            known.budgets = None
        else:  # of its name: what was spent there was spent, at whatever address
            known.budgets = (before.budgets if before is not None else None) or Budgets()
        if spec.limits == AccountLimits() and not spec.budgets:
            known.rates = None
        elif known.rates is None:
            known.rates = Rates(spec.limits)
        keys = []
        for each in spec.keys or (NO_KEY,):
            of = each.name, each.fingerprint
            health = old_keys.get(of) or Health(known.health.troubled)
            known.keys[of] = health
            keys.append(Key(each.name, health, each.weight, each.fingerprint))
        self._known[spec.name] = known
        self._specs[spec.name] = spec
        account = Account(
            spec.name,
            spec.vendor,
            known.health,
            keys,
            tags=spec.tags,
            rates=known.rates,
            counts_tokens=spec.limits.tokens_per_minute is not None,
            balance=known.balance,
            budgets=known.budgets,
            on_event=self._on_event,
        )
        self.accounts[spec.name] = account
        return account

    def target(
        self,
        name: str,
        account: str,
        *,
        weight: int = 1,
        price_nano: int | None = None,
        when: Expression | None = None,
    ) -> Target:
        """The model `name` at `account`, for one route.

        Raises `KeyError` where there is no such account.
        """
        known = self._known[account]
        health = known.targets.get(name)
        if health is None:
            before = self._before.get(account)
            if before is not None and before.health is known.health:
                health = before.targets.get(name)
            health = known.targets[name] = health or Health(known.health.troubled)
        return Target(name, self.accounts[account], health, weight, price_nano, when)

    def settle(self, spent: Mapping[str, Told], now: float, wall_ns: int) -> dict[str, _Known]:
        """Take over limits, thresholds and budgets, and forget what is gone."""
        for name, known in self._known.items():
            spec = self._specs[name]
            if known.rates is not None and known.rates.limits != spec.limits:
                known.rates.adopt(spec.limits, now)
            if known.rates is not None:
                known.rates.budgets = known.budgets
            if known.budgets is not None:
                told = spent.get(name, {})
                crossed = known.budgets.adopt(spec.budgets, told, now, wall_ns)
                self.accounts[name].tell(crossed)
            known.balance.thresholds_nano = spec.thresholds_nano
            here = [known.health, *known.keys.values(), *known.targets.values()]
            known.health.troubled.intersection_update([each.bench for each in here])
        return self._known


class Registry:
    """The accounts of a worker, through all documents."""

    def __init__(self, on_event: OnEvent = ignore_event) -> None:
        self._on_event = on_event
        self._known: dict[str, _Known] = {}
        self._spent: dict[str, Told] = {}  # as it was told last, for budgets that are yet to come
        self.accounts: dict[str, Account] = {}

    def prepare(self, specs: Iterable[AccountSpec]) -> Prepared:
        """The accounts of a new document; nothing changes yet."""
        prepared = Prepared(self._known, self._on_event)
        for spec in specs:
            prepared.add(spec)
        return prepared

    def adopt(self, prepared: Prepared, now: float, wall_ns: int) -> None:
        """Use `prepared` from now on."""
        self.settle(now, wall_ns)
        self._known = prepared.settle(self._spent, now, wall_ns)
        self.accounts = prepared.accounts

    def settle(self, now: float, wall_ns: int) -> None:
        """Take what calls have cost since from balances and budgets.

        About once a second.
        """
        for account in self.accounts.values():
            account.settle(now, wall_ns)

    def spend_told(self, spent: Mapping[str, Told], now: float, wall_ns: int) -> None:
        """What all workers have spent at accounts, as the ledger knows."""
        for name, told in spent.items():
            self._spent[name] = told
            account = self.accounts.get(name)
            if account is not None:
                account.settle(now, wall_ns)
                account.spend_told(told, now, wall_ns)

    def describe(self, now: float) -> list[dict[str, Any]]:
        """All accounts with their keys and models, for people."""
        told = []
        for name, account in self.accounts.items():
            models = self._known[name].targets
            told.append(
                {
                    **account.describe(now),
                    "models": [
                        {"name": model, **health.describe(now)} for model, health in models.items()
                    ],
                }
            )
        return told
