"""Reads a request in Gemini's dialect, of AI Studio or Vertex AI.

Members that the neutral form doesn't know stay in `Request.others`: whole ones by their own
name, and what is left of `generationConfig`, `toolConfig` and of declarations of functions
(`functionDeclarations`, by the function's name).

Sources: Gemini API, "Generating content" (generateContent, GenerationConfig), "Caching" (Tool,
ToolConfig); Vertex AI, "Generate content with the Gemini API"; google-genai 3.4, `types`.
"""

from collections.abc import Callable
from typing import Any, Final

from faregate.core.refusals import Refusal, refuse
from faregate.dialects.gemini.content_reader import NAME, ContentReader
from faregate.dialects.gemini.schemas import json_schema
from faregate.dialects.gemini.spelling import normal
from faregate.dialects.neutral import parts
from faregate.dialects.neutral.request import (
    AnswerFormat,
    Effort,
    Message,
    Reasoning,
    Request,
    ServerTool,
    Speech,
    Tool,
    ToolChoice,
)
from faregate.dialects.shapes import (
    Object,
    ShapeError,
    as_count,
    as_flag,
    as_list,
    as_number,
    as_object,
    as_text,
    as_texts,
    as_whole,
    decode_object,
    optional_list,
    optional_object,
)

CALL_STEM: Final = "call_"
_TIERS: Final = {"standard": "default", "unspecified": None}
DETAILS: Final = {"MEDIA_RESOLUTION_LOW": "low", "MEDIA_RESOLUTION_HIGH": "high"}
LEVELS: Final[dict[str, Effort]] = {
    "MINIMAL": "minimal",
    "LOW": "low",
    "MEDIUM": "medium",
    "HIGH": "high",
    "XHIGH": "xhigh",
}
_CONFIG: Final = "generationConfig"
_FIELDS: Final[dict[str, tuple[str, Callable[[object, str], Any]]]] = {
    "maxOutputTokens": ("output_tokens_max", as_count),
    "candidateCount": ("n", as_count),
    "stopSequences": ("stop", as_texts),
    "temperature": ("temperature", as_number),
    "topP": ("top_p", as_number),
    "topK": ("top_k", as_whole),
    "seed": ("seed", as_whole),
    "presencePenalty": ("presence_penalty", as_number),
    "frequencyPenalty": ("frequency_penalty", as_number),
    "responseLogprobs": ("logprobs", as_flag),
    "logprobs": ("top_logprobs", as_count),
}


def read_request(body: bytes, model: str | None, *, stream: bool) -> Request | Refusal:
    """A caller's request; `model` and `stream` are the path's."""
    document = decode_object(body)
    if isinstance(document, Refusal):
        return document
    try:
        return read_document(document, model, stream=stream)
    except ShapeError as error:
        return error.refusal()
    except RecursionError:
        return refuse("request_invalid", "The body is nested too deeply.")


def read_document(document: Object, model: str | None, *, stream: bool) -> Request:
    """The same of decoded JSON; raises `ShapeError`."""
    members = dict(normal(document))
    named = members.pop("model", None)
    if model is None:
        model = as_text(named, "model").removeprefix("models/")
    fields: dict[str, Any] = {}
    config = dict(normal(optional_object(members.pop(_CONFIG, None), _CONFIG)))
    tools, extras = _tools(members.pop("tools", None))
    fields["tool_choice"], strict, tool_config = _tool_choice(members.pop("toolConfig", None))
    if strict:
        tools = tuple(_strict(tool) for tool in tools)
    detail = _detail(config, members.get("contents"))
    reader = ContentReader(CALL_STEM, detail)
    messages = _system(members.pop("systemInstruction", None), reader)
    messages += _messages(members.pop("contents", None), reader)
    _read_config(config, fields)
    if "serviceTier" in members:
        tier = as_text(members.pop("serviceTier"), "serviceTier").lower()
        fields["service_tier"] = _TIERS.get(tier, tier)
    if members.get("store") is not None:
        fields["store"] = as_flag(members.pop("store"), "store")
    others = {name: value for name, value in members.items() if value is not None}
    left = {_CONFIG: config, "toolConfig": tool_config, "functionDeclarations": extras}
    others |= {name: value for name, value in left.items() if value}
    return Request(
        model=model,
        messages=tuple(messages),
        origin=NAME,
        tools=tools,
        stream=stream,
        others=others,
        **fields,
    )


