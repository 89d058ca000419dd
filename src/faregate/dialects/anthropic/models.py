"""What Claude models take, by name, of what other dialects ask.

A model that isn't Claude's is taken to know what the oldest Claude knows: other vendors with
this dialect document budgets of thinking and free sampling.

Sources: Amazon Bedrock user guide, "Adaptive thinking" (which models take budgets, adaptive or
disabled thinking); Anthropic, "Effort", "Extended thinking", "Mid-conversation system messages",
"What's new in Claude 4.8"; Anthropic, migration guide (sampling is refused from Opus 4.7 on).
"""

import re
from functools import lru_cache
from typing import Final

import msgspec

_FAMILIES: Final = "opus|sonnet|haiku|fable|mythos"
_NAME: Final = re.compile(
    rf"(?:{_FAMILIES})[-.](\d)(?:[-.](\d))?(?!\d)|claude-(\d)(?:[-.](\d))?-(?:{_FAMILIES})"
)
_NEVER_OFF: Final = re.compile(r"fable|mythos")
_MANY: Final = 1_024  # names that are looked at again; callers can't choose them


class ModelFacts(msgspec.Struct, frozen=True):
    """What a model takes.

    `budgets`: thinking with a budget of tokens; `adaptive`: as much as it likes; `disabled`: that
    it may be told not to think, `off`: that it doesn't where nobody says so. `efforts` are the
    words of `output_config.effort`. `samples`: temperature, top_p and top_k; `one_sampling`: not
    temperature and top_p at once. `system_turns`: system prompts within the conversation.
    """

    budgets: bool = True
    adaptive: bool = False
    disabled: bool = True
    off: bool = True
    efforts: tuple[str, ...] = ()
    samples: bool = True
    one_sampling: bool = False
    system_turns: bool = False


_EFFORTS: Final = ("low", "medium", "high")


@lru_cache(_MANY)
def facts_of(model: str) -> ModelFacts:
    """The facts of a model, by whatever name a vendor has for it."""
    name = model.lower()
    found = _NAME.search(name)
    if found is None:
        if "claude-mythos" in name:
            return _since((4, 7), name)
        return ModelFacts()
    major = int(found[1] or found[3])
    return _since((major, int(found[2] or found[4] or 0)), name)


def _since(version: tuple[int, int], name: str) -> ModelFacts:
    if version < (4, 6):
        efforts = _EFFORTS if version == (4, 5) and "opus" in name else ()
        return ModelFacts(efforts=efforts, one_sampling=version >= (4, 1))
    if version < (4, 7):
        return ModelFacts(adaptive=True, efforts=(*_EFFORTS, "max"), one_sampling=True)
    always = _NEVER_OFF.search(name) is not None
    return ModelFacts(
        budgets=False,
        adaptive=True,
        disabled=version >= (5, 0) and not always,
        off=version < (5, 0) and not always,
        efforts=(*_EFFORTS, "xhigh", "max"),
        samples=False,
        system_turns=version >= (4, 8),
    )
