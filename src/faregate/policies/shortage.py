"""What is said of a purse that is too short: 402, or 429 for time alone."""

import datetime as dt
from functools import lru_cache
from typing import Any, Final

from faregate.core.money import format_amount
from faregate.core.refusals import Change, Fix, Refusal, refuse
from faregate.dialects.translation import Peeked
from faregate.ledger.purses import Need, Unit
from faregate.ledger.reckoning import bucket_of, frees_ns
from faregate.ledger.slices import NOTHING, Slice
from faregate.policies.terms import Terms

_HELD_RETRY_S: Final = 1  # when calls in flight end isn't known; one may end at once
_WORDS: Final = {
    Unit.REQUESTS: "requests",
    Unit.INPUT_TOKENS: "input tokens",
    Unit.OUTPUT_TOKENS: "output tokens",
    Unit.TOKENS: "tokens",
}


def price_unknown(peeked: Peeked | None) -> Refusal:
    """A wallet or a budget applies, and nobody has said what the model costs."""
    model = peeked.model if peeked is not None else ""
    detail = f"The model '{model[:100]}' has no price here, so it can't be charged."
    return refuse("price_unknown", detail, scope="model", param="model")


def subject_missing(each: str) -> Refusal:
    """A budget for each customer or run requires that calls name theirs."""
    header = f"faregate-{each}"
    also = " or the field 'user'" if each == "customer" else ""
    detail = f"A budget applies to each {each}, and the call names none."
    fix = Fix(f"Name the {each} with the header {header}{also}.")
    return refuse("request_invalid", detail, param=header, scope="budget", fixes=(fix,))


def refusal(
    short: Slice, need: Need, terms: Terms, affordable: int, now_ns: int, mine: Need = NOTHING
) -> Refusal:
    """Why `short` can't hold `need`.

    `affordable` is the output limit that would fit now. `mine` is what the call holds already.
    """
    kind = short.spec.kind
    total = short.total - mine[short.unit]
    lead = _lead(short, need, mine)
    if kind == "wallet":
        return _wallet(short, total, need, terms, affordable, lead)
    if kind == "budget":
        return _budget(short, total, need, affordable, now_ns, lead)
    return _volume(short, total, need, terms, affordable, now_ns, lead)


def _lead(short: Slice, need: Need, mine: Need) -> str:
    """What is asked for: a whole call, or more for a stream that runs."""
    needed, unit = need[short.unit], Unit(short.unit)
    what = f"{format_amount(needed)} USD" if unit is Unit.NANO else f"{needed} {_WORDS[unit]}"
    if mine != NOTHING:
        return f"The stream needed {what} more to go on"
    return f"This call {'may cost' if unit is Unit.NANO else 'counts for'} up to {what}"


# -- money ----------------------------------------------------------------------------------------


def _wallet(
    short: Slice, total: int, need: Need, terms: Terms, affordable: int, lead: str
) -> Refusal:
    facts = _money_facts(short, total, need[Unit.NANO], "wallet")
    return _of_wallet(total, affordable, terms.top_up_url, tuple(facts.items()), lead)


@lru_cache(maxsize=1_024)
def _of_wallet(
    total: int,
    affordable: int,
    top_up_url: str | None,
    numbers: tuple[tuple[str, Any], ...],
    lead: str,
) -> Refusal:
    """The same for all calls of one need: who is out of credit often asks on."""
    facts: dict[str, Any] = dict(numbers, repeats=True)
    name, needed = facts["subject"], facts["needed_nano"]
    if total >= needed:
        return _held(f"the wallet '{name}'", facts, lead)
    missing = format_amount(needed - total)
    top_up = Fix(
        f"Top up the wallet '{name}' by {missing} USD or more.",
        url=top_up_url,
        change=Change("top_up", name=name, amount=missing),
    )
    has = format_amount(facts["available_nano"])
    detail = f"{lead}; the wallet '{name}' has {has} USD available"
    if facts["held_nano"]:
        detail += f" and {format_amount(facts['held_nano'])} USD held by calls in flight"
    if affordable >= 1:
        return _too_large(f"{detail}.", affordable, (top_up,), facts)
    return refuse("credit_exhausted", f"{detail}.", fixes=(top_up,), **facts)


def _budget(
    short: Slice, total: int, need: Need, affordable: int, now_ns: int, lead: str
) -> Refusal:
    needed, spec = need[Unit.NANO], short.spec
    facts = _money_facts(short, total, needed, "budget")
    standing = short.standing
    cap = standing.cap if standing is not None else spec.cap or 0
    facts |= {"limit": cap, "used": max(cap - facts["available_nano"] - facts["held_nano"], 0)}
    if total >= needed:
        return _held(f"the budget '{spec.name}'", facts, lead)
    enough = format_amount(cap + needed - total + _debt(short))
    raised = Fix(
        f"Ask the owner of the budget '{spec.name}' to raise it to {enough} USD or more.",
        change=Change("raise", name=spec.name, amount=enough),
    )
    detail = (
        f"{lead}; the budget '{spec.name}' of "
        f"'{spec.subject}' has {format_amount(facts['available_nano'])} USD left"
    )
    resets_ns = _resets_ns(short, total, needed, now_ns)
    if affordable >= 1:
        return _too_large(f"{detail}.", affordable, (raised,), facts | {"resets_ns": resets_ns})
    if resets_ns is None or needed > cap:
        if needed > cap:
            return refuse("call_too_large", f"{detail}.", fixes=(raised,), **facts)
        return refuse("budget_exhausted", f"{detail}.", payable=True, fixes=(raised,), **facts)
    waiting = _waiting(resets_ns, now_ns, "The budget renews")
    facts |= {"resets_ns": resets_ns, "retry_after_s": _seconds(resets_ns, now_ns)}
    return refuse("budget_exhausted", f"{detail}.", fixes=(waiting, raised), **facts)


