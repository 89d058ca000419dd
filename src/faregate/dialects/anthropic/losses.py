"""What a request's writer could not carry, by neutral name."""

from collections.abc import Iterable
from typing import Any, Final

from faregate.dialects.neutral.request import Request
from faregate.dialects.translation import Lost

# Values of fields that ask for nothing: to leave them out is no loss.
_NOTHING: Final[dict[str, tuple[Any, ...]]] = {
    "verbosity": ("medium",),
    "modalities": (("text",),),
    "n": (1,),
    "presence_penalty": (0,),
    "frequency_penalty": (0,),
    "logit_bias": ({},),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "metadata": ({},),
    "store": (False,),
}


class Losses(dict[str, str]):
    """Why each was lost."""

    def lost(self) -> tuple[Lost, ...]:
        """All of it."""
        return tuple([Lost(name, why) for name, why in self.items()])

    def take_fields(self, request: Request, names: Iterable[str], why: str) -> None:
        """Fields that the dialect has no place for, where they ask for something."""
        for name in names:
            value = getattr(request, name)
            if value is not None and value not in _NOTHING.get(name, ()):
                self[name] = why
