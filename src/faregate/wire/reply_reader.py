"""Reads the replies on one upstream connection: bytes in, a head and a body out.

An upstream is not trusted more than a client: endless heads, interim replies without end, wrong
chunks and bytes that nobody asked for end the connection. One reply is read at a time, for
requests are never pipelined.

Sources: RFC 9112 §6.3 (length of a message), §9.3 (persistence); RFC 9110 §15.2 (1xx).
"""

from typing import Final

import httptools

from faregate.core import bounds
from faregate.wire.fields import combine

_BODILESS: Final = frozenset({204, 304})


class ReplyHead:
    """A final reply without its body; `fields` as they came, names in lower case.

    `raw` is the head as received, status line first and its last line end included, where it
    arrived in one piece; else empty. `length` is -1 where the body ends by chunks or with the
    connection (`ends_with_connection`).
    """

    __slots__ = ("chunked", "ends_with_connection", "fields", "http11", "length", "raw", "status")

    def __init__(
        self, status: int, fields: dict[bytes, bytes], raw: bytes, *, http11: bool
    ) -> None:
        self.status = status
        self.fields = fields
        self.raw = raw
        self.http11 = http11
        length = fields.get(b"content-length")
        self.chunked = b"transfer-encoding" in fields
        bodiless = status in _BODILESS
        self.length = 0 if bodiless else int(length) if length is not None else -1
        self.ends_with_connection = self.length < 0 and not self.chunked


class ReplyReader:
    """Base of an upstream connection: feed it bytes, and it calls `reply_*` in order.

    For every reply: `reply_head`, `reply_data` for each piece of its body, `reply_end`. After
    `reply_broken` nothing follows.
    """

    __slots__ = (
        "_data",
        "_fed",
        "_fields",
        "_interim",
        "_open_ended",
        "_parser",
        "_reading",
        "keeps_alive",
    )

    def __init__(self) -> None:
        self._parser: httptools.HttpResponseParser = httptools.HttpResponseParser(self)
        self._fields: dict[bytes, bytes] = {}
        self._data = b""
        self._fed = 0  # bytes of the head so far; -1: the head is complete
        self._interim = 0
        self._open_ended = False
        self._reading = False
        self.keeps_alive = True

    # -- for the connection to fill in -----------------------------------------------------------

    def reply_head(self, head: ReplyHead) -> None:
        """The head of the final reply is complete."""

    def reply_data(self, data: bytes) -> None:
        """A piece of the body."""

    def reply_end(self) -> None:
        """The reply is complete."""

    def reply_broken(self, detail: str) -> None:
        """The bytes are no reply."""

    # -- what the connection calls ---------------------------------------------------------------

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
            self.reply_broken("Bytes came that no request asked for.")
            return
        if self._fed >= 0:
            self._data = data if self._fed == 0 else b""
            self._fed += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserCallbackError as error:
            cause: BaseException | None = error.__context__
            if not isinstance(cause, _Broken):
                raise
            self.reply_broken(str(cause))
            return
        except httptools.HttpParserError as error:  # an upgrade that nobody asked for is one too
            if self._reading:
                self.reply_broken(f"The reply is not valid HTTP/1.1: {error}.")
            self.keeps_alive = False  # where the reply was whole, more bytes came behind it
            return
        finally:
            self._data = b""
        if self._fed > bounds.REPLY_HEAD_BYTES_MAX:
            self.reply_broken("The head of the reply is too large.")

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

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field of the head, or of the trailer (which is dropped)."""
        name = name.lower()
        fields = self._fields
        if name in fields:
            # Cookies can't be combined; they are not relayed, so the first may stand for all.
            if name != b"set-cookie":
                fields[name] = combine(fields[name], value, name)
                self._data = b""  # the raw head is not the fields any more
        else:
            fields[name] = value

    def on_headers_complete(self) -> None:
        """The head is whole; interim ones are skipped."""
        parser = self._parser
        status: int = parser.get_status_code()
        fields, self._fields = self._fields, {}
        if status < 200:
            self._skip_interim(status)
            return
        if len(fields) > bounds.REPLY_HEADER_COUNT_MAX:
            raise _Broken("The head of the reply has too many fields.")
        version = parser.get_http_version()
        if version not in ("1.1", "1.0"):
            raise _Broken(f"The reply is HTTP/{version}.")
        raw = b""
        if self._data:
            end = self._data.find(b"\r\n\r\n")
            raw = self._data[: end + 2]
            if end > bounds.REPLY_HEAD_BYTES_MAX:
                raise _Broken("The head of the reply is too large.")
        if fields.get(b"transfer-encoding", b"chunked").lower() != b"chunked":
            raise _Broken("The reply has a transfer coding that was not asked for.")
        head = ReplyHead(status, fields, raw, http11=version == "1.1")
        self._fed = -1
        self._open_ended = head.ends_with_connection
        self.keeps_alive = parser.should_keep_alive() and not self._open_ended
        self.reply_head(head)

    def _skip_interim(self, status: int) -> None:
        self._interim += 1
        if status == 101 or self._interim > bounds.REPLY_INTERIM_COUNT_MAX:
            raise _Broken("The upstream switches protocols or sends interim replies without end.")
        self._data = b""

    def on_body(self, data: bytes) -> None:
        """A piece of the body."""
        self.reply_data(data)

    def on_message_complete(self) -> None:
        """The reply is whole, if it wasn't an interim one."""
        if self._fed >= 0:
            return
        self._fields = {}
        self._reading = False
        self._open_ended = False
        self._fed = 0
        self.reply_end()


class _Broken(Exception):  # noqa: N818 - leaves the parser's callbacks, never this module
    """What is wrong with the reply."""
