"""Fits a request to a target before a writer writes it.

Fields that the vendor's row says it refuses are taken out and told, as are fields that a whole
dialect has no place for; but not where their value asks for nothing.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from faregate.dialects.neutral.request import Request
from faregate.dialects.translation import TargetFacts

_ASKS_NOTHING: Final[dict[str, tuple[Any, ...]]] = {
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
    "service_tier": ("auto", "default"),
    "parallel_tool_calls": (True,),
}


def fitted(
    request: Request, target: TargetFacts, nowhere: Mapping[str, str], lost: dict[str, str]
) -> Request:
    """The request without what can't be said, which is added to `lost`.

    `nowhere` are the fields that the dialect has no place for, with the reason.
    """
    gone: dict[str, Any] = {}
    for name, why in nowhere.items():
        _take(request, name, why, gone, lost)
    for name in target.unsupported:
        if name in Request.__struct_fields__ and name not in nowhere:
            _take(request, name, "The vendor says that it refuses it.", gone, lost)
    return msgspec.structs.replace(request, **gone) if gone else request


def _take(
    request: Request, name: str, why: str, gone: dict[str, Any], lost: dict[str, str]
) -> None:
    value = getattr(request, name)
    if value is None or value == ():
        return
    if value not in _ASKS_NOTHING.get(name, ()):
        lost[name] = why
    if name != "messages":
        gone[name] = () if name == "tools" else None
