"""The hold of a realtime session stays ahead of what that can use.

The rule. Before an event that can make a response goes to the vendor, so much is held as the
session has used so far, and for every response that is open, this one included,

- as input all that the conversation can be: what was added since a response last stated its input
  and output, at the bounds of `dialects.realtime.client_events`, and those two; at most the
  model's context, and as much as that where the vendor puts in what isn't seen here;
- as output the limit that the response or the session has, else the model's own.

Where another model transcribes the caller's audio, that is held for as well, as input and output.
Audio makes responses too, where the vendor listens for the end of speech, so it is passed on
under the same rule. What a response did not use stays held for the next one.
"""

from collections import deque
from typing import TYPE_CHECKING, Final

import msgspec

from faregate.catalogue.prices import Tariff
from faregate.dialects.realtime.client_events import APPEND, Said
from faregate.dialects.realtime.usage import add_usage
from faregate.dialects.usage import Usage
from faregate.ledger.purses import Need, Unit
from faregate.ledger.slices import Slice, hold

if TYPE_CHECKING:
    from faregate.gate.call import Call

_CONTEXT_TOKENS_MAX: Final = 128_000  # of OpenAI's realtime models
_OUTPUT_TOKENS_MAX: Final = 32_000  # of gpt-realtime-2
# Those with a shorter context put out 4,096.
_SHORT_CONTEXT_TOKENS: Final = 32_768
_SHORT_OUTPUT_TOKENS_MAX: Final = 4_096
OPEN_RESPONSES_MAX: Final = 64
_AHEAD_TOKENS: Final = 1_024  # held beyond what was added, so that pieces of audio pass at once
_AUDIO_TOKENS_A_SECOND: Final = 10
_AUDIO_BOUND_FACTOR: Final = 2  # of `dialects.realtime.client_events`
_FIRST_TOKENS: Final = 1_024  # what a vendor says by itself where no instructions are given
_NOTHING_USED: Final = Usage(0, 0)


def session_bounds(context: int | None, output: int | None) -> tuple[int, int]:
    """A model's context and its output limit.

    The configuration may not know them.
    """
    if output is None:
        is_short = context is not None and context <= _SHORT_CONTEXT_TOKENS
        output = _SHORT_OUTPUT_TOKENS_MAX if is_short else _OUTPUT_TOKENS_MAX
    return context or _CONTEXT_TOKENS_MAX, output


class RunningTariff(Tariff):
    """A tariff that adds up the prices of a session's responses.

    `price` gives the sum, whatever usage it is asked for; bounds are of what comes on top.
    """

    __slots__ = ("_plain", "_total_nano")

    def __init__(self, plain: Tariff) -> None:
        super().__init__(plain.row, plain.multiplier, plain.until_ns)
        self._plain = plain
        self._total_nano = plain.price(_NOTHING_USED)  # a session is one call where calls cost

    def add(self, usage: Usage, other: Tariff | None = None) -> None:
        """Count a part, which may have the price of another model."""
        tariff = other if other is not None else self._plain
        self._total_nano += tariff.price(usage) - tariff.price(_NOTHING_USED)

    def price(self, usage: Usage) -> int:
        """The sum so far."""
        return self._total_nano

    def bound(self, input_tokens: int, output_tokens: int, most: Usage | None = None) -> int:
        """The sum, and the most that so many tokens more can cost."""
        return self._total_nano + self._plain.bound(input_tokens, output_tokens, most)

    def affordable_output(self, nano: int, input_tokens: int, most: Usage | None = None) -> int:
        """The most output tokens more that fit into `nano`.

        It pays for the sum as well.
        """
        return self._plain.affordable_output(nano - self._total_nano, input_tokens, most)


