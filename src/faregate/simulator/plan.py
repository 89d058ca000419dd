"""A reply as a list of steps: what to send, when, and how it ends.

No I/O here. `plan_reply` turns a request and its script into a `Plan`; the server plays it. A
plan whose steps are one `Send` is `whole`: most calls of a benchmark, written at once and kept
for the next call that asks the same.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from http import HTTPStatus
from typing import Final, NamedTuple

import msgspec

from faregate.simulator.answer import FILLING
from faregate.simulator.errors import OPENAI, Failure, Headers, Voice
from faregate.simulator.exchange import Exchange, Piece
from faregate.simulator.refusals import refusal_of
from faregate.simulator.script import Script, refusal_rule

# Larger plans are made anew for each call.
KEPT_TOKENS_MAX: Final = 512
KEPT_BYTES_MAX: Final = 256 * 1024
# A piece of a stream that is sent as fast as the caller reads.
FLOOD_BLOCK_BYTES: Final = 64 * 1024
SLOW_HEAD_PIECES: Final = 16
HEADER_FIELD_BYTES: Final = 1_000
LENGTH_EXCESS_BYTES: Final = 10
BODILESS_STATUSES: Final = (204, 304)  # RFC 9110 §15.3.5, §15.4.5


class Send(NamedTuple):
    """Bytes to write, and how many events they hold."""

    data: bytes
    events: int = 0


class Wait(NamedTuple):
    """Milliseconds after the step before.

    Waits add up, so that a stream keeps its rate.
    """

    ms: float


class Flood(NamedTuple):
    """A block to write so many times, as fast as the caller reads."""

    block: bytes
    times: int
    events: int = 0


class End(Enum):
    """How a connection ends, where it does not wait for the next request."""

    STALL = "stalled"
    CLOSE = "closed"
    CUT = "cut"
    RESET = "reset"


Step = Send | Wait | Flood | End


class Plan:
    """The steps of one reply.

    `whole` is the reply where it is a single `Send`.
    """

    __slots__ = ("_make", "_steps", "whole")

    def __init__(self, make: Callable[[], Iterator[Step]], *, keep: bool) -> None:
        self._make = make
        self._steps: tuple[Step, ...] | None = tuple(_joined(make())) if keep else None
        if self._steps and sum(_size(step) for step in self._steps) > KEPT_BYTES_MAX:
            self._steps = None
        first = self._steps[0] if self._steps and len(self._steps) == 1 else None
        self.whole: Send | None = first if isinstance(first, Send) else None

    @property
    def kept(self) -> bool:
        """Whether it is small enough to be kept for the next same call."""
        return self._steps is not None

    def steps(self) -> Iterable[Step]:
        """The steps, in order."""
        return self._steps if self._steps is not None else _joined(self._make())


class _Body(msgspec.Struct, frozen=True):
    """A reply before its framing: a body, or the pieces of a stream (`body` is None)."""

    status: int
    headers: Headers
    body: bytes | None = None


def _size(step: Step) -> int:
    return len(step.data) if isinstance(step, Send) else 64


def plan_reply(exchange: Exchange, script: Script, voice: Voice = OPENAI) -> Plan:
    """The plan of one call.

    Raises `ValueError` where the request can't be answered so.
    """
    bodiless = script.status in BODILESS_STATUSES
    streamed = exchange.streamed and not bodiless and not script.error_body_200
    failure = failure_of(script, voice, exchange.model)
    in_stream = script.error_in_stream_after is not None and streamed
    if failure is not None and not in_stream:
        answer = _Body(*exchange.failed(failure))
    elif streamed:
        fields = (("content-type", exchange.stream_type), *exchange.headers)
        answer = _Body(script.status or exchange.status, fields)
    else:
        body = exchange.whole(script)  # which may add headers
        fields = (("content-type", exchange.content_type), *exchange.headers)
        answer = _Body(script.status or exchange.status, fields, body)
    wait_ms = 0
    if answer.body is not None and script.token_ms and failure is None:
        wait_ms = script.token_ms * exchange.tokens(script)

    def make() -> Iterator[Step]:
        if script.latency_ms:
            yield Wait(script.latency_ms)
        if script.reset and script.cut_after is None:
            yield End.RESET
            return
        if answer.body is None:
            after = script.error_in_stream_after or 0
            broken_off = b"" if failure is None else exchange.broken_off(failure, after)
            yield from _stream_steps(answer, _events(exchange, script), script, broken_off)
        else:
            if wait_ms:
                yield Wait(wait_ms)
            yield from _sized_steps(answer, answer.body, script)

    small = max(script.tokens or 0, script.thinking) <= KEPT_TOKENS_MAX
    return Plan(make, keep=small and script.reply_bytes is None and not script.header_bytes)


def plan_failure(failure: Failure) -> Plan:
    """The plan of an error that no script asked for."""
    answer = _Body(*failure)
    return Plan(lambda: _sized_steps(answer, failure.body, Script()), keep=True)


def plan_document(status: int, body: bytes, headers: Headers = ()) -> Plan:
    """The plan of a plain JSON answer."""
    answer = _Body(status, (("content-type", "application/json"), *headers), body)
    return Plan(lambda: _sized_steps(answer, body, Script()), keep=len(body) < FLOOD_BLOCK_BYTES)


# -- What is answered ---------------------------------------------------------------------------


def failure_of(script: Script, voice: Voice, model: str = "") -> Failure | None:
    """The error or refusal that the script asks for."""
    wait = script.retry_after_s
    if script.refusal is not None:
        found = refusal_of(refusal_rule(script.refusal), voice, model, wait)
    else:
        name = _error_name(script, voice)
        if name is None:
            return None
        found = voice.failure(name, model, wait)
    status = script.status or (200 if script.error_body_200 else found.status)
    return found._replace(status=status)


def _error_name(script: Script, voice: Voice) -> str | None:
    if script.error is not None:
        return script.error
    if script.status is not None and script.status >= 400:
        named = (name for name, kind in voice.kinds.items() if kind.status == script.status)
        return next(named, "server_error")
    if script.error_in_stream_after is not None or script.error_body_200:
        return "server_error"
    return None


def _events(exchange: Exchange, script: Script) -> Iterator[Step]:
    """The events of a stream, not yet framed, with the waits between them."""
    number = 0
    for piece in exchange.pieces(script):
        if piece.tokens:
            if number == 1 and script.malformed in ("json", "event"):
                yield Send(_broken_event(script, piece.data), 1)
            if script.token_ms:
                yield Wait(script.token_ms * piece.tokens)
            number += 1
            if script.reply_bytes is not None:
                yield from _flood_events(piece, script.reply_bytes)
                continue
        if piece.data:
            yield Send(piece.data, piece.events)


def _broken_event(script: Script, whole: bytes) -> bytes:
    if script.malformed == "json":
        return whole[: len(whole) // 2] + b"\n\n"
    return b"not an event\n\xff\xfe: 1\n" + whole.removesuffix(b"\n\n") + b"\n"


def _flood_events(piece: Piece, size: int) -> Iterator[Step]:
    one = piece.data
    each = max(1, FLOOD_BLOCK_BYTES // len(one))
    blocks, rest = divmod(size, each * len(one))
    if blocks:
        yield Flood(one * each, blocks, each)
    yield from (Send(one, 1) for _ in range(-(-rest // len(one))))


# -- How it is framed and broken ------------------------------------------------------------------


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def _head_steps(answer: _Body, framing: Headers, script: Script) -> Iterator[Step]:
    start = f"HTTP/1.1 {answer.status} {_reason(answer.status)}\r\n"
    if script.malformed == "head":
        start = f"HTTP/one {_reason(answer.status)}\r\n"
    fields = [*answer.headers, *framing, ("x-request-id", "req_simulator")]
    if script.close:
        fields.append(("connection", "close"))
    padding, number = script.header_bytes, 0
    while padding > 0:
        name = f"x-padding-{number}"
        fields.append((name, "x" * min(padding, HEADER_FIELD_BYTES - len(name) - 4)))
        padding, number = padding - HEADER_FIELD_BYTES, number + 1
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields)
    head = f"{start}{lines}\r\n".encode("latin-1")
    if not script.slow_headers_ms:
        yield Send(head)
        return
    size = -(-len(head) // SLOW_HEAD_PIECES)
    offsets = range(0, len(head), size)
    for offset in offsets:
        yield Send(head[offset : offset + size])
        yield Wait(script.slow_headers_ms / len(offsets))


def _sized_steps(answer: _Body, body: bytes, script: Script) -> Iterator[Step]:
    """A reply with a length. Events and bytes of stall_after and cut_after are both bytes."""
    if script.malformed in ("json", "event"):
        body = body[: len(body) // 2]
    if script.malformed == "chunk":
        yield from _head_steps(answer, (("transfer-encoding", "chunked"),), script)
        yield Send(b"zz\r\n" + body + b"\r\n0\r\n\r\n")
        yield End.CLOSE
        return
    parts: Iterator[Step] = iter((Send(body),))
    length = len(body)
    if script.reply_bytes is not None and answer.status < 400:
        length, parts = _inflated(body, script.reply_bytes)
    announced = length + (LENGTH_EXCESS_BYTES if script.malformed == "length" else 0)
    framing: Headers = (("content-length", str(announced)),)
    if answer.status in BODILESS_STATUSES:
        parts, framing = iter(()), ()
    yield from _head_steps(answer, framing, script)
    cut = script.cut_after
    if script.stall_after is not None:
        yield from _first_bytes(parts, script.stall_after)
        yield End.STALL
    elif cut is not None:
        yield from _first_bytes(parts, cut.count)
        yield End.RESET if script.reset else End.CUT
    else:
        yield from parts
        if script.close or script.malformed == "length":
            yield End.CLOSE


def _inflated(body: bytes, size: int) -> tuple[int, Iterator[Step]]:
    """`body` grown to `size` bytes in its text, or by spaces behind it; nothing is held."""
    mark = b'"%b"' % FILLING.encode()
    before, found, after = body.partition(mark)
    fill, before, after = (b"x", before + b'"', b'"' + after) if found else (b" ", body, b"")
    missing = max(0, size - len(before) - len(after))
    blocks, rest = divmod(missing, FLOOD_BLOCK_BYTES)

    def parts() -> Iterator[Step]:
        yield Send(before)
        if blocks:
            yield Flood(fill * FLOOD_BLOCK_BYTES, blocks)
        yield Send(fill * rest + after)

    return len(before) + missing + len(after), parts()


def _first_bytes(parts: Iterable[Step], count: int) -> Iterator[Step]:
    """The steps up to `count` bytes."""
    for step in _unrolled(parts):
        if isinstance(step, Send):
            if len(step.data) >= count:
                yield Send(step.data[:count])
                return
            count -= len(step.data)
        yield step


def _unrolled(parts: Iterable[Step]) -> Iterator[Step]:
    for step in parts:
        if isinstance(step, Flood):
            yield from itertools.repeat(Send(step.block, step.events), step.times)
        else:
            yield step


def _stream_steps(
    answer: _Body, events: Iterator[Step], script: Script, broken_off: bytes
) -> Iterator[Step]:
    """A reply in chunks, one for each event."""
    framing: Headers = (("transfer-encoding", "chunked"),)
    if script.malformed == "length":
        framing = (("content-length", str(1 << 20)),)
    yield from _head_steps(answer, (("cache-control", "no-cache"), *framing), script)
    limit, unit, end = _limit(script)
    if limit is not None and unit == "events":
        events = _first_events(events, limit)
    framed = events if script.malformed == "length" else map(_chunk, events)
    if script.malformed == "chunk":
        framed = itertools.chain(itertools.islice(framed, 2), (Send(b"zz\r\nnot a chunk\r\n"),))
        end = End.CLOSE
    if limit is not None and unit == "bytes":
        framed = _first_bytes(framed, limit)
    yield from framed
    if script.error_in_stream_after is not None and end is None:
        yield _chunk(Send(broken_off, 1))
    if end is not None:
        yield end
        return
    if script.malformed == "length":
        yield End.CLOSE
        return
    yield Send(b"0\r\n\r\n")
    if script.close:
        yield End.CLOSE


def _limit(script: Script) -> tuple[int | None, str, End | None]:
    """Where a stream breaks off, in which unit, and how the connection ends there."""
    if script.stall_after is not None:
        return script.stall_after, "events", End.STALL
    if script.cut_after is not None:
        end = End.RESET if script.reset else End.CUT
        return script.cut_after.count, script.cut_after.unit, end
    if script.error_in_stream_after is not None:
        return script.error_in_stream_after, "events", None
    return None, "events", None


def _first_events(events: Iterable[Step], count: int) -> Iterator[Step]:
    for step in _unrolled(events) if count else ():
        yield step
        if isinstance(step, Send):
            count -= step.events
            if count <= 0:
                return


def _chunk(step: Step) -> Step:
    if isinstance(step, Send):
        return Send(b"%x\r\n%b\r\n" % (len(step.data), step.data), step.events)
    if isinstance(step, Flood):
        block = b"%x\r\n%b\r\n" % (len(step.block), step.block)
        return Flood(block, step.times, step.events)
    return step


def _joined(steps: Iterable[Step]) -> Iterator[Step]:
    """The same with neighbouring sends made one, up to a block each."""
    pieces: list[bytes] = []
    size = events = 0
    for step in steps:
        if isinstance(step, Send):
            pieces.append(step.data)
            size += len(step.data)
            events += step.events
            if size < FLOOD_BLOCK_BYTES:
                continue
        if pieces:
            yield Send(b"".join(pieces), events)
            pieces.clear()
            size = events = 0
        if not isinstance(step, Send):
            yield step
    if pieces:
        yield Send(b"".join(pieces), events)
