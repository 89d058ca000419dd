"""Ollama's own format: turns in lines of JSON, embeddings, models.

Sources: Ollama's "API" (docs/api.md of its repository) and the types of its Python SDK.
"""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from faregate.simulator.answer import Answer, Asked, Call, Usage, encode, tokens_of
from faregate.simulator.embeddings import unit_vector
from faregate.simulator.errors import ErrorKind, Failure, RefusedError, Voice, kinds
from faregate.simulator.exchange import Document, Exchange, Message, Piece, Turn, members
from faregate.simulator.replies import tool_of
from faregate.simulator.script import Script

CREATED_AT: Final = "2023-11-14T22:13:20Z"
DURATION_NS: Final = 1_000_000
DIMENSIONS_DEFAULT: Final = 768
NDJSON: Final = "application/x-ndjson"
DONE_REASONS: Final = {
    "stop": "stop",
    "length": "length",
    "content_filter": "stop",
    "tool": "stop",
}


def _document(kind: ErrorKind) -> bytes:
    return encode({"error": kind.message})


OLLAMA: Final = Voice(
    kinds(
        ("invalid_request", 400, "", "invalid role: assistent", None),
        ("context_length", 400, "", "the input length exceeds the context length", None),
        ("content_policy", 400, "", "the request was refused", None),
        ("auth", 401, "", "unauthorized", None),
        ("permission", 403, "", "forbidden", None),
        ("not_found", 404, "", "model '{model}' not found", None),
        ("rate_limit", 429, "", "too many requests, please try again later", None),
        ("quota", 402, "", "you have reached your usage limit, upgrade to continue", None),
        ("server_error", 500, "", "llama runner process has terminated: exit status 2", None),
        ("overloaded", 503, "", "server busy, please try again.  maximum pending requests exceeded",
         None),
    ),
    _document,
    vendor="ollama",
)  # fmt: skip


class OllamaTurn(Turn):
    """One call of chat, or of generate where `chat` is False."""

    stream_type = NDJSON

    def __init__(self, asked: Asked, *, chat: bool, thoughts: bool) -> None:
        super().__init__(asked)
        self._chat = chat
        self._thoughts = thoughts

    def written(self, answer: Answer, script: Script) -> bytes:
        """The body of `answer`."""
        thought = answer.thought if self._thoughts else ""
        said = self._said(answer.text, thought, answer.calls, answer.identifier)
        return encode({**self._head(), **said, **self._end(answer, script)})

    def events(self, answer: Answer, script: Script) -> Iterator[Piece]:
        """`answer` as a stream."""
        for token in answer.thinking:
            line = self._line(self._said("", token, [], "")) if self._thoughts else b""
            yield Piece(line, 1)
        for token in answer.tokens:
            yield Piece(self._line(self._said(token, "", [], "")), 1)
        for call in answer.calls if self._chat else []:
            said = self._said("", "", [call], answer.identifier)
            yield Piece(self._line(said), len(call.pieces))
        end = {**self._head(), **self._said("", "", [], ""), **self._end(answer, script)}
        yield Piece(encode(end) + b"\n")

    def broken_off(self, failure: Failure, sent: int = 0) -> bytes:
        """What a stream shows of an error."""
        return failure.body + b"\n"

    def _line(self, said: dict[str, Any]) -> bytes:
        return encode({**self._head(), **said, "done": False}) + b"\n"

    def _head(self) -> dict[str, Any]:
        return {"model": self.model, "created_at": CREATED_AT}

    def _said(
        self, text: str, thought: str, calls: list[Call], identifier: str
    ) -> dict[str, Any]:  # fmt: skip
        shown = {"thinking": thought} if thought else {}
        if not self._chat:
            return {"response": text, **shown}
        message: dict[str, Any] = {"role": "assistant", "content": text, **shown}
        if calls:
            message["tool_calls"] = [
                {
                    "id": f"call_{identifier}{call.number}",
                    "function": {
                        "index": call.number,
                        "name": call.name,
                        "arguments": call.document(),
                    },
                }
                for call in calls
            ]
        return {"message": message}

    def _end(self, answer: Answer, script: Script) -> dict[str, Any]:
        end: dict[str, Any] = {"done": True, "done_reason": DONE_REASONS[answer.finish]}
        if not self._chat:
            end["context"] = [1, 2, 3]
        return end if script.no_usage else {**end, **ollama_usage(answer.usage)}


def ollama_usage(usage: Usage) -> dict[str, int]:
    """The counts that end an answer."""
    return {
        "total_duration": 3 * DURATION_NS,
        "load_duration": DURATION_NS,
        "prompt_eval_count": usage.input,
        "prompt_eval_duration": DURATION_NS,
        "eval_count": usage.output,
        "eval_duration": DURATION_NS,
    }


