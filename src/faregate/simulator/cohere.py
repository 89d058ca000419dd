"""Cohere's chat and embeddings of its second version.

The plan of a call is the text that the script gives; an answer to tools or documents cites its
last word.

Sources: Cohere's API reference: Chat (v2), Chat with streaming, Embed (v2), Errors; "Tool use",
"Reasoning"; the types of Cohere's Python SDK.
"""

import base64
import struct
from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec

from faregate.simulator.answer import Answer, Asked, Call, Tool, Usage, encode, tokens_of
from faregate.simulator.embeddings import unit_vector
from faregate.simulator.errors import ErrorKind, Failure, RefusedError, Voice, kinds
from faregate.simulator.exchange import Exchange, Message, Piece, Turn, members, only, sse
from faregate.simulator.replies import needs, text_of, tool_of
from faregate.simulator.script import Script

DIMENSIONS_DEFAULT: Final = 1_536
# What Cohere itself puts before a question: among the tokens, but not billed.
PREAMBLE_TOKENS: Final = 60
FINISH_REASONS: Final = {
    "stop": "COMPLETE",
    "length": "MAX_TOKENS",
    "content_filter": "ERROR",
    "tool": "TOOL_CALL",
}

_MEMBERS: Final = frozenset(
    (
        "model", "messages", "stream", "tools", "strict_tools", "documents", "citation_options",
        "response_format", "safety_mode", "max_tokens", "stop_sequences", "temperature", "seed",
        "frequency_penalty", "presence_penalty", "k", "p", "logprobs", "tool_choice", "thinking",
        "priority", "raw_prompting",
    )
)  # fmt: skip
_UNKNOWN: Final = "unknown field: parameter '{name}' is not a valid field"
_ROLES: Final = ("user", "assistant", "system", "tool")


def _document(kind: ErrorKind) -> bytes:
    return encode({"id": "sim", "message": kind.message})


COHERE: Final = Voice(
    kinds(
        ("invalid_request", 400, "", "invalid request: all elements in history must have a message",
         None),
        ("context_length", 400, "", "too many tokens: size limit exceeded by 1402 tokens. Try "
         "using shorter or fewer inputs.", None),
        ("content_policy", 400, "", "blocked input: please adjust your input to the safety policy",
         None),
        ("auth", 401, "", "invalid api token", None),
        ("permission", 403, "", "you do not have permission to use this model", None),
        ("not_found", 404, "", "model '{model}' not found, make sure the correct model ID was used "
         "and that you have access to the model.", None),
        ("rate_limit", 429, "", "Please wait and try again later; you are limited to 500 API "
         "calls / minute.", None),
        ("quota", 402, "", "Please add or update your payment method to continue", None),
        ("server_error", 500, "", "internal server error", None),
        ("overloaded", 503, "", "service unavailable, please try again later", None),
    ),
    _document,
    vendor="cohere",
)  # fmt: skip


def cohere_usage(usage: Usage) -> dict[str, Any]:
    """The usage of a chat."""
    billed = {"input_tokens": usage.input, "output_tokens": usage.output}
    tokens = {**billed, "input_tokens": usage.input + PREAMBLE_TOKENS}
    return {"billed_units": billed, "tokens": tokens, "cached_tokens": usage.cached}


