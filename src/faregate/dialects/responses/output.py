"""Writes a reply's parts as items, and the response around them.

Neighbouring texts are one text, for many clients take the last text of the last message to be the
answer.

Source: OpenAI API reference, "The response object".
"""

from typing import Any, Final

from faregate.dialects.neutral.call_proofs import CALL
from faregate.dialects.neutral.parts import (
    Citation,
    Image,
    Part,
    RefusalText,
    ServerPart,
    Text,
    Thinking,
    ToolCall,
    shown_signature,
)
from faregate.dialects.neutral.reply import Finish
from faregate.dialects.neutral.request import Request, ServerTool
from faregate.dialects.openai.citations import write_flat_citation
from faregate.dialects.openai.tools import write_choice, write_format, write_tool
from faregate.dialects.responses.items_reader import DIALECT, REDACTED
from faregate.dialects.responses.items_writer import write_reasoning
from faregate.dialects.responses.usage import write_usage
from faregate.dialects.translation import Asked
from faregate.dialects.usage import Usage

_INCOMPLETE: Final[dict[Finish, str]] = {
    "length": "max_output_tokens",
    "context_length": "max_output_tokens",
    "content_filter": "content_filter",
}


def proof_of(signature: str | None, redacted: str | None, origin: str) -> str | None:
    """What proves thoughts, as `encrypted_content` for a caller."""
    proof = signature or redacted
    if proof is None or origin in ("", DIALECT):
        return proof
    return shown_signature(proof if signature else REDACTED + proof, origin, DIALECT)


def call_proof(signature: str | None, origin: str, item_id: str) -> dict[str, Any] | None:
    """What proves the thought behind a call, as an item before it."""
    if signature is None or origin in ("", DIALECT):
        return None
    shown = shown_signature(CALL + signature, origin, DIALECT)
    return write_reasoning(Thinking(), shown, item_id)


def write_text(text: str, citations: tuple[Citation, ...] | list[Any], logprobs: Any) -> Any:
    """A text's content part; citations of a stream are written already."""
    annotations = [
        write_flat_citation(one, DIALECT) if isinstance(one, Citation) else one for one in citations
    ]
    made = {"type": "output_text", "text": text, "annotations": annotations}
    return made | {"logprobs": logprobs or []}


def write_message(item_id: str, content: list[Any], status: str = "completed") -> dict[str, Any]:
    """A message's item."""
    return {
        "type": "message",
        "id": item_id,
        "status": status,
        "role": "assistant",
        "content": content,
    }


def write_call(
    item_id: str, call: ToolCall, arguments: str, status: str = "completed"
) -> dict[str, Any]:
    """A call's item."""
    made = {"id": item_id, "call_id": call.id, "name": call.name, "status": status}
    if call.custom:
        return {"type": "custom_tool_call", "input": arguments} | made
    return {"type": "function_call", "arguments": arguments} | made


def write_image(item_id: str, image: Image) -> dict[str, Any]:
    """An image's item."""
    made = {"type": "image_generation_call", "id": item_id, "status": "completed"}
    media_type = image.source.media_type or "image/png"
    form = media_type.rpartition("/")[2]
    return made | {"result": image.source.data or image.source.url, "output_format": form}


def write_output(parts: tuple[Part, ...], reply_id: str, logprobs: Any) -> list[dict[str, Any]]:
    """The items of one answer."""
    written: list[dict[str, Any]] = []
    text: dict[str, Any] | None = None
    for part in parts:
        number = len(written)
        if isinstance(part, Text):
            if text is None:
                text = write_text("", (), logprobs)
                written.append(write_message(f"msg_{reply_id}_{number}", [text]))
            shift = len(text["text"])
            text["text"] += part.text
            text["annotations"] += [
                write_flat_citation(one, DIALECT, shift) for one in part.citations
            ]
            continue
        if isinstance(part, ToolCall):
            proof = call_proof(part.signature, part.origin, f"rs_{reply_id}_{number}")
            if proof is not None:
                written.append(proof)
                number += 1
        item = _write_item(part, reply_id, number)
        if item is not None:
            text = None
            written.append(item)
    return written


def _write_item(part: Part, reply_id: str, number: int) -> dict[str, Any] | None:
    if isinstance(part, RefusalText):
        content = [{"type": "refusal", "refusal": part.text}]
        return write_message(f"msg_{reply_id}_{number}", content)
    if isinstance(part, Thinking):
        proof = proof_of(part.signature, part.redacted, part.origin)
        return write_reasoning(part, proof, part.id or f"rs_{reply_id}_{number}")
    if isinstance(part, ToolCall):
        return write_call(f"fc_{reply_id}_{number}", part, part.arguments)
    if isinstance(part, Image):
        return write_image(f"ig_{reply_id}_{number}", part)
    if isinstance(part, ServerPart) and part.origin == DIALECT:
        raw: dict[str, Any] = part.raw
        return raw
    return None


def status_of(finish: Finish) -> tuple[str, str | None]:
    """A response's status and, if it is incomplete, the reason."""
    if finish == "error":
        return "failed", None
    reason = _INCOMPLETE.get(finish)
    return ("completed", None) if reason is None else ("incomplete", reason)


def write_error(message: str) -> dict[str, Any]:
    """Why a response failed."""
    return {"code": "server_error", "message": message}


def echo(request: Request) -> dict[str, Any]:
    """What a response repeats of its request: SDKs want most of it."""
    tools = [
        tool.raw if isinstance(tool, ServerTool) else write_tool(tool, nested=False)
        for tool in request.tools
    ]
    said: dict[str, Any] = {"format": {"type": "text"}}
    if request.answer_format is not None:
        said["format"] = write_format(request.answer_format, nested=False)
    if request.verbosity is not None:
        said["verbosity"] = request.verbosity
    choice: Any = request.others.get("tool_choice", "auto")
    if request.tool_choice is not None:
        choice = write_choice(request.tool_choice, request.tools, nested=False)
    reasoning = request.reasoning
    parallel = request.parallel_tool_calls
    return {
        "background": False,
        "instructions": None,
        "max_output_tokens": request.output_tokens_max,
        "metadata": request.metadata or {},
        "parallel_tool_calls": True if parallel is None else parallel,
        "previous_response_id": request.previous_id,
        "prompt_cache_key": request.prompt_cache_key,
        "reasoning": {
            "effort": reasoning.effort if reasoning else None,
            "summary": reasoning.summary if reasoning else None,
        },
        "store": False,
        "temperature": request.temperature,
        "text": said,
        "tool_choice": choice,
        "tools": tools,
        "top_logprobs": request.top_logprobs or 0,
        "top_p": request.top_p,
        "truncation": request.others.get("truncation", "disabled"),
        "user": request.user,
    }


def response(
    asked: Asked,
    reply_id: str,
    model: str,
    *,
    created_s: int | None,
    tier: str | None,
    status: str,
    output: list[Any],
    usage: Usage | None = None,
    reason: str | None = None,
    error: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """The whole object."""
    return {
        "id": reply_id,
        "object": "response",
        "created_at": asked.now_s if created_s is None else created_s,
        "status": status,
        "error": error,
        "incomplete_details": None if reason is None else {"reason": reason},
        "model": model,
        "output": output,
        "service_tier": tier,
        "usage": None if usage is None else write_usage(usage),
    } | echo(asked.request)
