"""Reads a stream of Gemini's, as server-sent events or as one JSON array.

Each event is a piece of a reply: parts of the same kind that follow each other are one part of
ours. Gemini says no end; the stream is whole when its answers have a finish reason.

Sources: those of `reply`; Gemini API, "Thought signatures" (the last piece may hold only one).
"""

from typing import Any

from faregate.dialects.gemini import finish_reasons, grounding, token_logprobs, usage_metadata
from faregate.dialects.gemini.array_form import ArraySplitter
from faregate.dialects.gemini.content_reader import ContentReader
from faregate.dialects.gemini.reply import call_stem, is_empty, seconds
from faregate.dialects.neutral import parts
from faregate.dialects.neutral.reply import (
    CitationSeen,
    Ended,
    Event,
    Failed,
    Finished,
    MediaSeen,
    Opened,
    PartClosed,
    ServerPartSeen,
    TextDelta,
    ThinkingDelta,
    ThinkingSigned,
    ToolDelta,
    ToolOpened,
    UsageSeen,
)
from faregate.dialects.shapes import (
    Object,
    ShapeError,
    as_list,
    as_object,
    decode_reply,
    optional_list,
)
from faregate.dialects.translation import MalformedReplyError
from faregate.wire.sse import EventSplitter, event_data

_CHOICES_MAX = 1_024
_TEXTS_KEPT_MAX = 65_536  # pieces; sources of what comes later have no place in it


class _Answer:
    """What has been read of one candidate."""

    __slots__ = ("calls_tools", "finished", "first_text", "grounded", "kind", "part", "texts")

    def __init__(self) -> None:
        self.part = -1  # the newest part's number
        self.kind = ""  # of the part that more text would belong to
        self.calls_tools = False
        self.finished = False
        self.first_text = -1
        self.texts: list[str] = []  # of that part, to know its characters from bytes
        self.grounded: Object = {}