class CohereChat(Turn):
    """One chat."""

    def __init__(self, asked: Asked, sources: list[dict[str, Any]]) -> None:
        super().__init__(asked)
        self._sources = sources

    def written(self, answer: Answer, script: Script) -> bytes:
        """The body of `answer`."""
        message: dict[str, Any] = {"role": "assistant"}
        if answer.calls:
            message["tool_plan"] = answer.text
            message["tool_calls"] = [_call(call, answer.identifier) for call in answer.calls]
        parts = []
        if answer.thinking:
            parts.append({"type": "thinking", "thinking": answer.thought})
        if not answer.calls:
            parts.append({"type": "text", "text": answer.text})
        if parts:
            message["content"] = parts
        if citation := self._citation(answer):
            message["citations"] = [citation]
        body = {"id": f"{answer.identifier}sim", "message": message}
        body["finish_reason"] = FINISH_REASONS[answer.finish]
        if not script.no_usage:
            body["usage"] = cohere_usage(answer.usage)
        return encode(body)

    def events(self, answer: Answer, script: Script) -> Iterator[Piece]:
        """`answer` as a stream."""
        empty = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [],
                 "citations": []}  # fmt: skip
        yield _event("message-start", {"message": empty}, id=f"{answer.identifier}sim")
        index = 0
        for kind, tokens in (("thinking", answer.thinking), ("text", answer.tokens)):
            if not tokens or (kind == "text" and answer.calls):
                continue
            start = {"message": {"content": {"type": kind, kind: ""}}}
            yield _event("content-start", start, index=index)
            for token in tokens:
                said = {"message": {"content": {kind: token}}}
                yield _event("content-delta", said, 1, index=index)
            yield _event("content-end", index=index)
            index += 1
        if citation := self._citation(answer):
            yield _event("citation-start", {"message": {"citations": citation}}, index=0)
            yield _event("citation-end", index=0)
        if answer.calls:
            yield from _call_events(answer)
        delta: dict[str, Any] = {"finish_reason": FINISH_REASONS[answer.finish]}
        usage = {} if script.no_usage else {"usage": cohere_usage(answer.usage)}
        yield _event("message-end", {**delta, **usage}, id=f"{answer.identifier}sim")
        yield Piece(b"data: [DONE]\n\n", events=0)

    def broken_off(self, failure: Failure, sent: int = 0) -> bytes:
        """What a stream shows of an error."""
        words = msgspec.json.decode(failure.body).get("message")
        return _event("message-end", {"finish_reason": "ERROR", "error": words}, id="sim").data

    def _citation(self, answer: Answer) -> dict[str, Any] | None:
        if answer.calls or not self._sources or not answer.tokens:
            return None
        text = answer.text
        word = answer.tokens[-1].lstrip()
        found = {"start": len(text) - len(word), "end": len(text), "text": word}
        return {**found, "sources": self._sources[:1], "type": "TEXT_CONTENT"}


def _event(kind: str, delta: object = None, tokens: int = 0, **place: object) -> Piece:
    shown = {} if delta is None else {"delta": delta}
    return Piece(sse({"type": kind, **place, **shown}, kind), tokens)


def _call(call: Call, identifier: str) -> dict[str, Any]:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": f"{call.name}_{identifier}{call.number}", "type": "function",
            "function": function}  # fmt: skip


def _call_events(answer: Answer) -> Iterator[Piece]:
    for token in answer.tokens:
        yield _event("tool-plan-delta", {"message": {"tool_plan": token}}, 1)
    for call in answer.calls:
        started = _call(call, answer.identifier)
        started["function"] = {**started["function"], "arguments": ""}
        place = {"index": call.number}
        yield _event("tool-call-start", {"message": {"tool_calls": started}}, **place)
        for part in call.pieces:
            inner = {"tool_calls": {"function": {"arguments": part}}}
            yield _event("tool-call-delta", {"message": inner}, 1, **place)
        yield _event("tool-call-end", **place)


# -- Requests -------------------------------------------------------------------------------------


def read_cohere_chat(message: Message) -> CohereChat:
    """A chat."""
    given = members(message.body)
    only(given, _MEMBERS, _UNKNOWN)
    document = msgspec.json.decode(message.body)
    needs(document.get("model") or "", "messages", len(document.get("messages") or ""))
    choice = document.get("tool_choice")
    tools: tuple[Tool, ...] = tuple(map(tool_of, document.get("tools") or []))
    results, sources = _check_messages(document["messages"])
    sources += [_source(row, number) for number, row in enumerate(document.get("documents") or [])]
    asked = Asked(
        model=document["model"],
        counted=bytes(given["messages"]),
        limit=document.get("max_tokens"),
        streamed=bool(document.get("stream")),
        tools=() if choice == "NONE" else tools,
        forced="" if choice == "REQUIRED" else None,
        results=results,
        schema=(document.get("response_format") or {}).get("json_schema"),
    )
    return CohereChat(asked, sources)


