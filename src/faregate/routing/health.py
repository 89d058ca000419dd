"""Benches and breakers: what is in trouble, and how it comes back.

A bench rests one thing: a key, an account, or a model at an account. When its time is over, one
call is let through as a probe, and only its success clears the bench; all others go elsewhere
until then. A breaker counts failures that prove nothing alone and says when they are too many; the
bench that follows is a guess, and may be tried early where nothing else is left.
"""

from typing import Any, Final

from faregate.routing.troubles import BROKEN, NAMED_S_MIN, RESTS, Kind, Trouble

# A probe that was chosen and never began holds up its successor no longer than this.
CLAIM_S: Final = 5.0
# Longer than any call may take; an attempt whose end was never told must not bench for ever.
PROBE_S_MAX: Final = 3_600.0
# A refusal comes at once, an answer may take minutes: a probe that is out for so long is not being
# refused. Until it has succeeded others follow only where nothing else is left.
SLOW_PROBE_S: Final = 3.0
# After a probe that proved nothing, so that probes don't follow each other in a loop.
UNPROVEN_S: Final = 1.0

WINDOW_S: Final = 30.0
FAILURES_MIN: Final = 5
FAILURE_SHARE: Final = 0.5
_STRIKES_MAX: Final = 16


class Bench:
    """Whether one thing may be used, and since when and why not.

    `troubled` holds all benches of an account that are set, so that "nothing is wrong" is one
    look.
    """

    __slots__ = ("detail", "guessed", "kind", "prober", "probing_since", "probing_until",
                 "strikes", "troubled", "until")  # fmt: skip

    def __init__(self, troubled: set["Bench"]) -> None:
        self.troubled = troubled
        self.kind: Kind | None = None
        self.detail = ""
        self.until = 0.0
        self.guessed = False
        self.strikes = 0
        self.prober: object = None
        self.probing_since = 0.0
        self.probing_until = 0.0

    def is_open(self, now: float) -> bool:
        """Whether a call may use it, be it as the probe."""
        return self.kind is None or (now >= self.until and now >= self.probing_until)

    def is_probing(self, now: float) -> bool:
        """Whether a probe is on its way."""
        return self.kind is not None and now < self.probing_until

    def seems_well(self, now: float) -> bool:
        """Whether its probe is out for longer than a refusal would take."""
        return now >= self.until and self.probing_since <= now - SLOW_PROBE_S

    def opens_at(self, now: float) -> float:
        """When a call may use it at the earliest, as far as is known."""
        return now if self.is_open(now) else max(self.until, now + UNPROVEN_S)

    def claim(self, prober: object, now: float) -> None:
        """Make `prober` the one probe."""
        self.prober = prober
        self.probing_since = now
        self.probing_until = now + CLAIM_S

    def began(self, prober: object, now: float) -> None:
        """The probe is on its way."""
        if self.prober is prober:
            self.probing_since = now
            self.probing_until = now + PROBE_S_MAX

    def release(self, prober: object) -> None:
        """The probe ended; without a verdict before, another may follow."""
        if self.prober is prober:
            self.probing_until = 0.0

    def put_off(self, prober: object, now: float) -> None:
        """The probe proved nothing; another may follow in a moment."""
        if self.kind is not None and self.prober is prober:
            self.probing_until = 0.0
            self.until = max(self.until, now + UNPROVEN_S)

    def rest(self, trouble: Trouble, guessed: bool, by: object, now: float) -> bool:
        """Bench it, or keep it benched; whether that is news.

        Only a first trouble and a failed probe make the next rest longer: calls that began before
        and fail now tell nothing new.
        """
        kind, was = trouble.kind, self.kind
        probed = was is not None and self.prober is by
        if was is None or probed:
            self.strikes = min(self.strikes + 1, _STRIKES_MAX) if was in (None, kind) else 1
            self.until = now + _rest_s(trouble, self.strikes)
        elif (guessed and not self.guessed) or (was in BROKEN and kind not in BROKEN):
            return False
        else:
            self.until = max(self.until, now + _rest_s(trouble, max(1, self.strikes)))
        if probed:
            self.probing_until = 0.0
        self.kind, self.guessed, self.detail = kind, guessed, trouble.detail
        self.troubled.add(self)
        return was != kind

    def clear(self) -> None:
        """It works again."""
        self.kind = None
        self.detail = ""
        self.guessed = False
        self.strikes = 0
        self.prober = None
        self.probing_until = self.until = 0.0
        self.troubled.discard(self)

    def describe(self, now: float) -> dict[str, Any]:
        """State for people: active, benched until, broken, or probing."""
        if self.kind is None:
            return {"state": "active"}
        if self.is_probing(now):
            state = "probing"
        else:
            state = "broken" if self.kind in BROKEN else "benched"
        return {
            "state": state,
            "reason": self.kind,
            "detail": self.detail,
            "guessed": self.guessed,
            "until_s": round(max(0.0, self.until - now), 3),
        }


