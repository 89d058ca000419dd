"""Whole responses, read from vendors and written for callers.

Source: OpenAI API reference, "The response object".
"""

from typing import Any, Final

import msgspec

from faregate.dialects.neutral.call_proofs import with_proofs
from faregate.dialects.neutral.parts import Part, RefusalText, Text, ToolCall
from faregate.dialects.neutral.reply import Choice, Finish, Reply
from faregate.dialects.openai.shape import MisreadError
from faregate.dialects.responses.items_reader import DIALECT, read_output_item
from faregate.dialects.responses.output import response, status_of, write_error, write_output
from faregate.dialects.responses.usage import StatedUsage, ToolUsage, read_usage
from faregate.dialects.translation import Asked, MalformedReplyError
from faregate.dialects.usage import Usage

_REASONS: Final[dict[str, Finish]] = {
    "max_output_tokens": "length",
    "content_filter": "content_filter",
}


class Incomplete(msgspec.Struct):
    """Why a response is incomplete."""

    reason: str | None = None


class Response(msgspec.Struct):
    """A response, whole or at one of its stages."""

    id: str | None = None
    model: str | None = None
    created_at: float | None = None
    status: str | None = None
    output: list[dict[str, Any]] | None = None
    incomplete_details: Incomplete | None = None
    error: Any = None
    usage: StatedUsage | None = None
    tool_usage: ToolUsage | None = None
    service_tier: str | None = None


_decode: Final = msgspec.json.Decoder(Response).decode
_encode: Final = msgspec.json.Encoder().encode


def read_reply(body: bytes) -> Reply:
    """A vendor's response; raises `MalformedReplyError`."""
    try:
        stated = _decode(body)
        if stated.output is None:
            raise MalformedReplyError("The response has no output.")
        parts: list[Part] = []
        for at, item in enumerate(stated.output):
            parts += read_output_item(item, f"output[{at}]")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedReplyError(str(error)) from error
    except MisreadError as misread:
        raise MalformedReplyError(f"{misread.place}: {misread.problem}") from misread
    kinds = {type(part) for part in parts}
    finish = finish_of(stated, calls=ToolCall in kinds, refuses=RefusalText in kinds)
    choice = Choice(
        parts=with_proofs(tuple(parts), DIALECT), finish=finish, logprobs=_logprobs(stated.output)
    )
    return Reply(
        id=stated.id or "",
        model=stated.model or "",
        choices=(choice,),
        usage=usage_of(stated),
        created_s=int(stated.created_at) if stated.created_at else None,
        service_tier=stated.service_tier,
    )


def usage_of(stated: Response) -> Usage | None:
    """The usage that a response states."""
    if stated.usage is None:
        return None
    return read_usage(stated.usage, stated.tool_usage, stated.service_tier)


def finish_of(stated: Response, *, calls: bool, refuses: bool) -> Finish:
    """Why it ended."""
    if stated.status in ("failed", "cancelled"):
        return "error"
    if stated.incomplete_details is not None and stated.incomplete_details.reason is not None:
        return _REASONS.get(stated.incomplete_details.reason, "stop")
    if calls:
        return "tool_calls"
    return "refusal" if refuses else "stop"


def _logprobs(output: list[dict[str, Any]]) -> Any:
    """The tokens of all texts with their probabilities."""
    found: list[Any] = []
    for item in output:
        content = item.get("content") if item.get("type") == "message" else None
        for part in content if isinstance(content, list) else ():
            stated = part.get("logprobs")
            found += stated if isinstance(stated, list) else ()
    return found or None


def write_reply(reply: Reply, asked: Asked) -> bytes:
    """A response for a caller; of several answers it is the first."""
    choice = reply.choices[0] if reply.choices else Choice(parts=(Text(""),), finish="error")
    reply_id = reply.id or asked.call_id
    status, reason = status_of(choice.finish)
    return _encode(
        response(
            asked,
            reply_id,
            reply.model,
            created_s=reply.created_s,
            tier=reply.service_tier,
            status=status,
            output=write_output(choice.parts, reply_id, choice.logprobs),
            usage=reply.usage,
            reason=reason,
            error=write_error("The provider failed.") if status == "failed" else None,
        )
    )
