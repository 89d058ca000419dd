"""Whole chat replies, read from vendors and written for callers.

Sources: OpenAI API reference, "The chat completion object"; OpenRouter, "Image generation"
(`images`); vLLM, "OpenAI-compatible server" (`stop_reason`).
"""

from typing import Any, Final

import msgspec

from faregate.dialects.neutral.parts import (
    Audio,
    Citation,
    Image,
    Part,
    RefusalText,
    Text,
    Thinking,
    ToolCall,
)
from faregate.dialects.neutral.reply import Choice, Reply
from faregate.dialects.openai.citations import read_citations, read_sources, write_citations
from faregate.dialects.openai.finishes import finish_of, write_finish
from faregate.dialects.openai.media import write_url
from faregate.dialects.openai.messages_reader import read_answer
from faregate.dialects.openai.messages_writer import write_call_proof
from faregate.dialects.openai.shape import MisreadError
from faregate.dialects.openai.thoughts import write_message_thoughts
from faregate.dialects.openai.usage import read_usage, write_usage
from faregate.dialects.translation import Asked, MalformedReplyError

_NULL: Final = msgspec.Raw(b"null")


class _Choice(msgspec.Struct):
    index: int | None = None
    message: dict[str, Any] | None = None
    finish_reason: str | None = None
    stop_reason: Any = None
    logprobs: Any = None
    usage: msgspec.Raw = _NULL


class _Reply(msgspec.Struct):
    choices: list[_Choice]
    id: str | None = None
    model: str | None = None
    created: float | None = None
    usage: msgspec.Raw = _NULL
    service_tier: str | None = None
    system_fingerprint: str | None = None
    search_results: Any = None
    citations: Any = None


_decode: Final = msgspec.json.Decoder(_Reply).decode
_encode: Final = msgspec.json.Encoder().encode


def read_reply(body: bytes, dialect: str = "openai_chat") -> Reply:
    """A vendor's reply; raises `MalformedReplyError`."""
    try:
        stated = _decode(body)
        sources = read_sources(stated.search_results, stated.citations)
        choices = tuple(
            _read_choice(at, one, sources, dialect) for at, one in enumerate(stated.choices)
        )
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedReplyError(str(error)) from error
    except MisreadError as misread:
        raise MalformedReplyError(f"{misread.place}: {misread.problem}") from misread
    usage = stated.usage
    for choice in stated.choices:
        if usage == _NULL:  # Moonshot states it within a choice
            usage = choice.usage
    return Reply(
        id=stated.id or "",
        model=stated.model or "",
        choices=choices,
        usage=None if usage == _NULL else read_usage(bytes(usage), stated.service_tier),
        created_s=int(stated.created) if stated.created else None,
        service_tier=stated.service_tier,
        fingerprint=stated.system_fingerprint,
    )


def _read_choice(at: int, stated: _Choice, sources: tuple[Citation, ...], dialect: str) -> Choice:
    message = stated.message or {}
    parts = read_answer(message, f"choices[{at}].message", dialect)
    citations = read_citations(message.get("annotations"), dialect) or sources
    if citations:
        parts = _cited(parts, citations)
    finish = finish_of(stated.finish_reason, parts)
    stop = stated.stop_reason if isinstance(stated.stop_reason, str) else None
    if stop is not None and finish == "stop":
        finish = "stop_sequence"
    return Choice(
        parts=parts,
        finish=finish,
        stop_sequence=stop if finish == "stop_sequence" else None,
        logprobs=read_logprobs(stated.logprobs),
    )


def _cited(parts: tuple[Part, ...], citations: tuple[Any, ...]) -> tuple[Part, ...]:
    """The parts, with the citations on the first text."""
    for at, part in enumerate(parts):
        if isinstance(part, Text):
            cited = msgspec.structs.replace(part, citations=citations)
            return (*parts[:at], cited, *parts[at + 1 :])
    return (*parts, Text("", citations=citations))


def read_logprobs(stated: Any) -> Any:
    """The tokens of an answer's text with their probabilities."""
    tokens = stated.get("content") if isinstance(stated, dict) else None
    return tokens if isinstance(tokens, list) and tokens else None


# -- for a caller ----------------------------------------------------------------------------------


def write_reply(reply: Reply, asked: Asked, dialect: str = "openai_chat") -> bytes:
    """A whole reply; thoughts and what proves them stand beside the content."""
    written: dict[str, Any] = {
        "id": reply.id or asked.call_id,
        "object": "chat.completion",
        "created": asked.now_s if reply.created_s is None else reply.created_s,
        "model": reply.model,
        "choices": [_write_choice(at, one, dialect) for at, one in enumerate(reply.choices)],
    }
    if reply.usage is not None:
        written["usage"] = write_usage(reply.usage)
    if reply.service_tier is not None:
        written["service_tier"] = reply.service_tier
    if reply.fingerprint is not None:
        written["system_fingerprint"] = reply.fingerprint
    return _encode(written)


def _write_choice(at: int, choice: Choice, dialect: str) -> dict[str, Any]:
    message = write_message(choice.parts, dialect)
    refuses = message["refusal"] is not None
    written: dict[str, Any] = {
        "index": at,
        "message": message,
        "logprobs": None if choice.logprobs is None else {"content": choice.logprobs},
        "finish_reason": write_finish(choice.finish, refuses=refuses),
    }
    if choice.stop_sequence is not None:
        written["stop_reason"] = choice.stop_sequence
    return written


def write_message(parts: tuple[Part, ...], dialect: str) -> dict[str, Any]:
    """An answer's parts as one message, whose texts are one string."""
    content: str | None = None
    refusal: str | None = None
    annotations: list[dict[str, Any]] = []
    thoughts: list[Thinking] = []
    calls: list[dict[str, Any]] = []
    images: list[dict[str, Any]] = []
    message: dict[str, Any] = {"role": "assistant", "content": None, "refusal": None}
    for part in parts:
        if isinstance(part, Text):
            content = content or ""
            annotations += write_citations(part.citations, dialect, len(content))
            content += part.text
        elif isinstance(part, ToolCall):
            calls.append(write_call(part, dialect))
        elif isinstance(part, Thinking):
            thoughts.append(part)
        elif isinstance(part, RefusalText):
            refusal = (refusal or "") + part.text
        elif isinstance(part, Image):
            images.append(write_image(part))
        elif isinstance(part, Audio):
            message["audio"] = write_audio(part)
    message["content"], message["refusal"] = content, refusal
    if thoughts:
        message |= write_message_thoughts(thoughts, dialect)
    if calls:
        message["tool_calls"] = calls
    if annotations:
        message["annotations"] = annotations
    if images:
        message["images"] = images
    return message


def write_call(part: ToolCall, dialect: str) -> dict[str, Any]:
    """A call of a tool."""
    made: dict[str, Any] = {"id": part.id}
    if part.custom:
        made |= {"type": "custom", "custom": {"name": part.name, "input": part.arguments}}
    else:
        stated = {"name": part.name, "arguments": part.arguments}
        made |= {"type": "function", "function": stated}
    return made | write_call_proof(part, dialect)


def write_image(part: Image) -> dict[str, Any]:
    """An image in an answer."""
    url = write_url(part.source, "image/png") or ""
    return {"type": "image_url", "image_url": {"url": url}}


def write_audio(part: Audio) -> dict[str, Any]:
    """A spoken answer."""
    return {
        "id": part.id or "",
        "data": part.source.data or "",
        "expires_at": 0,
        "transcript": part.transcript or "",
    }
