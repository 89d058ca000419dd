"""Anthropic's messages, also as Bedrock and Vertex host them.

Requests are read as strictly as Anthropic does: unknown members, roles, results without a call,
and signatures of thinking that are not the simulator's own are refused.

Sources: Anthropic's API reference: Messages, Streaming messages, Count tokens, Errors, Models;
"Extended thinking"; the types of Anthropic's Python SDK; "Anthropic Claude Messages API" of the
Bedrock guide; "Use Anthropic's Claude models" of the Vertex guide.
"""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from faregate.simulator.answer import Answer, Asked, Call, Tool, Usage, encode, tokens_of
from faregate.simulator.errors import ErrorKind, Failure, Headers, RefusedError, Voice, kinds
from faregate.simulator.exchange import Document, Exchange, Message, Piece, Turn, members, only, sse
from faregate.simulator.replies import text_of
from faregate.simulator.script import Script

HOSTED_VERSIONS: Final = ("bedrock-2023-05-31", "vertex-2023-10-16")
BUDGET_TOKENS_MIN: Final = 1_024
SIGNATURE_PREFIX: Final = "sim-signature-"
STOP_REASONS: Final = {
    "stop": "end_turn",
    "length": "max_tokens",
    "content_filter": "refusal",
    "tool": "tool_use",
}

_MEMBERS: Final = frozenset(
    (
        "model", "messages", "max_tokens", "system", "metadata", "stop_sequences", "stream",
        "temperature", "top_k", "top_p", "thinking", "tools", "tool_choice", "service_tier",
        "container", "mcp_servers", "context_management", "cache_control", "inference_geo",
        "output_config", "output_format", "speed", "diagnostics", "user_profile_id",
        "workspace_id", "betas", "anthropic_version", "anthropic_beta",
    )
)  # fmt: skip
_EXTRA: Final = "{name}: Extra inputs are not permitted"


def _document(kind: ErrorKind) -> bytes:
    error = {"type": kind.type, "message": kind.message}
    return encode({"type": "error", "error": error, "request_id": "req_simulator"})


ANTHROPIC: Final = Voice(
    kinds(
        ("invalid_request", 400, "invalid_request_error",
         "messages.0.role: Input should be 'user' or 'assistant'", None),
        ("context_length", 400, "invalid_request_error",
         "prompt is too long: 210000 tokens > 200000 maximum", None),
        ("content_policy", 400, "invalid_request_error",
         "Output blocked by content filtering policy", None),
        ("auth", 401, "authentication_error", "invalid x-api-key", None),
        ("permission", 403, "permission_error",
         "Your API key does not have permission to use the specified resource.", None),
        ("not_found", 404, "not_found_error", "model: {model}", None),
        ("rate_limit", 429, "rate_limit_error",
         "This request would exceed your organization's rate limit of 50 requests per minute. "
         "Please reduce the number of requests, or contact sales.", None),
        ("quota", 400, "invalid_request_error",
         "Your credit balance is too low to access the Anthropic API. Please go to Plans & "
         "Billing to upgrade or purchase credits.", None),
        ("server_error", 500, "api_error", "Internal server error", None),
        ("overloaded", 529, "overloaded_error", "Overloaded", None),
    ),
    _document,
    lambda _kind: (("request-id", "req_simulator"),),
    "anthropic",
)  # fmt: skip


def message_usage(usage: Usage) -> dict[str, Any]:
    """The usage of a message: input without what a cache gave or took."""
    return {
        "input_tokens": usage.fresh,
        "cache_creation_input_tokens": usage.written,
        "cache_read_input_tokens": usage.cached,
        "cache_creation": {
            "ephemeral_5m_input_tokens": usage.written,
            "ephemeral_1h_input_tokens": 0,
        },
        "output_tokens": usage.output,
        "service_tier": "standard",
    }


def signature_of(thought: str) -> str:
    """The signature of a block of thinking."""
    return f"{SIGNATURE_PREFIX}{tokens_of(thought)}"


