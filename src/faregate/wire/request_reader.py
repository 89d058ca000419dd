"""Reads a client connection's requests: bytes in, heads, bodies out.

Strategy: llhttp (through httptools) splits the bytes in its strict mode, so that what it passes
has one meaning only; this class adds what a parser leaves to its user: limits, one Host, a target
that agrees with it, codings that are spoken here. Whatever it refuses ends the connection, for
after a request of doubtful length no next one can be found safely.

A head that repeats is read once. Clients send the same head with every call but for
Content-Length, so the last one is remembered split at those digits; bytes that begin with the
same text are the same head, and its `RequestHead` is used again with what others have derived
from it. Only whole requests that arrive in one piece take this way; all else goes through the
parser.

Sources: RFC 9112 §3 (target, Host), §6 (length of a message), §11.2 (smuggling); RFC 9110 §10.1.1
(Expect).
"""

import re
from typing import Any, Final

import httptools

from faregate.core import bounds
from faregate.core.refusals import Refusal, refuse
from faregate.wire.fields import combine, tokens

_LENGTH_LINE: Final = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,10})(?=\r\n)", re.I)
_REPEAT_BYTES_MAX: Final = 8 * bounds.KIB
_REPEAT_MISSES_MAX: Final = 16  # heads that never repeat aren't worth remembering


class RequestHead:
    """A request without its body.

    Treat as immutable: it may serve several requests.

    `fields` has names in lower case, repeated lines combined. `length` is -1 where no length is
    stated; it is that of the first request with this head. `forwarded`, `identity`, `shown` and
    `subjects` are for the gate to keep what it derives from the head alone.
    """

    __slots__ = (
        "chunked",
        "expects_continue",
        "fields",
        "forwarded",
        "http11",
        "identity",
        "keep_alive",
        "length",
        "method",
        "path",
        "query",
        "shown",
        "subjects",
    )

    def __init__(self, method: bytes, target: bytes, fields: dict[bytes, bytes]) -> None:
        path, _, query = target.partition(b"?")
        self.method = method
        self.path = path
        self.query = query
        self.fields = fields
        self.http11 = True
        self.keep_alive = True
        self.chunked = False
        self.expects_continue = False
        self.length = -1
        self.forwarded: tuple[object, bytes] | None = None
        self.identity: object | None = None
        self.shown: tuple[str, str, str] | None = None
        self.subjects: tuple[str, str] | None = None

    @property
    def has_body(self) -> bool:
        """Whether a body follows, of whatever length but zero."""
        return self.chunked or self.length > 0


class _Repeat:
    """A head split at the digits of its Content-Length; `suffix` is empty where it has none."""

    __slots__ = ("digits_at", "head", "prefix", "suffix", "suffix_bytes")

    def __init__(self, prefix: bytes, suffix: bytes, head: RequestHead) -> None:
        self.prefix = prefix
        self.digits_at = len(prefix)
        self.suffix = suffix
        self.suffix_bytes = len(suffix)
        self.head = head


class _Refused(Exception):  # noqa: N818 - leaves the parser's callbacks, never this module
    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.detail)
        self.refusal = refusal


class _Deaf:
    """Stands for the parser after a refusal."""

    def feed_data(self, data: bytes) -> None:
        """Drop it."""


class _BodyOnly:
    """Hands on what a parser tells of a body, and nothing of its head."""

    def __init__(self, reader: "RequestReader") -> None:
        self.on_body = reader.on_body
        self.on_message_complete = reader.on_message_complete


