"""The end of a call: holds become charges, limits are corrected.

The rules, which docs/guides/credit-and-limits.md tells to people:

- A whole reply is charged by the usage that the provider states; without one, by an estimate.
- A reply that was cut, or that the caller left, is charged for its input and for the output
  that was seen.
- A call that failed or was refused before any output is charged nothing, and so is an error of
  the provider's that is passed on.
"""

from typing import Any, Final, Literal

import msgspec

from faregate.calllog.frames import Charge, Outcome
from faregate.dialects import openai_bounds, units
from faregate.dialects.embeddings.neutral import EmbedRequest, likely_tokens
from faregate.dialects.usage import Usage
from faregate.gate.state import CallState
from faregate.ledger.purses import Need, Unit
from faregate.ledger.slices import NOTHING, release, settle

_REFUSED_FROM: Final = 300  # statuses of replies that serve nothing, redirects among them
_BYTES_A_TOKEN: Final = 4  # of output whose usage nobody stated
_NANO: Final = int(Unit.NANO)
_Basis = Literal["stated", "estimated"]
_NOTHING_USED: Final = Usage(0, 0)


def conclude(call: CallState, outcome: Outcome, status: int) -> Charge | None:
    """Settle what the call took; what it moves in the ledger, if anything.

    Called once, when nothing more of the call can happen.
    """
    terms = call.terms
    if not call.slices and not call.limited_at and call.cost is None:
        return None
    usage = call.usage
    basis: _Basis = "stated"
    whole = outcome == "answered" and status < 400 and call.started
    if not whole and not (call.started and _is_charged(call, outcome)):
        give_up(call)
        return None
    if not call.makes_output:
        usage, basis = _completed(call, usage)
    elif usage is None or usage.input_tokens is None or usage.output_tokens is None:
        usage, basis = _estimated(call, usage), "estimated"
    inputs, outputs = usage.input_tokens or 0, usage.output_tokens or 0
    slices, cost = call.slices, call.cost
    tariff = call.tariff if slices else None
    nano = tariff.price(usage) if tariff is not None else 0
    if tariff is cost:
        cost_nano = nano if cost is not None else None
    else:
        cost_nano = cost.price(usage) if cost is not None else None
    used: Need = (nano, 1, inputs, outputs, inputs + outputs)
    if call.limited_at:
        call.gate.limit_check.correct(call, used)
    if slices:
        settled = settle(slices, call.need, used)
        call.slices = ()
        broker = call.gate.broker
        if broker.waiting:
            broker.settled()
        if nano or any(settled):
            same = slices is terms.slices
            purse_ids = terms.purse_ids if same else tuple(one.spec.purse_id for one in slices)
            # The last slice is the wallet's, or a budget's, where money counts at all.
            if slices[-1].unit != _NANO:
                return Charge("", purse_ids, settled, 0, cost_nano, 0, basis)
            charge_nano = settled[-1]
            wallet = terms.wallet if charge_nano else ""
            short_nano = nano - charge_nano
            return Charge(wallet, purse_ids, settled, charge_nano, cost_nano, short_nano, basis)
    return Charge("", (), (), 0, cost_nano, 0, basis) if cost_nano else None


def give_up(call: CallState) -> None:
    """Nothing was used: put back whatever the call holds and took."""
    gate = call.gate
    if call.slices:
        release(call.slices, call.need)
        call.slices = ()
        if gate.broker.waiting:
            gate.broker.settled()
    if call.limited_at:
        if call.sent_at:
            gate.limit_check.correct(call, NOTHING)
        else:
            gate.limit_check.undo(call)


def _is_charged(call: CallState, outcome: Outcome) -> bool:
    """Of a call that isn't whole, whether it costs what was seen of it."""
    if outcome == "failed":
        meter = call.meter
        seen = meter.output_tokens if meter is not None else call.reply_bytes
        return call.relaying and seen > 0
    # One that the caller left before the reply began has been worked on all the same.
    reply = call.reply
    served = reply is None or reply.status < _REFUSED_FROM
    return outcome == "cancelled" and call.sent_at > 0.0 and served


def _estimated(call: CallState, stated: Usage | None) -> Usage:
    """The usage of an answer where the provider did not state it, or not all of it."""
    inputs = stated.input_tokens if stated is not None else None
    if inputs is None:
        inputs = openai_bounds.estimate_input(call.body, call.terms.tokenizer)
    if stated is not None and stated.output_tokens is not None:
        outputs = stated.output_tokens
    elif call.meter is not None:
        outputs = call.meter.output_tokens
    else:
        outputs = -(-call.reply_bytes // _BYTES_A_TOKEN)
    return msgspec.structs.replace(stated or Usage(), input_tokens=inputs, output_tokens=outputs)


def _completed(call: CallState, stated: Usage | None) -> tuple[Usage, _Basis]:
    """The usage of what answers with no text: in tokens, or in images, audio, searches.

    What a reply leaves out is taken from the request.
    """
    operation = call.plan.operation
    if operation is not None and operation.is_free:
        return stated or Usage(), "stated"
    likely = _likely(call)
    usage = units.complete(stated, likely)
    if usage is not None and (usage.input_tokens is not None or _is_billed(call, usage)):
        if stated is None:
            return usage, "estimated"
        call.usage = usage
        return usage, "stated"
    if likely is not None and likely.input_tokens is not None:
        inputs, outputs = likely.input_tokens, likely.output_tokens
    else:
        inputs, outputs = _taken_in(call), None
    usage = usage or Usage()
    return msgspec.structs.replace(usage, input_tokens=inputs, output_tokens=outputs), "estimated"


def _is_billed(call: CallState, usage: Usage) -> bool:
    """Whether a usage without tokens is in what its price is by."""
    tariff = call.tariff or call.cost
    if usage == Usage():
        return False
    return tariff is None or tariff.is_free or tariff.price(usage) > 0


def _likely(call: CallState) -> Usage | None:
    """What the request says of its usage, of operations that aren't billed by their text."""
    operation = call.plan.operation
    native = operation.native if operation is not None else None
    if call.form:
        found: Usage | None = native.likely_form(call.body, call.form)  # type: ignore[union-attr]
        return found
    likely = getattr(native, "likely", None)
    return None if likely is None else likely(call.body)


def _taken_in(call: CallState) -> int:
    """A fair guess of the input, where nothing says it."""
    operation, peeked, tokenizer = call.plan.operation, call.peek, call.terms.tokenizer
    if operation is not None and operation.name == "embeddings" and peeked is not None:
        reader: Any = operation.translator
        request = call.neutral or reader.read_request(call.body, peeked.model, stream=False)
        if isinstance(request, EmbedRequest):
            return likely_tokens(request, tokenizer)
    return openai_bounds.estimate_input(call.body, tokenizer)
