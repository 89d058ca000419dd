"""What a request may use and a dialect may carry, by name.

A dialect's `CARRIES` is a set of these. The reference's table is made of them, and the property
tests of each dialect prove them.
"""

from typing import Final

from faregate.dialects.neutral import parts
from faregate.dialects.neutral.request import Request, ServerTool, Tool

# Names of fields of `Request` whose use is a feature of the same name.
FIELDS: Final = (
    "tool_choice", "parallel_tool_calls", "output_tokens_max", "verbosity", "modalities",
    "speech", "n", "stop", "reasoning", "temperature", "top_p", "top_k", "seed",
    "presence_penalty", "frequency_penalty", "logit_bias", "logprobs", "top_logprobs", "user",
    "service_tier", "metadata", "store", "prompt_cache_key", "previous_id",
)  # fmt: skip
_MEDIA: Final = {
    parts.Image: "image",
    parts.Audio: "audio",
    parts.Video: "video",
    parts.Document: "document",
}
OTHERS: Final = {
    "system": "a system prompt",
    "tools": "functions that the model may call",
    "tools.strict": "functions with a strict schema",
    "tools.custom": "functions of free text",
    "tools.server": "tools that the vendor runs",
    "tool_result.image": "images in results of tools",
    "tool_result.error": "results of tools that failed",
    "image.url": "images by URL",
    "image.data": "images in the request",
    "document.url": "documents by URL",
    "document.data": "documents in the request",
    "document.text": "documents of plain text",
    "audio.data": "sound in the request",
    "video.url": "films by URL",
    "video.data": "films in the request",
    "thinking": "earlier thoughts with their signatures",
    "cache": "marks of what the vendor shall keep in its cache",
    "citations": "sources of what was said",
    "answer_format.json": "answers that are JSON",
    "answer_format.schema": "answers of a schema",
}
FEATURES: Final = (*FIELDS, *OTHERS)


def used(request: Request) -> frozenset[str]:
    """The features that a request uses."""
    found = {name for name in FIELDS if getattr(request, name) is not None}
    if request.answer_format is not None and request.answer_format.kind != "text":
        found.add(f"answer_format.{request.answer_format.kind}")
    for tool in request.tools:
        found.add("tools.server" if isinstance(tool, ServerTool) else "tools")
        if isinstance(tool, Tool):
            found.update(_of_tool(tool))
    for message in request.messages:
        if message.role in ("system", "developer"):
            found.add("system")
        for part in message.parts:
            found.update(_of_part(part))
    return frozenset(found)


def _of_tool(tool: Tool) -> set[str]:
    found = set()
    if tool.strict:
        found.add("tools.strict")
    if tool.custom:
        found.add("tools.custom")
    if tool.cache is not None:
        found.add("cache")
    return found


def _of_part(part: parts.Part) -> set[str]:
    found = set()
    if getattr(part, "cache", None) is not None:
        found.add("cache")
    if isinstance(part, parts.ToolResult):
        if part.is_error:
            found.add("tool_result.error")
        if any(isinstance(inner, parts.Image) for inner in part.parts):
            found.add("tool_result.image")
    elif isinstance(part, parts.Thinking):
        found.add("thinking")
    elif isinstance(part, parts.Text):
        if part.citations:
            found.add("citations")
    else:
        medium = _MEDIA.get(type(part))
        if medium is not None:
            found.add(f"{medium}.{_source(part)}")
    return found


def _source(part: parts.Part) -> str:
    source = getattr(part, "source", None)
    if source is None:
        return "text"
    return "url" if source.url is not None else "data"