class RequestReader:
    """Base of a connection: feed it bytes, and it calls `request_*` in order.

    For every request: `request_head`, `request_data` for each piece of its body (chunked framing
    taken off, trailers dropped), `request_end`. After `request_refused` nothing follows.
    """

    __slots__ = (
        "_body_bytes",
        "_fields",
        "_head_bytes",
        "_in_head",
        "_last_head",
        "_misses",
        "_overhead",
        "_parser",
        "_progress",
        "_repeat",
        "_target",
        "_upgrades",
    )

    def __init__(self) -> None:
        self._parser: Any = httptools.HttpRequestParser(self)
        self._fields: dict[bytes, bytes] = {}
        self._target = b""
        self._in_head = True
        self._head_bytes = 0
        self._body_bytes = 0
        self._overhead = -1  # raw bytes of a chunked body; -1: not chunked
        self._progress = (0, 0)  # bytes of the body, and overhead, when the body last grew
        self._upgrades = False  # the parser leaves the body out, and stops behind the head
        self._repeat: _Repeat | None = None
        self._misses = 0
        self._last_head = RequestHead(b"", b"", {})

    # -- for the connection to fill in ---------------------------------------------------------

    def request_head(self, head: RequestHead) -> None:
        """A head is complete."""

    def request_data(self, data: bytes) -> None:
        """A piece of the body."""

    def request_end(self) -> None:
        """The request is complete."""

    def request_at_once(self, head: RequestHead, body: bytes) -> None:
        """A whole request; a short way for the three above, which it stands for."""
        self.request_head(head)
        if body:
            self.request_data(body)
        self.request_end()

    def request_refused(self, refusal: Refusal) -> None:
        """The bytes can't be accepted, nor understood from here on."""

    # -- what the connection calls ---------------------------------------------------------------

    @property
    def between_requests(self) -> bool:
        """Whether nothing of a next request has been read."""
        return self._in_head and self._head_bytes == 0

    @property
    def in_head(self) -> bool:
        """Whether a head has begun and isn't complete."""
        return self._in_head and self._head_bytes > 0

    def feed(self, data: bytes) -> None:
        """Read `data`; calls `request_*` as it goes."""
        at_start = self._in_head and self._head_bytes == 0
        if at_start and self._repeat is not None and self._feed_repeat(data, self._repeat):
            return
        if self._in_head:
            self._head_bytes += len(data)
        elif self._overhead >= 0:
            self._overhead += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as error:
            self._ignore_upgrade(data[error.args[0] :])
            return
        except httptools.HttpParserCallbackError as error:
            cause: BaseException | None = error.__context__
            if not isinstance(cause, _Refused):
                raise
            self._refuse(cause.refusal)
            return
        except httptools.HttpParserError as error:
            self._refuse(_malformed(error))
            return
        self._check_progress()
        if at_start and self._in_head and self._head_bytes == 0:
            self._remember(data)

    def release(self) -> None:
        """Break the cycle with the parser; the reader is of no use afterwards."""
        del self._parser
        self._repeat = None

    def _refuse(self, refusal: Refusal) -> None:
        """Read nothing from here on: where a next request begins is not known."""
        self._parser = _Deaf()
        self._in_head, self._overhead = False, -1
        self._repeat = None
        self.request_refused(refusal)

    def _ignore_upgrade(self, rest: bytes) -> None:
        """Read on as if no upgrade had been asked for, which RFC 9110 §7.8 allows.

        The parser stops behind the head, so another one reads the body. The connection ends with
        this request.
        """
        head = self._last_head
        self._upgrades = False
        self._repeat = None
        framing = (
            b"transfer-encoding: chunked"
            if head.chunked
            else b"content-length: %d" % max(head.length, 0)
        )
        self._parser = httptools.HttpRequestParser(_BodyOnly(self))
        self._parser.feed_data(b"POST / HTTP/1.1\r\nconnection: close\r\n%b\r\n\r\n" % framing)
        if rest:
            self.feed(rest)

    # -- a head that repeats ----------------------------------------------------------------------

    def _feed_repeat(self, data: bytes, repeat: _Repeat) -> bool:
        """Whether `data` was one whole request with the remembered head."""
        if not data.startswith(repeat.prefix):
            return False
        digits_at = repeat.digits_at
        if not repeat.suffix:
            if len(data) != digits_at:
                return False
            self._misses = 0
            self.request_at_once(repeat.head, b"")
            return True
        digits_end = data.find(b"\r", digits_at, digits_at + 11)
        digits = data[digits_at:digits_end]
        if digits_end < 0 or not digits.isdigit():
            return False
        body_at = digits_end + repeat.suffix_bytes
        if len(data) - body_at != int(digits) or not data.startswith(repeat.suffix, digits_end):
            return False
        self._misses = 0
        self.request_at_once(repeat.head, data[body_at:])
        return True

    def _remember(self, data: bytes) -> None:
        """Keep the head of `data`, if that is one whole request, for the next one."""
        if self._misses >= _REPEAT_MISSES_MAX:
            self._repeat = None
            return
        self._misses += 1
        head = self._last_head
        end = data.find(b"\r\n\r\n") + 4
        plain = head.keep_alive and not head.chunked and not head.expects_continue
        # With more than one request in `data`, this head is not the one that it begins with.
        alone = len(data) == end + max(head.length, 0)
        if not plain or not alone or end > _REPEAT_BYTES_MAX or data[:1] in b"\r\n":
            self._repeat = None
            return
        if head.length < 0:
            self._repeat = _Repeat(data[:end], b"", head)
            return
        line = _LENGTH_LINE.search(data, 0, end)
        if line is None:
            self._repeat = None
            return
        self._repeat = _Repeat(data[: line.start(1)], data[line.end(1) : end], head)

    # -- the parser's callbacks -------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """A request begins, maybe behind another in the same read: then it isn't counted yet."""
        self._head_bytes = self._head_bytes or 1

    def on_url(self, url: bytes) -> None:
        """A piece of the target."""
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field of the head, or of the trailer (which is dropped)."""
        name = name.lower()
        if value.endswith((b" ", b"\t")):  # RFC 9110 §5.5: no part of it; the parser leaves it
            if name == b"transfer-encoding" and b"\t" in value:
                raise _Refused(_coding_unsupported())  # llhttp would not see that it is chunked
            value = value.rstrip(b" \t")
        fields = self._fields
        if name not in fields:
            fields[name] = value
        elif name == b"host":
            raise _Refused(refuse("request_malformed", "There is more than one Host field."))
        else:
            fields[name] = combine(fields[name], value, name)
            if len(fields[name]) > bounds.REQUEST_HEAD_BYTES_MAX:
                raise _Refused(_headers_too_large())

    def on_headers_complete(self) -> None:
        """The head is whole: check what the parser doesn't, and hand it on."""
        parser, fields, target = self._parser, self._fields, self._target
        self._fields = {}  # what follows are trailers
        self._target = b""
        self._in_head = False
        self._check_size(target, fields)
        head = _checked_head(parser, target, fields)
        self._body_bytes = 0
        self._overhead = 0 if head.chunked else -1
        self._progress = (0, 0)
        self._last_head = head
        if not head.keep_alive:
            self._repeat = None
            self._upgrades = parser.should_upgrade()
        self.request_head(head)

    def on_body(self, data: bytes) -> None:
        """A piece of the body."""
        self._body_bytes += len(data)
        self.request_data(data)

    def on_message_complete(self) -> None:
        """The request is whole; the next byte begins another."""
        if self._upgrades:
            return
        self._in_head = True
        self._head_bytes = 0
        if self._overhead >= 0:
            self._fields = {}
            self._overhead = -1
        self.request_end()

    # -- limits -----------------------------------------------------------------------------------

    def _check_size(self, target: bytes, fields: dict[bytes, bytes]) -> None:
        if len(target) > bounds.REQUEST_LINE_BYTES_MAX:
            raise _Refused(_target_too_long())
        if len(fields) > bounds.REQUEST_HEADER_COUNT_MAX:
            raise _Refused(_headers_too_large())
        if self._head_bytes > bounds.REQUEST_HEAD_BYTES_MAX:
            size = len(target) + sum(len(name) + len(value) + 4 for name, value in fields.items())
            if size > bounds.REQUEST_HEAD_BYTES_MAX:
                raise _Refused(_headers_too_large())

    def _check_progress(self) -> None:
        """Refuse a head that never ends, and padding around chunks."""
        if self._in_head:
            if self._head_bytes > bounds.REQUEST_HEAD_BYTES_MAX:
                if not self._fields and len(self._target) > bounds.REQUEST_LINE_BYTES_MAX:
                    self._refuse(_target_too_long())
                else:
                    self._refuse(_headers_too_large())
        elif self._overhead > 0:
            body_bytes, overhead = self._progress
            if self._body_bytes > body_bytes:
                self._progress = (self._body_bytes, self._overhead)
                overhead = self._overhead
            # In all, and at one stretch: a trailer comes after any amount of body.
            padding = max(self._overhead - 9 * self._body_bytes, self._overhead - overhead)
            if padding > bounds.CHUNK_OVERHEAD_BYTES_MAX:
                detail = "The chunks carry far more framing than data."
                self._refuse(refuse("request_malformed", detail))