def _money_facts(short: Slice, total: int, needed: int, scope: str) -> dict[str, Any]:
    """The numbers, as far as this worker knows them: available now, and held or not yet drawn."""
    standing = short.standing
    available = short.free + (standing.available if standing is not None else 0)
    return {
        "scope": scope,
        "subject": short.spec.name,
        "needed_nano": needed,
        "available_nano": available,
        "held_nano": max(total - available, 0),
    }


def _held(what: str, facts: dict[str, Any], lead: str) -> Refusal:
    detail = (
        f"{lead}; {what} has that, "
        f"but {format_amount(facts['held_nano'])} USD of it is held by calls in flight."
    )
    return refuse("credit_held", detail, retry_after_s=_HELD_RETRY_S, **facts)


def _too_large(
    detail: str, affordable: int, others: tuple[Fix, ...], facts: dict[str, Any]
) -> Refusal:
    fixes = (_lower(affordable), *others)
    return refuse(
        "call_too_large", detail, fixes=fixes, affordable_output_tokens=affordable, **facts
    )


def _lower(affordable: int) -> Fix:
    return Fix(
        f"Set the output limit (max_tokens) to {affordable} or less.",
        change=Change("set", name="max_tokens", value=affordable),
    )


# -- volumes --------------------------------------------------------------------------------------


def _volume(
    short: Slice, total: int, need: Need, terms: Terms, affordable: int, now_ns: int, lead: str
) -> Refusal:
    spec, needed = short.spec, need[short.unit]
    standing = short.standing
    cap = standing.cap if standing is not None else spec.cap or 0
    available = short.free + (standing.available if standing is not None else 0)
    facts: dict[str, Any] = {
        "scope": spec.kind,
        "subject": spec.name,
        "limit": cap,
        "used": max(cap - available, 0),
    }
    detail = (
        f"{lead}; the {spec.kind} '{spec.name}' of '{spec.subject}' has {available} of {cap} left."
    )
    lower: tuple[Fix, ...] = ()
    if affordable >= 1 and short.unit in (Unit.OUTPUT_TOKENS, Unit.TOKENS):
        lower = (_lower(affordable),)
    held = total >= needed
    # What was carried over into this period may not be there in the next.
    if needed > cap or (not held and spec.cap is not None and needed > spec.cap):
        fixes = lower or (Fix("Send a shorter request; no waiting helps."),)
        facts |= {"affordable_output_tokens": affordable} if lower else {}
        return refuse("request_exceeds_limit", detail, fixes=fixes, **facts)
    resets_ns = _resets_ns(short, total, needed, now_ns)
    retry_s = _HELD_RETRY_S if held or resets_ns is None else _seconds(resets_ns, now_ns)
    if held:
        detail += " The rest is held by calls in flight."
    facts |= {"retry_after_s": retry_s, "resets_ns": resets_ns}
    waiting = Fix(f"Wait {retry_s} s.", change=Change("wait", seconds=retry_s))
    if spec.kind == "quota":
        url = terms.upgrade_urls.get(spec.name)
        if url is not None and not held:
            del facts["retry_after_s"]
            buy = Fix("Buy more volume now.", url=url)
            return refuse(
                "quota_exhausted", detail, payable=True, fixes=(buy, waiting, *lower), **facts
            )
        return refuse("quota_exhausted", detail, fixes=(waiting, *lower), **facts)
    code = "rate_limited" if short.unit == Unit.REQUESTS else "tokens_limited"
    return refuse(code, detail, fixes=(waiting, *lower), **facts)


# -- time -----------------------------------------------------------------------------------------


def _resets_ns(short: Slice, total: int, needed: int, now_ns: int) -> int | None:
    """When the purse has room for `needed` again by time alone; None: never."""
    spec, standing = short.spec, short.standing
    if spec.ends_ns is not None:
        return spec.ends_ns
    if spec.rolling_ns is None or standing is None:
        return None
    room = total - _debt(short)
    for at_ns, amount in standing.frees:
        room += amount
        if room >= needed:
            return at_ns
    # The rest was used a moment ago and isn't posted yet: all of it leaves the window by then.
    return frees_ns(bucket_of(now_ns, spec.rolling_ns), spec.rolling_ns)


def _debt(short: Slice) -> int:
    """By how much more was used than a cap allows that was lowered since."""
    standing = short.standing
    if standing is None:
        return 0
    return max(standing.spent + standing.drawn - standing.cap, 0)


def _seconds(resets_ns: int, now_ns: int) -> int:
    return max(-(-(resets_ns - now_ns) // 1_000_000_000), 1)


def _waiting(resets_ns: int, now_ns: int, what: str) -> Fix:
    at = dt.datetime.fromtimestamp(resets_ns // 1_000_000_000, dt.UTC)
    seconds = _seconds(resets_ns, now_ns)
    text = f"{what} at {at:%Y-%m-%dT%H:%M:%SZ}."
    return Fix(text, change=Change("wait", seconds=seconds))
