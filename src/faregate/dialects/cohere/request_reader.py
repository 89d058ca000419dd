"""Reads a request in the dialect of Cohere's chat.

Documents beside the messages become parts of the last message of the user; a plan of tool calls
is a thought whose id says so. What the neutral form doesn't know stays in `Request.others`.

Sources: Cohere API v2, "Chat" (messages, tools, documents, response_format, thinking), "Tool use",
"Structured outputs"; cohere 7.0, `types`.
"""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from faregate.core.refusals import Refusal, refuse
from faregate.dialects import tool_errors
from faregate.dialects.neutral import parts
from faregate.dialects.neutral.request import (
    AnswerFormat,
    Message,
    Reasoning,
    Request,
    Tool,
    ToolChoice,
)
from faregate.dialects.openai.media import read_url
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
)

NAME: Final = "cohere"
PLAN: Final = "tool_plan"  # the id of a thought that is one
_FIELDS: Final[dict[str, tuple[str, Callable[[object, str], Any]]]] = {
    "max_tokens": ("output_tokens_max", as_count),
    "stop_sequences": ("stop", as_texts),
    "temperature": ("temperature", as_number),
    "seed": ("seed", as_whole),
    "frequency_penalty": ("frequency_penalty", as_number),
    "presence_penalty": ("presence_penalty", as_number),
    "k": ("top_k", as_whole),
    "p": ("top_p", as_number),
    "logprobs": ("logprobs", as_flag),
}


def read_request(body: bytes, model: str | None, *, stream: bool) -> Request | Refusal:
    """A caller's request; Cohere says model and stream in the body."""
    document = decode_object(body)
    if isinstance(document, Refusal):
        return document
    try:
        return _request(dict(document), model)
    except ShapeError as error:
        return error.refusal()
    except RecursionError:
        return refuse("request_invalid", "The body is nested too deeply.")


def _request(members: Object, model: str | None) -> Request:
    fields: dict[str, Any] = {}
    named = members.pop("model", None)
    fields["model"] = as_text(named, "model") if model is None else model
    wanted = members.pop("stream", None)
    fields["stream"] = False if wanted is None else as_flag(wanted, "stream")
    for name, (field, read) in _FIELDS.items():
        value = members.pop(name, None)
        if value is not None:
            fields[field] = read(value, name)
    strict = members.pop("strict_tools", None)
    if strict is not None:
        strict = as_flag(strict, "strict_tools") or None
    tools = _tools(members.pop("tools", None), strict)
    choice = members.pop("tool_choice", None)
    if choice is not None:
        fields["tool_choice"] = _tool_choice(choice)
    thinking = members.pop("thinking", None)
    if thinking is not None:
        fields["reasoning"] = _reasoning(as_object(thinking, "thinking"))
    form = members.pop("response_format", None)
    if form is not None:
        fields["answer_format"] = _answer_format(as_object(form, "response_format"))
    messages = _messages(members.pop("messages", None))
    documents = members.pop("documents", None)
    if documents:
        messages = _with_documents(messages, as_list(documents, "documents"))
    others = {name: value for name, value in members.items() if value is not None}
    return Request(messages=tuple(messages), origin=NAME, tools=tools, others=others, **fields)


# -- messages --------------------------------------------------------------------------------------


def _messages(value: object) -> list[Message]:
    if value is None:
        raise ShapeError("messages", "it is missing")
    messages: list[Message] = []
    for at, one in enumerate(as_list(value, "messages")):
        place = f"messages[{at}]"
        message = as_object(one, place)
        role = message.get("role")
        if role == "tool":
            result = _result(message, place)
            if messages and messages[-1].role == "tool":
                result = (*messages.pop().parts, *result)
            messages.append(Message("tool", result))
        elif role == "assistant":
            messages.append(Message("assistant", tuple(read_answer(message, place))))
        elif role in ("system", "user", "developer"):
            messages.append(Message(role, tuple(_content(message.get("content"), place))))
        else:
            problem = "it must be 'system', 'user', 'assistant' or 'tool'"
            raise ShapeError(f"{place}.role", problem)
    return messages


def _content(value: object, place: str) -> list[parts.Part]:
    place = f"{place}.content"
    if isinstance(value, str):
        return [parts.Text(value)]
    return [
        _part(as_object(one, f"{place}[{at}]"), f"{place}[{at}]")
        for at, one in enumerate(as_list(value, place))
    ]


def _part(part: Object, place: str) -> Any:
    kind = part.get("type")
    if kind == "text":
        return parts.Text(as_text(part.get("text"), f"{place}.text"))
    if kind == "image_url":
        image = as_object(part.get("image_url"), f"{place}.image_url")
        url = as_text(image.get("url"), f"{place}.image_url.url")
        detail = image.get("detail")
        if detail is not None:
            as_text(detail, f"{place}.image_url.detail")
        return parts.Image(read_url(url), detail)
    if kind == "thinking":
        return parts.Thinking(as_text(part.get("thinking"), f"{place}.thinking"))
    if kind == "document":
        return _document(part.get("document"), f"{place}.document")
    return parts.ServerPart(NAME, part)


def _document(value: object, place: str) -> parts.Document:
    """A document: its id as name, its data as text; more than one field of it as JSON."""
    if isinstance(value, str):
        return parts.Document(text=value)
    members = as_object(value, place)
    data = members.get("data")
    name = members.get("id")
    if name is not None:
        as_text(name, f"{place}.id")
    if isinstance(data, dict) and data.keys() == {"data"} and isinstance(data["data"], str):
        data = data["data"]
    if not isinstance(data, str):
        data = msgspec.json.encode(as_object(data, f"{place}.data")).decode()
    return parts.Document(text=data, name=name)


