"""Lets the operator's token act for a key: how batches are called.

A call that shows the token and names a key in `Faregate-Key` is that key's call in all that
follows: its models, limits, credit and record. Nothing but the token gives that right. Whoever
acts may choose the call's id, to find its record when the reply is lost, and say until when the
call may begin: a call that arrives later is refused, so that one that isn't on record then never
will be. Fails closed.
"""

from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from faregate.core.clock import Clock
from faregate.core.errors import FaregateError
from faregate.core.ids import CALL_ID_LENGTH, CALL_ID_PREFIX
from faregate.core.refusals import Refusal, refuse
from faregate.identity.keys import KeyRecord
from faregate.identity.operator import is_operator, is_operator_token
from faregate.wire.request_reader import RequestHead

KEY_FIELD: Final = b"faregate-key"
CALL_ID_FIELD: Final = b"faregate-call-id"
BEFORE_FIELD: Final = b"faregate-before"  # nanoseconds since 1970
LINE_FIELD: Final = b"faregate-batch-line"

_LINE_CHARACTERS_MAX: Final = 100
UNKNOWN_TOKEN: Final = refuse(
    "key_unknown", "The token that was sent is not this gateway's.", scope="key", repeats=True
)
_NO_KEY: Final = refuse(
    "key_unknown",
    "The operator's token makes calls only for the key that Faregate-Key names by its id.",
    param="faregate-key",
    scope="key",
    repeats=True,
)
_LATE: Final = refuse(
    "request_timeout", "The call came after Faregate-Before.", param="faregate-before"
)


class CallWithId(Protocol):
    """What this policy reads of a call, and what it sets."""

    head: RequestHead
    key: KeyRecord | None
    call_id: str
    acting: str


class Acting:
    """Judges what was shown in a key's place.

    `find` looks a key up by its id; it may raise `FaregateError` where it can't.
    """

    def __init__(
        self,
        operator_hash: bytes,
        find: Callable[[str], Awaitable[KeyRecord | None]],
        judge: Callable[[KeyRecord], Refusal | None],
        clock: Clock,
    ) -> None:
        self._operator_hash = operator_hash
        self._find = find
        self._judge = judge
        self._clock = clock

    def __call__(
        self, call: CallWithId, presented: bytes
    ) -> Refusal | Awaitable[Refusal | None] | None:
        """Refuse with 401, or look up whom the operator acts for."""
        text = presented.decode("latin-1")
        if not is_operator_token(text) or not is_operator(text, self._operator_hash):
            return UNKNOWN_TOKEN
        fields = call.head.fields
        key_id = fields.get(KEY_FIELD, b"").decode("latin-1")
        if not key_id:
            return _NO_KEY
        before = fields.get(BEFORE_FIELD)
        if before is not None and not (before.isdigit() and self._clock.wall_ns() < int(before)):
            return _LATE
        return self._act(call, key_id)

    async def _act(self, call: CallWithId, key_id: str) -> Refusal | None:
        try:
            record = await self._find(key_id)
        except FaregateError:
            return refuse("key_store_unavailable", "The key store does not answer.", scope="gate")
        if record is None or record.key_id != key_id:
            return _NO_KEY
        refusal = self._judge(record)
        if refusal is not None:
            return refusal
        fields = call.head.fields
        line = fields.get(LINE_FIELD, b"").decode("latin-1")
        call.acting = line[:_LINE_CHARACTERS_MAX] or "operator"
        call_id = fields.get(CALL_ID_FIELD, b"").decode("latin-1")
        if len(call_id) == CALL_ID_LENGTH and call_id.startswith(CALL_ID_PREFIX):
            call.call_id = call_id
        call.key = record
        return None