# -- contents --------------------------------------------------------------------------------------


def _listed(value: object) -> object:
    """Google's JSON takes one object for a list of one."""
    return [value] if isinstance(value, dict) else value


def _system(instruction: object, reader: ContentReader) -> list[Message]:
    place = "systemInstruction"
    if instruction is None:
        return []
    if isinstance(instruction, str):  # as SDKs let it be written; Google's own JSON does not
        return [Message("system", (parts.Text(instruction),))]
    content = normal(as_object(instruction, place))
    found = _content_parts(content, reader, place)
    return [Message("system", tuple(found))] if found else []


def _content_parts(content: Object, reader: ContentReader, place: str) -> list[parts.Part]:
    found: list[parts.Part] = []
    listed = optional_list(_listed(content.get("parts")), f"{place}.parts")
    for at, part in enumerate(listed):
        found += reader.read(part, f"{place}.parts[{at}]")
    return found


def _messages(contents: object, reader: ContentReader) -> list[Message]:
    if contents is None:
        raise ShapeError("contents", "it is missing")
    messages: list[Message] = []
    for at, content in enumerate(as_list(_listed(contents), "contents")):
        place = f"contents[{at}]"
        members = normal(as_object(content, place))
        role = members.get("role") or "user"
        if role not in ("user", "model", "function"):
            raise ShapeError(f"{place}.role", "it must be 'user' or 'model'")
        found = _content_parts(members, reader, place)
        if role == "model":
            messages.append(Message("assistant", tuple(found)))
            continue
        results = tuple(part for part in found if isinstance(part, parts.ToolResult))
        said = tuple(part for part in found if not isinstance(part, parts.ToolResult))
        if results:
            messages.append(Message("tool", results))
        if said or not results:
            messages.append(Message("user", said))
    return messages


def _detail(config: Object, contents: object) -> str | None:
    """How closely images are looked at, where that is said of images alone."""
    detail = DETAILS.get(str(config.get("mediaResolution")))
    if detail is None or not _only_images(contents):
        return None
    del config["mediaResolution"]
    return detail


def _only_images(contents: object) -> bool:
    """Whether all media in the messages are images, and there are some."""
    reader = ContentReader(CALL_STEM)
    media = [
        part
        for message in _messages(contents, reader)
        for part in message.parts
        if not isinstance(part, (parts.Text, parts.Thinking, parts.ToolCall, parts.ToolResult))
    ]
    return bool(media) and all(isinstance(part, parts.Image) for part in media)


# -- tools -----------------------------------------------------------------------------------------


def _tools(value: object) -> tuple[tuple[Tool | ServerTool, ...], Object]:
    """The tools, and what is said of functions beyond the neutral form."""
    found: list[Tool | ServerTool] = []
    extras: Object = {}
    for at, entry in enumerate(optional_list(_listed(value), "tools")):
        place = f"tools[{at}]"
        for name, tool in normal(as_object(entry, place)).items():
            if name != "functionDeclarations":
                found.append(ServerTool(NAME, {name: tool}))
                continue
            listed = optional_list(_listed(tool), f"{place}.{name}")
            for number, declaration in enumerate(listed):
                inner = f"{place}.{name}[{number}]"
                found.append(_declared(declaration, inner, extras))
    return tuple(found), extras


def _declared(declaration: object, place: str, extras: Object) -> Tool:
    members = dict(normal(as_object(declaration, place)))
    name = as_text(members.pop("name", None), f"{place}.name")
    description = members.pop("description", None)
    if description is not None:
        as_text(description, f"{place}.description")
    parameters = members.pop("parametersJsonSchema", None)
    schema = members.pop("parameters", None)
    if parameters is None and schema is not None:
        parameters = json_schema(schema, f"{place}.parameters")
    if members:
        extras[name] = members
    return Tool(name=name, description=description, parameters=parameters)


def _names(value: object, place: str) -> tuple[str, ...]:
    return () if value is None else as_texts(value, f"{place}.allowedFunctionNames")


def _strict(tool: Tool | ServerTool) -> Tool | ServerTool:
    if isinstance(tool, ServerTool):
        return tool
    return Tool(
        name=tool.name, description=tool.description, parameters=tool.parameters, strict=True
    )


