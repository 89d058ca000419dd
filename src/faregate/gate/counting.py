"""CHOOSE for calls that count tokens.

What no target can count is estimated here, for nothing.
"""

from typing import TYPE_CHECKING, Final

from faregate.core.refusals import Refusal
from faregate.gate.answers import Answer
from faregate.gate.choosing import Choose

if TYPE_CHECKING:
    from faregate.gate.relay import Relay

_ESTIMATED: Final = frozenset({"operation_unsupported", "unsupported_parameter"})


class ChooseCounter(Choose):
    """Chooses a target that counts; answers itself where there is none."""

    def __call__(self, call: "Relay") -> Refusal | Answer | None:  # type: ignore[override]
        """Set what SEND sends, refuse, or answer with an estimate."""
        refusal = super().__call__(call)
        if refusal is None or refusal.code not in _ESTIMATED:
            return refusal
        operation = call.plan.operation
        assert operation is not None
        dialect = operation.translator
        counted = dialect.estimate(call.body, call.terms.tokenizer)  # type: ignore[union-attr]
        body = dialect.write_reply(counted)  # type: ignore[union-attr]
        return Answer(200, "application/json", body, (("faregate-estimated", "input-tokens"),))

    def dry(self, call: "Relay") -> Refusal | None:
        """What would be chosen now; an estimate is no refusal."""
        refusal = super().dry(call)
        return None if refusal is not None and refusal.code in _ESTIMATED else refusal
