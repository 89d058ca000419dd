"""Counters of limits that several workers share, as one worker sees them.

Strategy: a worker leases so many units for a moment and uses them without asking. A lease ends
by the worker's clock no later than by the server's: it lasts from before the worker asked. What
isn't used goes back with the next question; what is put back later names the lease that it was
taken from (a token), so that it leaves the very bucket in which it counts.

A refusal is remembered with the schedule by which the limit opens, so that refusing needs no
question. While the server can't be reached a counter may count in a share of its own.
"""

from bisect import bisect_right
from collections.abc import Callable
from math import ceil
from typing import Any, Final, Literal, NamedTuple

import msgspec

from faregate.limits.concurrency import RETRY_S
from faregate.limits.counters import ASK, NEVER, TAKEN, LimitSpec, LimitUnit
from faregate.limits.making import LocalCounter, kind_of
from faregate.limits.moments import wait_until
from faregate.limits.sliding_window import BUCKETS

Token = tuple[int, int]
Answer = list[Any]  # granted, life in us, token, free, reset in us, schedule: see shared.lua

TOKEN_LEASES_MAX: Final = 256  # remembered for what is put back; at volume a window has 128
LEASES_MAX: Final = 2  # requests are put back at once or never
CLOSED_PLACE: Final = -1  # of an answer that gives nothing because counts were lost
SHARE_RETRY_S: Final = 5.0  # where a worker's share of a limit is nothing
IDLE_S: Final = 0.5  # what lies unused for so long goes back
CLOSED_S: Final = 0.02  # calls at once are not asked for again so soon after a no
_RATE_KEPT: Final = 0.75  # of the last rate, when the new one is lower
_LAG_KEPT: Final = 0.9  # the same of the lag


class Asked(NamedTuple):
    """What a counter asks for at once: in all, and the least that helps."""

    need: int
    least: int


NOTHING: Final = Asked(0, 0)


def share_of(spec: LimitSpec, workers: int) -> LocalCounter | None:
    """A counter of one worker's part; None where nothing is left for it."""
    maximum, burst = spec.maximum // workers, spec.burst
    if burst is not None:
        burst = (burst + 1) // workers - 1
    if maximum == 0 or (burst is not None and burst < 0):
        return None
    return kind_of(spec)(msgspec.structs.replace(spec, maximum=maximum, burst=burst))


