"""Ways out: the changes that together let a refused call pass.

Found by doing it: the call is judged again with each change made, in thought, until nothing
refuses it. What the caller can do at once comes first: another model, a lower output limit; then
waiting; then money. Waiting is told once, for the longest that any phase asks.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import msgspec

from faregate.core.money import format_amount, parse_amount
from faregate.core.refusals import Change, Refusal
from faregate.dialects import json_text
from faregate.gate.credit_broker import CreditBroker
from faregate.gate.standing import read_standings
from faregate.ledger.purses import Standing
from faregate.ledger.slices import Slice

CHANGES_MAX: Final = 12  # of one call; a configuration that needs more is odd
_PLENTY: Final = 10**18
_OUTPUT_FIELDS: Final = ("max_completion_tokens", "max_tokens")
_WAITS: Final = frozenset(
    ("rate_limited", "tokens_limited", "concurrency_limited", "upstream_busy",
     "provider_rate_limited", "credit_held")
)  # fmt: skip


class SupposedPurses:
    """`policies.credit.Purses` of one dry run, as they are supposed to be.

    Each purse is asked for once.
    """

    def __init__(self, broker: CreditBroker) -> None:
        self._broker = broker
        self.stale = broker.stale
        self._known: dict[str, Standing] = {}
        self._slices: dict[str, Slice] = {}
        self.topped_up: dict[str, int] = {}  # by purse id
        self.raised: dict[str, int] = {}
        self.waited: set[str] = set()

    async def standings(self, slices: Sequence[Slice]) -> list[Standing]:
        """How purses stand, or would; raises `StorageError` and `TimeoutError`."""
        unknown = [one for one in slices if one.spec.purse_id not in self._known]
        read = await read_standings(self._broker, unknown)
        for one, standing in zip(unknown, read, strict=True):
            self._known[one.spec.purse_id] = standing
            self._slices[one.spec.purse_id] = one
        return [self._supposed(one) for one in slices]

    def _supposed(self, one: Slice) -> Standing:
        purse_id = one.spec.purse_id
        standing = self._known[purse_id]
        more = self.topped_up.get(purse_id, 0)
        cap = self.raised.get(purse_id)
        if cap is not None:
            more += cap - standing.cap
        if purse_id in self.waited:
            more = _PLENTY
        if not more:
            return standing
        return msgspec.structs.replace(
            standing, cap=standing.cap + more, available=max(standing.available + more, 0)
        )

    def asked(self) -> list[tuple[Slice, Standing]]:
        """Every purse that was asked for, as it stands."""
        return [(one, self._known[purse_id]) for purse_id, one in self._slices.items()]

    def purse_ids(self, name: str) -> list[str]:
        """The purses of this name."""
        return [purse_id for purse_id, one in self._slices.items() if one.spec.name == name]


class Suppositions:
    """What is supposed to be changed of a call and what applies to it."""

    def __init__(self, body: bytes, purses: SupposedPurses) -> None:
        self.body = body
        self.purses = purses
        self.limits_waited = False
        self.sends = False  # upstream trouble is over
        self.wait_s = 0
        self.on_calls_in_flight = False  # the way out is that these don't use what they hold
        self.changes: list[Change] = []

    def suppose(self, refusal: Refusal, change: Change) -> bool:
        """Make `change` in thought; False where it can't be made."""
        if change.kind == "set":
            return self._set(change)
        if change.kind == "wait":
            return self._wait(refusal, change)
        ids = self.purses.purse_ids(change.name or "")
        if not ids or change.amount is None:
            return False
        amount = parse_amount(change.amount)
        for purse_id in ids:
            if change.kind == "raise":
                self.purses.raised[purse_id] = amount
            else:
                topped_up = self.purses.topped_up
                topped_up[purse_id] = topped_up.get(purse_id, 0) + amount
        self._note(change)
        return True

    def _set(self, change: Change) -> bool:
        names = [change.name or ""]
        if change.name == "max_tokens":
            # The larger of the two fields counts, so whichever the request has is set.
            names = [each for each in _OUTPUT_FIELDS if _has(self.body, each)] or names
        body: bytes | None = self.body
        for name in names:
            body = body and _with_member(body, name, change.value)
        if body is None or body == self.body:
            return False
        self.body = body
        # A smaller call may have to wait for nothing.
        self.limits_waited = False
        self.purses.waited.clear()
        self.wait_s = 0
        for name in names:
            self._note(msgspec.structs.replace(change, name=name))
        return True

    def _wait(self, refusal: Refusal, change: Change) -> bool:
        self.wait_s = max(self.wait_s, change.seconds or 1)
        self.on_calls_in_flight |= _is_held(refusal)
        if refusal.subject is None:
            known, self.sends = self.sends, True
            return not known
        ids = self.purses.purse_ids(refusal.subject) if refusal.scope != "limit" else []
        long = [
            each for each in self.purses.purse_ids(refusal.subject) if each.startswith("limit:")
        ]
        for purse_id in ids or long:
            if purse_id in self.purses.waited:
                return False
            self.purses.waited.add(purse_id)
        if not ids and not long:
            if self.limits_waited:
                return False
            self.limits_waited = True
        return True

    def _note(self, change: Change) -> None:
        """A later change of the same thing takes the earlier one's place; top-ups add up."""
        for each in list(self.changes):
            if (each.kind, each.name) == (change.kind, change.name):
                self.changes.remove(each)
                if change.kind == "top_up":
                    total = parse_amount(each.amount or 0) + parse_amount(change.amount or 0)
                    change = msgspec.structs.replace(change, amount=format_amount(total))
        self.changes.append(change)

    def told(self) -> list[Change]:
        """All changes, waiting last."""
        waits = [Change("wait", seconds=self.wait_s)] if self.wait_s else []
        return [*self.changes, *waits]


