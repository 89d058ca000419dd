"""Ledgers for clerks under test."""

from faregate.clerk.ports import Ledger
from faregate.core.clock import SystemClock
from faregate.ledger.memory import MemoryLedger


def empty_ledger() -> Ledger:
    """A ledger that nobody has drawn of."""
    return MemoryLedger(SystemClock()).posting()
