"""Gemini's `usageMetadata`: tokens by direction and by modality.

The prompt's tokens have what was cached in them, but not what tools of Google's put in beside;
the candidates' tokens don't have the thoughts. Searches are counted from the grounding: Gemini 3
bills each query, the models before it one for a prompt that was grounded.

Sources: Gemini API, "Generating content" (UsageMetadata), "Thinking" (pricing), "Grounding with
Google Search" (pricing); Vertex AI, "GenerateContentResponse" (trafficType).
"""

import re
from typing import Any, Final

from faregate.dialects.shapes import Object
from faregate.dialects.usage import Usage

_TOKENS_MAX: Final = 10**12  # a usage beyond it is nonsense, not a bill
_TRAFFIC: Final = {"ON_DEMAND_PRIORITY": "priority", "ON_DEMAND_FLEX": "flex"}
_ONE_A_PROMPT: Final = re.compile(r"gemini-[12]\b")


def read(stated: Any, searches: int = 0) -> Usage | None:
    """The usage; a member of a wrong shape states nothing."""
    if not isinstance(stated, dict):
        return None
    prompt = _count(stated, "promptTokenCount")
    tool_use = _count(stated, "toolUsePromptTokenCount")
    said = _count(stated, "candidatesTokenCount")
    thought = _count(stated, "thoughtsTokenCount")
    if said is None and thought is None and prompt is not None:
        total = _count(stated, "totalTokenCount")
        if total is not None:
            said = max(total - prompt - (tool_use or 0), 0)
    read_in = _modalities(stated.get("promptTokensDetails"))
    for name, tokens in _modalities(stated.get("toolUsePromptTokensDetails")).items():
        read_in[name] = read_in.get(name, 0) + tokens
    put_out = _modalities(stated.get("candidatesTokensDetails"))
    return Usage(
        input_tokens=_sum(prompt, tool_use),
        output_tokens=_sum(said, thought),
        cached_input_tokens=_count(stated, "cachedContentTokenCount"),
        reasoning_tokens=thought,
        audio_input_tokens=read_in.get("AUDIO"),
        image_input_tokens=read_in.get("IMAGE"),
        video_input_tokens=read_in.get("VIDEO"),
        audio_output_tokens=put_out.get("AUDIO"),
        image_output_tokens=put_out.get("IMAGE"),
        web_searches=searches or None,
        service_tier=_TRAFFIC.get(str(stated.get("trafficType"))) or _tier(stated),
    )


def searches(candidates: Any, model: Any) -> int:
    """How many searches are billed for these candidates."""
    queries = 0
    for candidate in candidates if isinstance(candidates, list) else ():
        grounding = candidate.get("groundingMetadata") if isinstance(candidate, dict) else None
        asked = grounding.get("webSearchQueries") if isinstance(grounding, dict) else None
        queries += len(asked) if isinstance(asked, list) else 0
    return min(queries, 1) if _ONE_A_PROMPT.match(str(model)) else queries


def written(usage: Usage) -> Object:
    """The usage as Gemini states it."""
    thought = usage.reasoning_tokens
    made: Object = {}
    if usage.input_tokens is not None:
        made["promptTokenCount"] = usage.input_tokens
    if usage.output_tokens is not None:
        made["candidatesTokenCount"] = max(usage.output_tokens - (thought or 0), 0)
    if usage.input_tokens is not None or usage.output_tokens is not None:
        made["totalTokenCount"] = (usage.input_tokens or 0) + (usage.output_tokens or 0)
    if usage.cached_input_tokens is not None:
        made["cachedContentTokenCount"] = usage.cached_input_tokens
    if thought is not None:
        made["thoughtsTokenCount"] = thought
    read_in = (
        ("AUDIO", usage.audio_input_tokens),
        ("IMAGE", usage.image_input_tokens),
        ("VIDEO", usage.video_input_tokens),
    )
    put_out = (("AUDIO", usage.audio_output_tokens), ("IMAGE", usage.image_output_tokens))
    for name, whole, found in (
        ("promptTokensDetails", usage.input_tokens, read_in),
        ("candidatesTokensDetails", made.get("candidatesTokenCount"), put_out),
    ):
        details = _details(whole, found)
        if details:
            made[name] = details
    return made


def _details(whole: int | None, found: tuple[tuple[str, int | None], ...]) -> list[Object]:
    stated = [(name, tokens) for name, tokens in found if tokens is not None]
    if not stated:
        return []
    text = (whole or 0) - sum(tokens for _, tokens in stated)
    if text > 0:
        stated.insert(0, ("TEXT", text))
    return [{"modality": name, "tokenCount": tokens} for name, tokens in stated]


def _count(stated: Object, name: str) -> int | None:
    value = stated.get(name)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _TOKENS_MAX:
        return None
    return value


def _sum(one: int | None, other: int | None) -> int | None:
    if one is None and other is None:
        return None
    return (one or 0) + (other or 0)


def _modalities(details: Any) -> dict[str, int]:
    found: dict[str, int] = {}
    for one in details if isinstance(details, list) else ():
        if isinstance(one, dict) and (tokens := _count(one, "tokenCount")) is not None:
            name = str(one.get("modality"))
            found[name] = found.get(name, 0) + tokens
    return found


def _tier(stated: Object) -> str | None:
    tier = stated.get("serviceTier")
    return tier.lower() if isinstance(tier, str) else None
