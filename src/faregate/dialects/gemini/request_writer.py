"""Writes a request to generate in Gemini's dialect.

Model and stream are of the path, not of the body. Sources: those of `request_reader`; Gemini
API, "Thinking" (budgets of the models before 3, levels of those since).
"""

import re
from typing import Any, Final

import msgspec

from faregate.dialects.fitting import fitted
from faregate.dialects.free_text import as_function
from faregate.dialects.gemini.content_reader import NAME
from faregate.dialects.gemini.content_writer import ContentWriter
from faregate.dialects.gemini.request_reader import DETAILS, LEVELS
from faregate.dialects.gemini.schemas import gemini_schema
from faregate.dialects.gemini.signatures import UNSIGNED
from faregate.dialects.neutral import parts, reasoning
from faregate.dialects.neutral.request import Message, Reasoning, Request, ServerTool, Tool
from faregate.dialects.shapes import Object
from faregate.dialects.translation import Lost, TargetFacts, Written

CARRIES: Final = frozenset((
    "system", "tools", "tools.strict", "tools.server", "tool_choice", "tool_result.image",
    "tool_result.error", "image.url", "image.data", "document.url", "document.data",
    "document.text", "audio.data", "video.url", "video.data", "thinking", "answer_format.json",
    "answer_format.schema", "output_tokens_max", "modalities", "speech", "n", "stop", "reasoning",
    "temperature", "top_p", "top_k", "seed", "presence_penalty", "frequency_penalty", "logprobs",
    "top_logprobs", "service_tier", "store",
))  # fmt: skip
_FIELDS: Final = (
    ("output_tokens_max", "maxOutputTokens"),
    ("n", "candidateCount"),
    ("stop", "stopSequences"),
    ("temperature", "temperature"),
    ("top_p", "topP"),
    ("top_k", "topK"),
    ("seed", "seed"),
    ("presence_penalty", "presencePenalty"),
    ("frequency_penalty", "frequencyPenalty"),
    ("logprobs", "responseLogprobs"),
    ("top_logprobs", "logprobs"),
)
_NOT_CARRIED: Final = {
    "verbosity": "Gemini has no setting of how much is said.",
    "logit_bias": "Gemini takes no bias of tokens.",
    "user": "Gemini takes no name of an end user.",
    "metadata": "Gemini takes no metadata that it keeps with an answer.",
    "prompt_cache_key": "Gemini caches by itself; it takes no key.",
    "previous_id": "Gemini keeps no earlier answers to go on from.",
}
_LEVELS: Final = {effort: level for level, effort in LEVELS.items()} | {"max": "XHIGH"}
_RESOLUTIONS: Final = {detail: name for name, detail in DETAILS.items()}
_TIERS: Final = {"default": "standard", "auto": None}
_EMPTY: Final = {"text": ""}
_SIGNED: Final = re.compile(r"(?:^|/)gemini-(?:[3-9]|[12][0-9])")
_BEFORE_LEVELS: Final = re.compile(r"(?:^|/)gemini-(?:1|2)\b|(?:^|/)gemini-robotics")


def write_request(request: Request, target: TargetFacts) -> Written:
    """A request for a target; what it can't carry is told."""
    body, lost = written_document(request, target)
    return Written(msgspec.json.encode(body), tuple(Lost(name, why) for name, why in lost.items()))


def written_document(request: Request, target: TargetFacts) -> tuple[Object, dict[str, str]]:
    """The body before it is text, and what it leaves out."""
    writer = ContentWriter(to_vendor=True)
    lost = writer.lost
    body: Object = {}
    request = fitted(request, target, _NOT_CARRIED, lost)
    others = dict(request.others) if request.origin == NAME else {}
    if request.origin != NAME:
        for name in request.others:
            lost[f"others.{name}"] = "Only the caller's own dialect knows this member."
    system, contents = _contents(request.messages, writer)
    if _SIGNED.search(target.model):
        _sign(contents)
    if system and not contents:  # Gemini wants something to answer to
        system, contents = [], [{"role": "user", "parts": system}]
    if system:
        body["systemInstruction"] = {"parts": system}
    body["contents"] = contents
    _write_tools(request, body, others.pop("functionDeclarations", {}), lost)
    config = _config(request, target, lost)
    _write_resolution(request.messages, config, lost)
    config = _joined(config, others.pop("generationConfig", {}))
    if config:
        body["generationConfig"] = config
    tool_config = others.pop("toolConfig", {})
    if tool_config:
        body["toolConfig"] = _joined(body.get("toolConfig", {}), tool_config)
    _write_of_call(request, body, lost)
    return body | others, lost


def _joined(ours: Object, theirs: Object) -> Object:
    """Both objects' members, one level down too."""
    made = dict(ours)
    for name, value in theirs.items():
        had = made.get(name)
        made[name] = had | value if isinstance(had, dict) and isinstance(value, dict) else value
    return made


def _write_of_call(request: Request, body: Object, lost: dict[str, str]) -> None:
    if request.store is not None:
        body["store"] = request.store
    tier = request.service_tier
    if tier is not None:
        tier = _TIERS.get(tier, tier)
        if tier in ("standard", "flex", "priority"):
            body["serviceTier"] = tier
        elif tier is not None:
            lost["service_tier"] = "Gemini knows the tiers standard, flex and priority."


# -- contents --------------------------------------------------------------------------------------


