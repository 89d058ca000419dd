"""Reads an upstream connection's replies: bytes in, heads, bodies out.

An upstream is not trusted more than a client: endless heads, interim replies without end, wrong
chunks and bytes that nobody asked for end the connection. One reply is read at a time, for
requests are never pipelined.

Why the parser has no callback for fields: a reply has ten and more of them, a gateway needs a few,
and making each an object would cost more than all the rest. llhttp checks the head and finds the
end of the body by itself; the fields that decide something are then found in the head's text by
one search. Lines are surely lines there: llhttp has refused folded ones and bare line feeds.

Sources: RFC 9112 §6.3 (length of a message), §9.3 (persistence); RFC 9110 §15.2 (1xx).
"""

import re
from collections.abc import Iterable
from typing import Final

import httptools

from faregate.core import bounds
from faregate.wire.fields import HOP_BY_HOP, combine

_PLAIN_HEAD_BYTES: Final = 4 * bounds.REPLY_HEADER_COUNT_MAX  # too short for too many fields
_SWITCHING: Final = 101
_BODILESS: Final = frozenset({204, 304})

# Besides what governs the connection and the body: what vendors say to the operator alone, or of
# an address that is not the gate's.
READ_FIELDS: Final = HOP_BY_HOP | {
    b"content-length", b"content-type", b"content-encoding",
    b"set-cookie", b"alt-svc", b"strict-transport-security",
    b"openai-organization", b"openai-project", b"via", b"faregate-call-id",
}  # fmt: skip


def _by_first_letter(names: frozenset[bytes]) -> bytes:
    """Alternatives that a search can skip by their first letter."""
    letters = sorted({name[:1] for name in names})
    groups = []
    for letter in letters:
        rests = b"|".join(re.escape(name[1:]) for name in sorted(names) if name[:1] == letter)
        groups.append(b"%b(?:%b)" % (letter, rests))
    return b"|".join(groups)


_READ_LINES: Final = re.compile(
    rb"\n(" + _by_first_letter(READ_FIELDS) + rb"):[ \t]*([^\r]*)"
).findall


_frames_a_body: Final = re.compile(
    rb"\n(?:content-length|transfer-encoding):", re.IGNORECASE
).search


