"""RESERVE: is there credit for the most that a call costs? Fails closed.

The most is its price at an upper bound of its input tokens and its output limit. Without an
output limit a stream holds a first part, and the hold grows with it (`gate.growth`); another
call gets a limit: an eighth of what is free, so that many such calls are served at once. A
call fits into all of its purses or none; a refused one has changed nothing.
"""

from collections.abc import Awaitable, Callable
from typing import Final, Protocol

import msgspec

from faregate.catalogue.prices import Tariff
from faregate.core import bounds
from faregate.core.errors import FaregateError
from faregate.core.refusals import Refusal, refuse
from faregate.dialects.translation import Peeked
from faregate.dialects.usage import Usage
from faregate.ledger.purses import Need, Standing, Unit
from faregate.ledger.slices import Slice, hold, shortest
from faregate.policies import shortage
from faregate.policies.terms import Terms

_PLENTY_S: Final = 0.1  # what is free is looked at so often while there is plenty
_SHARE_OF_FREE: Final = 8  # a call without a limit of its own may hold this part of what is free


class CallWithCredit(Protocol):
    """What this policy reads of a call, and what it sets."""

    terms: Terms
    peek: Peeked | None
    started_at: float
    makes_output: bool  # whether this operation puts out tokens at all
    choices: int  # answers, each of up to the output limit
    input_bound: int  # the most input tokens that its body can be
    most: Usage | None  # the most that is billed beside tokens, and the service tier asked for

    slices: tuple[Slice, ...]  # what is held, once it is
    need: Need
    tariff: Tariff | None  # what the call is charged by
    output_sent: int  # the output limit that is written into the request; 0: as it is
    grows: bool

    def closer_input_bound(self) -> int:
        """A dearer and closer `input_bound`."""


class Broker(Protocol):
    """What this policy asks of `gate.credit_broker`."""

    stale: bool

    def known_short(self, slices: tuple[Slice, ...], need: Need) -> Slice | None:
        """A slice that is known to be too short, whatever may come back."""

    async def obtain(
        self, slices: tuple[Slice, ...], need: Need, *, waits: bool = True
    ) -> Slice | None:
        """Hold `need`, or give the slice that is too short."""

    async def look(self, slices: tuple[Slice, ...]) -> None:
        """Learn how those slices stand that this isn't known of, or not newly."""


class Purses(Protocol):
    """What a dry run asks: how purses stand, or would."""

    stale: bool

    async def standings(self, slices: tuple[Slice, ...]) -> list[Standing]:
        """How they stand, in this order."""


