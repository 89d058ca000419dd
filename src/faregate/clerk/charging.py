"""The ledger as the clerk uses it: what happens there is told.

Charges go to the ledger first and to the call store after that, so a call may come twice; the
ledger knows calls by their ids. What a worker had drawn goes back when its journal is posted to
the end, or when it has no journal: a worker makes its journal before its first draw.

A worker counts as vanished only where it had the time to say that it lives: not soon after the
clerk has started, the ledger was away, or the clock has jumped.
"""

import contextlib
import logging
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from faregate.calllog.account import printable
from faregate.calllog.frames import CallRecord, Happened
from faregate.clerk.counters import Counters
from faregate.clerk.ports import Journals, Ledger
from faregate.core.clock import Clock
from faregate.core.errors import StorageError
from faregate.core.money import CURRENCY, format_amount
from faregate.ledger.events import LedgerEvent, provider_event
from faregate.ledger.purses import holds_money
from faregate.ledger.spending import Spent

HOUSEKEEPING_INTERVAL_S: Final = 10.0
LOOK_INTERVAL_S: Final = 1.0
PATIENCE_S: Final = 60.0  # with workers that could not say that they live
_JUMP_NS: Final = 5 * 1_000_000_000  # of the wall clock against the clock of durations
# Every worker finds them; they are told once a window and amount, which their detail names.
_ONCE: Final = frozenset({"budget_low", "budget_out", "budget_back"})
_ALARMING: Final = frozenset({"shortfall", "worker_vanished"})

_log = logging.getLogger(__name__)


class Charging:
    """Posts charges to `ledger` and keeps house there; used by one thread."""

    def __init__(
        self, ledger: Ledger, journals: Journals, counters: Counters, clock: Clock
    ) -> None:
        self._ledger = ledger
        self._journals = journals
        self._counters = counters
        self._clock = clock
        self._housekeeping_at = clock.monotonic()
        self.spent: Spent = {}  # at accounts of providers, as it was looked at last
        self._look_at = clock.monotonic()
        self._away_since_s: float | None = None
        # Since when living workers could say that they live.
        self._calm_since_s = clock.monotonic()
        self._clocks_apart_ns = self._apart_ns()

    def post(self, worker: str, closed: Iterable[CallRecord]) -> None:
        """Post the charges of calls of `worker`; the same may come again."""
        charged = [record for record in closed if record.charge is not None]
        if charged:
            with self._reaching():
                events = self._ledger.post(worker, charged)
            self._tell(events)

    def note(self, worker: str, happened: Sequence[Happened]) -> None:
        """Keep what became of accounts at providers; the same may come again."""
        if happened:
            with self._reaching():
                new = self._ledger.note([_noted(worker, each) for each in happened])
            for event in new:  # the gate has logged it
                self._counters.count_event(event)

    def close_draws(self, worker: str) -> None:
        """Give back what a worker had drawn, all of whose charges are posted."""
        with self._reaching():
            self._ledger.close_draws(worker)

    def keep_house(self, followed: Iterable[str], vanish_after_s: float) -> None:
        """Every ten seconds: close what is left behind, and let credit expire.

        The workers that are `followed` are closed by whoever follows them.
        """
        now_s = self._clock.monotonic()
        if now_s < self._housekeeping_at:
            return
        # Before the work, so that a ledger that is away holds up posting once in a while only.
        self._housekeeping_at = now_s + HOUSEKEEPING_INTERVAL_S
        with self._reaching():
            self._close_left_behind(followed)
            if self._was_calm(vanish_after_s):
                before_ns = self._clock.wall_ns() - int(vanish_after_s * 1e9)
                self._tell(self._ledger.close_vanished(before_ns))
            self._tell(self._ledger.expire(self._clock.wall_ns()))

    def look_at_spend(self) -> None:
        """Every second: what was spent at accounts, by all nodes."""
        now_s = self._clock.monotonic()
        if now_s >= self._look_at:
            self._look_at = now_s + LOOK_INTERVAL_S
            with self._reaching():
                self.spent = self._ledger.spent()

    def lag_s(self) -> float:
        """How long the ledger has been away, so that charges wait; else 0."""
        if self._away_since_s is None:
            return 0.0
        return self._clock.monotonic() - self._away_since_s

    def _close_left_behind(self, followed: Iterable[str]) -> None:
        """Draws of workers without a journal, as of one that was killed in its last draw."""
        drawing = self._ledger.drawing_workers()
        # Asked for after the draws: who drew had made a journal before.
        known = {*self._journals.workers(), *followed}
        for worker in drawing:
            if worker not in known:
                self._ledger.close_draws(worker)
                _log.warning("worker %s has no journal any more: its draws went back", worker)

    @contextlib.contextmanager
    def _reaching(self) -> Iterator[None]:
        try:
            yield
        except StorageError:
            self._calm_since_s = self._clock.monotonic()
            if self._away_since_s is None:
                self._away_since_s = self._calm_since_s
            raise
        self._away_since_s = None

    def _was_calm(self, vanish_after_s: float) -> bool:
        now_s, apart_ns = self._clock.monotonic(), self._apart_ns()
        if abs(apart_ns - self._clocks_apart_ns) > _JUMP_NS:
            self._calm_since_s = now_s
        self._clocks_apart_ns = apart_ns
        return now_s - self._calm_since_s >= min(PATIENCE_S, vanish_after_s)

    def _apart_ns(self) -> int:
        return self._clock.wall_ns() - int(self._clock.monotonic() * 1e9)

    def _tell(self, events: Iterable[LedgerEvent]) -> None:
        for event in events:
            self._counters.count_event(event)
            level = logging.WARNING if event.kind in _ALARMING else logging.INFO
            # It may name a customer, and such names are the callers' choice.
            _log.log(level, "%s", printable(_line(event)))


def _noted(worker: str, happened: Happened) -> tuple[str, LedgerEvent]:
    # Not '/', which stands behind the name of a team.
    of = f"{happened.provider}:{happened.key}" if happened.key else happened.provider
    event = provider_event(happened.kind, of, happened.detail, happened.at_ns)
    if happened.kind in _ONCE:
        return f"provider:{happened.kind}:{of}:{happened.detail}", event
    return f"provider:{worker}:{happened.event_id}", event


def _line(event: LedgerEvent) -> str:
    line = f"{event.kind}: {event.purse_id or event.subject}: {event.detail}"
    if not event.amount:
        return line
    if event.purse_id and not holds_money(event.purse_id):
        return f"{line} ({event.amount})"
    return f"{line} ({format_amount(event.amount)} {CURRENCY})"
