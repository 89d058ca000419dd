"""Whole completions and their streams.

A completion is text; what else an answer has (thoughts, calls) a caller of completions never sees.

Source: OpenAI API reference, "The completion object".
"""

from contextlib import suppress
from typing import Any, Final

import msgspec

from faregate.dialects.neutral import reply
from faregate.dialects.neutral.parts import RefusalText, Text
from faregate.dialects.neutral.reply import Choice, Event, Finish, Reply
from faregate.dialects.openai.finishes import read_finish
from faregate.dialects.openai.stream_reader import error_message
from faregate.dialects.openai.usage import read_usage, write_usage
from faregate.dialects.translation import Asked, MalformedReplyError
from faregate.dialects.usage import Usage
from faregate.wire.sse import EventSplitter, event_data

_NULL: Final = msgspec.Raw(b"null")
_FINISHES: Final[dict[Finish, str]] = {
    "length": "length",
    "context_length": "length",
    "content_filter": "content_filter",
    "refusal": "content_filter",
    "error": "error",
}
_encode: Final = msgspec.json.Encoder().encode


class _Choice(msgspec.Struct):
    text: str | None = None
    index: int | None = None
    finish_reason: str | None = None
    stop_reason: Any = None


class _Completion(msgspec.Struct):
    choices: list[_Choice] | None = None
    id: str | None = None
    model: str | None = None
    created: float | None = None
    usage: msgspec.Raw = _NULL
    system_fingerprint: str | None = None
    error: Any = None


_decode: Final = msgspec.json.Decoder(_Completion).decode


def _read(body: bytes) -> _Completion:
    try:
        return _decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedReplyError(str(error)) from error


def read_reply(body: bytes) -> Reply:
    """A vendor's completion; raises `MalformedReplyError`."""
    stated = _read(body)
    if stated.choices is None:
        raise MalformedReplyError("The completion has no choices.")
    return Reply(
        id=stated.id or "",
        model=stated.model or "",
        choices=tuple(_read_choice(one) for one in stated.choices),
        usage=None if stated.usage == _NULL else read_usage(bytes(stated.usage)),
        created_s=int(stated.created) if stated.created else None,
        fingerprint=stated.system_fingerprint,
    )


def _read_choice(stated: _Choice) -> Choice:
    finish, stop = _end(stated)
    return Choice(parts=(Text(stated.text or ""),), finish=finish, stop_sequence=stop)


def _end(stated: _Choice) -> tuple[Finish, str | None]:
    finish = read_finish(stated.finish_reason, calls=False, refuses=False)
    if finish == "stop" and isinstance(stated.stop_reason, str):
        return "stop_sequence", stated.stop_reason
    return finish, None


def write_reply(whole: Reply, asked: Asked) -> bytes:
    """A completion for a caller."""
    written: dict[str, Any] = {
        "id": whole.id or asked.call_id,
        "object": "text_completion",
        "created": asked.now_s if whole.created_s is None else whole.created_s,
        "model": whole.model,
        "choices": [_write_choice(at, one) for at, one in enumerate(whole.choices)],
    }
    if whole.usage is not None:
        written["usage"] = write_usage(whole.usage)
    if whole.fingerprint is not None:
        written["system_fingerprint"] = whole.fingerprint
    return _encode(written)


def _write_choice(at: int, choice: Choice) -> dict[str, Any]:
    said = [part.text for part in choice.parts if isinstance(part, Text | RefusalText)]
    written: dict[str, Any] = {
        "index": at,
        "text": "".join(said),
        "logprobs": write_logprobs(choice.logprobs),
        "finish_reason": _FINISHES.get(choice.finish, "stop"),
    }
    if choice.stop_sequence is not None:
        written["stop_reason"] = choice.stop_sequence
    return written


def write_logprobs(tokens: Any, start: int = 0) -> dict[str, Any] | None:
    """Chat's list of tokens as completions have it: a list for each member."""
    if not isinstance(tokens, list):
        return None
    written: dict[str, Any] = {
        "tokens": [], "token_logprobs": [], "top_logprobs": [], "text_offset": [],
    }  # fmt: skip
    for stated in tokens:
        if not isinstance(stated, dict):
            continue
        token = str(stated.get("token", ""))
        others = stated.get("top_logprobs")
        written["tokens"].append(token)
        written["token_logprobs"].append(stated.get("logprob"))
        written["top_logprobs"].append(
            {str(one.get("token")): one.get("logprob")
             for one in (others if isinstance(others, list) else ()) if isinstance(one, dict)}
        )  # fmt: skip
        written["text_offset"].append(start)
        start += len(token)
    return written


# -- streams ---------------------------------------------------------------------------------------


