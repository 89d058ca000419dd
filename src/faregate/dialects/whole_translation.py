"""Translators of operations that answer as a whole: embeddings, rerank, speech and others.

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


class Answered(Protocol):
    """What every neutral reply states."""

    @property
    def usage(self) -> Usage | None:
        """What the vendor counted."""


class AskedWhole(msgspec.Struct, Generic[Asking], frozen=True, kw_only=True):
    """What a reply's writer must know of the call. `now_s` is seconds since 1970."""

    request: Asking
    call_id: str
    now_s: int


class WholeDialect(Protocol[Asking, Answer]):
    """One dialect of an operation that answers as a whole."""

    name: str

    def read_request(self, body: bytes, model: str | None, *, stream: bool) -> Asking | Refusal:
        """A caller's request; `model` and `stream` are of the path where that says them."""

    def write_request(self, request: Asking, target: TargetFacts) -> Written:
        """The same for a target. Never raises: what can't be carried is told."""

    def read_reply(self, body: bytes) -> Answer:
        """A vendor's whole reply; raises `MalformedReplyError`."""

    def write_reply(self, reply: Answer, asked: AskedWhole[Asking]) -> bytes:
        """A whole reply for a caller."""
