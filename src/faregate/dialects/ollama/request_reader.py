"""Reads a request in the dialect of Ollama's chat or generate.

Both stream unless they are told not to. Options that the neutral form doesn't know stay together
in `Request.others` as `options`.

Sources: Ollama API, "Generate a chat message", "Generate a response", "Thinking", "Structured
outputs", "Modelfile reference" (parameters).
"""

from collections.abc import Callable
from typing import Any, Final

from faregate.core.refusals import Refusal, refuse
from faregate.dialects.neutral import parts
from faregate.dialects.neutral.request import AnswerFormat, Message, Reasoning, Request, Tool
from faregate.dialects.ollama.messages_reader import NAME, MessagesReader, image_source
from faregate.dialects.shapes import (
    Object,
    ShapeError,
    as_count,
    as_flag,
    as_number,
    as_object,
    as_text,
    as_texts,
    as_whole,
    decode_object,
    optional_list,
    optional_object,
)

GENERATE: Final = "ollama_generate"
CALL_STEM: Final = "call_"
EFFORTS: Final = ("minimal", "low", "medium", "high", "xhigh", "max")


def _stops(value: object, place: str) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else as_texts(value, place)


_OPTIONS: Final[dict[str, tuple[str, Callable[[object, str], Any]]]] = {
    "temperature": ("temperature", as_number),
    "top_k": ("top_k", as_whole),
    "top_p": ("top_p", as_number),
    "seed": ("seed", as_whole),
    "stop": ("stop", _stops),
    "presence_penalty": ("presence_penalty", as_number),
    "frequency_penalty": ("frequency_penalty", as_number),
}


def read_chat(body: bytes, model: str | None, *, stream: bool) -> Request | Refusal:
    """A caller's request to chat; model and stream are said in the body."""
    return _read(body, model, _chat_messages, NAME)


def read_generate(body: bytes, model: str | None, *, stream: bool) -> Request | Refusal:
    """A caller's request to generate; model and stream are said in the body."""
    return _read(body, model, _prompt, GENERATE)


def _read(
    body: bytes, model: str | None, messages: Callable[[Object], list[Message]], origin: str
) -> Request | Refusal:
    document = decode_object(body)
    if isinstance(document, Refusal):
        return document
    try:
        return _request(dict(document), model, messages, origin)
    except ShapeError as error:
        return error.refusal()
    except RecursionError:
        return refuse("request_invalid", "The body is nested too deeply.")


def _chat_messages(members: Object) -> list[Message]:
    return MessagesReader(CALL_STEM).read(members.pop("messages", None) or [])


def _prompt(members: Object) -> list[Message]:
    messages = []
    system = members.pop("system", None)
    if system:
        messages.append(Message("system", (parts.Text(as_text(system, "system")),)))
    found: list[parts.Part] = [
        parts.Image(image_source(as_text(one, f"images[{at}]")))
        for at, one in enumerate(optional_list(members.pop("images", None), "images"))
    ]
    text = as_text(members.pop("prompt", None) or "", "prompt")
    if text or not found:
        found.append(parts.Text(text))
    return [*messages, Message("user", tuple(found))]


def _request(
    members: Object, model: str | None, messages: Callable[[Object], list[Message]], origin: str
) -> Request:
    fields: dict[str, Any] = {}
    named = members.pop("model", None)
    fields["model"] = as_text(named, "model") if model is None else model
    wanted = members.pop("stream", None)
    fields["stream"] = True if wanted is None else as_flag(wanted, "stream")
    fields["messages"] = tuple(messages(members))
    fields["tools"] = _tools(members.pop("tools", None))
    fields["reasoning"] = _reasoning(members.pop("think", None))
    fields["answer_format"] = _answer_format(members.pop("format", None))
    options = dict(optional_object(members.pop("options", None), "options"))
    _read_options(options, fields)
    if members.get("logprobs") is not None:
        fields["logprobs"] = as_flag(members.pop("logprobs"), "logprobs")
    if members.get("top_logprobs") is not None:
        fields["top_logprobs"] = as_count(members.pop("top_logprobs"), "top_logprobs")
    others = {name: value for name, value in members.items() if value is not None}
    if options:
        others["options"] = options
    return Request(origin=origin, others=others, **fields)


def _read_options(options: Object, fields: dict[str, Any]) -> None:
    """Take what the neutral form knows out of `options`."""
    for name, (field, read) in _OPTIONS.items():
        value = options.pop(name, None)
        if value is not None:
            fields[field] = read(value, f"options.{name}")
    limit = options.pop("num_predict", None)
    if limit is not None and as_whole(limit, "options.num_predict") >= 0:
        fields["output_tokens_max"] = int(limit)  # below zero there is no limit


def _tools(value: object) -> tuple[Tool, ...]:
    made: list[Tool] = []
    for at, tool in enumerate(optional_list(value, "tools")):
        place = f"tools[{at}].function"
        function = as_object(as_object(tool, f"tools[{at}]").get("function"), place)
        description = function.get("description")
        if description is not None:
            as_text(description, f"{place}.description")
        parameters = function.get("parameters")
        if parameters is not None:
            as_object(parameters, f"{place}.parameters")
        name = as_text(function.get("name"), f"{place}.name")
        made.append(Tool(name=name, description=description, parameters=parameters))
    return tuple(made)


def _reasoning(think: object) -> Reasoning | None:
    if think is None or think == "":
        return None
    if isinstance(think, bool):
        return Reasoning(budget_tokens=-1 if think else 0)
    for effort in EFFORTS:
        if as_text(think, "think") == effort:
            return Reasoning(effort=effort)
    raise ShapeError("think", "it must be true, false, low, medium, high or max")


def _answer_format(form: object) -> AnswerFormat | None:
    if form is None or form == "":
        return None
    if form == "json":
        return AnswerFormat(kind="json")
    if isinstance(form, dict):
        return AnswerFormat(kind="schema", schema=form)
    raise ShapeError("format", "it must be 'json' or a JSON Schema")
