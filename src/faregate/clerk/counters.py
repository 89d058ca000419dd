"""What the clerk counts, for its metrics."""

from collections.abc import Iterable

import msgspec

from faregate.calllog.frames import CallRecord
from faregate.ledger.events import LedgerEvent
from faregate.ledger.purses import wallet_purse_id

_WALLET = wallet_purse_id("")


class Counters(msgspec.Struct):
    """What the clerk did since it started.

    `open_calls` and what follows are of now. Each kind of ledger event has a field of its name.
    """

    frames: int = 0
    calls: int = 0
    lost_calls: int = 0
    torn_tails: int = 0
    corrupt_frames: int = 0
    missing_segments: int = 0
    failures: int = 0
    pruned_calls: int = 0
    charged_nano: int = 0
    cost_nano: int = 0
    shortfall_nano: int = 0
    budget_threshold: int = 0
    wallet_empty: int = 0
    credit_expired: int = 0
    worker_vanished: int = 0
    shortfall: int = 0
    provider_event: int = 0
    open_calls: int = 0
    backlog_bytes: int = 0
    ledger_lag_ms: int = 0

    def count_calls(self, closed: Iterable[CallRecord]) -> None:
        """Count calls that ended, and add up what they cost."""
        for record in closed:
            self.calls += 1
            charge = record.charge
            if charge is not None:
                self.charged_nano += charge.charge_nano
                self.cost_nano += charge.cost_nano or 0

    def count_event(self, event: LedgerEvent) -> None:
        """Count what happened in the ledger, and add up what the operator bears."""
        setattr(self, event.kind, getattr(self, event.kind) + 1)
        borne = not event.purse_id or event.purse_id.startswith(_WALLET)
        if event.kind == "shortfall" and borne:
            self.shortfall_nano += event.amount or 0
