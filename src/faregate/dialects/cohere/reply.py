"""Reads and writes a whole reply in the dialect of Cohere's chat.

Cohere does not name the model that answered. Sources: Cohere API v2, "Chat" (response), "Tool
use" (citations); cohere 7.0, `types.LogprobItem`.
"""

from typing import Any, Final

import msgspec

from faregate.dialects.cohere import usage
from faregate.dialects.cohere.request_reader import PLAN, read_answer
from faregate.dialects.cohere.request_writer import write_call, write_citations
from faregate.dialects.neutral import parts
from faregate.dialects.neutral.reply import Choice, Finish, Reply
from faregate.dialects.shapes import Object, ShapeError, as_object, as_text, decode_reply
from faregate.dialects.translation import Asked, MalformedReplyError

_FINISHES: Final[dict[str, Finish]] = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop_sequence",
    "MAX_TOKENS": "length",
    "TOOL_CALL": "tool_calls",
    "ERROR_TOXIC": "content_filter",
    "ERROR_LIMIT": "context_length",
}
_REASONS: Final[dict[Finish, str]] = {
    "stop": "COMPLETE",
    "stop_sequence": "STOP_SEQUENCE",
    "length": "MAX_TOKENS",
    "context_length": "MAX_TOKENS",
    "tool_calls": "TOOL_CALL",
    "refusal": "COMPLETE",
    "pause": "COMPLETE",
    "content_filter": "ERROR",
    "error": "ERROR",
}


def read_finish(reason: Any) -> Finish:
    """Our word; what isn't known, as ERROR and TIMEOUT, is an error."""
    return _FINISHES.get(str(reason), "error")


def written_finish(finish: Finish) -> str:
    """Cohere's word."""
    return _REASONS[finish]


def read_reply(body: bytes) -> Reply:
    """A vendor's whole reply; raises `MalformedReplyError`."""
    try:
        document = decode_reply(body)
        message = as_object(document.get("message"), "message")
        choice = Choice(
            parts=tuple(read_answer(message, "message")),
            finish=read_finish(as_text(document.get("finish_reason"), "finish_reason")),
            logprobs=read_logprobs(document.get("logprobs")),
        )
    except ShapeError as error:
        raise MalformedReplyError(str(error)) from None
    return Reply(
        id=str(document.get("id") or ""),
        model="",
        choices=(choice,),
        usage=usage.read(document.get("usage")),
    )


def write_reply(reply: Reply, asked: Asked) -> bytes:
    """A whole reply for a caller; Cohere knows one answer only."""
    choice = reply.choices[0] if reply.choices else Choice(parts=(), finish="error")
    message: Object = {"role": "assistant"}
    content: list[Object] = []
    calls: list[Object] = []
    for part in choice.parts:
        if isinstance(part, parts.Thinking):
            if part.id == PLAN:
                message[PLAN] = message.get(PLAN, "") + part.text
            elif part.text:
                content.append({"type": "thinking", "thinking": part.text})
        elif isinstance(part, (parts.Text, parts.RefusalText)):
            content.append({"type": "text", "text": part.text})
        elif isinstance(part, parts.ToolCall):
            calls.append(write_call(part))
    if content:
        message["content"] = content
    if calls:
        message["tool_calls"] = calls
    citations = write_citations(choice.parts)
    if citations:
        message["citations"] = citations
    body: Object = {
        "id": reply.id or asked.call_id,
        "finish_reason": written_finish(choice.finish),
        "message": message,
    }
    if reply.usage is not None:
        body["usage"] = usage.written(reply.usage)
    logprobs = written_logprobs(choice.logprobs)
    if logprobs:
        body["logprobs"] = logprobs
    return msgspec.json.encode(body)


# -- probabilities ---------------------------------------------------------------------------------


def read_logprobs(items: Any) -> list[Object] | None:
    """Tokens as OpenAI's chat writes them; a piece of several is one."""
    if not isinstance(items, list) or not items:
        return None
    made: list[Object] = []
    for item in items:
        token = item.get("text") if isinstance(item, dict) else None
        if not isinstance(token, str):
            return None
        chances = item.get("logprobs")
        listed = chances if isinstance(chances, list) else []
        numbers = [one for one in listed if isinstance(one, (int, float))]
        made.append(
            {
                "token": token,
                "logprob": sum(numbers),
                "bytes": list(token.encode()),
                "top_logprobs": [],
            }
        )
    return made


def written_logprobs(tokens: Any) -> list[Object]:
    """The same as Cohere states it, without the ids of the tokens."""
    found = tokens if isinstance(tokens, list) else []
    return [
        {"text": one["token"], "token_ids": [], "logprobs": [one.get("logprob")]}
        for one in found
        if isinstance(one, dict) and isinstance(one.get("token"), str)
    ]
