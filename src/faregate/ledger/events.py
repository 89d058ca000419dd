"""What happens in the ledger that people want to be told."""

from typing import Literal

import msgspec

EventKind = Literal[
    "budget_threshold",  # spend has crossed a percentage of a budget or quota
    "wallet_empty",  # the balance of a wallet is zero
    "credit_expired",  # promotional credit was taken back
    "worker_vanished",  # a worker of a node that is silent was given up; its draws went back
    "shortfall",  # a call cost more than was held for it, and more could not be had
    "provider_event",  # an account at a provider is benched, back, broken or running out
]


class LedgerEvent(msgspec.Struct, frozen=True):
    """One of them, once.

    `percent` is that of a threshold; `amount` is in the unit of the purse.
    """

    kind: EventKind
    at_ns: int
    purse_id: str
    subject: str
    detail: str
    percent: int | None = None
    amount: int | None = None


def threshold_event(
    purse_id: str, subject: str, percent: int, spent: int, capacity: int, at_ns: int
) -> LedgerEvent:
    """Spend has come to a percentage."""
    detail = f"{percent} % of {capacity} is spent"
    return LedgerEvent("budget_threshold", at_ns, purse_id, subject, detail, percent, spent)


def empty_event(purse_id: str, subject: str, at_ns: int) -> LedgerEvent:
    """A wallet has nothing left."""
    return LedgerEvent("wallet_empty", at_ns, purse_id, subject, "nothing is left", amount=0)


def expired_event(purse_id: str, subject: str, amount_nano: int, at_ns: int) -> LedgerEvent:
    """Credit was taken back."""
    detail = "promotional credit has expired"
    return LedgerEvent("credit_expired", at_ns, purse_id, subject, detail, amount=amount_nano)


def vanished_event(worker: str, node: str, seen_ns: int, at_ns: int) -> LedgerEvent:
    """A worker was given up; what it had drawn went back."""
    silent_s = (at_ns - seen_ns) // 1_000_000_000
    detail = f"node {node} is silent for {silent_s} seconds; what it had drawn went back"
    return LedgerEvent("worker_vanished", at_ns, "", worker, detail)


def provider_event(kind: str, subject: str, detail: str, at_ns: int) -> LedgerEvent:
    """Something became of an account at a provider.

    `kind` is routing's word for it.
    """
    return LedgerEvent("provider_event", at_ns, "", subject, f"{kind}: {detail}")


def shortfall_event(purse_id: str, subject: str, amount: int, at_ns: int) -> LedgerEvent:
    """Calls used more of a purse than could be had."""
    detail = "calls used more than was held for them or left"
    return LedgerEvent("shortfall", at_ns, purse_id, subject, detail, amount=amount)
