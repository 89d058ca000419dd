"""Reads a chat stream, OpenAI's and its followers'.

What a vendor's stream lacks is made up for: an answer that no chunk finished is finished by the
stream's [DONE], and a stream without [DONE] is ended where all of its answers are finished.

Sources: OpenAI API reference, "The chat completion chunk object"; OpenRouter, "Streaming" (errors
in mid-stream, comments); Azure OpenAI, "Content streaming" (a first chunk without choices).
"""

from contextlib import suppress
from typing import Any, Final

import msgspec

from faregate.dialects.neutral import reply
from faregate.dialects.neutral.parts import Citation
from faregate.dialects.neutral.reply import Event
from faregate.dialects.openai.answer import Answer
from faregate.dialects.openai.chunk import NULL, Chunk, ChunkChoice, decode_chunk
from faregate.dialects.openai.citations import read_sources
from faregate.dialects.openai.reply import read_logprobs
from faregate.dialects.openai.usage import read_usage
from faregate.dialects.translation import MalformedReplyError
from faregate.wire.sse import EventSplitter, event_data

_DONE: Final = b"[DONE]"
_CHOICES_MAX: Final = 1_024  # as many as may be asked for


class ChatStreamReader:
    """For one reply."""

    def __init__(self, dialect: str = "openai_chat") -> None:
        self._dialect = dialect
        self._splitter = EventSplitter()
        self._answers: dict[int, Answer] = {}
        self._sources: tuple[Citation, ...] = ()  # of all answers; the last that are stated count
        self._opened = False
        self._over = False

    def feed(self, data: bytes) -> list[Event]:
        """The events that `data` completes."""
        events: list[Event] = []
        for event in self._splitter.feed(data):
            self._read(event_data(event), events)
        return events

    def end(self) -> list[Event]:
        """What the end completes; a last event may lack its empty line."""
        events: list[Event] = []
        rest = event_data(self._splitter.take_rest())
        with suppress(MalformedReplyError):  # it broke off in an event
            if rest:
                self._read(rest, events)
        answers = self._answers.values()
        if not self._over and answers and all(answer.finished for answer in answers):
            self._over = True
            events.append(reply.Ended())
        return events

    def _read(self, data: bytes, events: list[Event]) -> None:
        if self._over:
            return
        if not data:
            events.append(reply.Pinged())
            return
        if data.startswith(_DONE):
            self._over = True
            for answer in self._answers.values():
                answer.finish(None, None, events)
            events.append(reply.Ended())
            return
        try:
            chunk = decode_chunk(data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise MalformedReplyError(str(error)) from error
        if chunk.error is not None:
            self._over = True
            events.append(reply.Failed(error_message(chunk.error), data))
            return
        if not self._opened and (chunk.id or chunk.choices):
            self._open(chunk, events)
        if chunk.search_results is not None or chunk.citations is not None:
            self._sources = read_sources(chunk.search_results, chunk.citations)
        usage = chunk.usage
        if chunk.choices:
            for choice in chunk.choices:
                self._read_choice(choice, events)
                if usage == NULL:
                    usage = choice.usage
        if usage != NULL:
            counted = read_usage(bytes(usage), chunk.service_tier)
            if counted is not None:
                events.append(reply.UsageSeen(counted))

    def _open(self, chunk: Chunk, events: list[Event]) -> None:
        self._opened = True
        events.append(
            reply.Opened(
                id=chunk.id or "",
                model=chunk.model or "",
                created_s=int(chunk.created) if chunk.created else None,
                service_tier=chunk.service_tier,
                fingerprint=chunk.system_fingerprint,
            )
        )

    def _read_choice(self, choice: ChunkChoice, events: list[Event]) -> None:
        number = choice.index or 0
        answer = self._answers.get(number)
        if answer is None:
            if not 0 <= number < _CHOICES_MAX:
                raise MalformedReplyError(f"there is no answer {number}")
            answer = self._answers[number] = Answer(number, self._dialect)
        if choice.delta is not None and not answer.finished:
            logprobs = None if choice.logprobs is None else read_logprobs(choice.logprobs)
            answer.read(choice.delta, logprobs, events)
        if choice.finish_reason:
            answer.cite(self._sources, events)
            answer.finish(choice.finish_reason, choice.stop_reason, events)


def error_message(error: Any) -> str:
    """What an error in a stream says."""
    message = error.get("message") if isinstance(error, dict) else error
    return message if isinstance(message, str) else "The provider reports an error."