Judge = Callable[[Suppositions], Awaitable[Refusal | None]]
Suggest = Callable[[Suppositions, Refusal], Change | None]


async def find_ways_out(
    refusal: Refusal, supposed: Suppositions, judge: Judge, suggest: Suggest
) -> tuple[list[Change], bool]:
    """Changes, and whether the call passes with them.

    `judge` gives the first refusal of the call as it is supposed to be; `suggest` what only the
    configuration knows, such as another model.
    """
    found: Refusal | None = refusal
    for _ in range(CHANGES_MAX):
        if found is None:
            return supposed.told(), True
        change = suggest(supposed, found) or change_of(found)
        if change is None or not supposed.suppose(found, change):
            return supposed.told(), False
        found = await judge(supposed)
    return supposed.told(), found is None


def change_of(refusal: Refusal) -> Change | None:
    """What a refusal itself proposes; what can be done at once first."""
    proposed = [fix.change for fix in refusal.fixes if fix.change is not None]
    for kind in ("set", "wait", "top_up", "raise"):
        for change in proposed:
            if change.kind == kind:
                return change
    if refusal.kind.code in _WAITS or refusal.retry_after_s is not None:
        return Change("wait", seconds=refusal.retry_after_s or 1)
    return None


def _is_held(refusal: Refusal) -> bool:
    """Whether it is calls in flight that the call would wait for."""
    if refusal.kind.code in ("credit_held", "concurrency_limited"):
        return True
    return refusal.scope in ("limit", "quota") and refusal.detail.endswith("by calls in flight.")


def _has(body: bytes, name: str) -> bool:
    try:
        return json_text.find_member(body, name) is not None
    except json_text.DuplicateMemberError:
        return True


def _with_member(body: bytes, name: str, value: object) -> bytes | None:
    """The body with a member set; None where it stands twice."""
    encoded = msgspec.json.encode(value)
    try:
        member = json_text.find_member(body, name)
    except json_text.DuplicateMemberError:
        return None
    if member is None:
        return json_text.insert_first(body, name.encode(), encoded)
    return json_text.replace_value(body, member, encoded)
