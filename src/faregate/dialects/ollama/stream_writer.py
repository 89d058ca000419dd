"""Writes a caller's stream in the dialect of Ollama's chat or generate.

Ollama calls tools in one piece, so a call's arguments are kept until they are whole, and what is
behind them waits for its turn. Sources: those of `stream_reader`.
"""

from typing import Any, Final

import msgspec

from faregate.dialects.neutral import parts
from faregate.dialects.neutral.reply import (
    Ended,
    Event,
    Failed,
    Finished,
    MediaSeen,
    Opened,
    PartClosed,
    RefusalDelta,
    TextDelta,
    ThinkingDelta,
    ToolDelta,
    ToolOpened,
    UsageSeen,
)
from faregate.dialects.ollama import reply
from faregate.dialects.ollama.request_writer import write_call
from faregate.dialects.shapes import Object
from faregate.dialects.translation import Asked
from faregate.dialects.usage import Usage
from faregate.dialects.whole_calls import WholeCalls

_encode: Final = msgspec.json.Encoder().encode


class OllamaStreamWriter:
    """Writes one reply's stream; `generates`: not as a chat."""

    __slots__ = (
        "_asked",
        "_called",
        "_calls",
        "_ended",
        "_finish",
        "_generates",
        "_head",
        "_usage",
    )  # fmt: skip

    def __init__(self, asked: Asked, *, generates: bool = False) -> None:
        self._asked = asked
        self._generates = generates
        self._calls = WholeCalls()
        self._called = 0
        self._ended = False
        self._finish: Finished | None = None
        self._usage: Usage | None = None
        self._head = self._names(asked.request.model, None)

    def _names(self, model: str, created_s: int | None) -> bytes:
        named = {"model": model, "created_at": reply.shown_time(created_s, self._asked)}
        return _encode(named)[:-1]

    def write(self, event: Event) -> bytes:
        """The bytes for one event, perhaps none."""
        choice: Any = getattr(event, "choice", None)
        if self._ended or choice:
            return b""
        if isinstance(event, TextDelta) and event.logprobs is None:
            return self._placed(event.part, self._text(event.text))
        return self._seldom(event)

    def end(self) -> bytes:
        """The rest, where the vendor's stream ended without an `Ended`."""
        return b"" if self._ended else self._last()

    def _text(self, text: str) -> bytes:
        if self._generates:
            return b'%b,"response":%b,"done":false}\n' % (self._head, _encode(text))
        return b'%b,"message":{"role":"assistant","content":%b},"done":false}\n' % (
            self._head,
            _encode(text),
        )

    def _line(self, said: Object, beside: Object) -> bytes:
        """A line with more than a text."""
        if self._generates:
            said["response"] = said.pop("content")
            said |= beside
        else:
            said = {"message": {"role": "assistant", **said}, **beside}
        return self._head + b"," + _encode(said)[1:] + b"\n"

    def _placed(self, part: int, written: bytes) -> bytes:
        return b"" if self._calls.holds(0, part, written) else written

    def _seldom(self, event: Event) -> bytes:
        if isinstance(event, ToolDelta):
            self._calls.add(event)
        elif isinstance(event, ToolOpened):
            self._calls.open(event)
        elif isinstance(event, PartClosed):
            return self._rest(self._calls.close(0, event.part))
        elif isinstance(event, TextDelta):
            beside = {"done": False, "logprobs": event.logprobs}
            return self._placed(event.part, self._line({"content": event.text}, beside))
        elif isinstance(event, ThinkingDelta):
            said = {"content": "", "thinking": event.text}
            return self._placed(event.part, self._line(said, {"done": False}))
        elif isinstance(event, RefusalDelta):
            return self._placed(event.part, self._text(event.text))
        elif isinstance(event, MediaSeen):
            return self._media(event)
        else:
            return self._of_reply(event)
        return b""

    def _media(self, event: MediaSeen) -> bytes:
        media = event.media
        if not isinstance(media, parts.Image) or media.source.data is None:
            return b""  # Ollama's answers have no place for anything else
        said: Object = {"content": ""}
        beside: Object = {"done": False}
        if self._generates:
            beside["image"] = media.source.data
        else:
            said["images"] = [media.source.data]
        return self._placed(event.part, self._line(said, beside))

    def _rest(self, found: list[parts.ToolCall | bytes]) -> bytes:
        out: list[bytes] = []
        for one in found:
            if isinstance(one, bytes):
                out.append(one)
            elif not self._generates:
                said = {"content": "", "tool_calls": [write_call(one, self._called, {})]}
                out.append(self._line(said, {"done": False}))
                self._called += 1
        return b"".join(out)

    def _of_reply(self, event: Event) -> bytes:
        if isinstance(event, Opened):
            model = event.model or self._asked.request.model
            self._head = self._names(model, event.created_s)
            self._usage = event.usage
        elif isinstance(event, UsageSeen):
            self._usage = event.usage
        elif isinstance(event, Finished):
            self._finish = event
            return self._rest(self._calls.finish(0))
        elif isinstance(event, Failed):
            self._ended = True
            return _encode({"error": event.message}) + b"\n"
        elif isinstance(event, Ended):
            return self._last()
        return b""

    def _last(self) -> bytes:
        self._ended = True
        if self._finish is None:
            return b""
        beside: Object = {
            "done": True,
            "done_reason": reply.written_finish(self._finish.finish),
            **reply.written_usage(self._usage),
        }
        return self._line({"content": ""}, beside)