def _source(row: object, number: int) -> dict[str, Any]:
    data = row.get("data", row) if isinstance(row, dict) else {"text": str(row)}
    name = row.get("id") if isinstance(row, dict) else None
    return {"type": "document", "id": name or f"doc:{number}", "document": data}


def _check_messages(
    messages: list[dict[str, Any]],
) -> tuple[tuple[str, ...], list[dict[str, Any]]]:
    """The results that end a conversation, and what can be cited of them."""
    calls: set[str] = set()
    results: list[str] = []
    sources: list[dict[str, Any]] = []
    for message in messages:
        role = message.get("role")
        if role not in _ROLES:
            raise RefusedError(
                f"invalid request: role '{role}' must be one of: {', '.join(_ROLES)}"
            )
        calls |= {call["id"] for call in message.get("tool_calls") or []}
        if role != "tool":
            results, sources = [], []
            continue
        name = message.get("tool_call_id")
        if name not in calls:
            raise RefusedError(
                f"invalid request: tool call id {name} not found in previous tool calls"
            )
        text = _result_text(message.get("content"))
        results.append(text)
        sources.append({"type": "tool", "id": f"{name}:0", "tool_output": {"content": text}})
    return tuple(results), sources


def _result_text(content: object) -> str:
    """The text of a result, which may be in documents."""
    if not isinstance(content, list):
        return text_of(content)
    return "".join(
        str(part["document"].get("data")) if "document" in part else str(part.get("text", ""))
        for part in content
    )


# -- Embeddings -----------------------------------------------------------------------------------


def _signs(vector: list[float]) -> list[int]:
    """Bits of a vector, eight to a byte."""
    bits = "".join("1" if number > 0 else "0" for number in vector)
    return [int(bits[at : at + 8].ljust(8, "0"), 2) for at in range(0, len(bits), 8)]


_FORMS: Final[dict[str, Callable[[list[float]], object]]] = {
    "float": lambda vector: vector,
    "int8": lambda vector: [round(number * 127) for number in vector],
    "uint8": lambda vector: [round(number * 127) + 128 for number in vector],
    "binary": lambda vector: [bits - 128 for bits in _signs(vector)],
    "ubinary": _signs,
    "base64": lambda vector: base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode(),
}


class CohereEmbeddings(Exchange):
    """One call of embed."""

    def __init__(self, document: dict[str, Any], texts: list[str]) -> None:
        self.model = document["model"]
        self._texts = texts
        self._forms = document.get("embedding_types") or ["float"]
        self._size = document.get("output_dimension") or DIMENSIONS_DEFAULT

    def whole(self, script: Script) -> bytes:
        """The body of the answer."""
        vectors = [unit_vector(text.encode(), self._size, script.seed) for text in self._texts]
        shown = {form: [_FORMS[form](vector) for vector in vectors] for form in self._forms}
        tokens = sum(map(tokens_of, self._texts)) if script.input is None else script.input
        body: dict[str, Any] = {"id": "sim", "embeddings": shown, "texts": self._texts}
        body["response_type"] = "embeddings_by_type"
        if not script.no_usage:
            units = {"input_tokens": tokens}
            body["meta"] = {"api_version": {"version": "2"}, "billed_units": units}
        return encode(body)


def read_cohere_embeddings(message: Message) -> CohereEmbeddings:
    """A call of embed."""
    document = msgspec.json.decode(message.body)
    needs(document.get("model") or "", "input_type", len(document.get("input_type") or ""))
    texts = [str(text) for text in document.get("texts") or []]
    texts += [str(image) for image in document.get("images") or []]
    for row in document.get("inputs") or []:
        texts.append(text_of(row.get("content")))
    if not texts:
        raise RefusedError("invalid request: one of texts, images or inputs must be given")
    for form in document.get("embedding_types") or []:
        if form not in _FORMS:
            raise RefusedError(f"invalid request: embedding type '{form}' is not supported")
    return CohereEmbeddings(document, texts)
