"""Bedrock: Converse and InvokeModel, whole and as event streams.

Unknown members are refused, which AWS does not always do: a member that it ignores is lost.

Sources: the Amazon Bedrock runtime API reference: Converse, ConverseStream, InvokeModel,
InvokeModelWithResponseStream, CountTokens, Common errors; the guide's pages on the bodies of
Anthropic Claude, Titan Text Embeddings and Cohere Embed; botocore's model of the service.
"""

import base64
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from faregate.simulator.answer import Answer, Asked, Call, Tool, Usage, encode, tokens_of
from faregate.simulator.anthropic import STOP_REASONS, Messages, read_hosted, signature_of
from faregate.simulator.bedrock_checks import check_conversation
from faregate.simulator.embeddings import unit_vector
from faregate.simulator.errors import ErrorKind, Failure, Headers, RefusedError, Voice, kinds
from faregate.simulator.eventstream import CONTENT_TYPE, event, exception
from faregate.simulator.exchange import Document, Exchange, Message, Piece, Turn, members, only
from faregate.simulator.script import Script

LATENCY_MS: Final = 1
DIMENSIONS_DEFAULT: Final = 1_024
FINISH_REASONS: Final = {**STOP_REASONS, "content_filter": "content_filtered"}

_MEMBERS: Final = frozenset(
    (
        "messages", "system", "inferenceConfig", "toolConfig", "guardrailConfig",
        "additionalModelRequestFields", "promptVariables", "additionalModelResponseFieldPaths",
        "requestMetadata", "performanceConfig", "serviceTier", "outputConfig",
    )
)  # fmt: skip
_EXTRA: Final = "Malformed input request: #: extraneous key [{name}] is not permitted"


def _document(kind: ErrorKind) -> bytes:
    return encode({"message": kind.message})


def _headers(kind: ErrorKind) -> Headers:
    return (("x-amzn-errortype", kind.code or kind.type), ("x-amzn-requestid", "req-simulator"))


BEDROCK: Final = Voice(
    kinds(
        ("invalid_request", 400, "ValidationException",
         "A conversation must alternate between user and assistant roles. Make sure the "
         "conversation alternates between user and assistant roles and try again.", None),
        ("context_length", 400, "ValidationException", "Input is too long for requested model.",
         None),
        ("content_policy", 400, "ValidationException",
         "Output blocked by content filtering policy", None),
        ("auth", 403, "UnrecognizedClientException",
         "The security token included in the request is invalid.", None),
        ("permission", 403, "AccessDeniedException",
         "You don't have access to the model with the specified model ID.", None),
        ("not_found", 404, "ResourceNotFoundException",
         "Could not resolve the foundation model from the model identifier: {model}", None),
        ("rate_limit", 429, "ThrottlingException",
         "Too many requests, please wait before trying again.", None),
        ("quota", 400, "ServiceQuotaExceededException",
         "Your request exceeds the service quota for your account.", None),
        ("server_error", 500, "InternalServerException",
         "The system encountered an unexpected error during processing. Try your request again.",
         None),
        ("overloaded", 503, "ServiceUnavailableException",
         "Bedrock is unable to process your request.", None),
    ),
    _document,
    _headers,
    "bedrock",
)  # fmt: skip


def broken_off(failure: Failure) -> bytes:
    """An exception in a stream."""
    named = dict(failure.headers).get("x-amzn-errortype", "InternalServerException")
    return exception(named[:1].lower() + named[1:], failure.body)


def converse_usage(usage: Usage) -> dict[str, Any]:
    """The usage of Converse: input without what a cache gave or took."""
    found = {
        "inputTokens": usage.fresh,
        "outputTokens": usage.output,
        "totalTokens": usage.input + usage.output,
    }
    if usage.cached or usage.written:
        found["cacheReadInputTokens"] = usage.cached
        found["cacheWriteInputTokens"] = usage.written
    return found