class CreditCheck:
    """The step that holds what a call can cost, or refuses it."""

    def __init__(self, broker: Broker, now_ns: Callable[[], int]) -> None:
        self._broker = broker
        self._now_ns = now_ns

    def __call__(self, call: CallWithCredit) -> Refusal | Awaitable[Refusal | None] | None:
        """Hold, or refuse; awaitable where credit has to be drawn."""
        terms = call.terms
        slices = terms.slices
        if not slices and not terms.unusual:
            return None
        if terms.unusual or self._broker.stale:
            return self._unusual(call, terms)
        tariff = terms.charge
        if tariff is None and terms.needs_price:
            return shortage.price_unknown(call.peek)
        call.tariff = tariff
        need = self.need(call, terms)
        if hold(slices, need):
            call.slices = slices
            call.need = need
            return None
        return self._short(call, slices, need)

    # -- how much ---------------------------------------------------------------------------------

    def need(
        self, call: CallWithCredit, terms: Terms, slices: tuple[Slice, ...] | None = None
    ) -> Need:
        """The most that the call can use; sets its growth and its limit.

        `slices` stand for those of `terms` where a dry run has fresher numbers.
        """
        peeked = call.peek
        outputs = 0
        if call.makes_output and terms.bounds_output and peeked is not None:
            limit = peeked.output_limit
            if limit is None:
                limit = terms.default_output_tokens
                if limit is not None:
                    call.output_sent = limit
            if limit is None:
                outputs = self._open_ended(call, terms, peeked, slices or terms.slices)
            else:
                most = terms.output_tokens_max
                outputs = (limit if most is None or limit < most else most) * call.choices
        elif call.most is not None and call.most.output_tokens:
            outputs = call.most.output_tokens
        return _need_of(call, outputs)

    def _open_ended(
        self, call: CallWithCredit, terms: Terms, peeked: Peeked, slices: tuple[Slice, ...]
    ) -> int:
        """Output tokens to hold for a call without a limit."""
        most = terms.output_tokens_max or bounds.USUAL_OUTPUT_TOKENS
        choices = call.choices
        if peeked.stream and not terms.hidden_reasoning:
            call.grows = True
            return min(bounds.FIRST_OUTPUT_TOKENS, most) * choices
        share = most
        real = slices is terms.slices  # a dry run supposes what isn't so, and leaves no traces
        if real and choices == 1 and call.started_at < terms.plenty_until:
            call.output_sent = most
            return most
        for one in slices:
            standing = one.standing
            free = one.free + (standing.available if standing is not None else 0)
            share = min(share, self._affordable(call, one.unit, free // _SHARE_OF_FREE) // choices)
        if real and share == most:
            terms.plenty_until = call.started_at + _PLENTY_S
        call.output_sent = min(max(share, bounds.LEAST_OUTPUT_TOKENS), most)
        return call.output_sent * choices

    @staticmethod
    def _affordable(call: CallWithCredit, unit: int, amount: int) -> int:
        """The most output tokens that fit into `amount` of a unit; below 0: not even none."""
        if unit == Unit.NANO:
            tariff = call.tariff
            if tariff is None:
                return bounds.USUAL_OUTPUT_TOKENS * 1_000
            return tariff.affordable_output(amount, call.input_bound, call.most)
        if unit == Unit.OUTPUT_TOKENS:
            return amount
        if unit == Unit.TOKENS:
            return amount - call.input_bound
        return bounds.USUAL_OUTPUT_TOKENS * 1_000

    # -- where it doesn't fit at once -------------------------------------------------------------

    def _unusual(
        self, call: CallWithCredit, terms: Terms
    ) -> Refusal | Awaitable[Refusal | None] | None:
        if terms.missing_subject is not None:
            return shortage.subject_missing(terms.missing_subject)
        if self._broker.stale:
            return refuse("ledger_unavailable", "The ledger was silent too long.", scope="gate")
        call.tariff = terms.charge
        # Within included volumes only those and the other volumes count, and money is not asked.
        slices = (*terms.included, *_without_money(terms.slices))
        need = self.need(call, terms, slices)
        if hold(slices, need):
            self._includes(call, slices, need)
            return None
        short = self._broker.known_short(slices, need)
        if short is not None:
            return self._beyond_included(call, terms, slices, short, need)
        return self._draw_included(call, terms, slices, need)

    @staticmethod
    def _includes(call: CallWithCredit, slices: tuple[Slice, ...], need: Need) -> None:
        call.tariff = None
        call.slices, call.need = slices, (0, *need[1:])
        if all(one.unit in (Unit.REQUESTS, Unit.INPUT_TOKENS) for one in slices):
            call.output_sent = 0  # only money had need of a limit

    async def _draw_included(
        self, call: CallWithCredit, terms: Terms, slices: tuple[Slice, ...], need: Need
    ) -> Refusal | None:
        try:
            short, need = await self._obtain(call, slices, need)
        except FaregateError:
            return _ledger_down()
        if short is None:
            self._includes(call, slices, need)
            return None
        outcome = self._beyond_included(call, terms, slices, short, need)
        if outcome is None or isinstance(outcome, Refusal):
            return outcome
        return await outcome

    def _beyond_included(
        self,
        call: CallWithCredit,
        terms: Terms,
        slices: tuple[Slice, ...],
        short: Slice,
        need: Need,
    ) -> Refusal | Awaitable[Refusal | None] | None:
        """Where an included volume is too short the call costs; another volume refuses it."""
        if short not in terms.included:
            return self._refusal(call, terms, slices, short, need)
        call.tariff = terms.overage
        if call.tariff is None and terms.needs_price:
            return shortage.price_unknown(call.peek)
        call.output_sent = 0
        need = self.need(call, terms)
        if hold(terms.slices, need):
            call.slices, call.need = terms.slices, need
            return None
        return self._short(call, terms.slices, need)

    def _short(
        self, call: CallWithCredit, slices: tuple[Slice, ...], need: Need
    ) -> Refusal | Awaitable[Refusal | None] | None:
        """The cheap bound doesn't fit into what is drawn: count closer, then draw or refuse."""
        terms = call.terms
        by_plenty = call.output_sent > 0 and terms.plenty_until > 0.0
        terms.plenty_until = 0.0
        closer = call.closer_input_bound()
        if closer < call.input_bound or by_plenty:
            call.input_bound = min(closer, call.input_bound)
            call.output_sent = 0
            need = self.need(call, terms)
            if hold(slices, need):
                call.slices, call.need = slices, need
                return None
        # Who would be fitted has what there is drawn first.
        short = None if terms.fits else self._broker.known_short(slices, need)
        if short is not None:
            return self._refusal(call, terms, slices, short, need)
        return self._draw(call, slices, need)

    async def _draw(
        self, call: CallWithCredit, slices: tuple[Slice, ...], need: Need
    ) -> Refusal | None:
        try:
            short, need = await self._obtain(call, slices, need)
        except FaregateError:
            return _ledger_down()
        if short is None:
            call.slices, call.need = slices, need
            return None
        return self._fit_or_refuse(call, slices, short, need)

    async def _obtain(
        self, call: CallWithCredit, slices: tuple[Slice, ...], need: Need
    ) -> tuple[Slice | None, Need]:
        """The slice that is too short, if one is, and what was or would have been held."""
        ours = call.output_sent > 0
        if ours and self._is_cut(call):
            # Numbers that are unknown or old would cut answers for which there is plenty.
            await self._broker.look(slices)
            need = self.need(call, call.terms, slices)
        short = await self._broker.obtain(slices, need, waits=not ours)
        if short is not None and ours:
            # Our limit was reckoned by older numbers than the ledger has just told.
            call.terms.plenty_until = 0.0
            need = self.need(call, call.terms, slices)
            short = await self._broker.obtain(slices, need)
        return short, need

    @staticmethod
    def _is_cut(call: CallWithCredit) -> bool:
        """Whether its limit is ours, and lower than the model's by what is free."""
        terms = call.terms
        most = terms.output_tokens_max or bounds.USUAL_OUTPUT_TOKENS
        return terms.default_output_tokens is None and call.output_sent < most

    def _fit_or_refuse(
        self, call: CallWithCredit, slices: tuple[Slice, ...], short: Slice, need: Need
    ) -> Refusal | None:
        """Lower the output limit where the plan says so; else say what is short."""
        terms = call.terms
        # What makes no text takes no output limit, whatever it puts out is counted in.
        if terms.fits and need[Unit.OUTPUT_TOKENS] and call.makes_output:
            asked = need[Unit.OUTPUT_TOKENS] // call.choices
            tokens = min(self.affordable(call, slices, lambda one: one.free), asked)
            if tokens >= 1:
                fitted = self._fitted(call, tokens)
                if hold(slices, fitted):
                    call.slices, call.need = slices, fitted
                    return None
        return self._refusal(call, terms, slices, short, need)

    def _fitted(self, call: CallWithCredit, tokens: int) -> Need:
        call.output_sent, call.grows = tokens, False
        return _need_of(call, tokens * call.choices)

    def affordable(
        self, call: CallWithCredit, slices: tuple[Slice, ...], has: Callable[[Slice], int]
    ) -> int:
        """The output limit that all slices have room for; below 1: none."""
        choices = call.choices
        return min(self._affordable(call, one.unit, has(one)) // choices for one in slices)

    def affordable_more(self, call: CallWithCredit) -> int:
        """Output tokens, of all choices, by which a hold may still grow."""
        outputs = call.need[Unit.OUTPUT_TOKENS]
        least = bounds.USUAL_OUTPUT_TOKENS
        for one in call.slices:
            if one.unit == Unit.NANO and call.tariff is not None:
                nano = call.need[Unit.NANO] + one.free
                inputs = call.need[Unit.INPUT_TOKENS]
                whole = call.tariff.affordable_output(nano, inputs, call.most)
                least = min(least, whole - outputs)
            elif one.unit in (Unit.OUTPUT_TOKENS, Unit.TOKENS):
                least = min(least, one.free)
        return least

    def _refusal(
        self,
        call: CallWithCredit,
        terms: Terms,
        slices: tuple[Slice, ...],
        short: Slice,
        need: Need,
    ) -> Refusal:
        tokens = 0
        if need[Unit.OUTPUT_TOKENS] and call.makes_output:
            tokens = self.affordable(call, slices, _to_be_had)
        return shortage.refusal(short, need, terms, tokens, self._now_ns())

    # -- without doing ----------------------------------------------------------------------------

    async def dry(self, call: CallWithCredit, purses: Purses) -> Refusal | None:
        """What `__call__` would give where `purses` stand so; holds nothing."""
        terms = call.terms
        slices = terms.slices
        if not slices and not terms.unusual:
            return None
        if terms.missing_subject is not None:
            return shortage.subject_missing(terms.missing_subject)
        if purses.stale:
            return _ledger_down()
        try:
            copies = await _copies((*terms.included, *slices), purses)
        except FaregateError:
            return _ledger_down()
        included, slices = copies[: len(terms.included)], copies[len(terms.included) :]
        call.tariff = terms.charge
        if included:
            volumes = (*included, *_without_money(slices))
            need = self.need(call, terms, volumes)
            short = shortest(volumes, need)
            if short is None:
                self._includes(call, volumes, need)
                return None
            if short not in included:
                return self._refusal(call, terms, volumes, short, need)
            call.tariff, call.output_sent = terms.overage, 0
        if call.tariff is None and terms.needs_price:
            return shortage.price_unknown(call.peek)
        return self._dry_hold(call, slices)

    def _dry_hold(self, call: CallWithCredit, slices: tuple[Slice, ...]) -> Refusal | None:
        terms = call.terms
        need = self.need(call, terms, slices)
        if shortest(slices, need) is not None:
            call.input_bound = min(call.closer_input_bound(), call.input_bound)
            call.output_sent = 0
            need = self.need(call, terms, slices)
        short = shortest(slices, need)
        if short is not None:
            refusal = self._fit_or_refuse(call, slices, short, need)
            if refusal is not None:
                return refusal
            return None
        call.slices, call.need = slices, need
        return None


async def _copies(slices: tuple[Slice, ...], purses: Purses) -> tuple[Slice, ...]:
    """The slices as they would be had all that is available been drawn."""
    copies = []
    for one, standing in zip(slices, await purses.standings(slices), strict=True):
        copy, drawn = Slice(one.spec), standing.available
        copy.free = one.free + drawn
        copy.taken = one.taken + drawn
        copy.settled = one.settled
        copy.standing = msgspec.structs.replace(
            standing,
            drawn=standing.drawn + drawn,
            available=0,
            coming_back=standing.coming_back + drawn,
        )
        copies.append(copy)
    return tuple(copies)


def _need_of(call: CallWithCredit, outputs: int) -> Need:
    """What a call with so many output tokens, of all choices, can use at most."""
    inputs, tariff = call.input_bound, call.tariff
    nano = tariff.bound(inputs, outputs, call.most) if tariff is not None else 0
    return (nano, 1, inputs, outputs, inputs + outputs)


def _to_be_had(one: Slice) -> int:
    """What one call could have now: not all of it need be drawn."""
    return one.free + (one.standing.available if one.standing is not None else 0)


def _without_money(slices: tuple[Slice, ...]) -> tuple[Slice, ...]:
    return tuple(one for one in slices if one.unit != Unit.NANO)


def _ledger_down() -> Refusal:
    return refuse("ledger_unavailable", "The ledger does not answer.", scope="gate")
