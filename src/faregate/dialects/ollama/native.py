"""What is read and changed of Ollama's bytes where they pass through.

Sources: Ollama API, "Generate a chat message", "Generate a response", "Streaming".
"""

import re
from typing import Annotated, Any, Final

import msgspec

from faregate.core.refusals import Refusal, refuse
from faregate.dialects import nested_limit, openai_chat
from faregate.dialects.ollama import reply as replies
from faregate.dialects.ollama.lines import LineSplitter
from faregate.dialects.passing_meter import PassingMeter
from faregate.dialects.shapes import decode_typed
from faregate.dialects.translation import Native
from faregate.dialects.usage import Usage

_OUTER: Final = ("options",)
_LIMIT: Final = ("num_predict",)


class _Options(msgspec.Struct, gc=False):
    num_predict: Annotated[int, msgspec.Meta(ge=-(10**9), le=10**9)] | None = None


class _Body(msgspec.Struct, gc=False):
    model: str
    stream: bool | None = None
    options: _Options | None = None


class Peek(msgspec.Struct, frozen=True, gc=False):
    """What is read of a request; its stream states the usage unasked."""

    model: str
    stream: bool | None = None
    output_limit: int | None = None
    choices: int = 1
    user: str | None = None
    asks_usage: bool = True


class _Reply(msgspec.Struct, gc=False):
    prompt_eval_count: Any = None
    eval_count: Any = None


_decode_body = msgspec.json.Decoder(_Body).decode
_decode_reply = msgspec.json.Decoder(_Reply).decode
_COUNT: Final = re.compile(rb'"((?:prompt_)?eval_count)"[ \t\r\n]*:[ \t\r\n]*([0-9]{1,12})')


class OllamaNative:
    """Ollama's chat and generate; `generates`: how a stream's end is written."""

    splice_model = staticmethod(openai_chat.splice_model)

    def __init__(self, *, generates: bool = False) -> None:
        self._generates = generates

    def peek(self, body: bytes, model: str | None, *, stream: bool) -> Peek | Refusal:
        """Read what the gate needs; without a word of it the reply is a stream."""
        read = decode_typed(body, _decode_body)
        if isinstance(read, Refusal):
            return read
        twice = nested_limit.twofold(body, _OUTER, (_LIMIT,))
        if twice is not None:
            return refuse("request_invalid", f"The field '{twice}' stands twice.", param=twice)
        limit = read.options.num_predict if read.options is not None else None
        if limit is not None and limit < 0:
            limit = None  # as many as it likes
        return Peek(read.model, read.stream is not False, limit)

    def set_output_limit(self, body: bytes, limit: int, field: str) -> bytes:
        """`body` with `limit` as its output limit, inside the options."""
        return nested_limit.set_limit(body, _OUTER, _LIMIT, limit)

    def ask_stream_usage(self, body: bytes) -> bytes:
        """The body as it is: usage is stated unasked."""
        return body

    def read_usage(self, body: bytes) -> Usage | None:
        """The usage that a whole reply or a stream's last line states."""
        try:
            stated = _decode_reply(body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None
        return replies.read_usage(msgspec.structs.asdict(stated))

    def read_usage_in_part(self, part: bytes) -> Usage | None:
        """The usage in the start or the end of a reply too long to be kept whole."""
        counts = {name.decode(): int(count) for name, count in _COUNT.findall(part)}
        return replies.read_usage(counts)

    def stream_meter(self, *, hide_usage: bool, measures: bool) -> PassingMeter:
        """For one stream; usage is never hidden, for every caller knows it."""
        return PassingMeter(
            lambda start: LineSplitter(), self.read_usage, b'eval_count"', measures=measures
        )

    def final_events(
        self, call_id: str, model: str, choices: int, refusal: object, output_tokens: int = 0
    ) -> bytes:
        """The end of a stream that we end: at its limit, and why."""
        said: dict[str, object] = {"message": {"role": "assistant", "content": ""}}
        if self._generates:
            said = {"response": ""}
        line = {
            "model": model,
            **said,
            "done": True,
            "done_reason": "length",
            "faregate": {"refusal": refusal},
        }
        return msgspec.json.encode(line) + b"\n"


NATIVE: Final[Native] = OllamaNative()
GENERATE_NATIVE: Final[Native] = OllamaNative(generates=True)
