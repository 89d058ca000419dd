"""Reads a stream of Ollama's: JSON lines, the last with the counts.

Sources: those of `reply`; Ollama API, "Streaming" (an error in mid-stream is a line too).
"""

from faregate.dialects.neutral import parts
from faregate.dialects.neutral.reply import (
    Ended,
    Event,
    Failed,
    Finished,
    MediaSeen,
    Opened,
    PartClosed,
    TextDelta,
    ThinkingDelta,
    ToolDelta,
    ToolOpened,
    UsageSeen,
)
from faregate.dialects.ollama import reply
from faregate.dialects.ollama.lines import LineSplitter
from faregate.dialects.ollama.messages_reader import MessagesReader, image_source
from faregate.dialects.shapes import Object, ShapeError, decode_reply
from faregate.dialects.translation import MalformedReplyError


class OllamaStreamReader:
    """Reads one reply's stream."""

    __slots__ = ("_calls", "_calls_tools", "_ended", "_kind", "_part", "_splitter")

    def __init__(self) -> None:
        self._splitter = LineSplitter()
        self._calls: MessagesReader | None = None
        self._part = -1
        self._kind = ""
        self._calls_tools = False
        self._ended = False

    def feed(self, data: bytes) -> list[Event]:
        """The events that `data` completes.

        Raises `MalformedReplyError` and `EventTooLargeError`.
        """
        events: list[Event] = []
        for line in self._splitter.feed(data):
            self._line(line, events)
        return events

    def end(self) -> list[Event]:
        """What the end of the bytes completes."""
        events: list[Event] = []
        rest = self._splitter.take_rest()
        if rest.strip():
            self._line(rest, events)
        return events

    def _line(self, line: bytes, events: list[Event]) -> None:
        if self._ended:
            return
        try:
            self._read(decode_reply(line), line, events)
        except ShapeError as error:
            raise MalformedReplyError(str(error)) from None

    def _read(self, document: Object, line: bytes, events: list[Event]) -> None:
        error = document.get("error")
        if error is not None:
            self._ended = True
            events.append(Failed(str(error), line.strip()))
            return
        if self._calls is None:
            created_at = document.get("created_at")
            self._calls = MessagesReader(reply.call_stem(created_at))
            model = str(document.get("model") or "")
            events.append(Opened(id="", model=model, created_s=reply.seconds(created_at)))
        message = reply.as_message(document)
        thinking = message.get("thinking")
        if isinstance(thinking, str) and thinking:
            events.append(ThinkingDelta(0, self._at("thinking"), thinking))
        text = message.get("content")
        if isinstance(text, str) and text:
            logprobs = reply.read_logprobs(document.get("logprobs"))
            events.append(TextDelta(0, self._at("text"), text, logprobs))
        images = message.get("images") or [document.get("image")]
        for image in images if isinstance(images, list) else ():
            if isinstance(image, str):
                media = parts.Image(image_source(image))
                events.append(MediaSeen(0, self._at("image"), media))
        if message.get("tool_calls"):
            self._tools(self._calls.calls(message["tool_calls"], "message.tool_calls"), events)
        if document.get("done") is True:
            self._end(document, events)

    def _at(self, kind: str) -> int:
        """The part's number; what is of another kind is another part."""
        if kind != self._kind or kind == "image":
            self._part += 1
            self._kind = kind
        return self._part

    def _tools(self, calls: list[parts.ToolCall], events: list[Event]) -> None:
        for call in calls:
            self._kind = ""
            self._calls_tools = True
            at = self._at("call")
            events += (
                ToolOpened(0, at, call.id, call.name),
                ToolDelta(0, at, call.arguments),
                PartClosed(0, at),
            )
            self._kind = ""

    def _end(self, document: Object, events: list[Event]) -> None:
        self._ended = True
        finish = reply.read_finish(document.get("done_reason"), calls_tools=self._calls_tools)
        events.append(Finished(0, finish))
        usage = reply.read_usage(document)
        if usage is not None:
            events.append(UsageSeen(usage))
        events.append(Ended())