class Conversation(Turn):
    """One call of Converse or ConverseStream."""

    stream_type = CONTENT_TYPE
    headers: Headers = (("x-amzn-requestid", "req-simulator"),)

    def written(self, answer: Answer, script: Script) -> bytes:
        """The body of `answer`."""
        content = [block for block, _, _ in _blocks(answer)]
        body: dict[str, Any] = {
            "output": {"message": {"role": "assistant", "content": content}},
            "stopReason": FINISH_REASONS[answer.finish],
            "metrics": {"latencyMs": LATENCY_MS},
        }
        if not script.no_usage:
            body["usage"] = converse_usage(answer.usage)
        return encode(body)

    def events(self, answer: Answer, script: Script) -> Iterator[Piece]:
        """`answer` as a stream."""
        yield _event("messageStart", {"role": "assistant"})
        for index, (_, start, deltas) in enumerate(_blocks(answer)):
            place = {"contentBlockIndex": index}
            if start:
                yield _event("contentBlockStart", {**place, "start": start})
            for delta, tokens in deltas:
                yield _event("contentBlockDelta", {**place, "delta": delta}, tokens)
            yield _event("contentBlockStop", place)
        yield _event("messageStop", {"stopReason": FINISH_REASONS[answer.finish]})
        if not script.no_usage:
            metrics = {"latencyMs": LATENCY_MS}
            yield _event("metadata", {"usage": converse_usage(answer.usage), "metrics": metrics})

    def broken_off(self, failure: Failure, sent: int = 0) -> bytes:
        """What a stream shows of an error."""
        return broken_off(failure)


class InvokedMessages(Messages):
    """Anthropic's messages as InvokeModel hosts them."""

    stream_type = CONTENT_TYPE

    def events(self, answer: Answer, script: Script) -> Iterator[Piece]:
        """`answer` as a stream."""
        for piece in super().events(answer, script):
            document = msgspec.json.decode(piece.data.partition(b"data: ")[2])
            if document["type"] == "message_stop" and not script.no_usage:
                document["amazon-bedrock-invocationMetrics"] = {
                    "inputTokenCount": answer.usage.fresh,
                    "outputTokenCount": answer.usage.output,
                    "invocationLatency": LATENCY_MS,
                    "firstByteLatency": LATENCY_MS,
                    "cacheReadInputTokenCount": answer.usage.cached,
                    "cacheWriteInputTokenCount": answer.usage.written,
                }
            chunk = base64.b64encode(encode(document)).decode()
            yield _event("chunk", {"bytes": chunk}, piece.tokens)

    def written(self, answer: Answer, script: Script) -> bytes:
        """The body of `answer`."""
        self.headers = _token_headers(answer.usage.fresh, answer.usage.output)
        return super().written(answer, script)

    def broken_off(self, failure: Failure, sent: int = 0) -> bytes:
        """What a stream shows of an error."""
        return broken_off(failure)


class InvokedEmbeddings(Exchange):
    """Vectors in Titan's form or Cohere's."""

    def __init__(self, model: str, document: dict[str, Any]) -> None:
        self.model = model
        self._document = document

    def whole(self, script: Script) -> bytes:
        """The body of the answer."""
        asked = self._document
        if "inputText" in asked:
            text = str(asked["inputText"])
            size = asked.get("dimensions", DIMENSIONS_DEFAULT)
            self.headers = _token_headers(tokens_of(text))
            vector = unit_vector(text.encode(), size, script.seed)
            by_type = {"embeddingsByType": {"float": vector}}
            return encode({"embedding": vector, "inputTextTokenCount": tokens_of(text), **by_type})
        if "input_type" not in asked:
            raise RefusedError("Malformed input request: #: required key [input_type] not found")
        size = asked.get("output_dimension", DIMENSIONS_DEFAULT)
        texts = [str(text) for text in asked["texts"]]
        vectors = [unit_vector(text.encode(), size, script.seed) for text in texts]
        self.headers = _token_headers(sum(map(tokens_of, texts)))
        by_types = bool(asked.get("embedding_types"))
        kind = "embeddings_by_type" if by_types else "embeddings_floats"
        shown = {"float": vectors} if by_types else vectors
        return encode({"id": "sim", "texts": texts, "embeddings": shown, "response_type": kind})


def _token_headers(counted: int, output: int | None = None) -> Headers:
    fields = [("x-amzn-requestid", "req-simulator")]
    fields.append(("x-amzn-bedrock-input-token-count", str(counted)))
    if output is not None:
        fields.append(("x-amzn-bedrock-output-token-count", str(output)))
    return tuple(fields)


