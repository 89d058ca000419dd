"""Accounts, keys and models, and the bookkeeping of each attempt.

An attempt is a `Choice`. Those of healthy targets are made once; a probe is a `Choice` of its own,
so that the words of calls that began before it are never taken for its verdict. For each attempt:
`begin`, then `served` or a trouble (`Course.failed`, or `record` where nothing else is to be
tried), then `ended`, each in its turn.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

from faregate.routing.balance import Balance, Crossed
from faregate.routing.budgets import Budgets, Told
from faregate.routing.expressions import Expression
from faregate.routing.health import Bench, Health
from faregate.routing.rates import Rates
from faregate.routing.troubles import BROKEN, COUNTED, OF_THE_REQUEST, Trouble

# kind, account, key or "", detail. It is called in the course of a call and must not raise.
OnEvent = Callable[[str, str, str, str], None]

TTFT_WEIGHT: Final = 0.2  # of the newest time to the first token in the moving average


def ignore_event(kind: str, account: str, key: str, detail: str) -> None:
    """Tell nobody."""


class Key:
    """One of our keys at a provider; its secret is elsewhere."""

    __slots__ = ("fingerprint", "health", "name", "weight")

    def __init__(self, name: str, health: Health, weight: int = 1, fingerprint: str = "") -> None:
        self.name = name
        self.health = health
        self.weight = weight
        self.fingerprint = fingerprint

    @property
    def in_flight(self) -> int:
        """Attempts under way."""
        return self.health.in_flight

    def describe(self, now: float) -> dict[str, Any]:
        """Its state, for people."""
        return {"name": self.name, "weight": self.weight, **self.health.describe(now)}


class Account:
    """A contract with a vendor, with its keys.

    `counts_tokens`: its own limits ask for the tokens of a call.
    """

    __slots__ = ("balance", "budgets", "counts_tokens", "health", "keys", "name", "on_event",
                 "rates", "tags", "vendor")  # fmt: skip

    def __init__(
        self,
        name: str,
        vendor: str,
        health: Health,
        keys: list[Key],
        *,
        tags: tuple[str, ...] = (),
        rates: Rates | None = None,
        counts_tokens: bool = False,
        balance: Balance | None = None,
        budgets: Budgets | None = None,
        on_event: OnEvent = ignore_event,
    ) -> None:
        self.name = name
        self.vendor = vendor
        self.health = health
        self.keys = keys
        self.tags = tags
        self.rates = rates
        self.counts_tokens = counts_tokens
        self.balance = balance if balance is not None else Balance()
        self.budgets = budgets
        self.on_event = on_event

    @property
    def in_flight(self) -> int:
        """Attempts under way."""
        return self.health.in_flight

    def settle(self, now: float, wall_ns: int) -> None:
        """Take what calls have cost since from the balance and budgets.

        Thresholds it crosses are told.

        Calls add to the balance's `unsettled_nano` alone, for there are many of them.
        """
        balance, budgets = self.balance, self.budgets
        cost_nano, balance.unsettled_nano = balance.unsettled_nano, 0
        if cost_nano:
            self.tell(balance.spend(cost_nano, now))
        if budgets is not None:
            self.tell(budgets.spend(cost_nano, now, wall_ns))

    def balance_known(self, amount_nano: int, now: float) -> None:
        """The vendor, or the operator, says what is left."""
        self.tell(self.balance.known(amount_nano, now))

    def spend_told(self, told: Told, now: float, wall_ns: int) -> None:
        """The ledger says what all workers have spent."""
        if self.budgets is not None:
            self.tell(self.budgets.tell(told, now, wall_ns))

    def tell(self, crossed: Iterable[Crossed]) -> None:
        """Tell of thresholds."""
        for one in crossed:
            self.on_event(one.kind, self.name, "", one.detail)

    def describe(self, now: float) -> dict[str, Any]:
        """Its state, for people."""
        told = self.health.describe(now)
        if self.budgets is not None and told["state"] == "active":
            told |= self.budgets.resting(now)
        return {
            "name": self.name,
            "vendor": self.vendor,
            "tags": list(self.tags),
            **told,
            **(self.rates.describe(now) if self.rates is not None else {}),
            "balance": self.balance.describe(now),
            "budgets": self.budgets.describe(now) if self.budgets is not None else [],
            "keys": [key.describe(now) for key in self.keys],
        }


class Target:
    """A concrete model at an account, as one route has it.

    Its health is that of the model there, in whatever route. `price_nano` is what a typical call
    costs; None: not known. `when`: it serves only calls that match.
    """

    __slots__ = ("account", "choices", "health", "name", "price_nano", "weight", "when")

    def __init__(
        self,
        name: str,
        account: Account,
        health: Health,
        weight: int = 1,
        price_nano: int | None = None,
        when: Expression | None = None,
    ) -> None:
        self.name = name
        self.account = account
        self.health = health
        self.weight = weight
        self.price_nano = price_nano
        self.when = when
        self.choices = tuple(Choice(self, key) for key in account.keys)

    @property
    def in_flight(self) -> int:
        """Attempts under way."""
        return self.health.in_flight

    @property
    def ttft_s(self) -> float | None:
        """Moving average of the time to the first token; None: not known."""
        return self.health.ttft_s

    def describe(self, now: float) -> dict[str, Any]:
        """Its state, for people."""
        return {
            "name": self.name,
            "account": self.account.name,
            "weight": self.weight,
            "price_nano": self.price_nano,
            **({"when": self.when.describe()} if self.when is not None else {}),
            **self.health.describe(now),
        }


class Choice:
    """A target and the key to use there."""

    __slots__ = ("account_health", "is_probe", "key", "key_health", "target", "target_health")

    def __init__(self, target: Target, key: Key, is_probe: bool = False) -> None:
        self.target = target
        self.key = key
        self.is_probe = is_probe
        self.target_health = target.health
        self.key_health = key.health
        self.account_health = target.account.health

    def benches(self) -> tuple[Bench, Bench, Bench]:
        """Those of its account, target and key."""
        return self.account_health.bench, self.target_health.bench, self.key_health.bench

    def __repr__(self) -> str:
        probe = ", a probe" if self.is_probe else ""
        return f"<{self.target.name} with {self.target.account.name}/{self.key.name}{probe}>"


# -- the life of an attempt ------------------------------------------------------------------------


def begin(choice: Choice, now: float, tokens: int = 0) -> None:
    """The attempt is sent.

    `tokens` are estimated, for its account's own limits.
    """
    choice.key_health.in_flight += 1
    choice.target_health.in_flight += 1
    choice.account_health.in_flight += 1
    rates = choice.target.account.rates
    if rates is not None:
        rates.take(tokens, now)
    if choice.is_probe:
        for bench in choice.benches():
            bench.began(choice, now)


def served(choice: Choice, now: float, ttft_s: float | None = None) -> None:
    """The answer began well; `ttft_s` is the time to its first token."""
    health = choice.target_health
    health.served += 1
    choice.key_health.served += 1
    choice.account_health.served += 1
    if ttft_s is not None:
        known = health.ttft_s
        health.ttft_s = ttft_s if known is None else known + TTFT_WEIGHT * (ttft_s - known)
    if choice.is_probe:
        for bench in choice.benches():
            if bench.prober is choice:
                _clear(choice, bench)


def ended(choice: Choice) -> None:
    """The attempt is over, however it went."""
    choice.key_health.in_flight -= 1
    choice.target_health.in_flight -= 1
    choice.account_health.in_flight -= 1
    if choice.is_probe:
        for bench in choice.benches():
            bench.release(choice)


def record(choice: Choice, trouble: Trouble, now: float) -> None:
    """An attempt failed: bench what is in trouble, in the trouble's scope."""
    kind = trouble.kind
    if kind == "unsupported":  # it was never asked
        for bench in choice.benches():
            bench.release(choice)
        return
    if kind in OF_THE_REQUEST:
        _answered(choice, now)
        return
    health = _scoped(choice, trouble)
    for each in {choice.target_health, choice.key_health, health} - {None}:
        if each is not None:
            each.remember(trouble, now)
    rested: Bench | None = None
    if kind in COUNTED:
        _count(choice, trouble, now)
    elif kind != "busy" and health is not None:
        rested = health.bench
        _rest(choice, health, trouble, False, now)
    for bench in choice.benches():
        if bench is not rested and not (bench.guessed and kind in COUNTED):
            bench.put_off(choice, now)


