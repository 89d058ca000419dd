"""What a dialect must be able to do: towards callers, towards vendors.

`Native` is for equal dialects, where bytes pass through: a request is peeked at and spliced, a
reply read for its usage. `Dialect` is for unequal ones: it reads and writes the neutral form in
both directions, so that N dialects need N translators.

All of it is without I/O and bounded by the sizes of what comes in. Readers of requests give a
`Refusal` that names the field in the caller's own terms; readers of replies raise
`MalformedReplyError`, for a vendor's mistake is not the caller's.
"""

from typing import Protocol

import msgspec

from faregate.core.refusals import Refusal
from faregate.dialects.neutral.reply import Event, Reply
from faregate.dialects.neutral.request import Request
from faregate.dialects.usage import Usage


class MalformedReplyError(Exception):
    """A vendor's reply is not what its dialect says."""


class Lost(msgspec.Struct, frozen=True):
    """A part of a request that the target's dialect can't carry.

    `name` is the neutral field's, such as "seed", "tools", "messages.image"; `why` a sentence.
    """

    name: str
    why: str


class Written(msgspec.Struct, frozen=True):
    """A request in a target's dialect; `lost` is what it leaves out.

    `path` is where it goes below the vendor's base URL, if more than the model decides that;
    `accept` the header of that name, where the vendor answers in several forms.
    """

    body: bytes
    lost: tuple[Lost, ...] = ()
    content_type: str = "application/json"
    path: str | None = None
    accept: str | None = None


class TargetFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a writer must know of the target.

    `output_tokens_max` is the model's own limit, for dialects that want one said; `unsupported`
    are neutral fields that the vendor refuses; `quirks` its row's.
    """

    model: str
    vendor: str = ""
    output_tokens_max: int | None = None
    output_limit_field: str = "max_tokens"
    unsupported: frozenset[str] = frozenset()
    quirks: frozenset[str] = frozenset()


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a reply's writer must know of the call.

    `request` is None where only a stream is metered. `now_s` is seconds since 1970.
    """

    request: Request
    call_id: str
    now_s: int


class StreamReader(Protocol):
    """Reads a vendor's stream, in whatever pieces it comes."""

    def feed(self, data: bytes) -> list[Event]:
        """The events that `data` completes.

        Raises `MalformedReplyError`, and `wire.sse.EventTooLargeError`.
        """

    def end(self) -> list[Event]:
        """What the end of the bytes completes."""


class StreamWriter(Protocol):
    """Writes a caller's stream, event by event.

    After `Failed` or `Ended` nothing more is written.
    """

    def write(self, event: Event) -> bytes:
        """The bytes for one event, perhaps none."""

    def end(self) -> bytes:
        """The rest, where the vendor's stream ended without an `Ended`."""


class Dialect(Protocol):
    """One dialect of generating; `stream_type` is its streams' media type."""

    name: str
    stream_type: str

    def read_request(self, body: bytes, model: str | None, *, stream: bool) -> Request | Refusal:
        """A caller's request.

        `model` and `stream` are of the path where that says them.
        """

    def write_request(self, request: Request, target: TargetFacts) -> Written:
        """The same for a target. Never raises: what can't be carried is told."""

    def read_reply(self, body: bytes) -> Reply:
        """A vendor's whole reply; raises `MalformedReplyError`."""

    def write_reply(self, reply: Reply, asked: Asked) -> bytes:
        """A whole reply for a caller."""

    def stream_reader(self) -> StreamReader:
        """For one reply."""

    def stream_writer(self, asked: Asked) -> StreamWriter:
        """For one reply."""


class Peeked(Protocol):
    """What the gate reads of a request whose bytes pass through."""

    @property
    def model(self) -> str:
        """The name that the caller asks for."""

    @property
    def stream(self) -> bool | None:
        """Whether the reply shall be streamed."""

    @property
    def output_limit(self) -> int | None:
        """The most output tokens that the caller wants for each choice."""

    @property
    def choices(self) -> int:
        """How many answers are made, each of up to `output_limit` tokens."""

    @property
    def user(self) -> str | None:
        """The caller's own end user."""

    @property
    def asks_usage(self) -> bool:
        """Whether a stream states its usage without being changed."""


class Meter(Protocol):
    """Reads a stream on its way to the caller."""

    events: int
    output_tokens: int
    usage: Usage | None

    def feed(self, data: bytes) -> bytes:
        """Take a piece of the stream; give what goes on to the caller."""

    def end(self) -> bytes:
        """What is left at the stream's end."""

    def cut(self) -> bool:
        """Drop the rest of a broken stream.

        Whether the caller saw part of an event.
        """


class Native(Protocol):
    """One dialect whose bytes pass through."""

    def peek(self, body: bytes, model: str | None, *, stream: bool) -> Peeked | Refusal:
        """Read what the gate needs.

        `model` and `stream` are the path's, if that says them.
        """

    def splice_model(self, body: bytes, asked: str, served: str) -> bytes | Refusal:
        """`body` with another model's name, and no other byte changed."""

    def set_output_limit(self, body: bytes, limit: int, field: str) -> bytes:
        """`body` with `limit` as its output limit.

        `field` is the vendor's name for it.
        """

    def ask_stream_usage(self, body: bytes) -> bytes:
        """A streamed request's `body`, made to ask for usage at the end."""

    def read_usage(self, body: bytes) -> Usage | None:
        """The usage that a whole reply states."""

    def read_usage_in_part(self, part: bytes) -> Usage | None:
        """The usage in the start or the end of a reply too long to be kept whole."""

    def stream_meter(self, *, hide_usage: bool, measures: bool) -> Meter:
        """For one stream."""

    def final_events(
        self, call_id: str, model: str, choices: int, refusal: object, output_tokens: int = 0
    ) -> bytes:
        """The end of a stream that we end: choices at their limit, and why.

        `call_id` is what the stream is called; `output_tokens` what it has put out.
        """


class FormNative(Native, Protocol):
    """A dialect whose requests may also be forms (multipart/form-data).

    `content_type` is the request's own header, which names the boundary. Where it says JSON the
    methods of `Native` serve.
    """

    multipart: bool

    def peek_form(self, body: bytes, content_type: bytes) -> Peeked | Refusal:
        """As `peek`; refuses a form that could be read in two ways."""

    def splice_model_form(
        self, body: bytes, content_type: bytes, asked: str, served: str
    ) -> bytes | Refusal:
        """As `splice_model`."""

    def most_form(self, body: bytes, content_type: bytes) -> Usage | None:
        """The most that the form can cost: units, and tokens."""

    def likely_form(self, body: bytes, content_type: bytes) -> Usage | None:
        """What the form costs where the reply doesn't say."""