def _event(kind: str, document: dict[str, Any], tokens: int = 0) -> Piece:
    # AWS pads events by a member p, so that their length tells nothing.
    return Piece(event(kind, encode({**document, "p": "abcdefgh"})), tokens)


Deltas = list[tuple[dict[str, Any], int]]


def _blocks(answer: Answer) -> Iterator[tuple[dict[str, Any], dict[str, Any], Deltas]]:
    """The blocks of an answer: each whole, its start, its deltas with their tokens."""
    if answer.thinking:
        signature = signature_of(answer.thought)
        whole = {"reasoningText": {"text": answer.thought, "signature": signature}}
        deltas: Deltas = [({"reasoningContent": {"text": t}}, 1) for t in answer.thinking]
        deltas.append(({"reasoningContent": {"signature": signature}}, 0))
        yield {"reasoningContent": whole}, {}, deltas
    if answer.tokens or not answer.calls:
        yield {"text": answer.text}, {}, [({"text": token}, 1) for token in answer.tokens]
    for call in answer.calls:
        yield _call_block(call, answer.identifier)


def _call_block(call: Call, identifier: str) -> tuple[dict[str, Any], dict[str, Any], Deltas]:
    named = {"toolUseId": f"tooluse_{identifier}{call.number}", "name": call.name}
    whole = {"toolUse": {**named, "input": call.document()}}
    deltas: Deltas = [({"toolUse": {"input": part}}, 1) for part in call.pieces]
    return whole, {"toolUse": named}, deltas


# -- Requests -------------------------------------------------------------------------------------


def read_conversation(message: Message) -> Exchange:
    """Converse, ConverseStream, or CountTokens of a conversation."""
    action, model = message.names["action"], message.names["model"]
    if action == "count-tokens":
        return Document(encode({"inputTokens": _counted(message.body, model)}))
    return Conversation(_asked(message.body, model, streamed=action == "converse-stream"))


def read_invoked(message: Message) -> Exchange:
    """InvokeModel, whole or streamed; the body tells whose model it is."""
    model = message.names["model"]
    streamed = message.names["action"] == "invoke-with-response-stream"
    given = members(message.body)
    if "inputText" in given or "texts" in given:
        return InvokedEmbeddings(model, msgspec.json.decode(message.body))
    if "stream" in given:
        raise RefusedError(_EXTRA.replace("{name}", "stream"))
    return InvokedMessages(read_hosted(message.body, model, streamed=streamed).asked)


def _counted(body: bytes, model: str) -> int:
    given = msgspec.json.decode(body)["input"]
    if "converse" in given:
        return _asked(encode(given["converse"]), model, streamed=False).input_tokens
    inner = base64.b64decode(given["invokeModel"]["body"])
    return read_hosted(inner, model, streamed=False).asked.input_tokens


def _asked(body: bytes, model: str, *, streamed: bool) -> Asked:
    given = members(body)
    only(given, _MEMBERS, _EXTRA)
    document = msgspec.json.decode(body)
    settings = document.get("toolConfig") or {}
    tools = tuple(_tools(settings.get("tools") or []))
    choice = settings.get("toolChoice") or {}
    forced = None
    if "any" in choice or "tool" in choice:
        forced = str((choice.get("tool") or {}).get("name", ""))
    messages = document.get("messages") or []
    results = check_conversation(messages, tools=bool(tools))
    limit = (document.get("inferenceConfig") or {}).get("maxTokens")
    return Asked(
        model=model,
        counted=bytes(given["messages"]) + bytes(given.get("system", b"")),
        limit=limit,
        streamed=streamed,
        tools=tools,
        forced=forced,
        results=results,
        schema=_schema(document.get("outputConfig") or {}),
    )


def _schema(wanted: dict[str, Any]) -> object:
    """The schema that the answer must fit, which is a text there."""
    structure = (wanted.get("textFormat") or {}).get("structure") or {}
    text = (structure.get("jsonSchema") or {}).get("schema")
    return msgspec.json.decode(text) if isinstance(text, str) else None


def _tools(rows: list[dict[str, Any]]) -> Iterator[Tool]:
    for row in rows:
        if "toolSpec" in row:
            spec = row["toolSpec"]
            yield Tool(spec["name"], spec["inputSchema"]["json"])
