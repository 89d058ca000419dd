"""Writes a request in the dialect of Cohere's chat.

A choice of single tools is said by offering these alone. A failed tool's result is told as
{"error": ...}, for Cohere has no mark of it. Documents go beside the messages.

Sources: those of `request_reader`.
"""

from typing import Any, Final

import msgspec

from faregate.dialects import tool_errors
from faregate.dialects.cohere.request_reader import NAME, PLAN
from faregate.dialects.fitting import fitted
from faregate.dialects.free_text import as_function
from faregate.dialects.neutral import parts
from faregate.dialects.neutral.reasoning import budget_tokens
from faregate.dialects.neutral.request import AnswerFormat, Message, Request, ServerTool, Tool
from faregate.dialects.openai.media import write_url
from faregate.dialects.shapes import Object
from faregate.dialects.translation import Lost, TargetFacts, Written

CARRIES: Final = frozenset((
    "system", "tools", "tools.strict", "tool_choice", "tool_result.error", "image.url",
    "image.data", "document.text", "thinking", "citations", "answer_format.json",
    "answer_format.schema", "output_tokens_max", "stop", "reasoning", "temperature", "top_p",
    "top_k", "seed", "presence_penalty", "frequency_penalty", "logprobs",
))  # fmt: skip
_NOWHERE: Final = dict.fromkeys(
    (
        "verbosity", "modalities", "speech", "n", "logit_bias", "top_logprobs", "user",
        "service_tier", "metadata", "store", "prompt_cache_key", "previous_id",
        "parallel_tool_calls",
    ),
    "Cohere's chat has no such setting.",
)  # fmt: skip
_FIELDS: Final = (
    ("output_tokens_max", "max_tokens"),
    ("stop", "stop_sequences"),
    ("temperature", "temperature"),
    ("seed", "seed"),
    ("frequency_penalty", "frequency_penalty"),
    ("presence_penalty", "presence_penalty"),
    ("top_k", "k"),
    ("top_p", "p"),
    ("logprobs", "logprobs"),
)
_DETAILS: Final = ("auto", "low", "high")
_NO_PARAMETERS: Final = {"type": "object", "properties": {}}


def write_request(request: Request, target: TargetFacts) -> Written:
    """A request for a target; what it can't carry is told."""
    lost: dict[str, str] = {}
    request = fitted(request, target, _NOWHERE, lost)
    body: Object = {"model": target.model, "stream": request.stream}
    writer = _MessageWriter(lost)
    body["messages"] = writer.messages(request.messages)
    if writer.documents:
        body["documents"] = writer.documents
    for field, name in _FIELDS:
        value = getattr(request, field)
        if value is not None:
            body[name] = value
    _write_tools(request, body, lost)
    if request.reasoning is not None:
        budget = budget_tokens(request.reasoning)
        if budget is not None:
            body["thinking"] = _thinking(budget)
    if request.answer_format is not None:
        body["response_format"] = _response_format(request.answer_format)
    if request.origin == NAME:
        body.update(request.others)
    else:
        for name in request.others:
            lost[f"others.{name}"] = "Only the caller's own dialect knows this member."
    return Written(msgspec.json.encode(body), tuple(Lost(name, why) for name, why in lost.items()))


def _thinking(budget: int) -> Object:
    if budget == 0:
        return {"type": "disabled"}
    if budget < 0:
        return {"type": "enabled"}
    return {"type": "enabled", "token_budget": budget}


def _response_format(wanted: AnswerFormat) -> Object:
    if wanted.kind == "text":
        return {"type": "text"}
    made: Object = {"type": "json_object"}
    if wanted.kind == "schema":
        schema = wanted.schema
        if wanted.description is not None and isinstance(schema, dict):
            schema = {"description": wanted.description} | schema
        made["json_schema"] = schema
    return made


