"""OpenAI's chat and completions: requests and replies.

Everything in a reply follows from the request and the script, also its id and its date, so that
the same request gets the same bytes. Some vendors deviate; `vendor` says whose way it is.

Sources: OpenAI's API reference: chat, completions, models; "Azure OpenAI content filtering";
DeepSeek's "Reasoning model"; OpenRouter's "Reasoning tokens"; Mistral's "Reasoning" and the
models of its SDK.
"""

from collections.abc import Iterator
from typing import Any, Final, Literal

import msgspec

from faregate.simulator.answer import (
    CREATED,
    Answer,
    Asked,
    Call,
    Tool,
    Usage,
    compose,
    encode,
)
from faregate.simulator.chat_checks import check_messages
from faregate.simulator.errors import RefusedError
from faregate.simulator.exchange import Message, Piece, Turn, sse
from faregate.simulator.script import Script

Route = Literal["chat", "completions"]

CHOICES_MAX: Final = 16
FINGERPRINT: Final = "fp_simulator"

FINISH_REASONS: Final = {
    "stop": "stop",
    "length": "length",
    "content_filter": "content_filter",
    "tool": "tool_calls",
}
_SAFE: Final = {
    name: {"filtered": False, "severity": "safe"}
    for name in ("hate", "self_harm", "sexual", "violence")
}


class StreamOptions(msgspec.Struct, frozen=True):
    """What a caller asks of a stream."""

    include_usage: bool | None = None


class Request(msgspec.Struct, frozen=True):
    """The fields of a request that change the reply; others are ignored."""

    model: str = ""
    messages: msgspec.Raw = msgspec.Raw()
    prompt: msgspec.Raw = msgspec.Raw()
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    n: int | None = None
    tools: list[Any] | None = None
    tool_choice: Any = None
    response_format: Any = None


decode_request: Final = msgspec.json.Decoder(Request).decode


def chat_usage(usage: Usage, choices: int = 1, vendor: str = "") -> dict[str, Any]:
    """The usage of a chat or a completion."""
    output = usage.output * choices
    total = {
        "prompt_tokens": usage.input,
        "completion_tokens": output,
        "total_tokens": usage.input + output,
    }
    if vendor == "deepseek":
        total["prompt_cache_hit_tokens"] = usage.cached
        total["prompt_cache_miss_tokens"] = usage.input - usage.cached
    details = {
        "prompt_tokens_details": {"cached_tokens": usage.cached, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": usage.thinking * choices,
            "audio_tokens": 0,
        },
    }
    if usage.written:
        details["prompt_tokens_details"]["cache_write_tokens"] = usage.written
    return total if vendor == "mistral" else {**total, **details}


def tool_of(row: object) -> Tool:
    """A tool; one that is no function has its type as name."""
    if not isinstance(row, dict):
        raise RefusedError("Invalid type for 'tools[0]': expected an object.", param="tools")
    function = row.get("function") or row.get("custom") or row
    name = function.get("name") if isinstance(function, dict) else None
    if not isinstance(name, str):
        name = str(row.get("type", ""))
    schema = function.get("parameters") if isinstance(function, dict) else None
    return Tool(name, schema)


def forced_tool(choice: object) -> str | None:
    """The tool that `tool_choice` demands; "" is any."""
    if choice in ("required", "any"):
        return ""
    if isinstance(choice, dict):
        return str(choice.get("name") or (choice.get("function") or {}).get("name") or "")
    return None


def schema_of(asked: object) -> object:
    """The schema of a `response_format`."""
    if not isinstance(asked, dict):
        return None
    inner = asked.get("json_schema", asked)
    return inner.get("schema") if isinstance(inner, dict) else None


