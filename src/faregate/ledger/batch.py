"""A batch of charges, added up before anything is written.

The state of all purses that a batch touches is loaded, each call changes it in turn, and what
came of it is stored: a few rows a batch and one transfer a call. Twenty thousand calls a second go
through here. A frame may be damaged or made by another release, and a batch that can't be posted
would hold up all that come after it; so amounts are brought within bounds rather than refused.
"""

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from faregate.ledger import reckoning
from faregate.ledger.reckoning import CALL_AMOUNT_MAX

REVENUE: Final = "revenue"
SHORTFALL: Final = "shortfall"
UNBILLED: Final = "unbilled"

_encode: Final = msgspec.json.Encoder().encode


class Touched:
    """A purse that a batch touches, and one worker's draw of it.

    Of a wallet there is a balance, of others capacity and what is spent. `amount` is the draw;
    `posted` is what calls used, `short` what of that could not be had. `added` are the buckets
    of a rolling purse that grew.
    """

    __slots__ = ("added", "amount", "balance", "bucket_ns", "capacity", "drawn", "is_wallet",
                 "posted", "purse_id", "short", "spent")  # fmt: skip

    def __init__(
        self,
        purse_id: str,
        *,
        is_wallet: bool = False,
        capacity: int = 0,
        spent: int = 0,
        drawn: int = 0,
        rolling_ns: int | None = None,
    ) -> None:
        self.purse_id = purse_id
        self.is_wallet = is_wallet
        self.capacity = capacity
        self.spent = spent
        self.drawn = drawn
        self.bucket_ns = 0 if rolling_ns is None else reckoning.bucket_width_ns(rolling_ns)
        self.balance = 0
        self.amount = 0
        self.posted = 0
        self.short = 0
        self.added: dict[int, int] = {}

    def use(self, used: int, settled_ns: int) -> int:
        """Take `used` of the draw, then of what is available; how much it was."""
        taken = used
        if used > self.amount:
            cap = self.balance if self.is_wallet else self.capacity - self.spent
            taken = min(used, self.amount + max(0, cap - self.drawn))
            self.short += used - taken
            self.drawn -= self.amount
            self.amount = 0
        else:
            self.amount -= used
            self.drawn -= used
        self.posted += used
        if self.is_wallet:
            self.balance -= taken
            return taken
        self.spent += taken
        if self.bucket_ns:
            start = settled_ns - settled_ns % self.bucket_ns
            self.added[start] = self.added.get(start, 0) + taken
        return taken


class Batch:
    """Charges of one worker, as they are added up.

    `transfers` are rows in the order of `TRANSFER_COLUMNS`; `moved` is by how much each account
    changes; `unbilled_short` is what gates could not have where no wallet pays.
    """

    def __init__(self, touched: Iterable[Touched], now_ns: int) -> None:
        self.touched = {purse.purse_id: purse for purse in touched}
        self.transfers: list[tuple[Any, ...]] = []
        self.moved: dict[str, int] = {REVENUE: 0}
        self.unbilled_short = 0
        self._now_ns = now_ns

    def post(self, record: Any) -> None:
        """Take one closed call that has a charge (`calllog.frames.CallRecord`)."""
        charge = record.charge
        settled_ns = record.started_ns + (record.total_us or 0) * 1000
        if settled_ns > self._now_ns:
            settled_ns = self._now_ns
        name = charge.wallet
        wallet = f"wallet:{name}" if name else ""  # as `wallet_purse_id`, in a tenth of the time
        amount = charge.charge_nano
        if not 0 <= amount <= CALL_AMOUNT_MAX:
            amount = _bounded(amount)
        short = borne = _bounded(charge.shortfall_nano) if charge.shortfall_nano else 0
        touched = self.touched
        purses, amounts = charge.purses, charge.used
        if name and wallet not in purses:
            purses, amounts = (*purses, wallet), (*amounts, amount)
        for purse_id, used in zip(purses, amounts, strict=False):
            purse = touched.get(purse_id)
            if purse is None:
                # Nobody has drawn of it, so nobody has said how much it may be.
                continue
            if not 0 <= used <= CALL_AMOUNT_MAX:
                used = _bounded(used)
            taken = purse.use(used, settled_ns)
            if purse_id == wallet:
                amount = taken
                short += used - taken
                purse.short += borne
        balance = touched[wallet].balance if name else None
        moved = self.moved
        debit = wallet or UNBILLED
        moved[debit] = moved.get(debit, 0) - amount
        moved[REVENUE] += amount
        self.transfers.append(self._row(record, debit, amount, balance, short))
        if short:
            self._fall_short(record.call_id, wallet, short)

    def _row(
        self, record: Any, debit: str, amount: int, balance: int | None, short: int
    ) -> tuple[Any, ...]:
        charge, usage, cost = record.charge, record.usage, record.charge.cost_nano
        tokens_in = tokens_out = None
        if usage is not None:
            tokens_in, tokens_out = usage.input_tokens, usage.output_tokens
        return (
            record.call_id,
            "charge",
            debit,
            REVENUE,
            amount,
            balance,
            self._now_ns,
            record.started_ns,
            record.key_id,
            record.key_name,
            record.application,
            record.team,
            record.customer and _text(record.customer),
            record.run and _text(record.run),
            record.model_served or _text(record.model_asked),
            record.provider,
            cost and _bounded(cost),
            short,
            charge.basis,
            tokens_in and _bounded(tokens_in),
            tokens_out and _bounded(tokens_out),
            _encode((charge.purses, charge.used)).decode(),
        )

    def _fall_short(self, call_id: str, wallet: str, short: int) -> None:
        if not wallet:
            self.unbilled_short += short
            return
        self.moved[SHORTFALL] = self.moved.get(SHORTFALL, 0) - short
        self.moved[REVENUE] += short
        ids = (f"{call_id}+shortfall", "shortfall", SHORTFALL, REVENUE, short, None, self._now_ns)
        self.transfers.append(ids + (None,) * (len(TRANSFER_COLUMNS) - len(ids)))


TRANSFER_COLUMNS: Final = (
    "transfer_id",
    "kind",
    "debit",
    "credit",
    "amount_nano",
    "balance_nano",
    "created_ns",
    "called_ns",
    "key_id",
    "key_name",
    "application",
    "team",
    "customer",
    "run",
    "model",
    "provider",
    "cost_nano",
    "shortfall_nano",
    "basis",
    "input_tokens",
    "output_tokens",
    "purses",
)


def _bounded(amount: int) -> int:
    if 0 <= amount <= CALL_AMOUNT_MAX:
        return amount
    return 0 if amount < 0 else CALL_AMOUNT_MAX


def _text(given: str) -> str:
    """A caller's words; PostgreSQL has no place for NUL in a text."""
    return given.replace("\0", "") if "\0" in given else given