def _write_tools(request: Request, body: Object, lost: dict[str, str]) -> None:
    tools: list[Tool] = []
    for tool in request.tools:
        if isinstance(tool, ServerTool):
            lost["tools.server"] = "Cohere does not have the tools of another vendor."
        else:
            if tool.cache is not None:
                lost["cache"] = "Cohere takes no marks for a cache."
            tools.append(as_function(tool))
    choice = request.tool_choice
    if choice is not None:
        if choice.mode in ("tool", "allowed"):
            tools = [tool for tool in tools if tool.name in choice.names]
        if choice.mode in ("required", "tool") or choice.required:
            body["tool_choice"] = "REQUIRED"
        elif choice.mode == "none":
            body["tool_choice"] = "NONE"
    if tools:
        body["tools"] = [_tool(tool) for tool in tools]
        if any(tool.strict for tool in tools):
            body["strict_tools"] = True
    else:
        body.pop("tool_choice", None)


def _tool(tool: Tool) -> Object:
    function: Object = {"name": tool.name}
    if tool.description is not None:
        function["description"] = tool.description
    function["parameters"] = _NO_PARAMETERS if tool.parameters is None else tool.parameters
    return {"type": "function", "function": function}


class _MessageWriter:
    """Writes messages; `documents` are what goes beside them."""

    __slots__ = ("documents", "lost")

    def __init__(self, lost: dict[str, str]) -> None:
        self.lost = lost
        self.documents: list[Object] = []

    def messages(self, messages: tuple[Message, ...]) -> list[Object]:
        made: list[Object] = []
        for message in messages:
            if message.name is not None:
                self.lost["messages.name"] = "Cohere takes no names of participants."
            if message.role == "tool":
                results = (one for one in message.parts if isinstance(one, parts.ToolResult))
                made += [self._result(one) for one in results]
            elif message.role == "assistant":
                answer = self._answer(message)
                if len(answer) > 1:  # thoughts of another vendor are nothing to Cohere
                    made.append(answer)
            else:
                role = "user" if message.role == "user" else "system"
                content = self._content(message.parts)
                if content or not message.parts:
                    made.append({"role": role, "content": content or ""})
        return made

    def _note_cache(self, part: Any) -> None:
        if getattr(part, "cache", None) is not None:
            self.lost["cache"] = "Cohere takes no marks for a cache."

    def _content(self, found: tuple[parts.Part, ...]) -> str | list[Object]:
        """Parts of a user or system; one text alone is a string."""
        if len(found) == 1 and isinstance(found[0], parts.Text):
            self._note_cache(found[0])
            return found[0].text
        made: list[Object] = []
        for part in found:
            written = self._part(part)
            if written is not None:
                made.append(written)
        return made

    def _part(self, part: parts.Part) -> Object | None:
        self._note_cache(part)
        if isinstance(part, (parts.Text, parts.RefusalText)):
            return {"type": "text", "text": part.text}
        if isinstance(part, parts.Image):
            return self._image(part)
        if isinstance(part, parts.Document) and part.text is not None:
            self.documents.append(self._document(part))
        elif isinstance(part, parts.ServerPart) and part.origin == NAME:
            return part.raw if isinstance(part.raw, dict) else None
        elif isinstance(part, parts.ServerPart):
            self.lost["messages.server"] = "Cohere knows nothing of another vendor's tools."
        elif not isinstance(part, (parts.Thinking, parts.ToolCall, parts.ToolResult)):
            self._lose_medium(part)
        return None

    def _lose_medium(self, part: Any) -> None:
        source = part.source
        form = "url" if source is not None and source.url is not None else "data"
        name = f"{type(part).__name__.lower()}.{form}"
        self.lost[name] = "Cohere's chat takes texts, images and documents of text."

    def _image(self, image: parts.Image) -> Object | None:
        url = write_url(image.source, "image/png")
        if url is None:
            self.lost["messages.image.file_id"] = "The file is kept by another vendor."
            return None
        held: Object = {"url": url}
        if image.detail in _DETAILS:
            held["detail"] = image.detail
        elif image.detail is not None:
            self.lost["messages.image.detail"] = "Cohere knows auto, low and high."
        return {"type": "image_url", "image_url": held}

    def _document(self, document: parts.Document) -> Object:
        if document.context is not None:
            why = "Cohere takes no context of a document beside its text."
            self.lost["messages.document.context"] = why
        made: Object = {"data": _data(document.text or "")}
        if document.name is not None:
            made["id"] = document.name
        return made

    def _result(self, result: parts.ToolResult) -> Object:
        self._note_cache(result)
        content: Any = [written for part in result.parts if (written := self._inner(part))]
        if len(content) == 1 and "text" in content[0]:
            content = content[0]["text"]
            if result.is_error:
                content = tool_errors.written(content)
        elif result.is_error:
            self.lost["tool_result.error"] = "Cohere has no mark of a tool that failed."
        return {"role": "tool", "tool_call_id": result.call_id, "content": content}

    def _inner(self, part: parts.Part) -> Object | None:
        if isinstance(part, parts.Text):
            self._note_cache(part)
            return {"type": "text", "text": part.text}
        if isinstance(part, parts.Document) and part.text is not None:
            return {"type": "document", "document": self._document(part)}
        if isinstance(part, parts.Image):
            self.lost["tool_result.image"] = "Results of tools hold text for Cohere."
        else:
            self._lose_medium(part)
        return None

    def _answer(self, message: Message) -> Object:
        made: Object = {"role": "assistant"}
        content: list[Object] = []
        calls: list[Object] = []
        for part in message.parts:
            self._note_cache(part)
            if isinstance(part, parts.Thinking):
                if part.origin not in ("", NAME) or not part.text:
                    continue
                if part.id == PLAN:
                    made[PLAN] = made.get(PLAN, "") + part.text
                else:
                    content.append({"type": "thinking", "thinking": part.text})
            elif isinstance(part, parts.ToolCall):
                calls.append(write_call(part))
            elif isinstance(part, (parts.Text, parts.RefusalText, parts.ServerPart)):
                written = self._part(part)
                if written is not None:
                    content.append(written)
            else:
                self._lose_medium(part)
        if content:
            alone = len(content) == 1 and "text" in content[0]
            made["content"] = content[0]["text"] if alone else content
        if calls:
            made["tool_calls"] = calls
        citations = write_citations(message.parts)
        if citations:
            made["citations"] = citations
        return made


