"""What happens in the ledger that people want to be told."""

from typing import Literal

import msgspec

EventKind = Literal[
    "budget_threshold",  # spend has crossed a percentage of a budget or quota
    "wallet_empty",  # nothing of a wallet is left to be drawn
    "credit_expired",  # promotional credit was taken back
    "worker_vanished",  # a worker of a node that is silent was given up; its draws went back
    "shortfall",  # a call cost more than was held for it, and more could not be had
]


class LedgerEvent(msgspec.Struct, frozen=True):
    """One of them, once. `percent` is that of a threshold; `amount` is in the purse's unit."""

    kind: EventKind
    at_ns: int
    purse_id: str
    subject: str
    detail: str
    percent: int | None = None
    amount: int | None = None
