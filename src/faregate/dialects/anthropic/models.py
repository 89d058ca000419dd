"""What Claude models take, by name, of what other dialects ask.

A model that isn't Claude's is taken to know what the oldest Claude knows: other vendors with
this dialect document budgets of thinking and free sampling.

Sources: Anthropic, "Troubleshooting thinking" (the table of models), "Effort", "Migration guide"
(sampling is refused from Claude 4.7 on, forced tools from Opus 5.5, Sonnet 5.5 and Fable 5.1 on),
"Mid-conversation system messages". Haiku 5.5 is told of at second hand.
"""

import re
from functools import lru_cache
from typing import Final, Literal

import msgspec

_FAMILIES: Final = "opus|sonnet|haiku|fable|mythos"
_NAME: Final = re.compile(
    rf"({_FAMILIES})[-.](\d)(?:[-.](\d))?(?!\d)|claude-(\d)(?:[-.](\d))?-({_FAMILIES})"
)
_MANY: Final = 1_024  # names that are looked at again; callers can't choose them


class ModelFacts(msgspec.Struct, frozen=True):
    """What a model takes.

    `budgets`: thinking with a budget of tokens; `adaptive`: as much as it likes. `rest` is how it
    is told not to think; None: it always thinks. `efforts` are the words of
    `output_config.effort`. `samples`: temperature, top_p and top_k; `one_sampling`: not
    temperature and top_p at once. `forced_tools`: it can be told to call a tool. `system_turns`:
    system prompts within the conversation.
    """

    budgets: bool = True
    adaptive: bool = False
    rest: Literal["omitted", "disabled", "between_tools"] | None = "omitted"
    efforts: tuple[str, ...] = ()
    samples: bool = True
    one_sampling: bool = False
    forced_tools: bool = True
    system_turns: bool = False


_EFFORTS: Final = ("low", "medium", "high")
_PREVIEW: Final = ModelFacts(adaptive=True, rest=None, efforts=(*_EFFORTS, "max"), samples=False)


@lru_cache(_MANY)
def facts_of(model: str) -> ModelFacts:
    """The facts of a model, by whatever name a vendor has for it."""
    name = model.lower()
    found = _NAME.search(name)
    if found is None:
        return _PREVIEW if "claude-mythos" in name else ModelFacts()
    family = found[1] or found[6]
    version = int(found[2] or found[4]), int(found[3] or found[5] or 0)
    if version < (4, 6):
        efforts = _EFFORTS if version == (4, 5) and family == "opus" else ()
        return ModelFacts(efforts=efforts, one_sampling=version >= (4, 1))
    if version < (4, 7):
        return ModelFacts(adaptive=True, efforts=(*_EFFORTS, "max"), one_sampling=True)
    return ModelFacts(
        budgets=False,
        adaptive=True,
        rest=_rest(family, version),
        efforts=(*_EFFORTS, "xhigh", "max"),
        samples=False,
        forced_tools=family == "haiku" or version < _UNFORCED.get(family, (5, 5)),
        system_turns=version >= (4, 8),
    )


# The first of each family that can't be told to call a tool; the others' is 5.5.
_UNFORCED: Final = {"fable": (5, 1), "mythos": (5, 1)}


def _rest(
    family: str, version: tuple[int, int]
) -> Literal["omitted", "disabled", "between_tools"] | None:
    if family in ("fable", "mythos") or (family == "opus" and version >= (5, 5)):
        return None
    if family == "sonnet" and version >= (5, 5):
        return "between_tools"
    return "omitted" if version < (5, 0) else "disabled"
