"""Writes a chat stream for a caller, chunk by chunk.

The usual chunk is put together from bytes made beforehand. Lists in a delta number their entries,
for the OpenAI SDK adds pieces up by `index`.

Source: OpenAI API reference, "The chat completion chunk object".
"""

from typing import Any, Final

import msgspec

from faregate.dialects.neutral import reply
from faregate.dialects.neutral.parts import Audio, Image, Thinking, ToolCall
from faregate.dialects.neutral.reply import Event
from faregate.dialects.openai.citations import write_citation
from faregate.dialects.openai.finishes import write_finish
from faregate.dialects.openai.messages_writer import write_call_proof
from faregate.dialects.openai.reply import write_image
from faregate.dialects.openai.thoughts import write_details
from faregate.dialects.openai.usage import write_usage
from faregate.dialects.translation import Asked
from faregate.dialects.usage import Usage

_encode: Final = msgspec.json.Encoder().encode
_TAIL: Final = b',"logprobs":null,"finish_reason":null}]}\n\n'
_DONE: Final = b"data: [DONE]\n\n"
_PING: Final = b": ping\n\n"
_ROLE: Final = b'{"role":"assistant","content":"","refusal":null}'


class _Answer:
    """What has been written of one answer."""

    __slots__ = ("calls", "finished", "head", "lists", "refuses", "texts", "thoughts")

    def __init__(self, head: bytes) -> None:
        self.head = head
        self.calls: dict[int, tuple[int, bool]] = {}  # part: its number and whether it is custom
        self.thoughts: dict[int, tuple[int, bool]] = {}  # part: its number, whether a summary
        self.lists: dict[str, int] = {}
        self.texts: dict[int, list[int]] = {}  # part: where it begins, how long it is
        self.refuses = False
        self.finished = False