class ReplyHead:
    """A final reply without its body.

    `raw` is the head as received: status line first, the end of its last line included. `fields`
    has those of `READ_FIELDS` that stand in it, names and values in lower case. `length` is -1
    where the body ends by chunks or with the connection (`ends_with_connection`).
    """

    __slots__ = (
        "_lowered",
        "chunked",
        "ends_with_connection",
        "fields",
        "http11",
        "length",
        "raw",
        "status",
    )

    def __init__(self, status: int, raw: bytes, *, http11: bool) -> None:
        self.status = status
        self.raw = raw
        self.http11 = http11
        lowered = self._lowered = raw.lower()
        found: list[tuple[bytes, bytes]] = _READ_LINES(lowered)
        fields = self.fields = dict(found)
        if len(fields) != len(found):
            fields.update(self._repeated(found))
        length = fields.get(b"content-length")
        self.chunked = b"transfer-encoding" in fields
        if status in _BODILESS:
            self.length = 0
        else:
            self.length = int(length) if length is not None else -1
        self.ends_with_connection = self.length < 0 and not self.chunked

    @staticmethod
    def _repeated(found: list[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
        fields: dict[bytes, bytes] = {}
        for name, value in found:
            fields[name] = combine(fields[name], value, name) if name in fields else value
        return fields

    def without(self, names: Iterable[bytes]) -> bytes:
        """`raw` less the lines of these names, each a name of `fields`."""
        raw, lowered = self.raw, self._lowered
        for name in names:
            line = b"\n%b:" % name
            start = lowered.find(line)
            while start >= 0:
                end = lowered.find(b"\n", start + 1)
                raw = raw[:start] + raw[end:]
                lowered = lowered[:start] + lowered[end:]
                start = lowered.find(line, start)
        return raw

    def all_fields(self) -> dict[bytes, bytes]:
        """Every field; names in lower case, repeated lines combined.

        Of cookies, which can't be combined, the first.
        """
        fields: dict[bytes, bytes] = {}
        for line in self.raw.split(b"\r\n")[1:-1]:
            name, _, value = line.partition(b":")
            name, value = name.lower(), value.strip(b" \t")
            if name not in fields:
                fields[name] = value
            elif name != b"set-cookie":
                fields[name] = combine(fields[name], value, name)
        return fields


class ReplyReader:
    """Base of an upstream connection: takes bytes, calls `reply_*` in order.

    For every reply: `reply_head`, `reply_data` for each piece of its body, `reply_end`. After
    `reply_broken` nothing follows.
    """

    __slots__ = (
        "_data",
        "_fed",
        "_interim",
        "_open_ended",
        "_parser",
        "_reading",
        "keeps_alive",
    )

    def __init__(self) -> None:
        self._parser: httptools.HttpResponseParser = httptools.HttpResponseParser(self)
        self._data = b""  # the head so far
        # Its bytes; below 0 it is complete, and so many came since the body last grew.
        self._fed = 0
        self._interim = 0
        self._open_ended = False
        self._reading = False
        self.keeps_alive = True

    # -- for the connection to fill in -------------------------------------------------------------

    def reply_head(self, head: ReplyHead) -> None:
        """The head of the final reply is complete."""

    def reply_data(self, data: bytes) -> None:
        """A piece of the body."""

    def reply_end(self) -> None:
        """The reply is complete."""

    def reply_broken(self, detail: str) -> None:
        """The bytes are no reply."""

    def reply_switched(self, head: ReplyHead, rest: bytes) -> None:
        """The upstream switches to another protocol.

        `rest` is the first of it.
        """
        self.reply_broken("The upstream switches protocols, which nobody asked for.")

    # -- what the connection calls -----------------------------------------------------------------

    def expect_reply(self) -> None:
        """A request was sent: the next bytes are its reply."""
        self._reading = True
        self._interim = 0
        self._fed = 0

    @property
    def head_seen(self) -> bool:
        """Whether any byte of the expected reply has come."""
        return self._fed != 0

    def feed(self, data: bytes) -> None:
        """Read `data`; calls `reply_*` as it goes."""
        if not self._reading:
            if self.keeps_alive:
                self._break("Bytes came that no request asked for.")
            return
        if self._fed >= 0:
            self._data = self._data + data if self._fed else data
            self._fed += len(data)
        else:
            self._fed -= len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as error:
            self._switch(data[error.args[0] :])
            return
        except httptools.HttpParserCallbackError as error:
            cause: BaseException | None = error.__context__
            if not isinstance(cause, _Broken):
                raise
            self._stop(str(cause))
            return
        except httptools.HttpParserError as error:  # an upgrade that nobody asked for is one too
            self._stop(f"The reply is not valid HTTP/1.1: {error}.")
            return
        if self._fed > bounds.REPLY_HEAD_BYTES_MAX:
            self._break("The head of the reply is too large.")
        elif self._fed < -bounds.REPLY_HEAD_BYTES_MAX:
            self._break("The trailer of the reply, or its framing, is too large.")

    def _switch(self, rest: bytes) -> None:
        head, expected = self._data.lstrip(b"\r\n"), self._reading
        self._reading = self._open_ended = self.keeps_alive = False
        end = head.find(b"\r\n\r\n")
        if expected and head.startswith(b"HTTP/1.1 101") and end <= bounds.REPLY_HEAD_BYTES_MAX:
            self.reply_switched(ReplyHead(_SWITCHING, head[: end + 2], http11=True), rest)
        else:
            self.reply_broken("The upstream switches protocols, which nobody asked for.")

    def _stop(self, detail: str) -> None:
        """The bytes make no sense; where the reply was whole before, only those behind it."""
        if self._reading:
            self._break(detail)
        self.keeps_alive = False

    def _break(self, detail: str) -> None:
        """Read no more, and say so once."""
        self._reading = self._open_ended = self.keeps_alive = False
        self.reply_broken(detail)

    def feed_eof(self) -> bool:
        """Whether the end of the connection is a proper end of the reply."""
        if self._reading and self._open_ended:
            self._reading = False
            self._open_ended = False
            self.reply_end()
            return True
        return False

    def release(self) -> None:
        """Break the cycle with the parser; the reader is of no use afterwards."""
        del self._parser

    # -- the parser's callbacks --------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """A reply begins; behind a whole one nobody asked for it."""
        if not self._reading:
            raise _Broken

    def on_headers_complete(self) -> None:
        """The head is whole; interim ones are skipped."""
        parser = self._parser
        status: int = parser.get_status_code()
        if status < 200:
            self._skip_interim(status)
            return
        data, self._data = self._data, b""
        if data[:1] != b"H":
            data = data.lstrip(b"\r\n")  # empty lines, which the parser skips too
        end = data.find(b"\r\n\r\n")
        if end > _PLAIN_HEAD_BYTES:
            _check_size(data, end)
        http11 = data.startswith(b"HTTP/1.1 ")
        if not http11 and not data.startswith(b"HTTP/1.0 "):
            raise _Broken(f"The reply is HTTP/{parser.get_http_version()}.")
        head = ReplyHead(status, data[: end + 2], http11=http11)
        coding = head.fields.get(b"transfer-encoding")
        if coding is not None and coding.rstrip(b" ") != b"chunked":
            raise _Broken("The reply has a transfer coding that was not asked for.")
        self._fed = -1
        self._open_ended = head.ends_with_connection
        self.keeps_alive = parser.should_keep_alive() and not self._open_ended
        if coding is not None and not head.http11:
            self.keeps_alive = False  # RFC 9112 §6.1: its framing can't be trusted
        self.reply_head(head)

    def _skip_interim(self, status: int) -> None:
        self._interim += 1
        if status < 100:
            raise _Broken("The reply has no valid status.")
        if status == _SWITCHING:
            return  # the parser stops behind this head
        if self._interim > bounds.REPLY_INTERIM_COUNT_MAX:
            raise _Broken("The upstream sends interim replies without end.")
        head, _, self._data = self._data.lstrip(b"\r\n").partition(b"\r\n\r\n")
        if _frames_a_body(head):  # the parser would read one after some of them
            raise _Broken("An interim reply has a body.")

    def on_body(self, data: bytes) -> None:
        """A piece of the body."""
        self._fed = -1
        self.reply_data(data)

    def on_message_complete(self) -> None:
        """The reply is whole, if it wasn't an interim one."""
        if self._fed >= 0:
            return
        self._reading = False
        self._open_ended = False
        self._fed = 0
        self.reply_end()


def _check_size(data: bytes, end: int) -> None:
    if end > bounds.REPLY_HEAD_BYTES_MAX:
        raise _Broken("The head of the reply is too large.")
    if data.count(b"\r\n", 0, end) > bounds.REPLY_HEADER_COUNT_MAX:
        raise _Broken("The head of the reply has too many fields.")


class _Broken(Exception):  # noqa: N818 - leaves the parser's callbacks, never this module
    """What is wrong with the reply."""
