"""What a program can do about a refusal.

Wait, pay, ask for less, or call for help.

A decision is a value. `what_to_do` gives the first that helps; `ways_out` all of them.
"""

import datetime as dt
import math
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

import msgspec

from faregate.client.refusals import Refusal
from faregate.core.refusals import PAYABLE_KINDS, Change, Fix

_PAYABLE: Final = frozenset({"credit_exhausted", "call_too_large", *PAYABLE_KINDS})
SOON_S: Final = 1.0  # where the refusal says that time helps, and not how much


class Wait(msgspec.Struct, frozen=True):
    """Time helps: send the same call again after so many seconds."""

    seconds: float


class Lower(msgspec.Struct, frozen=True):
    """The call passes now with `field` set to `value`."""

    field: str
    value: int | str


class Pay(msgspec.Struct, frozen=True):
    """Credit helps: `amount` dollars or more into the wallet `wallet`.

    `url` is the page.
    """

    amount: Decimal | None = None
    wallet: str | None = None
    url: str | None = None


class Ask(msgspec.Struct, frozen=True):
    """Somebody else must act.

    `who` is "owner" (of a budget), "operator" or "provider".
    """

    who: str
    why: str
    command: str | None = None


class Mend(msgspec.Struct, frozen=True):
    """The call itself is wrong, in `field` where one can be named."""

    field: str | None
    why: str


class Identify(msgspec.Struct, frozen=True):
    """A valid key is needed."""

    why: str


Decision = Wait | Lower | Pay | Ask | Mend | Identify


def what_to_do(refusal: Refusal, *, now: dt.datetime | None = None) -> Decision:
    """The first way out that helps."""
    return ways_out(refusal, now=now)[0]


def ways_out(refusal: Refusal, *, now: dt.datetime | None = None) -> tuple[Decision, ...]:
    """All ways out, the best first; there is always one.

    A wait is never advised where only payment helps, nor payment where time does, except for a
    quota: more of it can be bought, and it renews. `now` is for the wait until `resets_at`.
    """
    found = dict.fromkeys(_ways(refusal, now or dt.datetime.now(dt.UTC)))
    return tuple(found)


def _ways(refusal: Refusal, now: dt.datetime) -> Iterator[Decision]:
    why = refusal.detail or refusal.title
    paying = _is_payable(refusal)
    if refusal.code.startswith("key_") and refusal.side == "caller":
        yield Identify(why)
        return
    for fix in refusal.fixes:
        if fix.change is not None:
            yield from _by_change(refusal, fix, fix.change)
    if paying:
        yield _payment(refusal)
    if not paying or refusal.resets_at is not None:
        if refusal.retryable:
            yield Wait(_wait_s(refusal, now))
        elif paying:
            yield Wait(_until(refusal, now))
    if refusal.retryable or paying:
        return
    if refusal.side != "caller" or refusal.code == "model_not_allowed" or refusal.status == 403:
        yield Ask("operator", why, _command(refusal))
    else:
        yield Mend(refusal.param, why)


def _is_payable(refusal: Refusal) -> bool:
    """Whether payment is the way out, whatever status an operator tells it by."""
    return not refusal.retryable and (refusal.status == 402 or refusal.code in _PAYABLE)


def _by_change(refusal: Refusal, fix: Fix, change: Change) -> Iterator[Decision]:
    if change.kind == "set" and change.name is not None and change.value is not None:
        yield Lower(change.name, change.value)
    elif change.kind == "top_up":
        amount = Decimal(change.amount) if change.amount is not None else None
        yield Pay(amount, change.name, fix.url or refusal.payment_url)
    elif change.kind == "raise":
        yield Ask("owner", fix.text, fix.command)
    elif change.kind == "wait" and change.seconds is not None and refusal.retryable:
        yield Wait(float(change.seconds))


def _payment(refusal: Refusal) -> Decision:
    if refusal.scope == "budget":
        return Ask("owner", refusal.fixes[0].text if refusal.fixes else refusal.detail)
    change = next(
        (f.change for f in refusal.fixes if f.change is not None and f.change.kind == "top_up"),
        None,
    )
    if change is not None:
        amount = Decimal(change.amount) if change.amount is not None else None
        return Pay(amount, change.name, refusal.payment_url)
    short = None
    if refusal.needed is not None and refusal.available is not None:
        short = refusal.needed - refusal.available
    wallet = refusal.subject if refusal.scope == "wallet" else None
    return Pay(short, wallet, refusal.payment_url)


def _wait_s(refusal: Refusal, now: dt.datetime) -> float:
    if refusal.retry_after_s is not None:
        return float(refusal.retry_after_s)
    if refusal.resets_at is not None:
        return _until(refusal, now)
    return SOON_S


def _until(refusal: Refusal, now: dt.datetime) -> float:
    if refusal.resets_at is None:
        return SOON_S
    return float(math.ceil(max((refusal.resets_at - now).total_seconds(), 0.0)))


def _command(refusal: Refusal) -> str | None:
    return next((fix.command for fix in refusal.fixes if fix.command), None)