class SessionHold:
    """What one session has used, and what is held for it."""

    def __init__(self, call: "Call", limit: int, context: int) -> None:
        self._call = call
        self._context = context
        self._model_limit = limit
        self._session_limit = limit
        self._updates = 0  # of the session, that the vendor hasn't answered
        # -- tokens of the conversation, at most
        self._added = _FIRST_TOKENS
        self._base = 0  # what is stated of the conversation up to `_base_added`
        self._base_added = 0
        self._unseen = False
        self._heard = False
        self.transcribes = False  # another model hears the caller's audio as well
        self._untranscribed = 0
        self._apart = False
        self._created_at = 0  # what was added when the last response began
        # -- responses
        self._asked: deque[tuple[int, int]] = deque()  # output limit, what was added before
        self._running: deque[tuple[int, int]] = deque()
        self._guessed = 0  # output of the response that runs, as far as it was seen
        # -- what was used
        self.usage = _NOTHING_USED
        self.is_guessed = False
        self._held_inputs = -1
        self._wrap_tariffs()

    def _wrap_tariffs(self) -> None:
        call = self._call
        charge, cost = call.tariff, call.cost
        self._charge = RunningTariff(charge) if charge is not None else None
        same = cost is charge
        self._cost = self._charge if same else RunningTariff(cost) if cost is not None else None
        call.tariff, call.cost = self._charge, self._cost

    @property
    def output_tokens(self) -> int:
        """What the session has put out, and is putting out."""
        return (self.usage.output_tokens or 0) + self._guessed

    # -- the caller's side ------------------------------------------------------------------------

    def allows(self, said: Said) -> bool:
        """Count an event, and hold what it takes.

        False: more must be drawn for it.
        """
        self._added += said.tokens
        self._unseen = self._unseen or said.unseen
        self._apart = self._apart or said.apart
        if said.updates:
            self._updates += 1
            if said.limit is not None:
                limit = self._model_limit if said.limit < 0 else said.limit
                self._session_limit = max(self._session_limit, limit)
            return True
        if said.responds:
            limit = self._session_limit if said.limit is None else said.limit
            limit = self._model_limit if limit < 0 else min(limit, self._model_limit)
            self._asked.append((limit, self._added))
        elif said.kind == APPEND:
            self._heard = True
            if self.transcribes:
                self._untranscribed += said.tokens
            if self._conversation <= self._held_inputs:
                return True
        else:
            return True
        return self.grow()

    @property
    def is_crowded(self) -> bool:
        """Whether more responses are open than a session may have."""
        return len(self._asked) + len(self._running) > OPEN_RESPONSES_MAX

    # -- the vendor's side ------------------------------------------------------------------------

    def settled_session(self, limit: int | None, instructions_bytes: int) -> None:
        """The vendor has said what the session is."""
        self._updates = max(self._updates - 1, 0)
        self._added += instructions_bytes
        if limit is not None:
            limit = self._model_limit if limit < 0 else min(limit, self._model_limit)
            keeps = self._updates > 0
            self._session_limit = max(limit, self._session_limit) if keeps else limit

    def begun(self) -> bool:
        """A response begins; False: more must be drawn."""
        if self._asked:
            self._running.append(self._asked.popleft())
        else:
            # The vendor made it by itself. What it has of the conversation isn't known to the
            # event, but it is later than the response before.
            self._running.append((self._session_limit, self._created_at))
        self._created_at = self._added
        return self.grow()

    def refused(self) -> None:
        """The vendor has refused an event.

        Perhaps the one that asked for a response.
        """
        if self._asked:
            self._asked.popleft()

    def put_out(self, tokens: int) -> None:
        """A piece of output was seen."""
        self._guessed += tokens

    def ended(self, usage: Usage | None, *, in_conversation: bool | None) -> bool:
        """A response has ended; False: more must be drawn before the next."""
        opened = self._running or self._asked  # some vendors don't say when one begins
        mark = opened.popleft()[1] if opened else 0
        if usage is None:
            usage = self._guess()
            self._added += self._guessed
        elif in_conversation or (in_conversation is None and not self._apart):
            self._base = (usage.input_tokens or 0) + (usage.output_tokens or 0)
            self._base_added = mark
        else:
            self._added += usage.output_tokens or 0
        self._guessed = 0
        self.count(usage)
        return self.grow() if self._heard or self._running else True

    def _guess(self) -> Usage:
        """What a response used that didn't say so."""
        self.is_guessed = True
        return Usage(min(self._conversation, self._base or self._conversation), self._guessed)

    def transcribed(self, usage: Usage | None, prices: tuple[Tariff | None, Tariff | None]) -> None:
        """A piece of the caller's audio was heard by the other model.

        It counts for cost and charge.
        """
        if usage is None:
            return
        seconds = -(-(usage.audio_input_ms or 0) // 1_000)
        tokens = max(usage.input_tokens or 0, seconds * _AUDIO_TOKENS_A_SECOND)
        self._untranscribed = max(self._untranscribed - _AUDIO_BOUND_FACTOR * tokens, 0)
        self.count(usage, *prices)

    def count(self, usage: Usage, cost: Tariff | None = None, charge: Tariff | None = None) -> None:
        """Add what was used.

        By the prices of another model where those are given.
        """
        self.usage = add_usage(self.usage, usage)
        if self._charge is not None:
            self._charge.add(usage, charge)
        if self._cost is not None and self._cost is not self._charge:
            self._cost.add(usage, cost)
        self._count_limits()

    def _count_limits(self) -> None:
        """Count in the short limits what goes beyond what was taken at first."""
        call = self._call
        if not call.limited_at or not call.terms.corrected:
            return
        inputs, outputs = self.usage.input_tokens or 0, self.usage.output_tokens or 0
        used = (0, 1, inputs, outputs, inputs + outputs, 1)
        now = call.gate.now()
        for counter in call.terms.corrected:
            more = used[counter.spec.unit] - call.costs[counter.spec.unit]
            if more > 0:
                counter.add(more, now)
        costs = call.costs
        call.costs = (
            costs[0], costs[1], max(costs[2], used[2]), max(costs[3], used[3]),
            max(costs[4], used[4]), costs[5],
        )  # fmt: skip

    def close(self) -> Usage:
        """What the session used in all; nothing more comes."""
        while self._running:
            self._running.popleft()
            if self._guessed:
                self.count(self._guess())
                self._guessed = 0
        usage = self.usage
        if self.is_guessed:  # then it is said to be estimated
            return msgspec.structs.replace(usage, output_tokens=None)
        return usage

    # -- the hold ---------------------------------------------------------------------------------

    @property
    def _conversation(self) -> int:
        """The most input tokens of a next response."""
        most = self._base + self._added - self._base_added
        return self._context if self._unseen else min(most, self._context)

    def _wanted(self) -> tuple[int, int]:
        """Input and output tokens that can still be used."""
        limits = [limit for limit, _ in (*self._asked, *self._running)] or [self._session_limit]
        inputs = min(self._conversation + _AHEAD_TOKENS, self._context)
        heard = self._untranscribed + _AHEAD_TOKENS if self.transcribes else 0
        return inputs * len(limits) + heard, sum(limits) + heard

    def more(self) -> Need:
        """What the hold lacks."""
        need, (inputs, outputs) = self._call.need, self._wanted()
        inputs += self.usage.input_tokens or 0
        outputs += self.usage.output_tokens or 0
        nano = self._bound()
        return (
            max(nano - need[0], 0),
            0,
            max(inputs - need[2], 0),
            max(outputs - need[3], 0),
            max(inputs + outputs - need[4], 0),
        )

    def _bound(self) -> int:
        if self._charge is None:
            return 0
        inputs, outputs = self._wanted()
        return self._charge.bound(inputs, outputs)

    def grow(self) -> bool:
        """Hold what is lacking if it is drawn already."""
        call = self._call
        if not call.slices:
            self._held_inputs = self._context
            return True
        more = self.more()
        if any(more):
            if call.gate.broker.stale or not hold(call.slices, more):
                return False
            self.has(more)
        self._held_inputs = self._conversation + _AHEAD_TOKENS
        return True

    def has(self, more: Need) -> None:
        """So much more is held."""
        need = self._call.need
        self._call.need = (
            need[0] + more[0], need[1], need[2] + more[2], need[3] + more[3], need[4] + more[4]
        )  # fmt: skip

    def affordable(self, slices: tuple[Slice, ...]) -> int:
        """The output limit of one response for which there is room.

        Below 1: none.
        """
        inputs, need = self._wanted()[0], self._call.need
        most = self._model_limit
        for one in slices:
            there = one.standing.available if one.standing is not None else 0
            has = need[one.unit] + one.free + there
            if one.unit == Unit.NANO and self._charge is not None:
                most = min(most, self._charge.affordable_output(has, inputs))
            elif one.unit == Unit.OUTPUT_TOKENS:
                most = min(most, has - (self.usage.output_tokens or 0))
            elif one.unit == Unit.TOKENS:
                used = (self.usage.input_tokens or 0) + (self.usage.output_tokens or 0)
                most = min(most, has - used - inputs)
        return most