def _checked_head(
    parser: "httptools.HttpRequestParser", target: bytes, fields: dict[bytes, bytes]
) -> RequestHead:
    """The head as a value, or `_Refused`."""
    version = parser.get_http_version()
    if version not in ("1.1", "1.0"):
        raise _Refused(refuse("http_version_unsupported", f"The request is HTTP/{version}."))
    method = parser.get_method()
    host = fields.get(b"host")
    if target[:1] != b"/":
        target = _origin_form(method, target, host)
    elif b"#" in target:
        raise _Refused(refuse("request_malformed", "The target contains a fragment (#)."))
    head = RequestHead(method, target, fields)
    if version == "1.0":
        head.http11 = False
    elif host is None:
        raise _Refused(refuse("request_malformed", "The Host field is missing."))
    if host is not None and (b"," in host or b" " in host or b"/" in host or b"@" in host):
        raise _Refused(refuse("request_malformed", "The Host field is not a host."))
    head.keep_alive = parser.should_keep_alive() and not parser.should_upgrade()
    length = fields.get(b"content-length")
    if length is not None:
        head.length = int(length)
    coding = fields.get(b"transfer-encoding")
    if coding is not None:
        _check_transfer_coding(coding, http11=head.http11)
        head.chunked = True
    expectation = fields.get(b"expect")
    if expectation is not None:
        if tokens(expectation) != [b"100-continue"]:
            raise _Refused(refuse("expectation_failed", "Only 100-continue can be expected."))
        head.expects_continue = head.http11 and head.has_body
    return head