class GeminiStreamReader:
    """Reads one reply's stream."""

    __slots__ = ("_answers", "_content", "_opened", "_queries", "_splitter", "_usage")

    def __init__(self) -> None:
        self._splitter: EventSplitter | ArraySplitter | None = None
        self._answers: dict[int, _Answer] = {}
        self._content = ContentReader("call_")
        self._opened: Opened | None = None
        self._queries = 0
        self._usage: Any = None

    def feed(self, data: bytes) -> list[Event]:
        """The events that `data` completes.

        Raises `MalformedReplyError` and `EventTooLargeError`.
        """
        splitter = self._splitter
        if splitter is None:
            start = data.lstrip()
            if not start:
                return []
            splitter = ArraySplitter() if start[:1] in b"[,{" else EventSplitter()
            self._splitter = splitter
        events: list[Event] = []
        if isinstance(splitter, ArraySplitter):
            for chunk in splitter.feed(data):
                self._read(chunk, events)
        else:
            for event in splitter.feed(data):
                self._read(event_data(event), events)
        return events

    def end(self) -> list[Event]:
        """What the end of the bytes completes."""
        events: list[Event] = []
        if isinstance(self._splitter, EventSplitter):
            self._read(event_data(self._splitter.take_rest()), events)
        if self._usage is not None:
            self._tell_usage(events)
        answers = self._answers.values()
        if answers and all(answer.finished for answer in answers):
            events.append(Ended())
        return events

    def _read(self, data: bytes, events: list[Event]) -> None:
        if not data:
            return
        try:
            self._chunk(decode_reply(data), data, events)
        except ShapeError as error:
            raise MalformedReplyError(str(error)) from None

    def _chunk(self, chunk: Object, data: bytes, events: list[Event]) -> None:
        error = chunk.get("error")
        if error is not None:
            message = error.get("message") if isinstance(error, dict) else None
            events.append(Failed(str(message or "The vendor ended the stream."), data))
            return
        if self._opened is None:
            self._open(chunk, events)
        usage = chunk.get("usageMetadata")
        if usage is not None:
            self._usage = usage
        candidates = chunk.get("candidates")
        if candidates is None:
            if "promptFeedback" in chunk and "blockReason" in (chunk["promptFeedback"] or {}):
                self._finish(0, self._answer(0), "SAFETY", events)
            return
        whole = False
        for candidate in as_list(candidates, "candidates"):
            whole = self._candidate(as_object(candidate, "candidates"), events) or whole
        if whole and self._usage is not None:
            self._tell_usage(events)

    def _open(self, chunk: Object, events: list[Event]) -> None:
        reply_id = str(chunk.get("responseId") or "")
        self._opened = Opened(
            id=reply_id,
            model=str(chunk.get("modelVersion") or ""),
            created_s=seconds(chunk.get("createTime")),
        )
        self._content = ContentReader(call_stem(reply_id))
        events.append(self._opened)

    def _tell_usage(self, events: list[Event]) -> None:
        usage = usage_metadata.read(self._usage, self._queries)
        self._usage = None
        if usage is not None:
            events.append(UsageSeen(usage))

    def _answer(self, number: int) -> _Answer:
        answer = self._answers.get(number)
        if answer is None:
            if not 0 <= number < _CHOICES_MAX:
                raise ShapeError("candidates.index", "it is out of range")
            answer = self._answers[number] = _Answer()
        return answer

    def _candidate(self, candidate: Object, events: list[Event]) -> bool:
        """Read a piece of an answer; whether it is the last one."""
        number = candidate.get("index", 0)
        if not isinstance(number, int):
            raise ShapeError("candidates.index", "it must be a whole number")
        answer = self._answer(number)
        content = candidate.get("content")
        if content is not None:
            logprobs = token_logprobs.read(candidate.get("logprobsResult"))
            listed = as_object(content, "candidates.content").get("parts")
            for part in optional_list(listed, "candidates.content.parts"):
                if (
                    isinstance(part, dict)
                    and len(part) == 1
                    and isinstance(text := part.get("text"), str)
                ):
                    if text:
                        self._text(number, answer, text, logprobs, events)
                        logprobs = None
                else:
                    self._part(number, answer, part, logprobs, events)
        for name in ("groundingMetadata", "citationMetadata"):
            if name in candidate:
                answer.grounded[name] = candidate[name]
        reason = candidate.get("finishReason")
        if reason is None or answer.finished:
            return False
        self._finish(number, answer, str(reason), events)
        return True

    def _text(
        self, number: int, answer: _Answer, text: str, logprobs: Any, events: list[Event]
    ) -> None:
        if answer.kind != "text":
            answer.part += 1
            answer.kind = "text"
            if answer.first_text < 0:
                answer.first_text = answer.part
        if answer.part == answer.first_text and len(answer.texts) < _TEXTS_KEPT_MAX:
            answer.texts.append(text)
        events.append(TextDelta(number, answer.part, text, logprobs))

    def _part(
        self, number: int, answer: _Answer, part: Any, logprobs: Any, events: list[Event]
    ) -> None:
        if is_empty(part):
            return
        for one in self._content.read(part, "candidates.content.parts"):
            if isinstance(one, parts.Text):
                self._text(number, answer, one.text, logprobs, events)
            elif isinstance(one, parts.Thinking):
                self._thought(number, answer, one, events, joins=part.get("thought") is True)
            else:
                self._whole(number, answer, one, events)

    def _thought(
        self,
        number: int,
        answer: _Answer,
        thought: parts.Thinking,
        events: list[Event],
        *,
        joins: bool,
    ) -> None:
        proves = thought.signature is not None or thought.redacted is not None
        if answer.kind != "thought" or not joins:
            answer.part += 1
        answer.kind = "" if proves else "thought"
        at = answer.part
        if thought.text:
            events.append(ThinkingDelta(number, at, thought.text, thought.is_summary, thought.id))
        if proves:
            signed = ThinkingSigned(
                number, at, thought.origin, thought.signature, thought.redacted, thought.id
            )
            events += (signed, PartClosed(number, at))

    def _whole(self, number: int, answer: _Answer, part: parts.Part, events: list[Event]) -> None:
        answer.part += 1
        answer.kind = ""
        at = answer.part
        if isinstance(part, parts.ToolCall):
            answer.calls_tools = True
            opened = ToolOpened(number, at, part.id, part.name, part.signature, part.origin)
            events += (opened, ToolDelta(number, at, part.arguments))
        elif isinstance(part, parts.ServerPart):
            events.append(ServerPartSeen(number, at, part.origin, part.raw))
        else:
            events.append(MediaSeen(number, at, part))
        events.append(PartClosed(number, at))

    def _finish(self, number: int, answer: _Answer, reason: str, events: list[Event]) -> None:
        if answer.grounded:
            self._queries += usage_metadata.searches(
                [answer.grounded], self._opened.model if self._opened else ""
            )
            text = {answer.first_text: "".join(answer.texts)} if answer.first_text >= 0 else {}
            events += [
                CitationSeen(number, part, citation)
                for part, citation in grounding.read(answer.grounded, text)
            ]
        answer.finished = True
        finish = finish_reasons.read(reason, calls_tools=answer.calls_tools)
        events.append(Finished(number, finish))