def _with_documents(messages: list[Message], documents: list[Any]) -> list[Message]:
    found = [_document(one, f"documents[{at}]") for at, one in enumerate(documents)]
    for at in range(len(messages) - 1, -1, -1):
        if messages[at].role == "user":
            asked = msgspec.structs.replace(messages[at], parts=(*found, *messages[at].parts))
            return [*messages[:at], asked, *messages[at + 1 :]]
    return [Message("user", tuple(found)), *messages]


def _result(message: Object, place: str) -> tuple[parts.Part, ...]:
    call_id = as_text(message.get("tool_call_id"), f"{place}.tool_call_id")
    found = _content(message.get("content"), place)
    is_error = None
    if len(found) == 1 and isinstance(found[0], parts.Text):
        told = tool_errors.read(found[0].text)
        if told is not None:
            is_error, found = True, [parts.Text(told)]
    if not all(isinstance(part, (parts.Text, parts.Image, parts.Document)) for part in found):
        raise ShapeError(f"{place}.content", "a result of a tool holds texts and documents")
    held: Any = tuple(found)
    return (parts.ToolResult(call_id, held, is_error=is_error),)


def read_answer(message: Object, place: str) -> list[parts.Part]:
    """The parts of an assistant's message; raises `ShapeError`."""
    found: list[parts.Part] = []
    plan = message.get(PLAN)
    if plan:
        found.append(parts.Thinking(as_text(plan, f"{place}.tool_plan"), id=PLAN))
    first = len(found)
    if message.get("content") is not None:
        found += _content(message["content"], place)
    citations = message.get("citations")
    if citations:
        _cite(found, first, as_list(citations, f"{place}.citations"))
    for at, call in enumerate(optional_list(message.get("tool_calls"), f"{place}.tool_calls")):
        inner = f"{place}.tool_calls[{at}]"
        members = as_object(call, inner)
        function = as_object(members.get("function"), f"{inner}.function")
        call_id = as_text(members.get("id"), f"{inner}.id")
        name = as_text(function.get("name"), f"{inner}.function.name")
        arguments = as_text(function.get("arguments") or "", f"{inner}.function.arguments")
        found.append(parts.ToolCall(call_id, name, arguments))
    return found


def _cite(found: list[parts.Part], first: int, citations: list[Any]) -> None:
    """Give the texts their citations; those of thoughts and plans have no place."""
    texts = [at for at, part in enumerate(found) if isinstance(part, parts.Text)]
    if not texts:
        return
    for one in citations:
        if not isinstance(one, dict) or one.get("type") in ("THINKING_CONTENT", "PLAN"):
            continue
        index = one.get("content_index")
        at = first + index if isinstance(index, int) else texts[0]
        part = found[at if at in texts else texts[0]]
        if isinstance(part, parts.Text):
            cited = (*part.citations, *read_citation(one))
            found[found.index(part)] = msgspec.structs.replace(part, citations=cited)


def read_citation(citation: Object) -> list[parts.Citation]:
    """One for each source of a citation."""
    start, end = citation.get("start"), citation.get("end")
    sources = citation.get("sources")
    made = []
    for source in sources if isinstance(sources, list) and sources else [{}]:
        held: Any = source.get("document") if isinstance(source, dict) else None
        held = held if isinstance(held, dict) else {}
        told = {name: _text(held.get(name)) for name in ("url", "title", "snippet", "text")}
        made.append(
            parts.Citation(
                url=told["url"],
                title=told["title"],
                cited_text=told["snippet"] or told["text"],
                start=start if isinstance(start, int) else None,
                end=end if isinstance(end, int) else None,
                raw=source,
                origin=NAME,
            )
        )
    return made


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


# -- tools and the answer --------------------------------------------------------------------------


def _tools(value: object, strict: bool | None) -> tuple[Tool, ...]:
    made: list[Tool] = []
    for at, tool in enumerate(optional_list(value, "tools")):
        place = f"tools[{at}].function"
        function = as_object(as_object(tool, f"tools[{at}]").get("function"), place)
        description = function.get("description")
        if description is not None:
            as_text(description, f"{place}.description")
        parameters = function.get("parameters")
        made.append(
            Tool(
                name=as_text(function.get("name"), f"{place}.name"),
                description=description,
                parameters=None if parameters is None else as_object(parameters, place),
                strict=strict,
            )
        )
    return tuple(made)


def _tool_choice(value: object) -> ToolChoice:
    choice = as_text(value, "tool_choice").upper()
    if choice == "REQUIRED":
        return ToolChoice("required")
    if choice == "NONE":
        return ToolChoice("none")
    raise ShapeError("tool_choice", "it must be REQUIRED or NONE")


def _reasoning(thinking: Object) -> Reasoning:
    kind = as_text(thinking.get("type"), "thinking.type")
    if kind not in ("enabled", "disabled"):
        raise ShapeError("thinking.type", "it must be enabled or disabled")
    budget = thinking.get("token_budget")
    if kind == "disabled":
        return Reasoning(budget_tokens=0)
    if budget is None:
        return Reasoning(budget_tokens=-1)
    return Reasoning(budget_tokens=as_count(budget, "thinking.token_budget"))


def _answer_format(form: Object) -> AnswerFormat:
    kind = as_text(form.get("type"), "response_format.type")
    if kind == "text":
        return AnswerFormat(kind="text")
    if kind != "json_object":
        raise ShapeError("response_format.type", "it must be text or json_object")
    schema = form.get("json_schema") or form.get("schema")
    if schema is None:
        return AnswerFormat(kind="json")
    return AnswerFormat(kind="schema", schema=as_object(schema, "response_format.json_schema"))