def _data(text: str) -> Object:
    """A document's data: what is a JSON object goes as it."""
    if text.startswith("{"):
        try:
            found = msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError):
            found = None
        if isinstance(found, dict) and found and found.keys() != {"data"}:
            return found
    return {"data": text}


def write_call(call: parts.ToolCall) -> Object:
    """A tool call; free text becomes an object's `input`."""
    arguments = call.arguments
    if call.custom:
        arguments = msgspec.json.encode({"input": arguments}).decode()
    return {
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": arguments or "{}"},
    }


def write_citations(found: tuple[parts.Part, ...]) -> list[Object]:
    """The citations of all texts, each with its content's number."""
    made: list[Object] = []
    index = -1
    for part in found:
        if isinstance(part, parts.Thinking) and part.id != PLAN:
            index += 1
        elif isinstance(part, parts.Text):
            index += 1
            made += [write_citation(citation, part.text, index) for citation in part.citations]
    return made


def write_citation(citation: parts.Citation, text: str, index: int) -> Object:
    """One citation of a text; `index` is the number of its content."""
    source = citation.raw
    if citation.origin != NAME or not isinstance(source, dict):
        named = (("url", citation.url), ("title", citation.title), ("snippet", citation.cited_text))
        document = {name: value for name, value in named if value is not None}
        source = {"type": "document", "id": citation.url or "document", "document": document}
    start = citation.start or 0
    end = len(text) if citation.end is None else citation.end
    return {
        "start": start,
        "end": end,
        "text": text[start:end],
        "sources": [source] if source else [],
        "content_index": index,
        "type": "TEXT_CONTENT",
    }