class Messages(Turn):
    """One message."""

    headers: Headers = (("request-id", "req_simulator"),)

    def written(self, answer: Answer, script: Script) -> bytes:
        """The body of `answer`."""
        body = self._head(answer)
        body["content"] = [block for block, _ in _blocks(answer)]
        body["stop_reason"] = STOP_REASONS[answer.finish]
        if not script.no_usage:
            body["usage"] = message_usage(answer.usage)
        return encode(body)

    def events(self, answer: Answer, script: Script) -> Iterator[Piece]:
        """`answer` as a stream."""
        message = {**self._head(answer), "content": [], "stop_reason": None}
        total = message_usage(answer.usage)
        if not script.no_usage:
            message["usage"] = {**total, "output_tokens": 1}
        yield self._event("message_start", message=message)
        yield self._event("ping")
        for index, (block, deltas) in enumerate(_blocks(answer)):
            yield self._event("content_block_start", index=index, content_block=_empty(block))
            for delta, tokens in deltas:
                piece = self._event("content_block_delta", index=index, delta=delta)
                yield piece._replace(tokens=tokens)
            yield self._event("content_block_stop", index=index)
        delta = {"stop_reason": STOP_REASONS[answer.finish], "stop_sequence": None}
        counts = {name: count for name, count in total.items() if name.endswith("tokens")}
        shown = {} if script.no_usage else {"usage": counts}
        yield self._event("message_delta", delta=delta, **shown)
        yield self._event("message_stop")

    def broken_off(self, failure: Failure, sent: int = 0) -> bytes:
        """What a stream shows of an error."""
        return b"event: error\ndata: " + failure.body + b"\n\n"

    def _event(self, name: str, **document: object) -> Piece:
        return Piece(sse({"type": name, **document}, name))

    def _head(self, answer: Answer) -> dict[str, Any]:
        return {
            "id": f"msg_{answer.identifier}sim",
            "type": "message",
            "role": "assistant",
            "model": self.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
        }


Deltas = list[tuple[dict[str, Any], int]]


def _blocks(answer: Answer) -> Iterator[tuple[dict[str, Any], Deltas]]:
    """The blocks of an answer, each whole and as deltas with their tokens."""
    if answer.thinking:
        signature = signature_of(answer.thought)
        deltas: Deltas = [({"type": "thinking_delta", "thinking": t}, 1) for t in answer.thinking]
        deltas.append(({"type": "signature_delta", "signature": signature}, 0))
        yield {"type": "thinking", "thinking": answer.thought, "signature": signature}, deltas
    if answer.tokens or not answer.calls:
        texts: Deltas = [({"type": "text_delta", "text": token}, 1) for token in answer.tokens]
        yield {"type": "text", "text": answer.text}, texts
    for call in answer.calls:
        yield _call_block(call, answer.identifier)


def _call_block(call: Call, identifier: str) -> tuple[dict[str, Any], Deltas]:
    name = f"toolu_{identifier}{call.number}"
    block = {"type": "tool_use", "id": name, "name": call.name, "input": call.document()}
    parts: Deltas = [({"type": "input_json_delta", "partial_json": ""}, 0)]
    parts += [({"type": "input_json_delta", "partial_json": p}, 1) for p in call.pieces]
    return block, parts


def _empty(block: dict[str, Any]) -> dict[str, Any]:
    """A block as its start shows it."""
    cleared: dict[str, Any] = {"text": "", "thinking": "", "signature": "", "input": {}}
    return {name: cleared.get(name, value) for name, value in block.items()}


# -- Requests -------------------------------------------------------------------------------------


def read_messages(message: Message) -> Messages:
    """A message."""
    _check_version(message)
    return Messages(_asked(message.body))


def read_hosted(body: bytes, model: str, *, streamed: bool) -> Messages:
    """A message in the body of a vendor that hosts the model.

    The model is in the path and the version in the body.
    """
    given = members(body)
    if "anthropic_version" not in given:
        raise RefusedError("anthropic_version: Field required")
    version = msgspec.json.decode(given["anthropic_version"])
    if version not in HOSTED_VERSIONS:
        raise RefusedError(f"anthropic_version: {version} is not supported")
    if "model" in given:
        raise RefusedError("model: Extra inputs are not permitted")
    asked = _asked(body, model)
    return Messages(msgspec.structs.replace(asked, streamed=streamed))


def read_count(message: Message) -> Exchange:
    """A count of tokens."""
    _check_version(message)
    asked = _asked(message.body, counting=True)
    return Document(encode({"input_tokens": asked.input_tokens}))


def models_page(names: list[str]) -> bytes:
    """The list of models."""
    rows = [model_row(name) for name in names]
    ends = {"first_id": names[0], "last_id": names[-1]}
    return encode({"data": rows, "has_more": False, **ends})


def model_row(name: str) -> dict[str, Any]:
    """One model, as Anthropic's list shows it."""
    return {
        "type": "model",
        "id": name,
        "display_name": name,
        "created_at": "2023-11-14T00:00:00Z",
    }


def _check_version(message: Message) -> None:
    if "anthropic-version" not in message.headers:
        raise RefusedError("anthropic-version: header is required")