class CompletionsStreamReader:
    """Reads one completion's stream."""

    def __init__(self) -> None:
        self._splitter = EventSplitter()
        self._finished: dict[int, bool] = {}
        self._opened = False
        self._over = False

    def feed(self, data: bytes) -> list[Event]:
        """The events that `data` completes."""
        events: list[Event] = []
        for event in self._splitter.feed(data):
            self._read(event_data(event), events)
        return events

    def end(self) -> list[Event]:
        """What the end of the bytes completes."""
        events: list[Event] = []
        rest = event_data(self._splitter.take_rest())
        with suppress(MalformedReplyError):  # it broke off in an event
            if rest:
                self._read(rest, events)
        if not self._over and self._finished and all(self._finished.values()):
            self._over = True
            events.append(reply.Ended())
        return events

    def _read(self, data: bytes, events: list[Event]) -> None:
        if self._over:
            return
        if not data:
            events.append(reply.Pinged())
        elif data.startswith(b"[DONE]"):
            self._over = True
            for number, finished in self._finished.items():
                if not finished:
                    events.append(reply.Finished(number, "stop"))
            events.append(reply.Ended())
        else:
            self._read_chunk(_read(data), data, events)

    def _read_chunk(self, chunk: _Completion, data: bytes, events: list[Event]) -> None:
        if chunk.error is not None:
            self._over = True
            events.append(reply.Failed(error_message(chunk.error), data))
            return
        if not self._opened:
            self._opened = True
            created_s = int(chunk.created) if chunk.created else None
            events.append(
                reply.Opened(id=chunk.id or "", model=chunk.model or "", created_s=created_s)
            )
        for choice in chunk.choices or ():
            number = choice.index or 0
            if choice.text:
                events.append(reply.TextDelta(number, 0, choice.text))
            done = self._finished.setdefault(number, False)
            if choice.finish_reason and not done:
                self._finished[number] = True
                events.append(reply.Finished(number, *_end(choice)))
        if chunk.usage != _NULL:
            usage = read_usage(bytes(chunk.usage))
            if usage is not None:
                events.append(reply.UsageSeen(usage))


class CompletionsStreamWriter:
    """Writes one completion's stream."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._usage: Usage | None = None
        self._open: dict[int, bool] = {}
        self._lengths: dict[int, int] = {}
        self._over = False
        self._head = self._make_head(reply.Opened(id="", model=""))

    def _make_head(self, opened: reply.Opened) -> bytes:
        asked = self._asked
        head = {
            "id": opened.id or asked.call_id,
            "object": "text_completion",
            "created": asked.now_s if opened.created_s is None else opened.created_s,
            "model": opened.model or asked.request.model,
        }
        return b'data: %b,"choices":[' % _encode(head)[:-1]

    def write(self, event: Event) -> bytes:
        """The bytes for one event, perhaps none."""
        if self._over:
            return b""
        if isinstance(event, (reply.TextDelta, reply.RefusalDelta)):
            self._open.setdefault(event.choice, True)
            start = self._lengths.get(event.choice, 0)
            self._lengths[event.choice] = start + len(event.text)
            tokens = event.logprobs if isinstance(event, reply.TextDelta) else None
            logprobs = _encode(write_logprobs(tokens, start))
            return b'%b{"index":%d,"text":%b,"logprobs":%b,"finish_reason":null}]}\n\n' % (
                self._head, event.choice, _encode(event.text), logprobs,
            )  # fmt: skip
        if isinstance(event, reply.Opened):
            self._head = self._make_head(event)
        elif isinstance(event, reply.Finished):
            self._open[event.choice] = False
            word = _FINISHES.get(event.finish, "stop")
            end = {"index": event.choice, "text": "", "logprobs": None, "finish_reason": word}
            if event.stop_sequence is not None:
                end["stop_reason"] = event.stop_sequence
            return b"%b%b]}\n\n" % (self._head, _encode(end))
        return self._write_rest(event)

    def _write_rest(self, event: Event) -> bytes:
        if isinstance(event, reply.UsageSeen):
            self._usage = event.usage
        elif isinstance(event, reply.Pinged):
            return b": ping\n\n"
        elif isinstance(event, reply.Failed):
            self._over = True
            error = {"message": event.message, "type": "server_error", "param": None, "code": None}
            return b"data: %b\n\n" % _encode({"error": error})
        elif isinstance(event, reply.Ended):
            self._over = True
            if self._usage is None or not self._asked.request.stream_usage:
                return b"data: [DONE]\n\n"
            usage = _encode(write_usage(self._usage))
            return b'%b],"usage":%b}\n\ndata: [DONE]\n\n' % (self._head, usage)
        return b""

    def end(self) -> bytes:
        """The rest of a stream without its end; one that breaks off says so."""
        if self._open and not any(self._open.values()):
            return self.write(reply.Ended())
        return self.write(reply.Failed("The provider's stream ended before its answer did."))
