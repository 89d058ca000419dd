"""OpenAI's responses: items in, items out, and all their events.

Sources: OpenAI's API reference: Responses, Streaming events; "Migrate to the Responses API";
"Reasoning models"; the types of OpenAI's Python SDK.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec

from faregate.simulator.answer import CREATED, Answer, Asked, Call, Tool, Usage, encode
from faregate.simulator.errors import Failure, RefusedError
from faregate.simulator.exchange import Message, Piece, Turn, members, sse
from faregate.simulator.replies import forced_tool, needs, text_of
from faregate.simulator.script import Script

OUTPUT_TOKENS_MIN: Final = 16

_MEMBERS: Final = frozenset(
    (
        "model", "input", "instructions", "stream", "stream_options", "max_output_tokens",
        "max_tool_calls", "temperature", "top_p", "top_logprobs", "tools", "tool_choice",
        "parallel_tool_calls", "text", "reasoning", "include", "store", "metadata", "truncation",
        "previous_response_id", "conversation", "prompt", "prompt_cache_key",
        "prompt_cache_retention", "prompt_cache_options", "safety_identifier", "service_tier",
        "user", "background", "context_management", "access_programs", "moderation", "image",
        "input_transformations",
    )
)  # fmt: skip
_CONTENTS: Final = {"assistant": ("output_text", "refusal")}
_CONTENTS_ASKED: Final = ("input_text", "input_image", "input_file", "input_audio")
_ROLES: Final = ("user", "assistant", "system", "developer")


def responses_usage(usage: Usage) -> dict[str, Any]:
    """The usage of a response."""
    return {
        "input_tokens": usage.input,
        "input_tokens_details": {
            "cached_tokens": usage.cached,
            "cache_write_tokens": usage.written,
        },
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.thinking},
        "total_tokens": usage.input + usage.output,
    }


class Response(Turn):
    """One response."""

    def __init__(self, asked: Asked, document: dict[str, Any]) -> None:
        super().__init__(asked)
        self._echoed = {
            "instructions": document.get("instructions"),
            "max_output_tokens": document.get("max_output_tokens"),
            "metadata": document.get("metadata") or {},
            "parallel_tool_calls": document.get("parallel_tool_calls", True),
            "previous_response_id": document.get("previous_response_id"),
            "reasoning": document.get("reasoning") or {"effort": None, "summary": None},
            "service_tier": "default",
            "store": document.get("store", True),
            "temperature": document.get("temperature", 1.0),
            "text": document.get("text") or {"format": {"type": "text"}},
            "tool_choice": document.get("tool_choice", "auto"),
            "tools": document.get("tools") or [],
            "top_p": document.get("top_p", 1.0),
            "truncation": document.get("truncation", "disabled"),
            "user": document.get("user"),
        }
        self._summary = bool((document.get("reasoning") or {}).get("summary"))
        self._encrypted = "reasoning.encrypted_content" in (document.get("include") or [])

    def written(self, answer: Answer, script: Script) -> bytes:
        """The body of `answer`."""
        return encode(self._finished(answer, script))

    def events(self, answer: Answer, script: Script) -> Iterator[Piece]:
        """`answer` as a stream."""
        started = self._document(answer, "in_progress", [], None)
        made = self._unnumbered(answer, script, started)
        for number, (kind, members_, tokens) in enumerate(made):
            document = {"type": kind, "sequence_number": number, **members_}
            yield Piece(sse(document, kind), tokens)

    def broken_off(self, failure: Failure, sent: int = 0) -> bytes:
        """What a stream shows of an error."""
        error = msgspec.json.decode(failure.body).get("error", {})
        shown = {name: error.get(name) for name in ("code", "message", "param")}
        return sse({"type": "error", **shown, "sequence_number": sent}, "error")

    def _unnumbered(
        self, answer: Answer, script: Script, started: dict[str, Any]
    ) -> Iterator[tuple[str, dict[str, Any], int]]:
        yield "response.created", {"response": started}, 0
        yield "response.in_progress", {"response": started}, 0
        for index, (item, events) in enumerate(self._items(answer)):
            place = {"output_index": index}
            yield "response.output_item.added", {**place, "item": _opened(item)}, 0
            for kind, inner, tokens in events(item["id"]):
                yield kind, {"item_id": item["id"], **place, **inner}, tokens
            yield "response.output_item.done", {**place, "item": item}, 0
        last = self._finished(answer, script)
        yield f"response.{last['status']}", {"response": last}, 0

    def _finished(self, answer: Answer, script: Script) -> dict[str, Any]:
        items = [item for item, _ in self._items(answer)]
        short = {"length": "max_output_tokens", "content_filter": "content_filter"}
        reason = short.get(answer.finish)
        document = self._document(
            answer, "incomplete" if reason else "completed", items, answer.usage
        )
        if reason:
            document["incomplete_details"] = {"reason": reason}
        if script.no_usage:
            document["usage"] = None
        return document

    def _document(
        self, answer: Answer, status: str, items: list[Any], usage: Usage | None
    ) -> dict[str, Any]:
        return {
            "id": f"resp_{answer.identifier}sim",
            "object": "response",
            "created_at": CREATED,
            "status": status,
            "background": False,
            "error": None,
            "incomplete_details": None,
            "model": self.model,
            "output": items,
            "usage": None if usage is None else responses_usage(usage),
            **self._echoed,
        }

    def _items(self, answer: Answer) -> Iterator[tuple[dict[str, Any], "ItemEvents"]]:
        """The items of an answer, each with the events between its start and its end."""
        if answer.thinking:
            yield self._reasoning(answer)
        if answer.tokens or not answer.calls:
            part = _text_part(answer.text)
            status = "incomplete" if answer.finish == "length" else "completed"
            item = {
                "id": f"msg_{answer.identifier}sim",
                "type": "message",
                "status": status,
                "role": "assistant",
                "content": [part],
            }
            yield item, lambda _name: _text_events(answer)
        for call in answer.calls:
            yield _call_item(call, answer.identifier), _call_events(call)

    def _reasoning(self, answer: Answer) -> tuple[dict[str, Any], "ItemEvents"]:
        part = {"type": "summary_text", "text": answer.thought}
        item: dict[str, Any] = {"id": f"rs_{answer.identifier}sim", "type": "reasoning"}
        item["summary"] = [part] if self._summary else []
        if self._encrypted:
            item["encrypted_content"] = f"sim-encrypted-{len(answer.thinking)}"
        shown = self._summary

        def events(_name: str) -> Iterator[tuple[str, dict[str, Any], int]]:
            kind, place = "response.reasoning_summary", {"summary_index": 0}
            if not shown:
                return
            yield f"{kind}_part.added", {**place, "part": {**part, "text": ""}}, 0
            for token in answer.thinking:
                yield f"{kind}_text.delta", {**place, "delta": token}, 1
            yield f"{kind}_text.done", {**place, "text": answer.thought}, 0
            yield f"{kind}_part.done", {**place, "part": part}, 0

        return item, events


ItemEvents = Callable[[str], Iterator[tuple[str, dict[str, Any], int]]]


def _text_part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _text_events(answer: Answer) -> Iterator[tuple[str, dict[str, Any], int]]:
    place = {"content_index": 0}
    yield "response.content_part.added", {**place, "part": _text_part("")}, 0
    for token in answer.tokens:
        yield "response.output_text.delta", {**place, "delta": token, "logprobs": []}, 1
    yield "response.output_text.done", {**place, "text": answer.text, "logprobs": []}, 0
    yield "response.content_part.done", {**place, "part": _text_part(answer.text)}, 0


def _call_item(call: Call, identifier: str) -> dict[str, Any]:
    return {
        "id": f"fc_{identifier}{call.number}",
        "type": "function_call",
        "status": "completed",
        "arguments": call.arguments,
        "call_id": f"call_{identifier}{call.number}",
        "name": call.name,
    }


def _call_events(call: Call) -> ItemEvents:
    def events(_name: str) -> Iterator[tuple[str, dict[str, Any], int]]:
        kind = "response.function_call_arguments"
        for part in call.pieces:
            yield f"{kind}.delta", {"delta": part}, 1
        yield f"{kind}.done", {"name": call.name, "arguments": call.arguments}, 0

    return events


def _opened(item: dict[str, Any]) -> dict[str, Any]:
    """An item as its start shows it."""
    cleared: dict[str, Any] = {"content": [], "arguments": "", "summary": []}
    opened = {name: cleared.get(name, value) for name, value in item.items()}
    if "status" in opened:
        opened["status"] = "in_progress"
    return opened


# -- Requests -------------------------------------------------------------------------------------


def read_response(message: Message) -> Response:
    """A response."""
    given = members(message.body)
    for name in given:
        if name not in _MEMBERS:
            words = f"Unknown parameter: '{name}'."
            raise RefusedError(words, param=name, code="unknown_parameter")
    document = msgspec.json.decode(message.body)
    model = document.get("model") or ""
    kept = document.get("previous_response_id")
    needs(model, "input", len(document.get("input") or "") or bool(kept))
    if kept is not None and not str(kept).startswith("resp_"):
        raise RefusedError(
            f"Previous response with id '{kept}' not found.",
            param="previous_response_id",
            code="previous_response_not_found",
        )
    limit = document.get("max_output_tokens")
    if limit is not None and limit < OUTPUT_TOKENS_MIN:
        raise RefusedError(
            "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= "
            f"{OUTPUT_TOKENS_MIN}, but got {limit} instead.",
            param="max_output_tokens",
            code="integer_below_min_value",
        )
    choice = document.get("tool_choice")
    tools = () if choice == "none" else tuple(_tools(document.get("tools") or []))
    form = (document.get("text") or {}).get("format") or {}
    asked = Asked(
        model=model,
        counted=bytes(given.get("input", b"")) + bytes(given.get("instructions", b"")),
        limit=limit,
        streamed=bool(document.get("stream")),
        tools=tools,
        forced=forced_tool(choice) if tools else None,
        results=_check_input(document.get("input"), known=kept is not None),
        schema=form.get("schema"),
    )
    return Response(asked, document)


def _tools(rows: list[dict[str, Any]]) -> Iterator[Tool]:
    for index, row in enumerate(rows):
        if row.get("type") not in ("function", "custom"):
            continue  # the vendor's own tools, which it runs itself
        if not isinstance(row.get("name"), str):
            place = f"tools[{index}].name"
            words = f"Missing required parameter: '{place}'."
            raise RefusedError(words, param=place, code="missing_required_parameter")
        yield Tool(row["name"], row.get("parameters"))


def _check_input(given: object, *, known: bool) -> tuple[str, ...]:
    """Refuse items that do not hang together; the results that end them."""
    if not isinstance(given, list):
        return ()
    calls, results = set(), []
    for index, item in enumerate(given):
        kind = item.get("type", "message")
        if kind == "message":
            _check_message(index, item)
        if kind in ("function_call", "custom_tool_call"):
            calls.add(item["call_id"])
        if kind in ("function_call_output", "custom_tool_call_output"):
            if item.get("call_id") not in calls and not known:
                name = item.get("call_id")
                words = f"No tool call found for function call output with call_id {name}."
                raise RefusedError(words, param="input")
            output = item.get("output")
            results.append(output if isinstance(output, str) else text_of(output))
        else:
            results = []
    return tuple(results)


def _check_message(index: int, item: dict[str, Any]) -> None:
    role = item.get("role")
    if role not in _ROLES:
        words = f"Invalid value: '{role}'. Supported values are: 'assistant', 'system', " \
                "'developer', and 'user'."  # fmt: skip
        raise RefusedError(words, param=f"input[{index}].role", code="invalid_value")
    content = item.get("content")
    allowed = _CONTENTS.get(str(role), _CONTENTS_ASKED)
    for number, part in enumerate(content if isinstance(content, list) else []):
        if part.get("type") not in allowed:
            listed = ", ".join(f"'{name}'" for name in allowed)
            words = f"Invalid value: '{part.get('type')}'. Supported values are: {listed}."
            place = f"input[{index}].content[{number}].type"
            raise RefusedError(words, param=place, code="invalid_value")