def _asked(body: bytes, model: str = "", *, counting: bool = False) -> Asked:
    given = members(body)
    only(given, _MEMBERS, _EXTRA)
    needed = ["messages"] if counting else ["max_tokens", "messages"]
    for name in needed if model else ["model", *needed]:
        if name not in given:
            raise RefusedError(f"{name}: Field required")
    document = msgspec.json.decode(body)
    limit = document.get("max_tokens")
    if not counting and not (isinstance(limit, int) and limit > 0):
        raise RefusedError("max_tokens: Input should be greater than or equal to 1")
    _check_thinking(document.get("thinking"), limit)
    choice = document.get("tool_choice") or {}
    tools = () if choice.get("type") == "none" else document.get("tools") or ()
    kind = choice.get("type")
    formats = document.get("output_format") or (document.get("output_config") or {}).get("format")
    return Asked(
        model=model or str(document["model"]),
        counted=bytes(given["messages"]) + bytes(given.get("system", b"")),
        limit=limit,
        streamed=bool(document.get("stream")),
        tools=tuple(_tool(index, row) for index, row in enumerate(tools)),
        forced=None if kind not in ("any", "tool") else str(choice.get("name", "")),
        results=_check_messages(document["messages"]),
        schema=(formats or {}).get("schema"),
    )


def _tool(index: int, row: dict[str, Any]) -> Tool:
    if "name" not in row:
        raise RefusedError(f"tools.{index}.custom.name: Field required")
    if row.get("type", "custom") == "custom" and not isinstance(row.get("input_schema"), dict):
        raise RefusedError(f"tools.{index}.custom.input_schema: Field required")
    return Tool(str(row["name"]), row.get("input_schema"))


def _check_thinking(thinking: object, limit: int | None) -> None:
    if not isinstance(thinking, dict) or thinking.get("type") != "enabled":
        return
    budget = thinking.get("budget_tokens", 0)
    if budget < BUDGET_TOKENS_MIN:
        raise RefusedError(
            "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024"
        )
    if limit is not None and budget >= limit:
        raise RefusedError("`max_tokens` must be greater than `thinking.budget_tokens`.")


def _check_messages(messages: list[dict[str, Any]]) -> tuple[str, ...]:
    """Refuse what does not hang together; the results that end it."""
    if not messages:
        raise RefusedError("messages: at least one message is required")
    open_calls: list[str] = []
    results: tuple[str, ...] = ()
    for index, message in enumerate(messages):
        if message.get("role") not in ("user", "assistant"):
            raise RefusedError(f"messages.{index}.role: Input should be 'user' or 'assistant'")
        content = message.get("content")
        blocks = content if isinstance(content, list) else [{"type": "text", "text": content}]
        _check_blocks(index, blocks)
        found = [block for block in blocks if block["type"] == "tool_result"]
        for number, block in enumerate(found):
            if block.get("tool_use_id") not in open_calls:
                raise RefusedError(
                    f"messages.{index}.content.{number}: unexpected `tool_use_id` found in "
                    f"`tool_result` blocks: {block.get('tool_use_id')}. Each `tool_result` block "
                    "must have a corresponding `tool_use` block in the previous message."
                )
        answered = [block["tool_use_id"] for block in found]
        if missing := [name for name in open_calls if name not in answered]:
            raise RefusedError(
                f"messages.{index}: `tool_use` ids were found without `tool_result` blocks "
                f"immediately after: {', '.join(missing)}. Each `tool_use` block must have a "
                "corresponding `tool_result` block in the next message."
            )
        open_calls = [str(block["id"]) for block in blocks if block["type"] == "tool_use"]
        results = tuple(text_of(block.get("content")) for block in found)
    return results


def _check_blocks(index: int, blocks: list[dict[str, Any]]) -> None:
    for number, block in enumerate(blocks):
        place = f"messages.{index}.content.{number}"
        kind = block.get("type")
        if kind is None:
            raise RefusedError(f"{place}.type: Field required")
        if kind == "text" and not isinstance(block.get("text"), str):
            raise RefusedError(f"{place}.text: Input should be a valid string")
        if kind == "text" and not block["text"]:
            raise RefusedError("messages: text content blocks must be non-empty")
        signature = str(block.get("signature", ""))
        if kind == "thinking" and not signature.startswith(SIGNATURE_PREFIX):
            raise RefusedError(f"{place}: Invalid `signature` in `thinking` block")
        if kind == "tool_use" and not isinstance(block.get("input"), dict):
            raise RefusedError(f"{place}.tool_use.input: Input should be a valid dictionary")
