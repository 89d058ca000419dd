"""Which of several usable targets is next, and which key of it.

Each strategy picks one of the targets that can be used now; what is tried after it failed is what
the strategy picks of the rest.
"""

import math
from collections.abc import Callable, Sequence
from hashlib import blake2b
from random import Random
from typing import Final, Literal

import msgspec

from faregate.routing.targets import Choice, Target

Strategy = Literal["priority", "weighted", "least_latency", "least_busy", "least_cost", "sticky"]
EXPLORED: Final = 0.05  # of calls, by least latency: so that a target that was slow is seen again


class Facts(msgspec.Struct, frozen=True):
    """What routing reads of a call.

    `conversation` names the conversation, for sticky; `caller` the caller's key. `tokens` are
    estimated, input and output. `idempotent`: sending it again to the same target does no harm.
    `lasting`: it leaves something behind at the provider (a file, a batch), so that nobody else
    is asked once an attempt may have acted. `variables` are what expressions see.
    """

    conversation: str | None = None
    caller: str | None = None
    tokens: int = 0
    idempotent: bool = False
    lasting: bool = False
    variables: dict[str, object] = {}

    @property
    def stays_by(self) -> str | None:
        """What a conversation or a caller is recognised by."""
        return self.conversation or self.caller


NO_FACTS: Final = Facts()

Pick = Callable[[Sequence[Target], Facts, Random], Target]


def share_of(*names: str) -> float:
    """A number from 0 up to 1 that is always the same for `names`."""
    digest = blake2b("\0".join(names).encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64


def _rank(weight: int, *names: str) -> float:
    """Rendezvous hashing with weights: who has the most is chosen.

    Of a target that leaves, its own conversations alone go elsewhere; that its weight grows draws
    conversations to it alone. Source: "Weighted rendezvous hash" (-w / ln h).
    """
    return -weight / math.log((share_of(*names) * (2**52 - 1) + 0.5) / 2**52)


def _weighted(usable: Sequence[Target], random: Random) -> Target:
    total = sum(target.weight for target in usable)
    if total <= 0:
        return usable[int(random.random() * len(usable))]
    point = random.random() * total
    for target in usable:
        point -= target.weight
        if point < 0:
            return target
    return usable[-1]


def _pick_first(usable: Sequence[Target], facts: Facts, random: Random) -> Target:
    return usable[0]


def _pick_weighted(usable: Sequence[Target], facts: Facts, random: Random) -> Target:
    return _weighted(usable, random)


def _pick_fastest(usable: Sequence[Target], facts: Facts, random: Random) -> Target:
    """One whose time isn't known counts as the fastest, once it isn't busy being measured."""
    if random.random() < EXPLORED:
        return _weighted(usable, random)
    known = [target.health.ttft_s for target in usable if target.health.ttft_s is not None]
    least = min(known, default=0.0)

    def rank(target: Target) -> tuple[float, int, float]:
        ttft_s = target.health.ttft_s
        if ttft_s is None:
            ttft_s = math.inf if known and target.health.in_flight else least
        return ttft_s, target.health.in_flight, random.random()

    return min(usable, key=rank)


def _pick_idlest(usable: Sequence[Target], facts: Facts, random: Random) -> Target:
    return min(usable, key=lambda target: (_load(target), random.random()))


def _pick_cheapest(usable: Sequence[Target], facts: Facts, random: Random) -> Target:
    def rank(target: Target) -> tuple[bool, int, float, float]:
        price_nano = target.price_nano
        return price_nano is None, price_nano or 0, _load(target), random.random()

    return min(usable, key=rank)


def _pick_sticky(usable: Sequence[Target], facts: Facts, random: Random) -> Target:
    stays_by = facts.stays_by
    if stays_by is None:
        return _weighted(usable, random)
    return max(usable, key=lambda target: _rank(target.weight, stays_by, target.name))


def _load(target: Target) -> float:
    return target.health.in_flight / (target.weight or 1e-9)


PICKS: Final[dict[Strategy, Pick]] = {
    "priority": _pick_first,
    "weighted": _pick_weighted,
    "least_latency": _pick_fastest,
    "least_busy": _pick_idlest,
    "least_cost": _pick_cheapest,
    "sticky": _pick_sticky,
}


def pick_key(usable: Sequence[Choice], stays_by: str | None, random: Random) -> Choice:
    """One of a target's choices: by weight, of equals the least in flight.

    With `stays_by`, the same one for as long as it is usable: a vendor's prompt cache belongs to
    the organisation of the key.
    """
    if len(usable) == 1:
        return usable[0]
    if stays_by is not None:
        return max(usable, key=lambda each: _rank(each.key.weight, stays_by, each.key.name))
    weights = [each.key.weight for each in usable]
    weight = weights[0]
    if any(each != weight for each in weights):
        weight = random.choices(weights, weights if any(weights) else None)[0]
    equals = [each for each in usable if each.key.weight == weight]
    return min(equals, key=lambda each: (each.key_health.in_flight, random.random()))
