"""Reads and writes a whole reply in Gemini's dialect.

A prompt that was blocked has no candidates: it is one answer without parts, ended by the filter.

Source: Gemini API, "Generating content" (GenerateContentResponse, Candidate, PromptFeedback).
"""

import datetime as dt
import re
from typing import Any

import msgspec

from faregate.dialects.gemini import finish_reasons, grounding, token_logprobs, usage_metadata
from faregate.dialects.gemini.content_reader import ContentReader
from faregate.dialects.gemini.content_writer import ContentWriter
from faregate.dialects.neutral import parts
from faregate.dialects.neutral.reply import Choice, Reply
from faregate.dialects.shapes import (
    Object,
    ShapeError,
    as_object,
    decode_reply,
    optional_list,
    optional_object,
)
from faregate.dialects.translation import Asked, MalformedReplyError

_UNSAFE_IN_ID = re.compile(r"[^A-Za-z0-9_-]")
_STEM_CHARACTERS_MAX = 24  # OpenAI takes ids of at most 40


def read_reply(body: bytes) -> Reply:
    """A vendor's whole reply; raises `MalformedReplyError`."""
    try:
        return _reply(decode_reply(body))
    except ShapeError as error:
        raise MalformedReplyError(str(error)) from None


def call_stem(reply_id: str) -> str:
    """What begins the ids of a reply's calls; those of two never meet."""
    return f"call_{_UNSAFE_IN_ID.sub('', reply_id)[:_STEM_CHARACTERS_MAX]}_"


def _reply(document: Object) -> Reply:
    reply_id = str(document.get("responseId") or "")
    model = str(document.get("modelVersion") or "")
    candidates = optional_list(document.get("candidates"), "candidates")
    reader = ContentReader(call_stem(reply_id))
    choices = [
        _choice(as_object(candidate, f"candidates[{at}]"), reader, f"candidates[{at}]")
        for at, candidate in enumerate(candidates)
    ]
    if not choices:
        if "promptFeedback" not in document and "usageMetadata" not in document:
            raise ShapeError("candidates", "it is missing")
        choices = [Choice(parts=(), finish="content_filter")]
    searches = usage_metadata.searches(candidates, model)
    return Reply(
        id=reply_id,
        model=model,
        choices=tuple(choices),
        usage=usage_metadata.read(document.get("usageMetadata"), searches),
        created_s=seconds(document.get("createTime")),
    )


def _choice(candidate: Object, reader: ContentReader, place: str) -> Choice:
    content = optional_object(candidate.get("content"), f"{place}.content")
    found: list[parts.Part] = []
    numbers: list[int] = []  # of Gemini's part, for each of ours
    for at, part in enumerate(optional_list(content.get("parts"), f"{place}.content.parts")):
        if is_empty(part):
            continue
        read = reader.read(part, f"{place}.content.parts[{at}]")
        found += read
        numbers += [at] * len(read)
    _join(found, numbers)
    places = {
        number: at
        for at, (number, part) in enumerate(zip(numbers, found, strict=True))
        if isinstance(part, parts.Text)
    }
    texts = {number: _text(found[at]) for number, at in places.items()}
    cited: dict[int, list[parts.Citation]] = {}
    for number, citation in grounding.read(candidate, texts):
        cited.setdefault(places[number], []).append(citation)
    for at, citations in cited.items():
        found[at] = parts.Text(_text(found[at]), citations=tuple(citations))
    calls_tools = any(isinstance(part, parts.ToolCall) for part in found)
    reason = str(candidate.get("finishReason") or "STOP")
    return Choice(
        parts=tuple(found),
        finish=finish_reasons.read(reason, calls_tools=calls_tools),
        logprobs=token_logprobs.read(candidate.get("logprobsResult")),
    )


def is_empty(part: Any) -> bool:
    """Whether a part says nothing: Gemini ends answers with an empty text."""
    return isinstance(part, dict) and (not part or part == {"text": ""})


def _text(part: parts.Part) -> str:
    return part.text if isinstance(part, parts.Text) else ""


def _join(found: list[parts.Part], numbers: list[int]) -> None:
    """Make one of neighbouring thoughts or texts, as a stream's pieces are read."""
    at = 1
    while at < len(found):
        before, part = found[at - 1], found[at]
        if isinstance(before, parts.Text) and isinstance(part, parts.Text):
            found[at - 1] = parts.Text(before.text + part.text)
        elif (
            isinstance(before, parts.Thinking)
            and isinstance(part, parts.Thinking)
            and before.signature is None
            and before.redacted is None
            and before.text
            and part.text
        ):
            found[at - 1] = msgspec.structs.replace(part, text=before.text + part.text)
        else:
            at += 1
            continue
        del found[at], numbers[at]


def seconds(time: Any) -> int | None:
    """Seconds since 1970 of Google's text."""
    try:
        return int(dt.datetime.fromisoformat(time).timestamp()) if isinstance(time, str) else None
    except (ValueError, OverflowError):
        return None


# -- towards callers -------------------------------------------------------------------------------


def write_reply(reply: Reply, asked: Asked) -> bytes:
    """A whole reply for a caller."""
    writer = ContentWriter(to_vendor=False)
    shows = shows_thoughts(asked)
    body: Object = {
        "candidates": [
            _candidate(choice, number, writer, shows=shows)
            for number, choice in enumerate(reply.choices)
        ]
    }
    if reply.usage is not None:
        body["usageMetadata"] = usage_metadata.written(reply.usage)
    body["modelVersion"] = reply.model or asked.request.model
    body["responseId"] = reply.id or asked.call_id
    return msgspec.json.encode(body)


def shows_thoughts(asked: Asked) -> bool:
    """Whether the caller wants to see thoughts, not only their proofs."""
    wanted = asked.request.reasoning
    return wanted is not None and wanted.shows is True


def shown(part: parts.Part, *, shows: bool) -> parts.Part:
    """The part as the caller shall see it."""
    if isinstance(part, parts.Thinking) and not shows and part.text:
        return msgspec.structs.replace(part, text="")
    return part


def _candidate(choice: Choice, number: int, writer: ContentWriter, *, shows: bool) -> Object:
    told = tuple(shown(part, shows=shows) for part in choice.parts)
    written = writer.write(told)
    made: Object = {
        "content": {"parts": written, "role": "model"},
        "finishReason": finish_reasons.written(choice.finish),
        "index": number,
    }
    if not choice.parts and choice.finish == "content_filter":
        del made["content"]
    texts = [at for at, part in enumerate(written) if "text" in part and "thought" not in part]
    said = [part for part in choice.parts if isinstance(part, (parts.Text, parts.RefusalText))]
    cited = [
        (at, part.text, citation)
        for at, part in zip(texts, said, strict=False)
        if isinstance(part, parts.Text)
        for citation in part.citations
    ]
    metadata = grounding.written(cited)
    if metadata is not None:
        made["groundingMetadata"] = metadata
    logprobs = token_logprobs.written(choice.logprobs)
    if logprobs is not None:
        made["logprobsResult"] = logprobs
    return made
