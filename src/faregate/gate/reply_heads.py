"""Heads of replies on their way to callers.

A vendor's own, or ours for a translated one.
"""

from typing import Final

from faregate.wire import reply
from faregate.wire.fields import connection_names
from faregate.wire.reply_reader import READ_FIELDS, ReplyHead

# What the reader finds in a reply is what isn't relayed, but for what describes the body.
_NOT_RELAYED: Final = READ_FIELDS - {b"content-length", b"content-type", b"content-encoding"}
_NOT_RELAYED_BUT_CHUNKS: Final = _NOT_RELAYED - {b"transfer-encoding"}
_PLAIN_CONNECTIONS: Final = (b"keep-alive", b"close")
_FRAMING: Final = frozenset({b"transfer-encoding", b"content-length"})


def relayed_head(
    head: ReplyHead,
    call_id: str,
    *,
    chunked: bool,
    closes: bool,
    length: int | None = None,
    extra: bytes = b"",
) -> bytes:
    """The head of the reply for the caller; `extra` are whole lines of ours.

    Where the framing stays it is the upstream's own text, less the lines that aren't relayed.
    """
    close = reply.CLOSE_FIELD if closes else b""
    own = b"faregate-call-id: %b\r\n%b%b\r\n" % (call_id.encode(), extra, close)
    connection = head.fields.get(b"connection", b"close")
    if (
        chunked == head.chunked
        and length is None
        and head.http11
        and connection in _PLAIN_CONNECTIONS
    ):
        left_out = _NOT_RELAYED_BUT_CHUNKS if chunked else _NOT_RELAYED
        return head.without(left_out.intersection(head.fields)) + own
    named = connection_names([connection])
    lines = [reply.status_line(head.status)]
    lines.extend(
        b"%b: %b\r\n" % (name, value)
        for name, value in head.all_fields().items()
        if name not in _NOT_RELAYED and name not in _FRAMING and name not in named
    )
    if chunked:
        lines.append(reply.CHUNKED_FIELD)
    elif length is not None or head.length >= 0:
        stated = length if length is not None else head.length
        lines.append(b"content-length: %d\r\n" % stated)
    lines.append(own)
    return b"".join(lines)


def own_head(
    status: int,
    content_type: str,
    call_id: str,
    *,
    chunked: bool,
    closes: bool,
    length: int | None,
    extra: bytes,
) -> bytes:
    """The head of a translated reply; `extra` are whole lines."""
    framing = reply.CHUNKED_FIELD if chunked else b""
    if length is not None:
        framing = b"content-length: %d\r\n" % length
    return b"%bcontent-type: %b\r\n%bfaregate-call-id: %b\r\n%b%b\r\n" % (
        reply.status_line(status),
        content_type.encode(),
        framing,
        call_id.encode(),
        extra,
        reply.CLOSE_FIELD if closes else b"",
    )
