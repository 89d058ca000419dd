"""Slices: what a worker has drawn, held and settled in memory.

Contract. A slice is drawn from the ledger beforehand (`taken`); calls are held against its `free`
part without I/O, all of a call's slices or none. A call's end turns its hold into what was used
(`settled`) and gives the rest back to `free`. At every moment

    taken = free + held + settled        with free >= 0 and held >= 0,

and as the ledger's `drawn` only goes down by what was settled and posted, or given back, a purse
can't be overspent by any number of workers. Everything here is arithmetic on the hot path of
every call that is paid for.
"""

from typing import Final

from faregate.ledger.purses import Need, PurseSpec, Standing

NOTHING: Final[Need] = (0, 0, 0, 0, 0)


class Slice:
    """One worker's part of one purse.

    `standing` is the purse as the ledger last told it, at `standing_at` (monotonic seconds).
    """

    __slots__ = ("free", "seen_settled", "settled", "spec", "standing", "standing_at", "taken",
                 "unit", "used_at")  # fmt: skip

    def __init__(self, spec: PurseSpec) -> None:
        self.spec = spec
        self.unit: int = int(spec.unit)
        self.free = 0
        self.taken = 0
        self.settled = 0
        self.standing: Standing | None = None
        self.standing_at = 0.0
        # -- for the broker's housekeeping
        self.seen_settled = 0
        self.used_at = 0.0

    @property
    def held(self) -> int:
        """What is promised to calls in flight."""
        return self.taken - self.free - self.settled

    @property
    def total(self) -> int:
        """The most that may be free for a call: free, held, or to be drawn."""
        standing = self.standing
        if standing is None:
            return self.free
        return standing.available + standing.coming_back

    def draw(self, granted: int, standing: Standing, now: float) -> None:
        """Take what the ledger granted."""
        self.free += granted
        self.taken += granted
        self.standing = standing
        self.standing_at = now

    def give(self, amount: int) -> None:
        """Part with `amount` of what is free; it is on its way back."""
        self.free -= amount
        self.taken -= amount


def hold(slices: tuple[Slice, ...], need: Need) -> bool:
    """Hold `need` in all `slices`, or change nothing; whether it was held."""
    for one in slices:
        left = one.free - need[one.unit]
        if left < 0:
            for earlier in slices:
                if earlier is one:
                    return False
                earlier.free += need[earlier.unit]
        one.free = left
    return True


def release(slices: tuple[Slice, ...], need: Need) -> None:
    """Give a whole hold up: nothing was used."""
    for one in slices:
        one.free += need[one.unit]


def settle(slices: tuple[Slice, ...], need: Need, used: Need) -> tuple[int, ...]:
    """End a hold of `need` by what was `used`; gives what was settled.

    What was used beyond the hold is taken from what is free. Where that doesn't suffice the rest
    isn't settled: the purse stays whole, and the difference is a shortfall. Money is settled
    alike in all slices, so that wallet and budgets tell the same.
    """
    nano, held_nano = used[0], need[0]
    if nano > held_nano:
        nano = min(nano, held_nano + room(slices, 0))
    back = held_nano - nano
    if not slices[0].unit:  # volumes stand before money: there are none
        for one in slices:
            one.free += back
            one.settled += nano
        return (nano,) * len(slices)
    settled = []
    for one in slices:
        unit = one.unit
        if not unit:
            one.free += back
            one.settled += nano
            settled.append(nano)
            continue
        held, amount = need[unit], used[unit]
        if amount > held + one.free:
            amount = held + one.free
        one.free += held - amount
        one.settled += amount
        settled.append(amount)
    return tuple(settled)


def room(slices: tuple[Slice, ...], unit: int) -> int:
    """How much of `unit` all of its slices have free; 0 without any."""
    return min((one.free for one in slices if one.unit == unit), default=0)


def shortest(slices: tuple[Slice, ...], need: Need) -> Slice | None:
    """The slice that can't hold `need`, of several the first.

    Slices stand in the order of their refusals: limits, quotas, budgets, the wallet. One that is
    too short whatever may come back is told before all that are only held: waiting is no way
    out then.
    """
    held = None
    for one in slices:
        needed = need[one.unit]
        if one.free < needed:
            if one.total < needed:
                return one
            if held is None:
                held = one
    return held