def _origin_form(method: bytes, target: bytes, host: bytes | None) -> bytes:
    """The path of an absolute or asterisk target that agrees with Host (RFC 9112 §3.2)."""
    if target == b"*" and method == b"OPTIONS":
        return target
    scheme, separator, rest = target.partition(b"://")
    if not separator or scheme.lower() not in (b"http", b"https"):
        raise _Refused(refuse("request_malformed", "The target is neither a path nor an address."))
    authority, slash, path = rest.partition(b"/")
    if not slash and b"?" in authority:
        authority, _, query = authority.partition(b"?")
        path = b"?" + query
        return _agreed(authority, host, b"/" + path)
    return _agreed(authority, host, b"/" + path)


def _agreed(authority: bytes, host: bytes | None, path: bytes) -> bytes:
    if host is None or authority.lower() != host.lower():
        raise _Refused(refuse("request_malformed", "The target and the Host field disagree."))
    if b"#" in path:
        raise _Refused(refuse("request_malformed", "The target contains a fragment (#)."))
    return path


def _check_transfer_coding(coding: bytes, *, http11: bool) -> None:
    if not http11:
        detail = "HTTP/1.0 has no Transfer-Encoding."
        raise _Refused(refuse("request_malformed", detail))
    if coding.lower() != b"chunked":
        raise _Refused(_coding_unsupported())


def _coding_unsupported() -> Refusal:
    return refuse("transfer_coding_unsupported", "Transfer-Encoding can only be 'chunked'.")


def _target_too_long() -> Refusal:
    limit = bounds.REQUEST_LINE_BYTES_MAX
    return refuse("target_too_long", f"The target is over {limit} bytes long.", limit=limit)


def _headers_too_large() -> Refusal:
    limit, count = bounds.REQUEST_HEAD_BYTES_MAX, bounds.REQUEST_HEADER_COUNT_MAX
    detail = f"The head may have {limit} bytes in {count} fields."
    return refuse("headers_too_large", detail, limit=limit)


def _malformed(error: httptools.HttpParserError) -> Refusal:
    """The parser's complaint as a refusal; its texts are llhttp's reasons."""
    reason = str(error)
    if isinstance(error, httptools.HttpParserInvalidMethodError):
        return refuse("method_unknown", "The method of the request is not one of HTTP/1.1.")
    if "HTTP version" in reason or "PRI" in reason:
        return refuse("http_version_unsupported", "Only HTTP/1.1 and HTTP/1.0 are spoken here.")
    if reason == "Content-Length overflow":
        return refuse("body_too_large", "Content-Length is beyond all bounds.")
    if "invalid `Transfer-Encoding`" in reason:
        return _coding_unsupported()
    return refuse("request_malformed", f"{reason}.")