def _tool_choice(value: object) -> tuple[ToolChoice | None, bool, Object]:
    """The choice, whether calls are held to their schemas, and what else is said."""
    place = "toolConfig"
    config = dict(normal(optional_object(value, place)))
    place = f"{place}.functionCallingConfig"
    calling = dict(normal(optional_object(config.pop("functionCallingConfig", None), place)))
    mode = as_text(calling.pop("mode", None) or "MODE_UNSPECIFIED", f"{place}.mode").upper()
    names = _names(calling.pop("allowedFunctionNames", None), place)
    if calling:
        config["functionCallingConfig"] = calling
    if mode not in ("MODE_UNSPECIFIED", "AUTO", "ANY", "NONE", "VALIDATED"):
        raise ShapeError(f"{place}.mode", "it must be AUTO, ANY, NONE or VALIDATED")
    strict = mode == "VALIDATED"
    choice: ToolChoice | None = None
    if mode == "NONE":
        choice = ToolChoice("none")
    elif mode == "ANY":
        choice = ToolChoice("required")
        if len(names) == 1:
            choice = ToolChoice("tool", names)
        elif names:
            choice = ToolChoice("allowed", names, required=True)
    elif names:
        choice = ToolChoice("allowed", names)
    elif mode == "AUTO":
        choice = ToolChoice("auto")
    return choice, strict, config


# -- generationConfig ------------------------------------------------------------------------------


def _read_config(config: Object, fields: dict[str, Any]) -> None:
    """Take what the neutral form knows out of `config`."""
    for name, (field, read) in _FIELDS.items():
        value = config.pop(name, None)
        if value is not None:
            fields[field] = read(value, f"{_CONFIG}.{name}")
    if "thinkingConfig" in config:
        fields["reasoning"] = _reasoning(config)
    fields["answer_format"] = _answer_format(config)
    if config.get("responseModalities"):
        listed = as_texts(config.pop("responseModalities"), f"{_CONFIG}.responseModalities")
        fields["modalities"] = tuple(name.lower() for name in listed)
    voice = _voice(config.get("speechConfig"))
    if voice is not None:
        del config["speechConfig"]
        fields["speech"] = Speech(voice)


def _reasoning(config: Object) -> Reasoning | None:
    place = f"{_CONFIG}.thinkingConfig"
    thinking = dict(normal(optional_object(config.pop("thinkingConfig"), place)))
    budget = thinking.pop("thinkingBudget", None)
    level = thinking.pop("thinkingLevel", None)
    shows = thinking.pop("includeThoughts", None)
    effort: Effort | None = None
    if level is not None:
        effort = LEVELS.get(as_text(level, f"{place}.thinkingLevel").upper())
        if effort is None:
            thinking["thinkingLevel"] = level
    if budget is not None:
        as_whole(budget, f"{place}.thinkingBudget")
    if shows is not None:
        as_flag(shows, f"{place}.includeThoughts")
    if thinking:
        config["thinkingConfig"] = thinking
    if effort is None and budget is None and shows is None:
        return None
    return Reasoning(effort=effort, budget_tokens=budget, shows=shows)


def _answer_format(config: Object) -> AnswerFormat | None:
    kind = config.get("responseMimeType")
    if kind is None or kind == "text/x.enum":  # a form of Gemini's own: it stays as it is
        return None
    as_text(kind, f"{_CONFIG}.responseMimeType")
    if kind not in ("text/plain", "application/json"):
        return None
    del config["responseMimeType"]
    if kind == "text/plain":
        return AnswerFormat(kind="text")
    schema = config.pop("responseJsonSchema", None)
    if schema is None and config.get("responseSchema") is not None:
        schema = json_schema(config.pop("responseSchema"), f"{_CONFIG}.responseSchema")
    if schema is None:
        return AnswerFormat(kind="json")
    return AnswerFormat(kind="schema", schema=schema)


def _voice(speech: object) -> str | None:
    """The name of a voice, where nothing else is said of the speech."""
    for member in ("voiceConfig", "prebuiltVoiceConfig", "voiceName"):
        if not isinstance(speech, dict):
            return None
        members = normal(speech)
        if members.keys() != {member}:
            return None
        speech = members[member]
    return speech if isinstance(speech, str) else None
