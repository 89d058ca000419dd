"""Reads and writes whole replies of Converse.

Source: Amazon Bedrock API reference, "Converse" (response syntax), "TokenUsage".
"""

from typing import Any, Final

import msgspec

from faregate.dialects.anthropic.reply import shown_media
from faregate.dialects.bedrock.block_reader import NAME, read_blocks
from faregate.dialects.bedrock.block_writer import Block, shown_thought, write_call
from faregate.dialects.neutral import parts
from faregate.dialects.neutral.reply import Choice, Finish, Reply
from faregate.dialects.shapes import Object, ShapeError, as_object, decode_reply
from faregate.dialects.translation import Asked, MalformedReplyError
from faregate.dialects.usage import Usage

FINISHES: Final[dict[str, Finish]] = {
    "end_turn": "stop",
    "max_tokens": "length",
    "stop_sequence": "stop_sequence",
    "tool_use": "tool_calls",
    "content_filtered": "content_filter",
    "guardrail_intervened": "content_filter",
    "model_context_window_exceeded": "context_length",
    "malformed_model_output": "error",
    "malformed_tool_use": "error",
    "refusal": "refusal",
    "pause_turn": "pause",
}
STOP_REASONS: Final[dict[Finish, str]] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "stop_sequence": "stop_sequence",
    "tool_calls": "tool_use",
    "content_filter": "content_filtered",
    "refusal": "content_filtered",
    "context_length": "model_context_window_exceeded",
    "error": "malformed_model_output",
    "pause": "end_turn",
}
_TOKENS_MAX: Final = 10**12  # a usage beyond it is nonsense, not a bill
_encode: Final = msgspec.json.Encoder().encode


def read_reply(body: bytes) -> Reply:
    """A vendor's whole reply; raises `MalformedReplyError`."""
    try:
        found = decode_reply(body)
        output = as_object(found.get("output"), "output")
        message = as_object(output.get("message") or {}, "output.message")
        read = read_blocks(message.get("content") or [], "output.message.content")
    except ShapeError as error:
        raise MalformedReplyError(str(error)) from None
    finish = finish_of(found.get("stopReason"))
    own = found.get("additionalModelResponseFields")
    return Reply(
        id="",
        model="",
        choices=(Choice(parts=read, finish=finish, stop_sequence=stop_sequence(own)),),
        usage=read_usage(found),
    )


def finish_of(reason: object) -> Finish:
    """Why the turn ended; a reason that isn't known is a usual end."""
    return FINISHES.get(reason, "stop") if isinstance(reason, str) else "stop"


def stop_sequence(own: object) -> str | None:
    """Which stop sequence it was, where the model's own fields say so."""
    found = own.get("stop_sequence") if isinstance(own, dict) else None
    return found if isinstance(found, str) else None


def read_usage(found: Object) -> Usage | None:
    """The usage beside a reply or in a stream's metadata.

    Its input includes what was cached; whether the vendor's does as well is told by its total.
    """
    stated = found.get("usage")
    if not isinstance(stated, dict):
        return None
    inputs, outputs = _tokens(stated, "inputTokens"), _tokens(stated, "outputTokens")
    read, kept = _tokens(stated, "cacheReadInputTokens"), _tokens(stated, "cacheWriteInputTokens")
    cached = (read or 0) + (kept or 0)
    total = _tokens(stated, "totalTokens")
    if inputs is not None and cached and total != inputs + (outputs or 0):
        inputs += cached
    tier = found.get("serviceTier")
    tier = tier.get("type") if isinstance(tier, dict) else None
    return Usage(
        input_tokens=inputs,
        output_tokens=outputs,
        cached_input_tokens=read,
        cache_write_tokens=kept,
        cache_write_1h_tokens=_kept_for_an_hour(stated.get("cacheDetails")),
        service_tier=tier if isinstance(tier, str) else None,
    )


def _tokens(stated: dict[str, Any], name: str) -> int | None:
    count = stated.get(name)
    if not isinstance(count, int) or isinstance(count, bool):
        return None
    return count if 0 <= count <= _TOKENS_MAX else None


def _kept_for_an_hour(details: object) -> int | None:
    if not isinstance(details, list) or not details:
        return None
    hours = [one for one in details if isinstance(one, dict) and one.get("ttl") == "1h"]
    return sum(_tokens(one, "inputTokens") or 0 for one in hours)


# -- towards a caller ------------------------------------------------------------------------------


def write_reply(reply: Reply, asked: Asked) -> bytes:
    """A whole reply for a caller; Converse knows one answer."""
    choice = reply.choices[0] if reply.choices else Choice(parts=(), finish="error")
    content = [made for part in choice.parts if (made := write_part(part)) is not None]
    body: Block = {
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": STOP_REASONS[choice.finish],
        **write_usage(reply.usage),
    }
    if choice.stop_sequence is not None:
        body["additionalModelResponseFields"] = {"stop_sequence": choice.stop_sequence}
    return _encode(body)


def write_usage(usage: Usage | None) -> Block:
    """The members `usage` and `metrics`, which SDKs rely on, and the tier."""
    found = usage or Usage(0, 0)
    read, kept = found.cached_input_tokens, found.cache_write_tokens
    inputs, outputs = found.input_tokens or 0, found.output_tokens or 0
    stated: Block = {
        "inputTokens": max(inputs - (read or 0) - (kept or 0), 0),
        "outputTokens": outputs,
        "totalTokens": inputs + outputs,
    }
    if read is not None:
        stated["cacheReadInputTokens"] = read
    if kept is not None:
        stated["cacheWriteInputTokens"] = kept
    if found.cache_write_1h_tokens is not None:
        hour = found.cache_write_1h_tokens
        stated["cacheDetails"] = [
            {"ttl": "5m", "inputTokens": max((kept or 0) - hour, 0)},
            {"ttl": "1h", "inputTokens": hour},
        ]
    written: Block = {"usage": stated, "metrics": {"latencyMs": 0}}
    if found.service_tier is not None:
        written["serviceTier"] = {"type": found.service_tier}
    return written


def write_part(part: parts.Part) -> Block | None:
    """A block of an answer; None for what only another vendor's callers know."""
    if isinstance(part, parts.Text):
        if not part.citations:
            return {"text": part.text}
        cited = [write_citation(one) for one in part.citations]
        return {"citationsContent": {"content": [{"text": part.text}], "citations": cited}}
    if isinstance(part, parts.ToolCall):
        return write_call(part)
    if isinstance(part, parts.Thinking):
        return shown_thought(part)
    if isinstance(part, parts.ServerPart):
        return part.raw if part.origin == NAME and isinstance(part.raw, dict) else None
    text = shown_media(part)
    return None if text is None else {"text": text}


def write_citation(cited: parts.Citation) -> Block:
    """A source as Bedrock's own, or as the nearest of its kinds."""
    if cited.origin == NAME and isinstance(cited.raw, dict):
        return cited.raw
    written: Block = {}
    if cited.title is not None:
        written["title"] = cited.title
    if cited.cited_text is not None:
        written["sourceContent"] = [{"text": cited.cited_text}]
    if cited.url is not None:
        written["location"] = {"web": {"url": cited.url}}
    elif cited.document is not None:
        place = {"documentIndex": cited.document, "start": 0, "end": 0}
        written["location"] = {"documentChar": place}
    return written