class OllamaEmbeddings(Exchange):
    """One call of embed, or of the older embeddings."""

    def __init__(self, model: str, texts: list[str], size: int, *, older: bool) -> None:
        self.model = model
        self._texts = texts
        self._size = size
        self._older = older

    def whole(self, script: Script) -> bytes:
        """The body of the answer."""
        vectors = [unit_vector(text.encode(), self._size, script.seed) for text in self._texts]
        if self._older:
            return encode({"embedding": vectors[0]})
        tokens = sum(map(tokens_of, self._texts)) if script.input is None else script.input
        body: dict[str, Any] = {"model": self.model, "embeddings": vectors}
        counts = {"total_duration": 3 * DURATION_NS, "load_duration": DURATION_NS}
        return encode(body if script.no_usage else {**body, **counts, "prompt_eval_count": tokens})


# -- Requests -------------------------------------------------------------------------------------


def read_ollama(message: Message) -> Exchange:
    """A chat or a generate; without a question it loads the model."""
    chat = message.path.endswith("/chat")
    given = members(message.body)
    document = msgspec.json.decode(message.body)
    model = document.get("model")
    if not model:
        raise RefusedError("model is required")
    asked = [given.get("messages"), None] if chat else [given.get("prompt"), given.get("system")]
    messages = document.get("messages") or []
    if not (messages if chat else document.get("prompt")):
        loaded = {"message": {"role": "assistant", "content": ""}} if chat else {"response": ""}
        head = {"model": model, "created_at": CREATED_AT}
        return Document(encode({**head, **loaded, "done": True, "done_reason": "load"}))
    limit = (document.get("options") or {}).get("num_predict")
    form = document.get("format")
    turn = Asked(
        model=model,
        counted=b"".join(bytes(part) for part in asked if part is not None),
        limit=limit if limit is not None and limit > 0 else None,
        streamed=document.get("stream", True),
        tools=tuple(map(tool_of, document.get("tools") or [])) if chat else (),
        results=_results(messages),
        schema=form if isinstance(form, dict) else None,
    )
    return OllamaTurn(turn, chat=chat, thoughts=bool(document.get("think")))


def _results(messages: list[dict[str, Any]]) -> tuple[str, ...]:
    found: list[str] = []
    for message in messages:
        if not isinstance(message.get("content", ""), str):
            raise RefusedError("json: cannot unmarshal array into Go struct field "
                               "ChatRequest.messages.content of type string")  # fmt: skip
        if message.get("role") not in ("system", "user", "assistant", "tool"):
            raise RefusedError(f"invalid role: {message.get('role')}")
        for call in message.get("tool_calls") or []:
            if not isinstance(call["function"].get("arguments"), dict):
                raise RefusedError("json: cannot unmarshal string into Go struct field "
                                   "ToolCallFunction.arguments of type object")  # fmt: skip
        found = [*found, message["content"]] if message["role"] == "tool" else []
    return tuple(found)


def read_ollama_embeddings(message: Message) -> Exchange:
    """A call of embed or embeddings."""
    document = msgspec.json.decode(message.body)
    if not document.get("model"):
        raise RefusedError("model is required")
    older = message.path.endswith("/embeddings")
    asked = document.get("prompt" if older else "input", "")
    texts = [asked] if isinstance(asked, str) else asked
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise RefusedError("invalid input type")
    size = document.get("dimensions") or DIMENSIONS_DEFAULT
    return OllamaEmbeddings(document["model"], texts, size, older=older)


_DETAILS: Final = {
    "parent_model": "",
    "format": "gguf",
    "family": "sim",
    "families": ["sim"],
    "parameter_size": "1B",
    "quantization_level": "Q4_0",
}


def tags_body(names: list[str]) -> bytes:
    """The list of models."""
    rows = [
        {
            "name": name,
            "model": name,
            "modified_at": CREATED_AT,
            "size": 1_000_000,
            "digest": "0" * 64,
            "details": _DETAILS,
        }
        for name in names
    ]
    return encode({"models": rows})


def read_show(message: Message) -> Exchange:
    """What is known of one model."""
    document = msgspec.json.decode(message.body)
    if not (document.get("model") or document.get("name")):
        raise RefusedError("model is required")
    shown = {
        "modelfile": "FROM sim",
        "parameters": "",
        "template": "{{ .Prompt }}",
        "details": _DETAILS,
        "model_info": {"general.architecture": "sim", "sim.context_length": 131_072},
        "capabilities": ["completion", "tools", "thinking"],
        "modified_at": CREATED_AT,
    }
    return Document(encode(shown))