class ChatStreamWriter:
    """For one reply."""

    def __init__(self, asked: Asked, dialect: str = "openai_chat") -> None:
        self._asked = asked
        self._dialect = dialect
        self._head = b""
        self._answers: dict[int, _Answer] = {}
        self._usage: Usage | None = None
        self._over = False
        self._open(reply.Opened(id=asked.call_id, model=asked.request.model))

    def write(self, event: Event) -> bytes:
        """The bytes for one event."""
        if self._over:
            return b""
        if type(event) is reply.TextDelta and event.logprobs is None:
            answer = self._answers.get(event.choice)
            span = None if answer is None else answer.texts.get(event.part)
            if answer is not None and span is not None:
                span[1] += len(event.text)
                return b'%b{"content":%b}%b' % (answer.head, _encode(event.text), _TAIL)
        write = _WRITERS.get(type(event))
        return b"" if write is None else write(self, event)

    def end(self) -> bytes:
        """The rest of a stream without its end; one that breaks off says so."""
        if self._over:
            return b""
        answers = self._answers.values()
        if answers and all(answer.finished for answer in answers):
            return self._end(reply.Ended())
        return self._fail(reply.Failed("The provider's stream ended before its answer did."))

    # -- chunks ------------------------------------------------------------------------------------

    def _open(self, event: reply.Opened) -> bytes:
        asked = self._asked
        head: dict[str, Any] = {
            "id": event.id or asked.call_id,
            "object": "chat.completion.chunk",
            "created": asked.now_s if event.created_s is None else event.created_s,
            "model": event.model or asked.request.model,
        }
        if event.service_tier is not None:
            head["service_tier"] = event.service_tier
        if event.fingerprint is not None:
            head["system_fingerprint"] = event.fingerprint
        self._head = b'data: %b,"choices":' % _encode(head)[:-1]
        if event.usage is not None:
            self._usage = event.usage
        return b""

    def _answer(self, number: int) -> tuple[_Answer, bytes]:
        """The answer, and its first chunk if this is it."""
        answer = self._answers.get(number)
        if answer is not None:
            return answer, b""
        answer = _Answer(b'%b[{"index":%d,"delta":' % (self._head, number))
        self._answers[number] = answer
        return answer, b"%b%b%b" % (answer.head, _ROLE, _TAIL)

    def _delta(self, number: int, delta: object) -> bytes:
        answer, first = self._answer(number)
        return b"%b%b%b%b" % (first, answer.head, _encode(delta), _TAIL)

    @staticmethod
    def _span(answer: _Answer, part: int) -> list[int]:
        """Where a text stands within all that the answer says, and its length so far."""
        length = sum(length for _, length in answer.texts.values())
        return answer.texts.setdefault(part, [length, 0])

    def _text(self, event: reply.TextDelta) -> bytes:
        answer, first = self._answer(event.choice)
        self._span(answer, event.part)[1] += len(event.text)
        delta = _encode({"content": event.text})
        logprobs = None if event.logprobs is None else {"content": event.logprobs}
        return b'%b%b%b,"logprobs":%b,"finish_reason":null}]}\n\n' % (
            first, answer.head, delta, _encode(logprobs),
        )  # fmt: skip

    def _refusal(self, event: reply.RefusalDelta) -> bytes:
        answer, first = self._answer(event.choice)
        answer.refuses = True
        return first + self._delta(event.choice, {"refusal": event.text})

    def _citation(self, event: reply.CitationSeen) -> bytes:
        answer, first = self._answer(event.choice)
        start = self._span(answer, event.part)[0]
        stated = write_citation(event.citation, self._dialect, start)
        stated = {"index": self._next(answer, "annotations")} | stated
        return first + self._delta(event.choice, {"annotations": [stated]})

    @staticmethod
    def _next(answer: _Answer, name: str) -> int:
        number = answer.lists.get(name, 0)
        answer.lists[name] = number + 1
        return number

    def _thinking(self, event: reply.ThinkingDelta) -> bytes:
        answer, first = self._answer(event.choice)
        made = len(answer.thoughts), event.is_summary
        index, _ = answer.thoughts.setdefault(event.part, made)
        said = Thinking(event.text, id=event.id, is_summary=event.is_summary)
        entries = write_details(said, index, self._dialect)
        delta = {"reasoning_content": event.text, "reasoning": event.text}
        return first + self._delta(event.choice, delta | {"reasoning_details": entries})

    def _signed(self, event: reply.ThinkingSigned) -> bytes:
        answer, first = self._answer(event.choice)
        made = len(answer.thoughts), False
        index, summary = answer.thoughts.setdefault(event.part, made)
        proof = Thinking("", event.signature, event.redacted, event.id, summary, event.origin)
        entries = write_details(proof, index, self._dialect)
        if summary:  # its text has been written
            entries = entries[1:]
        return first + self._delta(event.choice, {"reasoning_details": entries})

    def whole_call(self, event: reply.ToolOpened, arguments: str) -> bytes:
        """A call in one piece, for callers that can't put it together."""
        return self._tool(event, arguments)

    def _tool(self, event: reply.ToolOpened, arguments: str = "") -> bytes:
        answer, first = self._answer(event.choice)
        index = len(answer.calls)
        answer.calls[event.part] = index, event.custom
        call: dict[str, Any] = {"index": index, "id": event.id}
        if event.custom:
            call |= {"type": "custom", "custom": {"name": event.name, "input": arguments}}
        else:
            call |= {"type": "function", "function": {"name": event.name, "arguments": arguments}}
        proof = ToolCall(event.id, event.name, "", event.signature, event.origin)
        call |= write_call_proof(proof, self._dialect)
        return first + self._delta(event.choice, {"tool_calls": [call]})

    def _tool_delta(self, event: reply.ToolDelta) -> bytes:
        answer, first = self._answer(event.choice)
        index, custom = answer.calls.get(event.part, (0, False))
        name = b'"custom":{"input":' if custom else b'"function":{"arguments":'
        return b'%b%b{"tool_calls":[{"index":%d,%b%b}}]}%b' % (
            first, answer.head, index, name, _encode(event.arguments), _TAIL,
        )  # fmt: skip

    def _media(self, event: reply.MediaSeen) -> bytes:
        answer, first = self._answer(event.choice)
        if isinstance(event.media, Image):
            image = {"index": self._next(answer, "images")} | write_image(event.media)
            return first + self._delta(event.choice, {"images": [image]})
        if isinstance(event.media, Audio):
            piece = {
                "id": event.media.id,
                "data": event.media.source.data,
                "transcript": event.media.transcript,
            }
            known = {name: value for name, value in piece.items() if value is not None}
            return first + self._delta(event.choice, {"audio": known})
        return first

    def _finish(self, event: reply.Finished) -> bytes:
        answer, first = self._answer(event.choice)
        answer.finished = True
        word = write_finish(event.finish, refuses=answer.refuses)
        stop = b""
        if event.stop_sequence is not None:
            stop = b',"stop_reason":%b' % _encode(event.stop_sequence)
        return b'%b%b{},"logprobs":null,"finish_reason":"%b"%b}]}\n\n' % (
            first, answer.head, word.encode(), stop,
        )  # fmt: skip

    def _ping(self, event: reply.Pinged) -> bytes:
        return _PING

    def _count(self, event: reply.UsageSeen) -> bytes:
        self._usage = event.usage
        return b""

    def _end(self, event: reply.Ended) -> bytes:
        self._over = True
        if self._usage is None or not self._asked.request.stream_usage:
            return _DONE
        usage = _encode(write_usage(self._usage))
        return b'%b[],"usage":%b}\n\n%b' % (self._head, usage, _DONE)

    def _fail(self, event: reply.Failed) -> bytes:
        self._over = True
        error = {"message": event.message, "type": "server_error", "param": None, "code": None}
        return b"data: %b\n\n" % _encode({"error": error})


_WRITERS: Final[dict[type[Event], Any]] = {
    reply.Opened: ChatStreamWriter._open,
    reply.TextDelta: ChatStreamWriter._text,
    reply.RefusalDelta: ChatStreamWriter._refusal,
    reply.CitationSeen: ChatStreamWriter._citation,
    reply.ThinkingDelta: ChatStreamWriter._thinking,
    reply.ThinkingSigned: ChatStreamWriter._signed,
    reply.ToolOpened: ChatStreamWriter._tool,
    reply.ToolDelta: ChatStreamWriter._tool_delta,
    reply.MediaSeen: ChatStreamWriter._media,
    reply.Finished: ChatStreamWriter._finish,
    reply.UsageSeen: ChatStreamWriter._count,
    reply.Pinged: ChatStreamWriter._ping,
    reply.Ended: ChatStreamWriter._end,
    reply.Failed: ChatStreamWriter._fail,
}
