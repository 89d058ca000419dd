"""What is read and changed of Cohere's bytes where they pass through.

Sources: Cohere API v2, "Chat", "Chat with streaming".
"""

import re
from typing import Annotated, Any, Final

import msgspec

from faregate.core.refusals import Refusal
from faregate.dialects import openai_chat
from faregate.dialects.cohere import usage as usages
from faregate.dialects.passing_meter import PassingMeter
from faregate.dialects.shapes import decode_typed
from faregate.dialects.translation import Native
from faregate.dialects.usage import Usage
from faregate.wire.sse import EventSplitter


class Peek(msgspec.Struct, gc=False):
    """What is read of a request; its stream states the usage unasked."""

    model: str
    stream: bool | None = None
    max_tokens: Annotated[int, msgspec.Meta(ge=0, le=10**9)] | None = None

    @property
    def output_limit(self) -> int | None:
        """The most output tokens that the caller wants."""
        return self.max_tokens

    @property
    def choices(self) -> int:
        """How many answers are made."""
        return 1

    @property
    def user(self) -> str | None:
        """Cohere's requests name no end user."""
        return None

    @property
    def asks_usage(self) -> bool:
        """Whether a stream states its usage without being changed."""
        return True


class _Delta(msgspec.Struct, gc=False):
    usage: Any = None


class _Reply(msgspec.Struct, gc=False):
    usage: Any = None
    delta: _Delta | None = None


_decode_peek = msgspec.json.Decoder(Peek).decode
_decode_reply = msgspec.json.Decoder(_Reply).decode
_USAGE_OBJECT: Final = re.compile(rb'"usage"[ \t\r\n]*:[ \t\r\n]*(\{(?:[^{}]++|\{[^{}]*+\})*+\})')


class CohereNative:
    """Cohere's chat."""

    splice_model = staticmethod(openai_chat.splice_model)
    set_output_limit = staticmethod(openai_chat.set_output_limit)

    def peek(self, body: bytes, model: str | None, *, stream: bool) -> Peek | Refusal:
        """Read what the gate needs; model and stream are said in the body."""
        read = decode_typed(body, _decode_peek)
        return read if isinstance(read, Refusal) else openai_chat.refuse_twofold(body) or read

    def ask_stream_usage(self, body: bytes) -> bytes:
        """The body as it is: usage is stated unasked."""
        return body

    def read_usage(self, body: bytes) -> Usage | None:
        """The usage that a whole reply or a stream's last event states."""
        try:
            reply = _decode_reply(body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None
        return usages.read(reply.usage or (reply.delta.usage if reply.delta else None))

    def read_usage_in_part(self, part: bytes) -> Usage | None:
        """The usage in the start or the end of a reply too long to be kept whole."""
        for match in _USAGE_OBJECT.finditer(part):
            usage = self.read_usage(b'{"usage":%b}' % match.group(1))
            if usage is not None:
                return usage
        return None

    def stream_meter(self, *, hide_usage: bool, measures: bool) -> PassingMeter:
        """For one stream; usage is never hidden, for every caller knows it."""
        return PassingMeter(
            lambda start: EventSplitter(), self.read_usage, b'"usage"', measures=measures
        )

    def final_events(
        self, call_id: str, model: str, choices: int, refusal: object, output_tokens: int = 0
    ) -> bytes:
        """The end of a stream that we end: at its limit, and why."""
        event = {
            "type": "message-end",
            "id": call_id,
            "delta": {"finish_reason": "MAX_TOKENS"},
            "faregate": {"refusal": refusal},
        }
        return b"event: message-end\ndata: %b\n\n" % msgspec.json.encode(event)


NATIVE: Final[Native] = CohereNative()
