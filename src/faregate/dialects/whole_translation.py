"""Translators of operations that answer as a whole, such as embeddings.

They have the methods of `translation.Dialect` that aren't about streams, with a neutral form of
their own for each operation. A reply's reader gives something with a `usage`.
"""

from typing import Generic, Protocol, TypeVar

import msgspec

from faregate.core.refusals import Refusal
from faregate.dialects.translation import TargetFacts, Written
from faregate.dialects.usage import Usage

Asking = TypeVar("Asking")
Answer = TypeVar("Answer")
AskingTaken = TypeVar("AskingTaken", contravariant=True)
AnswerTaken = TypeVar("AnswerTaken", contravariant=True)
AnswerGiven = TypeVar("AnswerGiven", covariant=True)


class Answered(Protocol):
    """What every neutral reply states."""

    @property
    def usage(self) -> Usage | None:
        """What the vendor counted."""


class AskedWhole(msgspec.Struct, Generic[Asking], frozen=True, kw_only=True):
    """What a reply's writer must know of the call.

    `now_s` is seconds since 1970.
    """

    request: Asking
    call_id: str
    now_s: int


class WholeCaller(Protocol[Asking, AnswerTaken]):
    """The callers' half of a dialect."""

    name: str

    def read_request(self, body: bytes, model: str | None, *, stream: bool) -> Asking | Refusal:
        """A caller's request.

        `model` and `stream` are of the path where that says them.
        """

    def write_reply(self, reply: AnswerTaken, asked: AskedWhole[Asking]) -> bytes:
        """A whole reply for a caller."""


class WholeTarget(Protocol[AskingTaken, AnswerGiven]):
    """The vendors' half of a dialect; some have no other."""

    name: str

    def write_request(self, request: AskingTaken, target: TargetFacts) -> Written:
        """A request for a target. Never raises: what can't be carried is told."""

    def read_reply(self, body: bytes) -> AnswerGiven:
        """A vendor's whole reply; raises `MalformedReplyError`."""


class WholeDialect(WholeCaller[Asking, Answer], WholeTarget[Asking, Answer], Protocol):
    """One dialect of an operation that answers as a whole."""


class FormCaller(Protocol[Asking, AnswerTaken]):
    """The callers' half of a dialect whose requests are forms.

    Its replies vary in their type.
    """

    name: str

    def read_form(self, body: bytes, content_type: bytes) -> Asking | Refusal:
        """A caller's form; `content_type` is its header."""

    def write_reply(self, reply: AnswerTaken, asked: AskedWhole[Asking]) -> bytes:
        """A whole reply for a caller."""

    def reply_type(self, asked: AskedWhole[Asking]) -> str:
        """The media type of that reply."""
