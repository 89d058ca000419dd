"""What is left at a provider's account: known, then estimated.

The forecast is linear: the spend of the last two hours goes on. Money is whole nano-dollars; the
rate of spending is a float, for it only serves a forecast.
"""

from typing import Any, Final

import msgspec

BUCKET_S: Final = 300.0
BUCKETS: Final = 24
# A rate needs so much time behind it before it is worth telling.
OBSERVED_S_MIN: Final = 60.0
RUNS_OUT_SOON_S: Final = 86_400.0
FORECAST_EACH_S: Final = 10.0


class Crossed(msgspec.Struct, frozen=True):
    """A threshold that was passed downwards.

    `kind` is "balance_low", "balance_out" or "balance_runs_out" (soon, by the forecast).
    """

    kind: str
    detail: str


class Balance:
    """An account's balance as far as one worker can tell.

    `thresholds_nano`: amounts whose crossing is told, once until the balance was above again.
    """

    __slots__ = ("_at", "_buckets", "_known_nano", "_look_at", "_since_s", "_spent_nano", "_told",
                 "thresholds_nano", "unsettled_nano")  # fmt: skip

    def __init__(self, thresholds_nano: tuple[int, ...] = ()) -> None:
        self.thresholds_nano = thresholds_nano
        self.unsettled_nano = 0  # what calls have cost since `spend` was last told
        self._known_nano: int | None = None
        self._at = 0.0
        self._spent_nano = 0
        self._told: set[int | str] = set()
        self._buckets: list[tuple[int, int]] = []  # bucket, spent in it; oldest first
        self._since_s: float | None = None
        self._look_at = 0.0

    @property
    def left_nano(self) -> int | None:
        """What is left, estimated; None: never known."""
        return None if self._known_nano is None else self._known_nano - self._spent_nano

    def known(self, amount_nano: int, now: float) -> tuple[Crossed, ...]:
        """What is left is `amount_nano`; thresholds that are crossed by it."""
        self._known_nano = amount_nano
        self._spent_nano = 0
        self._at = now
        return self._crossed(now)

    def spend(self, cost_nano: int, now: float) -> tuple[Crossed, ...]:
        """A call cost so much; thresholds that are crossed by it."""
        if cost_nano <= 0:
            return ()
        self._spent_nano += cost_nano
        if self._since_s is None:
            self._since_s = now
        bucket = int(now // BUCKET_S)
        buckets = self._buckets
        if buckets and buckets[-1][0] >= bucket:
            buckets[-1] = (buckets[-1][0], buckets[-1][1] + cost_nano)
        else:
            buckets.append((bucket, cost_nano))
            while buckets[0][0] <= bucket - BUCKETS:
                del buckets[0]
        return () if self._known_nano is None else self._crossed(now)

    def runs_out_s(self, now: float) -> float | None:
        """Seconds until nothing is left, if spending goes on so.

        None: that can't be said.
        """
        left = self.left_nano
        if left is None or self._since_s is None:
            return None
        if left <= 0:
            return 0.0
        oldest = int(now // BUCKET_S) - BUCKETS + 1
        spent = sum(amount for bucket, amount in self._buckets if bucket >= oldest)
        observed = now - max(self._since_s, oldest * BUCKET_S)
        if not spent or observed < OBSERVED_S_MIN:
            return None
        return left * observed / spent

    def describe(self, now: float) -> dict[str, Any]:
        """What is known, estimated and foreseen, for people."""
        if self._known_nano is None:
            return {"left_nano": None, "spent_nano": self._spent_nano}
        runs_out_s = self.runs_out_s(now)
        return {
            "left_nano": self.left_nano,
            "known_nano": self._known_nano,
            "known_ago_s": round(now - self._at, 3),
            "spent_nano": self._spent_nano,
            "runs_out_s": None if runs_out_s is None else round(runs_out_s, 1),
        }

    def _crossed(self, now: float) -> tuple[Crossed, ...]:
        left = self.left_nano
        assert left is not None
        crossed = []
        for threshold in (*self.thresholds_nano, 0):
            if left > threshold:
                self._told.discard(threshold)
            elif threshold not in self._told:
                self._told.add(threshold)
                kind = "balance_low" if threshold else "balance_out"
                crossed.append(Crossed(kind, f"{left} nano-dollars are left, as estimated"))
        if now >= self._look_at:
            self._look_at = now + FORECAST_EACH_S
            crossed += self._foreseen(now)
        return tuple(crossed)

    def _foreseen(self, now: float) -> list[Crossed]:
        runs_out_s = self.runs_out_s(now)
        if runs_out_s is None or runs_out_s > 2 * RUNS_OUT_SOON_S:
            self._told.discard("soon")
        elif 0 < runs_out_s <= RUNS_OUT_SOON_S and "soon" not in self._told:
            self._told.add("soon")
            hours = runs_out_s / 3_600
            return [Crossed("balance_runs_out", f"in about {hours:.1f} hours")]
        return []