def _rest_s(trouble: Trouble, strikes: int) -> float:
    rest = RESTS[trouble.kind]
    named = trouble.retry_after_s
    if named is not None and rest.named_s_max:
        return min(max(named, NAMED_S_MIN), rest.named_s_max)
    return float(min(rest.first_s * 2 ** (strikes - 1), rest.most_s))


class Breaker:
    """The share of failures over the last half to whole window.

    It is asked at failures alone: successes are a number that somebody else counts.
    """

    __slots__ = ("_bad", "_bad_before", "_edge", "_good_before", "_in_a_row", "_seen", "_since")

    def __init__(self) -> None:
        self._bad = self._bad_before = self._good_before = self._in_a_row = 0
        self._since = 0  # successes before this half of the window
        self._seen = 0  # successes at the last failure
        self._edge = 0.0

    def failed(self, now: float, served: int) -> bool:
        """Count a failure; whether they are too many now.

        `served` are the successes so far. So many failures in a row are too many however long
        they took, for a target that is seldom used.
        """
        if now >= self._edge:
            self._turn(now, served)
        if served != self._seen:
            self._seen, self._in_a_row = served, 0
        self._bad += 1
        self._in_a_row += 1
        bad = self._bad + self._bad_before
        total = bad + served - self._since + self._good_before
        return self._in_a_row >= FAILURES_MIN or (
            bad >= FAILURES_MIN and bad >= total * FAILURE_SHARE
        )

    def reset(self) -> None:
        """Forget what was counted."""
        self.__init__()  # type: ignore[misc]

    def _turn(self, now: float, served: int) -> None:
        half = WINDOW_S / 2
        recent = now < self._edge + half
        self._good_before = served - self._since if recent else 0
        self._bad_before = self._bad if recent else 0
        self._bad = 0
        self._since = served
        self._edge = now + half


class Health:
    """What one worker learnt of a key, an account, or a model at an account.

    It outlives changes of configuration; `troubled` is the account's.
    """

    __slots__ = ("bench", "breaker", "failed", "in_flight", "served", "trouble", "trouble_at",
                 "troubled", "ttft_s")  # fmt: skip

    def __init__(self, troubled: set[Bench]) -> None:
        self.troubled = troubled
        self.bench = Bench(troubled)
        self.breaker = Breaker()
        self.in_flight = 0
        self.served = 0
        self.failed = 0
        self.ttft_s: float | None = None  # moving average of the time to the first token
        self.trouble: Trouble | None = None
        self.trouble_at = 0.0

    def remember(self, trouble: Trouble, now: float) -> None:
        """Keep the last trouble, for people."""
        self.failed += 1
        self.trouble = trouble
        self.trouble_at = now

    def describe(self, now: float) -> dict[str, Any]:
        """All of it, for people."""
        told = self.bench.describe(now)
        told["in_flight"] = self.in_flight
        told["served"] = self.served
        told["failed"] = self.failed
        if self.ttft_s is not None:
            told["ttft_s"] = round(self.ttft_s, 4)
        if self.trouble is not None:
            told["last_trouble"] = {
                "kind": self.trouble.kind,
                "detail": self.trouble.detail,
                "ago_s": round(now - self.trouble_at, 3),
            }
        return told