def _scoped(choice: Choice, trouble: Trouble) -> Health | None:
    scope = trouble.scope
    if scope == "account":
        return choice.account_health
    if scope == "key":
        return choice.key_health
    return choice.target_health if scope == "model" or trouble.kind in COUNTED else None


def _count(choice: Choice, trouble: Trouble, now: float) -> None:
    """A failure that proves nothing alone, unless a probe found it."""
    health = choice.account_health if trouble.scope == "account" else choice.target_health
    for each in (choice.account_health, choice.target_health):
        bench = each.bench
        if bench.kind is not None and bench.guessed and bench.prober is choice:
            _rest(choice, each, trouble, True, now)
    if health.bench.kind is None and health.breaker.failed(now, health.served):
        _rest(choice, health, trouble, True, now)


def _answered(choice: Choice, now: float) -> None:
    """It judged the request, so it is alive; of a key that proves nothing."""
    if not choice.is_probe:
        return
    for bench in choice.benches():
        if bench.prober is choice and bench.kind is not None:
            if bench.guessed:
                _clear(choice, bench)
            else:
                bench.put_off(choice, now)


def _rest(choice: Choice, health: Health, trouble: Trouble, guessed: bool, now: float) -> None:
    bench = health.bench
    if not bench.rest(trouble, guessed, choice, now):
        return
    health.breaker.reset()
    benched = "broken" if trouble.kind in BROKEN else "benched"
    kind = "breaker_opened" if guessed else benched
    _tell(choice, bench, kind, f"{trouble.kind}: {trouble.detail}")


def _clear(choice: Choice, bench: Bench) -> None:
    kind = "breaker_closed" if bench.guessed else "back"
    reason = str(bench.kind)
    if bench.kind is None:
        return
    bench.clear()
    _tell(choice, bench, kind, reason)


def _tell(choice: Choice, bench: Bench, kind: str, detail: str) -> None:
    target = choice.target
    key = choice.key.name if bench is choice.key_health.bench else ""
    of = f"{target.name}: " if bench is choice.target_health.bench else ""
    target.account.on_event(kind, target.account.name, key, of + detail)
