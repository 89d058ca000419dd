"""Terms: all that applies to the calls of one key to one model.

Compiled once for each key, model and path of a snapshot (and customer and run, where rules are
for each of those), so that a call finds everything by one look and walks flat tuples.
"""

from typing import Final, NamedTuple

from faregate.catalogue.models import Offer
from faregate.catalogue.prices import Tariff
from faregate.dialects.rate_fields import RateFields
from faregate.identity.keys import KeyRecord
from faregate.ledger.purses import Unit
from faregate.ledger.slices import Slice
from faregate.limits.counters import Counter, LimitUnit


class TargetFare(NamedTuple):
    """What calls cost that one target of a model serves; as in `Terms`."""

    cost: Tariff | None
    charge: Tariff | None
    overage: Tariff | None


class Terms:
    """What a call's limits, volumes, budgets, wallet and prices are.

    `slices` stand in the order of their refusals: limits, quotas, budgets, the wallet. `included`
    are volumes within which calls are free; `charge` is the price of a call without such volumes,
    `overage` of one beyond them; with several targets these are the dearest, to hold by, and
    `fares` the targets' own. Prices are None where they aren't known. `until_ns` is when they
    must be compiled anew: a price or a period ends.
    """

    __slots__ = (
        "application", "bounds_output", "charge", "concurrent", "context_tokens", "corrected",
        "cost", "counted", "counters", "default_output_tokens", "drops", "fares", "fits",
        "hidden_reasoning", "image_tokens_max", "included", "key", "measures", "missing_subject",
        "needs_price", "offer", "output_tokens_max", "overage", "plan", "plenty_until",
        "purse_ids", "rate_fields", "rate_lines", "rate_lines_until", "slices", "team",
        "tokenizer", "top_up_url", "total_s", "until_ns", "unusual", "upgrade_urls", "wallet",
    )  # fmt: skip

    def __init__(self, key: KeyRecord) -> None:
        self.key = key
        self.offer: Offer | None = None
        self.application = key.application or ""
        self.team = ""
        self.plan = ""
        self.wallet = ""
        # -- LIMIT
        self.counters: tuple[Counter, ...] = ()
        self.concurrent: tuple[Counter, ...] = ()  # those that a call's end frees
        self.corrected: tuple[Counter, ...] = ()  # those of tokens, which its end corrects
        self.counted: tuple[tuple[Counter, int], ...] = ()  # with their places in `Costs`
        self.rate_fields: RateFields | None = None  # tell callers what is left of them
        self.rate_lines = b""
        self.rate_lines_until = 0.0
        # -- RESERVE
        self.slices: tuple[Slice, ...] = ()
        self.purse_ids: tuple[str, ...] = ()
        self.included: tuple[Slice, ...] = ()
        self.cost: Tariff | None = None
        self.charge: Tariff | None = None
        self.overage: Tariff | None = None
        self.fares: dict[str, TargetFare] = {}  # by the name of the target's model
        self.total_s: float | None = None  # for a call in all, attempts included
        self.drops = False  # what a target can't take of a request is left out
        self.needs_price = False
        self.bounds_output = False
        self.upgrade_urls: dict[str, str] = {}  # of quotas, by purse name
        self.top_up_url: str | None = None
        self.until_ns: int | None = None
        self.missing_subject: str | None = None  # what a call must name, and this one doesn't
        self.measures = False  # what a call may use decides something
        self.unusual = False
        self.plenty_until = 0.0  # till then, monotonic, calls without a limit may hold the most
        # -- what the model and the plan say of output
        self.fits = False
        self.default_output_tokens: int | None = None
        self.output_tokens_max: int | None = None
        self.hidden_reasoning = False
        self.image_tokens_max = 0
        self.context_tokens = 0  # the most input that a model takes
        self.tokenizer: str | None = None

    def complete(self) -> None:
        """Derive what calls ask for, once everything is set."""
        units = [(one.spec.unit, one) for one in self.counters]
        self.concurrent = tuple(one for unit, one in units if unit is LimitUnit.CONCURRENT)
        others = (LimitUnit.REQUESTS, LimitUnit.CONCURRENT)
        self.corrected = tuple(one for unit, one in units if unit not in others)
        self.counted = tuple((one, int(unit)) for unit, one in units)
        self.purse_ids = tuple(one.spec.purse_id for one in self.slices)
        self.measures = bool(self.slices) or bool(self.included) or bool(self.corrected)
        self.unusual = bool(self.included) or self.missing_subject is not None
        self.needs_price = any(one.unit == Unit.NANO for one in self.slices)
        counted = {one.unit for one in (*self.slices, *self.included)}
        self.bounds_output = not counted <= {Unit.REQUESTS, Unit.INPUT_TOKENS}


# Of calls that haven't come so far as to have any.
NO_TERMS: Final = Terms(
    KeyRecord(
        key_id="", name="", prefix="", hash=b"", models=frozenset(), created_ns=0,
        expires_ns=None, revoked_ns=None,
    )
)  # fmt: skip
