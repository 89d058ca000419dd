"""Purses: wallets, budgets, quotas and long limits, as one kind of thing.

A purse is an amount of one unit that must never be overspent, over all workers and nodes. The
ledger's database keeps it; workers draw slices of it and hold calls against their slices in
memory (`ledger.slices`), so that for every purse, at every moment, over all of them:

    spent + drawn <= cap        and        held + settled but not posted <= drawn

A call needs an amount of every unit (`Need`) and must fit into all of its purses, or none.
"""

from enum import IntEnum
from typing import Literal

import msgspec

PurseKind = Literal["limit", "quota", "budget", "wallet"]


class Unit(IntEnum):
    """What a purse counts; also the place of its amount in a `Need`."""

    NANO = 0
    REQUESTS = 1
    INPUT_TOKENS = 2
    OUTPUT_TOKENS = 3
    TOKENS = 4


# Nano-dollars, requests, input tokens, output tokens, tokens: the most that a call can use.
Need = tuple[int, int, int, int, int]


class PurseSpec(msgspec.Struct, frozen=True):
    """Which purse, and how much may be in it by the configuration.

    `subject` is whose it is: the name of a key, an application, a customer, a run ... `cap` is
    None for a wallet, whose balance the ledger knows. A calendar purse has `starts_ns` and
    `ends_ns`, and a `purse_id` of its own for each period; a rolling one has `rolling_ns`.
    `carry_from` is the purse of the period before, of which at most `carry_max` that was left
    is added. Crossing a percentage of `alert_at` is an event.
    """

    purse_id: str
    kind: PurseKind
    name: str
    subject: str
    unit: Unit
    cap: int | None
    starts_ns: int | None = None
    ends_ns: int | None = None
    rolling_ns: int | None = None
    carry_from: str | None = None
    carry_max: int = 0
    alert_at: tuple[int, ...] = ()


class Standing(msgspec.Struct, frozen=True):
    """What the ledger knows of a purse at one moment.

    `cap` is the balance of a wallet; else cap plus what was carried over. `available` can be
    drawn: for a wallet cap - drawn, else cap - spent - drawn, never below 0. `coming_back` is
    the part of `drawn` that workers have not said to be settled: it may come back. `frees` are,
    for a rolling purse, moments (nanoseconds) and amounts that spend leaves the window then.
    """

    cap: int
    spent: int
    drawn: int
    available: int
    coming_back: int
    frees: tuple[tuple[int, int], ...] = ()


class DrawRequest(msgspec.Struct, frozen=True):
    """A worker's wish for more of a purse.

    It is granted what there is, at most `want`. `settled` is all that this worker has settled
    on the purse since it began.
    """

    spec: PurseSpec
    want: int
    settled: int


class Drawn(msgspec.Struct, frozen=True):
    """What a worker was granted, and how the purse stands after it."""

    granted: int
    standing: Standing


class Return(msgspec.Struct, frozen=True):
    """An unused part of a slice on its way back."""

    purse_id: str
    amount: int
    settled: int


def wallet_purse_id(name: str) -> str:
    """The purse of a wallet, which is also its account in the ledger."""
    return f"wallet:{name}"


def wallet_spec(name: str) -> PurseSpec:
    """A wallet as a purse."""
    return PurseSpec(wallet_purse_id(name), "wallet", name, name, Unit.NANO, None)


def holds_money(purse_id: str) -> bool:
    """Whether its amounts are nano-dollars: those of wallets and budgets are."""
    return purse_id.startswith(("wallet:", "budget:"))