def text_of(content: object) -> str:
    """The text of a content, whether plain or in parts."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    return "".join(str(p.get("text", "")) for p in content if isinstance(p, dict))


def tool_results(messages: object) -> tuple[str, ...]:
    """The results of tools that end a conversation."""
    found: list[str] = []
    for message in reversed(messages) if isinstance(messages, list) else ():
        if message.get("role") not in ("tool", "function"):
            break
        found.append(text_of(message.get("content")))
    return tuple(reversed(found))


def asked_of(request: Request, vendor: str = "") -> Asked:
    """What a request asks, in no dialect."""
    messages = msgspec.json.decode(request.messages) if request.messages else None
    check_messages(messages, vendor)
    tools = () if request.tool_choice == "none" else request.tools or ()
    return Asked(
        model=request.model,
        counted=bytes(request.messages) + bytes(request.prompt),
        limit=request.max_completion_tokens or request.max_tokens,
        streamed=bool(request.stream),
        tools=tuple(map(tool_of, tools)),
        forced=forced_tool(request.tool_choice) if tools else None,
        results=tool_results(messages),
        schema=schema_of(request.response_format),
    )


def call_document(call: Call, identifier: str, vendor: str = "") -> dict[str, Any]:
    """One tool call of a message."""
    name = f"call_{identifier}{call.number}"
    if vendor == "mistral":  # exactly nine letters and digits
        name = f"{identifier[:8]}{'abcdefghijklmnop'[call.number]}"
    return {
        "id": name,
        "type": "function",
        "function": {"name": call.name, "arguments": call.arguments},
    }


class Chat(Turn):
    """One chat or completion."""

    def __init__(self, route: Route, request: Request, vendor: str = "") -> None:
        super().__init__(asked_of(request, vendor))
        self.request = request
        self.route: Route = route
        self.vendor = vendor
        if request.n is not None and not 1 <= request.n <= CHOICES_MAX:
            raise RefusedError(f"Invalid 'n': from 1 to {CHOICES_MAX}.")

    def written(self, answer: Answer, script: Script) -> bytes:
        """The body of `answer`."""
        route, vendor = self.route, script.vendor or self.vendor
        body = _head(route, self.model, answer, streamed=False)
        finish = FINISH_REASONS[answer.finish]
        choices = self.request.n or 1
        body["choices"] = [
            _whole_choice(route, index, answer, finish, vendor) for index in range(choices)
        ]
        if not script.no_usage:
            body["usage"] = chat_usage(answer.usage, choices, vendor)
        if vendor == "azure":
            body["prompt_filter_results"] = [
                {"prompt_index": 0, "content_filter_results": _SAFE}
            ]  # fmt: skip
        if vendor != "mistral":
            if route == "chat":
                body["service_tier"] = "default"
            body["system_fingerprint"] = FINGERPRINT
        return encode(body)

    def events(self, answer: Answer, script: Script) -> Iterator[Piece]:
        """`answer` as a stream."""
        events = Events(self.route, self.request, script, answer, script.vendor or self.vendor)
        yield from (Piece(data) for data in events.opening())
        for word in answer.thinking:
            yield Piece(events.thought(word), 1)
        if answer.thinking and events.vendor == "mistral" and not answer.tokens:
            yield Piece(events.token(""))
        yield from (Piece(events.token(word), 1) for word in answer.tokens)
        for call in answer.calls:
            yield from events.call(call)
        count, finish = answer.usage.output, FINISH_REASONS[answer.finish]
        for data in events.closing(count, finish):
            yield Piece(data, events=int(data is not DONE_EVENT))


def read_chat(message: Message) -> Chat:
    """A chat.

    Raises `RefusedError`, and msgspec's errors.
    """
    request = _read(message, "messages")
    return Chat("chat", request, message.vendor)


def read_completion(message: Message) -> Chat:
    """A completion."""
    request = _read(message, "prompt")
    return Chat("completions", request, message.vendor)


def _read(message: Message, member: str) -> Request:
    request = decode_request(message.body)
    if deployment := message.names.get("deployment"):  # Azure names the model in the path
        if "api-version" not in message.query:
            raise RefusedError("Resource not found", "not_found", code="404")
        request = msgspec.structs.replace(request, model=deployment)
    needs(request.model, member, len(getattr(request, member)))
    return request


def needs(model: str, member: str, length: int) -> None:
    """Refuse a request without a model or its main member."""
    if not model:
        raise RefusedError("you must provide a model parameter", param="model")
    if not length:
        message = f"Missing required parameter: '{member}'."
        raise RefusedError(message, param=member, code="missing_required_parameter")


def _head(route: Route, model: str, answer: Answer, *, streamed: bool) -> dict[str, Any]:
    identifier = f"{answer.identifier}sim"
    if route == "chat":
        kind = "chat.completion.chunk" if streamed else "chat.completion"
        identifier = f"chatcmpl-{identifier}"
    else:
        kind, identifier = "text_completion", f"cmpl-{identifier}"
    return {"id": identifier, "object": kind, "created": CREATED, "model": model}


def _text_choice(index: int, text: str, finish: str | None) -> dict[str, Any]:
    return {"text": text, "index": index, "logprobs": None, "finish_reason": finish}


def _whole_choice(
    route: Route, index: int, answer: Answer, finish: str, vendor: str
) -> dict[str, Any]:
    if route == "completions":
        return _text_choice(index, answer.text, finish)
    message = _message(answer, vendor)
    choice = {"index": index, "message": message, "finish_reason": finish}
    if vendor == "azure":
        choice["content_filter_results"] = _SAFE
    return choice if vendor == "mistral" else {**choice, "logprobs": None}


def _message(answer: Answer, vendor: str) -> dict[str, Any]:
    content: Any = answer.text if answer.tokens or not answer.calls else None
    message: dict[str, Any] = {"role": "assistant", "content": content}
    if vendor not in ("mistral", "deepseek"):
        message |= {"refusal": None, "annotations": []}
    if answer.thinking:
        message |= _thought(answer.thought, vendor, content)
    if answer.calls:
        message["tool_calls"] = [call_document(c, answer.identifier, vendor) for c in answer.calls]
    return message


def _thought(text: str, vendor: str, content: str | None) -> dict[str, Any]:
    """Thinking as a vendor shows it in a message or a delta; OpenAI does not."""
    if vendor == "deepseek":
        return {"reasoning_content": text}
    if vendor == "openrouter":
        detail = {"type": "reasoning.text", "text": text, "format": None, "index": 0}
        return {"reasoning": text, "reasoning_details": [detail]}
    if vendor == "mistral":
        parts: list[Any] = [{"type": "thinking", "thinking": [{"type": "text", "text": text}]}]
        if content:
            parts.append({"type": "text", "text": content})
        return {"content": parts}
    return {}


def event(document: object) -> bytes:
    """One server-sent event."""
    return sse(document)


DONE_EVENT: Final = b"data: [DONE]\n\n"


class Events:
    """The events of one stream: its opening, its tokens, its closing."""

    def __init__(
        self,
        route: Route,
        request: Request,
        script: Script,
        answer: Answer | None = None,
        vendor: str = "",
    ) -> None:
        self._route = route
        self._choices = request.n or 1
        self._answer = answer or compose(asked_of(request), script)
        self._script = script
        self.vendor = vendor
        self._base = _head(route, request.model, self._answer, streamed=True)
        if vendor != "mistral":
            if route == "chat":
                self._base["service_tier"] = "default"
            self._base["system_fingerprint"] = FINGERPRINT
        options = request.stream_options
        # With include_usage every event has a usage, null in all but the last.
        self._asked = bool(options and options.include_usage) and not script.no_usage
        self._inline = script.usage_in_last_chunk or (vendor == "mistral" and not script.no_usage)

    def opening(self) -> Iterator[bytes]:
        """The event that names the role; a completion has none."""
        if self.vendor == "azure":
            results = [{"prompt_index": 0, "content_filter_results": _SAFE}]
            empty = {"id": "", "object": "", "created": 0, "model": ""}
            yield sse({**empty, "choices": [], "prompt_filter_results": results})
        if self._route == "chat":
            delta: dict[str, Any] = {"role": "assistant", "content": ""}
            if self.vendor != "mistral":
                delta["refusal"] = None
            yield from self._deltas(delta, None)

    def thought(self, text: str) -> bytes:
        """The event of a token of thinking; nothing where the vendor hides it."""
        delta = _thought(text, self.vendor, None) if self._route == "chat" else {}
        return b"".join(self._deltas(delta, None)) if delta else b""

    def token(self, text: str) -> bytes:
        """The event (one for each choice) of one token."""
        return b"".join(self._deltas({"content": text}, None, text))

    def call(self, call: Call) -> Iterator[Piece]:
        """The events of one tool call: its name, then its arguments."""
        whole = call_document(call, self._answer.identifier, self.vendor)
        row = {"index": call.number, **whole}
        if self.vendor == "mistral":
            yield Piece(b"".join(self._deltas({"tool_calls": [row]}, None)), len(call.pieces))
            return
        first = {**row, "function": {"name": call.name, "arguments": ""}}
        yield Piece(b"".join(self._deltas({"tool_calls": [first]}, None)))
        for part in call.pieces:
            row = {"index": call.number, "function": {"arguments": part}}
            yield Piece(b"".join(self._deltas({"tool_calls": [row]}, None)), 1)

    def closing(self, completion_tokens: int, finish: str) -> Iterator[bytes]:
        """The events after the last token."""
        usage = msgspec.structs.replace(self._answer.usage, output=completion_tokens)
        total = chat_usage(usage, self._choices, self.vendor)
        inline = total if self._inline else None
        yield from self._deltas({}, finish, "", inline)
        if self._asked and inline is None:
            yield event({**self._base, "choices": [], "usage": total})
        yield DONE_EVENT

    def _deltas(
        self,
        delta: dict[str, Any],
        finish: str | None,
        text: str = "",
        total: dict[str, Any] | None = None,
    ) -> Iterator[bytes]:
        for index in range(self._choices):
            if self._route == "chat":
                choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}
            else:
                choice = _text_choice(index, text, finish)
            document = {**self._base, "choices": [choice]}
            if self._asked or total is not None:
                document["usage"] = total
            yield event(document)


def model_document(name: str) -> dict[str, Any]:
    """One model, as /v1/models shows it."""
    return {"id": name, "object": "model", "created": CREATED, "owned_by": "faregate-simulator"}


def models_body(names: list[str]) -> bytes:
    """The list of models."""
    return encode({"object": "list", "data": [model_document(name) for name in names]})