def _contents(
    messages: tuple[Message, ...], writer: ContentWriter
) -> tuple[list[Object], list[Object]]:
    """The parts of the system's instruction, wherever they stood, and the conversation.

    Gemini wants the results of one turn's calls together, and the calls too.
    """
    system: list[Object] = []
    contents: list[Object] = []
    before = ""
    for message in messages:
        if message.name is not None:
            writer.lost["messages.name"] = "Gemini takes no names of participants."
        written = writer.write(message.parts)
        if len(written) > 1:  # Gemini refuses empty texts
            written = [part for part in written if part != _EMPTY] or [_EMPTY]
        if message.role in ("system", "developer"):
            system += written
            continue
        if message.role == before and message.role in ("assistant", "tool"):
            contents[-1]["parts"] += written
            continue
        if not written:
            continue
        before = message.role
        role = "model" if message.role == "assistant" else "user"
        contents.append({"role": role, "parts": written})
    return system, contents


def _sign(contents: list[Object]) -> None:
    """Give the first call of each turn a signature, where it has none."""
    for content in contents:
        for part in content["parts"]:
            if "functionCall" in part:
                part.setdefault("thoughtSignature", UNSIGNED)
                break


def _write_resolution(messages: tuple[Message, ...], config: Object, lost: dict[str, str]) -> None:
    """How closely images are looked at is said once, for all of them."""
    details = {
        part.detail
        for message in messages
        for part in message.parts
        if isinstance(part, parts.Image) and part.detail not in (None, "auto")
    }
    resolution = _RESOLUTIONS.get(str(next(iter(details)))) if len(details) == 1 else None
    if resolution is not None:
        config["mediaResolution"] = resolution
    elif details:
        lost["messages.image.detail"] = "Gemini takes one of low and high, for all images."


# -- tools -----------------------------------------------------------------------------------------


def _write_tools(request: Request, body: Object, extras: Object, lost: dict[str, str]) -> None:
    declarations: list[Object] = []
    tools: list[Object] = []
    for tool in request.tools:
        if isinstance(tool, ServerTool):
            if tool.origin == NAME and isinstance(tool.raw, dict):
                tools.append(tool.raw)
            else:
                lost["tools.server"] = "Gemini does not have the tools of another vendor."
        else:
            if tool.cache is not None:
                lost["cache"] = "Gemini caches by itself; it takes no marks in a prompt."
            declarations.append(_declaration(as_function(tool), extras.get(tool.name, {})))
    if declarations:
        tools.insert(0, {"functionDeclarations": declarations})
    if tools:
        body["tools"] = tools
    if request.parallel_tool_calls is False:
        why = "Gemini can't be told to call one function at a time."
        lost["parallel_tool_calls"] = why
    calling = _calling(request)
    if calling:
        body["toolConfig"] = {"functionCallingConfig": calling}


def _declaration(tool: Tool, extras: Object) -> Object:
    made: Object = {"name": tool.name}
    if tool.description is not None:
        made["description"] = tool.description
    if tool.parameters is not None:
        schema = gemini_schema(tool.parameters)
        if schema is not None:
            made["parameters"] = schema
        else:
            made["parametersJsonSchema"] = tool.parameters
    return made | extras


def _calling(request: Request) -> Object:
    strict = any(isinstance(tool, Tool) and tool.strict for tool in request.tools)
    choice = request.tool_choice
    if choice is None or choice.mode == "auto":
        if strict:
            return {"mode": "VALIDATED"}
        return {} if choice is None else {"mode": "AUTO"}
    if choice.mode == "none":
        return {"mode": "NONE"}
    made: Object = {"mode": "ANY"}
    if choice.mode == "allowed" and not choice.required:
        made["mode"] = "VALIDATED"  # AUTO takes no names
    if choice.names:
        made["allowedFunctionNames"] = list(choice.names)
    return made


# -- generationConfig ------------------------------------------------------------------------------


def _config(request: Request, target: TargetFacts, lost: dict[str, str]) -> Object:
    made: Object = {}
    for field, name in _FIELDS:
        value = getattr(request, field)
        if value is not None:
            made[name] = value
    if request.reasoning is not None:
        thinking = _thinking(request.reasoning, target)
        if thinking:
            made["thinkingConfig"] = thinking
    wanted = request.answer_format
    if wanted is not None:
        made["responseMimeType"] = "text/plain" if wanted.kind == "text" else "application/json"
        if wanted.kind == "schema":
            name, schema = _answer_schema(wanted.schema, wanted.description)
            made[name] = schema
    if request.modalities is not None:
        made["responseModalities"] = [name.upper() for name in request.modalities]
    if request.speech is not None:
        _write_speech(request.speech.voice, request.speech.format, made, lost)
    return made


def _answer_schema(schema: Any, description: str | None) -> tuple[str, Any]:
    if description is not None and isinstance(schema, dict):
        schema = {"description": description} | schema
    fitting = gemini_schema(schema)
    if fitting is not None:
        return "responseSchema", fitting
    return "responseJsonSchema", schema


def _write_speech(voice: Any, form: str | None, made: Object, lost: dict[str, str]) -> None:
    if isinstance(voice, str):
        made["speechConfig"] = {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": voice}}}
    elif voice is not None:
        lost["speech.voice"] = "Gemini knows its voices by their names."
    if form not in (None, "pcm16", "pcm"):
        lost["speech.format"] = "Gemini speaks in PCM of 24 kHz only."


def _thinking(wanted: Reasoning, target: TargetFacts) -> Object:
    """A level for the models since 3, a budget for those before; never both."""
    made: Object = {}
    budget = wanted.budget_tokens
    if budget is None and wanted.effort is not None:
        if wanted.effort == "none" or _BEFORE_LEVELS.search(target.model):
            budget = reasoning.budget_tokens(wanted)
        else:
            made["thinkingLevel"] = _LEVELS[wanted.effort]
    if budget is not None:
        made["thinkingBudget"] = budget
    shows = wanted.shows
    if shows is None and wanted.summary is not None:
        shows = True
    if shows is not None:
        made["includeThoughts"] = shows
    return made
