"""InvokeModel's streams: a model's own events, wrapped by Amazon.

They stand in base64 in the messages of Amazon's event stream.

What is inside are the events of Anthropic's Messages; the last has beside its own members
`amazon-bedrock-invocationMetrics`.

Source: Amazon Bedrock API reference, "InvokeModelWithResponseStream" (PayloadPart).
"""

import base64
import binascii
from typing import Final

import msgspec

from faregate.dialects.anthropic.stream_reader import StreamReader as AnthropicReader
from faregate.dialects.bedrock.stream_reader import failure
from faregate.dialects.neutral.reply import Event, Failed
from faregate.dialects.translation import MalformedReplyError
from faregate.dialects.typed_shapes import DECODING_ERRORS
from faregate.wire.event_stream import EventStreamError, EventStreamReader, Message, encode_event


class _Chunk(msgspec.Struct, gc=False):
    bytes: str


class _Typed(msgspec.Struct, gc=False):
    type: str


_decode_chunk: Final = msgspec.json.Decoder(_Chunk).decode
_decode_typed: Final = msgspec.json.Decoder(_Typed).decode


class InvokeReader:
    """Takes the events out of their wrapping.

    `failed` is the exception that ended the stream.
    """

    __slots__ = ("_reader", "failed")

    def __init__(self) -> None:
        self._reader = EventStreamReader()
        self.failed: Failed | None = None

    def feed(self, data: bytes) -> list[bytes]:
        """The JSON of the events that `data` completes, up to an exception.

        Raises `MalformedReplyError` and `EventTooLargeError`.
        """
        try:
            messages = self._reader.feed(data)
        except EventStreamError as error:
            raise MalformedReplyError(str(error)) from None
        found: list[bytes] = []
        for message in messages:
            if self.failed is not None:
                break
            if message.text(":message-type") == "event":
                found += _unwrapped(message)
            else:
                self.failed = failure(message)
        return found


def _unwrapped(message: Message) -> list[bytes]:
    if message.text(":event-type") != "chunk":
        return []
    try:
        return [base64.b64decode(_decode_chunk(message.payload).bytes, validate=True)]
    except (*DECODING_ERRORS, binascii.Error) as error:
        raise MalformedReplyError(str(error)) from None


class StreamReader:
    """Reads a stream of InvokeModel as neutral events."""

    __slots__ = ("_ended", "_inner", "_wrapped")

    def __init__(self) -> None:
        self._ended = False
        self._wrapped = InvokeReader()
        self._inner = AnthropicReader()

    def feed(self, data: bytes) -> list[Event]:
        """The events that `data` completes."""
        if self._ended:
            return []
        found = [
            event for each in self._wrapped.feed(data) for event in self._inner.read_data(each)
        ]
        failed = self._wrapped.failed
        if failed is not None:
            self._ended = True
            found.append(failed)
        return found

    def end(self) -> list[Event]:
        """There is nothing that its end completes."""
        return []


def as_server_sent(event: bytes) -> bytes:
    """An event's JSON as Anthropic's own API sends it.

    Raises `MalformedReplyError`.
    """
    try:
        kind = _decode_typed(event).type
    except DECODING_ERRORS as error:
        raise MalformedReplyError(str(error)) from None
    if not kind.isidentifier() or b"\n" in event or b"\r" in event:
        raise MalformedReplyError("An event has no usual type, or stands on several lines.")
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), event)


def wrapped(event: bytes) -> bytes:
    """An event's JSON as InvokeModel's stream has it."""
    return encode_event("chunk", b'{"bytes":"%b"}' % base64.b64encode(event))