class LeasedRate:
    """A sliding window or a steady rate, of which this worker holds a slice."""

    __slots__ = (
        "__weakref__", "_added", "_asked_at", "_closed_at", "_deadline", "_free", "_gives",
        "_granted", "_granted_at", "_history", "_history_max", "_is_alone", "_is_closed",
        "_is_unknown", "_lag_s",
        "_left", "_most", "_rate", "_reset_at", "_schedule", "_share", "_soon", "_telling",
        "_token", "_used_at", "key", "share_was_used", "spec",
    )  # fmt: skip

    def __init__(self, spec: LimitSpec, key: bytes, soon: "Callable[[LeasedRate], None]") -> None:
        self.key = key
        self._soon = soon
        self._take_facts(spec)
        # The slice that is held.
        self._left = 0
        self._granted = 0
        self._granted_at = 0.0
        self._deadline = -1.0
        self._used_at = 0.0
        self._token: Token = (0, 0)
        self._history: list[tuple[float, Token]] = []
        counts_tokens = spec.unit is not LimitUnit.REQUESTS
        self._history_max = TOKEN_LEASES_MAX if counts_tokens else LEASES_MAX
        self._rate = 0.0
        self._asked_at = 0.0
        self._lag_s = 0.0  # from a question until its units are taken
        # What the server said last.
        self._free = self._most
        self._reset_at = 0.0
        self._is_closed = False
        self._is_unknown = False
        self._closed_at = 0.0
        self._schedule: list[list[int]] = []
        # What it is to be told.
        self._gives: dict[Token, int] = {}
        self._added = 0
        self._telling = 0  # of what was added, in the question that is under way
        # While it can't be reached.
        self._share: LocalCounter | None = None
        self._is_alone = False
        self.share_was_used = False

    def _take_facts(self, spec: LimitSpec) -> None:
        self.spec = spec
        self._most = spec.maximum if spec.burst is None else spec.burst + 1

    def adopt(self, spec: LimitSpec, now: float) -> None:
        """Go on under another maximum or burst; the next question tells it."""
        self._take_facts(spec)
        self._is_closed = False

    def take(self, cost: int, now: float) -> float:
        """Count `cost` against the slice; `ASK` where it has too little."""
        left = self._left - cost
        if left >= 0 and now <= self._deadline:
            self._left = left
            self._used_at = now
            return TAKEN
        if self._is_alone:
            return self._take_share(cost, now)
        return self._closed_s(cost, now)

    def check(self, cost: int, now: float) -> float:
        """What `take` would give."""
        if cost <= self._left and now <= self._deadline:
            return TAKEN
        if self._is_alone:
            wait = self._share.check(cost, now) if self._share else SHARE_RETRY_S
            return wait if wait < NEVER else SHARE_RETRY_S
        return self._closed_s(cost, now)

    def put_back(self, cost: int, taken_at: float, now: float) -> None:
        """Back into the slice while that lasts, else to the server."""
        if self._is_alone and self._share:
            self._share.put_back(cost, taken_at, now)
        elif taken_at >= self._granted_at and now <= self._deadline:
            self._left += min(cost, self._granted - self._left)
        else:
            token = self._token_at(taken_at)
            if token is not None and cost > 0:
                self._gives[token] = self._gives.get(token, 0) + cost
                self._soon(self)

    def add(self, cost: int, now: float) -> None:
        """Count `cost` whether it fits or not."""
        if self._is_alone and self._share:
            self._share.add(cost, now)
            return
        if now <= self._deadline:
            leased = min(cost, self._left)
            self._left -= leased
            self._used_at = now
            cost -= leased
        if cost > 0:
            self._added += cost
            self._soon(self)

    def left(self, now: float) -> int:
        """How much fits now, as far as is known here."""
        if self._is_alone:
            return self._share.left(now) if self._share else 0
        held = self._left if now <= self._deadline else 0
        if now >= self._reset_at + self.spec.window_s:
            return self._most
        return max(0, min(self._most, held + self._free - self._added))

    def resets_s(self, now: float) -> float:
        """Seconds until more of it is free, as far as is known here."""
        if self._is_alone:
            return self._share.resets_s(now) if self._share else SHARE_RETRY_S
        return wait_until(self._reset_at, now) if now < self._reset_at else 0.0

    @property
    def is_unknown(self) -> bool:
        """Whether the server gives nothing because it lost its counts."""
        return self._is_closed and self._is_unknown and not self._is_alone

    # -- what the tally does with it -------------------------------------------------------------

    def is_idle(self, now: float) -> bool:
        """Whether it may be forgotten: the server knows all that it holds."""
        told = not self._gives and not self._added and now > self._deadline + self.spec.window_s
        return told and not self._is_alone

    def lies_unused(self, now: float) -> bool:
        """Whether some of the slice is to go back, for nobody has asked for long."""
        return self._left > 0 and now - self._granted_at > IDLE_S and not self._is_alone

    def question(self, asked: Asked, now: float) -> list[Any]:
        """What to ask the server; what is held goes back with it."""
        used = self._granted - self._left + asked.need
        rate = used / max(1e-3, now - self._granted_at)
        self._rate = max(rate, self._rate * _RATE_KEPT)
        if self._left:
            self._gives[self._token] = self._gives.get(self._token, 0) + self._left
        spec, self._telling = self.spec, self._added
        length_us = round(spec.window_s * 1e6)
        used_of = self._used_of(length_us)
        gives = [[*token, cost] for token, cost in self._gives.items()]
        self._left = self._granted = self._added = 0
        self._deadline = -1.0
        self._gives = {}
        kind, burst = (1, 0) if spec.burst is None else (2, spec.burst)
        told = 1 if self._is_closed else 0
        return [
            *(kind, spec.maximum, length_us, burst, asked.need, asked.least),
            *(int(self._rate), int(2e6 * self._lag_s), gives, self._telling, told),
            used_of,
        ]

    def accept(self, answer: Answer, asked_at: float, now: float) -> None:
        """Hold what the server gave, and know what it said."""
        granted, life_us, place, number, self._free, reset_us, schedule = answer
        self._granted_at = now
        self._asked_at = asked_at
        self._telling = 0
        if granted:
            self._left = self._granted = granted
            # From before the question: never later than by the server's clock.
            self._deadline = asked_at + (life_us - 1) * 1e-6
            self._token = (place, number)
            self._history.append((now, self._token))
            if len(self._history) > self._history_max:
                del self._history[: self._history_max // 2]
        self._reset_at = now + reset_us * 1e-6
        self._is_closed = bool(schedule)
        self._is_unknown = place == CLOSED_PLACE
        self._schedule = schedule
        self._closed_at = now
        if granted and schedule:  # what is used of it at once may open it sooner
            self._soon(self)

    def unanswered(self) -> None:
        """What was to be given back may have been; what was added is told again."""
        self._added += self._telling
        self._telling = 0

    def drop(self) -> None:
        """The server lost its counts; the slice lapses before it gives anything."""
        self._gives = {}
        self._is_closed = False

    def reserve(self, cost: int) -> bool:
        """Set `cost` aside for a call that waits, where the slice has so much."""
        if self._left < cost:
            return False
        self._left -= cost
        return True

    def release(self, cost: int, token: Token, now: float) -> None:
        """What was set aside is taken now; of a slice that is gone, it lapses."""
        lag_s = now - self._asked_at
        if now <= self._deadline:
            self._lag_s = max(lag_s, self._lag_s * _LAG_KEPT)
        else:
            self._lag_s = min(self.spec.window_s / 16, max(lag_s, 2 * self._lag_s))
        if token == self._token and self._granted:  # else it was told as used
            self._left += cost

    @property
    def token(self) -> Token:
        """Names the slice that is held."""
        return self._token

    def go_alone(self, workers: int, known_until: float) -> None:
        """Count in a share, full with all that may have been used before."""
        if self._is_alone:
            return
        self._is_alone = True
        self._left = self._granted = 0
        self._share = share_of(self.spec, workers)
        if self._share is not None:
            full = self._share.left(known_until)
            self._share.add(full, known_until + self.spec.window_s / 8)

    def come_back(self) -> None:
        """Ask the server again."""
        self._is_alone = self.share_was_used = self._is_closed = False
        self._share = None
        self._gives = {}

    # -- inside ----------------------------------------------------------------------------------

    def _used_of(self, length_us: int) -> list[int] | Literal[False]:
        """Where the units that were used of the slice can count from now on.

        The server gave them after it was asked: so by its clock they were used no later after it
        gave them than by this one after the question.
        """
        used = self._granted - self._gives.get(self._token, 0)
        place, given_us = self._token
        if used <= 0 or self.spec.burst is not None:
            return False
        used_at = max(self._used_at, self._granted_at)
        last_us = given_us + ceil((used_at - self._asked_at) * 1e6) + 1
        moved = last_us * BUCKETS // length_us
        if moved >= place:
            return False
        self._history[-1] = (self._history[-1][0], (moved, given_us))
        return [place, moved, used]

    def _take_share(self, cost: int, now: float) -> float:
        if self.check(cost, now) > TAKEN or self._share is None:
            return self.check(cost, now)
        self.share_was_used = True
        return self._share.take(cost, now)

    def _closed_s(self, cost: int, now: float) -> float:
        """Seconds until `cost` may fit by the last schedule, or that the server must be asked."""
        if cost > self._most:
            return NEVER
        if not self._is_closed or (cost <= self._free and self.spec.burst is None):
            return ASK
        schedule = self._schedule
        if self.spec.burst is not None and len(schedule[0]) == 3:
            over, unit, rate = schedule[0]
            opens = self._closed_at + -(-(over + cost * unit) // rate) * 1e-6
        else:
            opens = next(
                (self._closed_at + wait * 1e-6 for wait, free in schedule if free >= cost), 0.0
            )
        return wait_until(opens, now) if opens > now else ASK

    def _token_at(self, taken_at: float) -> Token | None:
        place = bisect_right(self._history, (taken_at, (1 << 62, 0))) - 1
        return self._history[place][1] if place >= 0 else None


class LeasedSlots:
    """Calls at once, of which this worker holds slots."""

    __slots__ = (
        "__weakref__", "_closed_until", "_free", "_in_use", "_is_alone", "_left", "_need",
        "_reserved", "_share_max", "_soon", "_unused", "_valid_until", "key", "share_was_used",
        "spec",
    )  # fmt: skip

    def __init__(
        self,
        spec: LimitSpec,
        key: bytes,
        soon: "Callable[[LeasedSlots], None]",
        valid_until: Callable[[], float],
    ) -> None:
        self.spec = spec
        self.key = key
        self._soon = soon
        self._valid_until = valid_until
        self._in_use = 0
        self._reserved = 0
        self._left = 0
        self._unused = 0  # of what is left, since the last question
        self._need = 0  # of the question that is under way
        self._free = spec.maximum
        self._closed_until = -1.0
        self._is_alone = False
        self._share_max = 0
        self.share_was_used = False  # never: calls at once are told anew with every question

    def adopt(self, spec: LimitSpec, now: float) -> None:
        """Go on under another maximum; slots beyond it are not used again."""
        self.spec = spec
        self._left = 0
        self._closed_until = -1.0

    def take(self, cost: int, now: float) -> float:
        """Use slots that are held; `ASK` with too few, or when not heard."""
        answer = self.check(cost, now)
        if answer == TAKEN:
            self._in_use += cost
            self._lower(cost)
        return answer

    def _lower(self, cost: int) -> None:
        left = self._left = max(0, self._left - cost)
        if left < self._unused:
            self._unused = left

    def check(self, cost: int, now: float) -> float:
        """What `take` would give."""
        if self._is_alone:
            return TAKEN if self._in_use + cost <= self._share_max else RETRY_S
        if cost <= self._left and now <= self._valid_until():
            return TAKEN
        if cost > self.spec.maximum:
            return NEVER
        return RETRY_S if now < self._closed_until else ASK

    def put_back(self, cost: int, taken_at: float, now: float) -> None:
        """Calls have ended; their slots serve the next ones or go back soon."""
        ended = min(cost, self._in_use)
        self._in_use -= ended
        if not self._is_alone and self._in_use + self._left + ended <= self.spec.maximum:
            self._left += ended
        self._soon(self)

    def add(self, cost: int, now: float) -> None:
        """Count calls whether they fit or not."""
        self._in_use += cost
        self._lower(cost)
        self._soon(self)

    def left(self, now: float) -> int:
        """How many more calls fit now, as far as is known here."""
        if self._is_alone:
            return max(0, self._share_max - self._in_use)
        return min(self.spec.maximum, self._left + self._free)

    def resets_s(self, now: float) -> float:
        """A guess while there are calls, for their ends can't be known."""
        return RETRY_S if self._in_use else 0.0

    @property
    def is_unknown(self) -> bool:
        """Never for long: workers tell their calls anew with every question."""
        return False

    # -- what the tally does with it -------------------------------------------------------------

    def is_idle(self, now: float) -> bool:
        """Whether it may be forgotten: no slot is held here."""
        return not self.holds

    def lies_unused(self, now: float) -> bool:
        """Never: with every call that ends what isn't used goes back soon."""
        return False

    @property
    def holds(self) -> bool:
        """Whether the server must go on hearing of it."""
        return self._in_use + self._left + self._reserved > 0

    def question(self, asked: Asked, now: float) -> list[Any]:
        """What to ask the server; slots without a call go back with it.

        While half is free those are kept that calls have used since the last question: the next
        calls need them.
        """
        plenty = self._free * 2 > self.spec.maximum
        self._left -= min(self._left, self._unused) if plenty else self._left
        self._unused = self._left
        self._need = asked.need
        held = self._in_use + self._reserved + self._left
        return [3, self.spec.maximum, held, 0, asked.need, asked.least, held // 8]

    def accept(self, answer: Answer, asked_at: float, now: float) -> None:
        """Hold the slots that the server gave."""
        granted, self._free = answer[0], answer[4]
        if self._unused:  # what lies unused until the next question goes back then
            self._soon(self)
        self._left += granted
        self._closed_until = now + CLOSED_S if granted < self._need else -1.0

    def reserve(self, cost: int) -> bool:
        """Set slots aside for a call that waits, where there are so many."""
        if self._left < cost:
            return False
        self._lower(cost)
        self._reserved += cost
        return True

    def release(self, cost: int, token: Token, now: float) -> None:
        """What was set aside is to be taken now."""
        self._reserved -= cost
        self._left += cost

    @property
    def token(self) -> Token:
        """Slots are all alike."""
        return (0, 0)

    def go_alone(self, workers: int, known_until: float) -> None:
        """Let no more calls begin than this worker's share."""
        self._is_alone = True
        self._left = 0
        self._share_max = self.spec.maximum // workers

    def come_back(self) -> None:
        """Ask the server again."""
        self._is_alone = False
        self._left = 0

    def unanswered(self) -> None:
        """The next question tells all of it anyway."""

    def drop(self) -> None:
        """The server lost its counts: only calls that run hold their slots."""
        self._left = 0


Leased = LeasedRate | LeasedSlots
