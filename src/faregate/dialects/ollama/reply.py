"""Reads and writes a whole reply of Ollama's chat or generate.

Ollama gives a reply no id; its time stands in for one where calls need ids. Probabilities of
tokens have the form of OpenAI's chat.

Sources: Ollama API, "Generate a chat message", "Generate a response", "Usage".
"""

import datetime as dt
import re
from typing import Any, Final

import msgspec

from faregate.dialects.neutral import parts
from faregate.dialects.neutral.reply import Choice, Finish, Reply
from faregate.dialects.ollama.messages_reader import MessagesReader, image_source
from faregate.dialects.ollama.request_writer import write_call
from faregate.dialects.shapes import Object, ShapeError, as_object, as_text, decode_reply
from faregate.dialects.translation import Asked, MalformedReplyError
from faregate.dialects.usage import Usage

_NO_DIGIT: Final = re.compile(r"[^0-9]")
_TOKENS_MAX: Final = 10**12  # a usage beyond it is nonsense, not a bill
_CUT: Final = ("length", "context_length")


def read_reply(body: bytes) -> Reply:
    """A vendor's reply, of either call; raises `MalformedReplyError`."""
    try:
        document = decode_reply(body)
        return _reply(document)
    except ShapeError as error:
        raise MalformedReplyError(str(error)) from None


def _reply(document: Object) -> Reply:
    if isinstance(document.get("error"), str) and "done" not in document:
        raise ShapeError("error", document["error"])
    reader = MessagesReader(call_stem(document.get("created_at")))
    found = reader.answer(as_message(document), "message")
    if isinstance(document.get("image"), str):
        found.append(parts.Image(image_source(document["image"])))
    calls_tools = any(isinstance(part, parts.ToolCall) for part in found)
    choice = Choice(
        parts=tuple(found),
        finish=read_finish(document.get("done_reason"), calls_tools=calls_tools),
        logprobs=read_logprobs(document.get("logprobs")),
    )
    return Reply(
        id="",
        model=str(document.get("model") or ""),
        choices=(choice,),
        usage=read_usage(document),
        created_s=seconds(document.get("created_at")),
    )


def read_logprobs(stated: Any) -> list[Object] | None:
    """The tokens and their probabilities; None where there are none."""
    if not isinstance(stated, list) or not stated:
        return None
    if not all(isinstance(one, dict) and isinstance(one.get("token"), str) for one in stated):
        return None
    return stated


def as_message(document: Object) -> Object:
    """The message of a chat; what generate says as one. Raises `ShapeError`."""
    if "message" in document:
        return as_object(document["message"], "message")
    if "response" not in document and "done" not in document:
        raise ShapeError("message", "it is missing")
    text = as_text(document.get("response") or "", "response")
    return {"content": text, "thinking": document.get("thinking")}


def call_stem(created_at: Any) -> str:
    """What begins the ids of a reply's calls; those of two hardly meet."""
    digits = _NO_DIGIT.sub("", created_at)[:20] if isinstance(created_at, str) else ""
    return f"call_{digits}_" if digits else "call_"


def read_finish(reason: Any, *, calls_tools: bool) -> Finish:
    """Our word; without a reason the model had no more to say."""
    if reason == "length":
        return "length"
    return "tool_calls" if calls_tools else "stop"


def written_finish(finish: Finish) -> str:
    """Ollama's word."""
    return "length" if finish in _CUT else "stop"


def read_usage(document: Object) -> Usage | None:
    """The counts of a reply or of a stream's last line."""
    prompt = _count(document, "prompt_eval_count")
    said = _count(document, "eval_count")
    return None if prompt is None and said is None else Usage(prompt, said)


def written_usage(usage: Usage | None) -> Object:
    """The same as Ollama states it."""
    made: Object = {}
    if usage is not None and usage.input_tokens is not None:
        made["prompt_eval_count"] = usage.input_tokens
    if usage is not None and usage.output_tokens is not None:
        made["eval_count"] = usage.output_tokens
    return made


def _count(document: Object, name: str) -> int | None:
    value = document.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _TOKENS_MAX:
        return None
    return value


def seconds(time: Any) -> int | None:
    """Seconds since 1970 of Ollama's text, which may have nanoseconds."""
    if not isinstance(time, str):
        return None
    text = re.sub(r"(\.\d{6})\d+", r"\1", time)
    try:
        return int(dt.datetime.fromisoformat(text).timestamp())
    except (ValueError, OverflowError):
        return None


# -- towards callers -------------------------------------------------------------------------------


def shown_time(created_s: int | None, asked: Asked) -> str:
    """When the reply was made, RFC 3339 in UTC."""
    moment = dt.datetime.fromtimestamp(asked.now_s if created_s is None else created_s, dt.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def write_chat(reply: Reply, asked: Asked) -> bytes:
    """A whole reply to a chat; Ollama knows one answer only."""
    choice = _first(reply)
    message: Object = {"role": "assistant", **_said(choice)}
    calls = [part for part in choice.parts if isinstance(part, parts.ToolCall)]
    if calls:
        message["tool_calls"] = [write_call(call, at, {}) for at, call in enumerate(calls)]
    return _written({"message": message}, reply, choice, asked)


def write_generate(reply: Reply, asked: Asked) -> bytes:
    """A whole reply to a prompt."""
    choice = _first(reply)
    told = _said(choice)
    told["response"] = told.pop("content")
    images = told.pop("images", None)
    if images:
        told["image"] = images[0]
    return _written(told, reply, choice, asked)


def _first(reply: Reply) -> Choice:
    return reply.choices[0] if reply.choices else Choice(parts=(), finish="error")


def _said(choice: Choice) -> Object:
    told = [one for one in choice.parts if isinstance(one, (parts.Text, parts.RefusalText))]
    thought = [one.text for one in choice.parts if isinstance(one, parts.Thinking)]
    images = [
        one.source.data
        for one in choice.parts
        if isinstance(one, parts.Image) and one.source.data is not None
    ]
    made: Object = {"content": "".join([one.text for one in told])}
    if any(thought):
        made["thinking"] = "".join(thought)
    if images:
        made["images"] = images
    return made


def _written(told: Object, reply: Reply, choice: Choice, asked: Asked) -> bytes:
    body: Object = {
        "model": reply.model or asked.request.model,
        "created_at": shown_time(reply.created_s, asked),
        **told,
        "done": True,
        "done_reason": written_finish(choice.finish),
        **written_usage(reply.usage),
    }
    if choice.logprobs:
        body["logprobs"] = choice.logprobs
    return msgspec.json.encode(body)
