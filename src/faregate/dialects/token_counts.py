"""Counting a prompt's tokens at Anthropic's address and at Gemini's.

Each is translated into the other. A request to count is that of an answer without what makes no
tokens. What neither of them can count is answered with an estimate.

Sources: Anthropic's API reference, "Count tokens in a Message"; Gemini API, "Counting tokens".
"""

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote

import msgspec

from faregate.core.refusals import Refusal, refuse
from faregate.dialects import json_text, openai_bounds
from faregate.dialects.anthropic import count_tokens, request_reader, request_writer
from faregate.dialects.gemini import counting
from faregate.dialects.neutral.request import Request
from faregate.dialects.plain_native import Peek, PlainNative, no_units
from faregate.dialects.translation import Lost, TargetFacts, Written
from faregate.dialects.usage import Usage

ANTHROPIC_PATH: Final = "/messages/count_tokens"  # below a vendor's base URL
GEMINI_PATH: Final = "/models/{model}:countTokens"
# What Anthropic takes to count; it refuses the members of a request that make no tokens.
_COUNTED: Final = ("model", "messages", "system", "thinking", "tool_choice", "tools")
_TOKENS_OF: Final = ("messages", "system", "tools")  # beginnings of what may not be left out
_WHOLE: Final = ("generateContentRequest", "generate_content_request")


class Counted(msgspec.Struct, frozen=True):
    """How many tokens a prompt has; counting them uses none."""

    tokens: int
    usage: Usage | None = None


def _grave(lost: tuple[Lost, ...]) -> tuple[Lost, ...]:
    return tuple(one for one in lost if one.name.startswith(_TOKENS_OF))


class AnthropicCounts:
    """Anthropic's address; satisfies `whole_translation.WholeDialect`."""

    name = "anthropic"

    def read_request(self, body: bytes, model: str | None, *, stream: bool) -> Request | Refusal:
        """A caller's request."""
        return request_reader.read_request(body, model, stream=False)

    def write_request(self, request: Request, target: TargetFacts) -> Written:
        """A request for a target."""
        written = request_writer.write_request(request, target)
        document: dict[str, Any] = msgspec.json.decode(written.body)
        body = msgspec.json.encode({name: document[name] for name in _COUNTED if name in document})
        return Written(body, _grave(written.lost), path=ANTHROPIC_PATH)

    def read_reply(self, body: bytes) -> Counted:
        """A vendor's count; raises `MalformedReplyError`."""
        return Counted(count_tokens.read_answer(body))

    def write_reply(self, reply: Counted, asked: object = None) -> bytes:
        """A count for a caller."""
        return b'{"input_tokens":%d}' % reply.tokens

    def estimate(self, body: bytes, tokenizer: str | None) -> Counted:
        """About how many tokens a caller's request has."""
        return Counted(max(openai_bounds.estimate_input(body, tokenizer), 1))


class GeminiCounts:
    """Gemini's address; satisfies `whole_translation.WholeDialect`."""

    name = "gemini"

    def read_request(self, body: bytes, model: str | None, *, stream: bool) -> Request | Refusal:
        """A caller's request."""
        return counting.read_request(body, model)

    def write_request(self, request: Request, target: TargetFacts) -> Written:
        """A request for a target."""
        written = counting.write_request(request, target)
        path = GEMINI_PATH.replace("{model}", quote(target.model, safe="-._~"))
        return Written(written.body, _grave(written.lost), path=path)

    def read_reply(self, body: bytes) -> Counted:
        """A vendor's count; raises `MalformedReplyError`."""
        return Counted(counting.read_reply(body))

    def write_reply(self, reply: Counted, asked: object = None) -> bytes:
        """A count for a caller."""
        return counting.write_reply(reply.tokens)

    def estimate(self, body: bytes, tokenizer: str | None) -> Counted:
        """About how many tokens a caller's request has."""
        try:
            document = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            document = {}
        whole = next((document[name] for name in _WHOLE if name in document), None)
        counted = body if whole is None else bytes(whole)
        return Counted(max(openai_bounds.estimate_input(counted, tokenizer), 1))


class CountNative(PlainNative):
    """Bytes that pass through to be counted; there is no usage and no stream."""

    def __init__(self, peek: Callable[[bytes, str | None], Peek | Refusal]) -> None:
        super().__init__(read_usage=no_units, read_usage_in_part=no_units)
        self._peek = peek

    def peek(self, body: bytes, model: str | None, *, stream: bool) -> Peek | Refusal:
        """Read the model, of the body or the path."""
        return self._peek(body, model)


class GeminiCountNative(CountNative):
    """Gemini's, whose body may name the model once more."""

    def splice_model(self, body: bytes, asked: str, served: str) -> bytes | Refusal:
        """`body` with another model's name where it names one."""
        if asked == served or (b"model" not in body and b"\\" not in body):
            return body
        model = msgspec.json.encode(f"models/{served.removeprefix('models/')}")
        try:
            for name in _WHOLE:
                member = json_text.find_member(body, name)
                if member is None:
                    continue
                whole = bytes(msgspec.json.decode(body, type=dict[str, msgspec.Raw])[name])
                named = json_text.find_member(whole, "model")
                if named is not None:
                    whole = json_text.replace_value(whole, named, model)
                body = json_text.replace_value(body, member, whole)
        except json_text.DuplicateMemberError as error:
            return refuse("request_invalid", f"The field '{error}' stands twice.", param=str(error))
        except (msgspec.MsgspecError, ValueError, KeyError) as error:
            return refuse(
                "request_invalid", f"The request can't be read: {error}.", param=_WHOLE[0]
            )
        return body


def _peek_body(body: bytes, model: str | None) -> Peek | Refusal:
    found = count_tokens.peek(body)
    return found if isinstance(found, Refusal) else Peek(found.model, False)


def _peek_path(body: bytes, model: str | None) -> Peek | Refusal:
    if model is None:
        return refuse("request_invalid", "The path names no model.", param="model")
    if not body.lstrip().startswith(b"{"):
        return refuse("request_invalid", "The body is no JSON object.")
    return Peek(model, False)


ANTHROPIC: Final = AnthropicCounts()
GEMINI: Final = GeminiCounts()
DIALECTS: Final[dict[str, AnthropicCounts | GeminiCounts]] = {
    one.name: one for one in (ANTHROPIC, GEMINI)
}
ANTHROPIC_NATIVE: Final = CountNative(_peek_body)
GEMINI_NATIVE: Final = GeminiCountNative(_peek_path)
