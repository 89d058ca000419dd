"""Finds the parts of a form (multipart/form-data), and writes forms.

Whoever forwards a form that it has read must read it as the next one does: what could be read in
two ways is refused. No text before the first part or behind the last, lines end with CRLF, a
boundary is followed by nothing, a part says once and plainly what it is called.

Sources: RFC 2046 §5.1.1, RFC 7578 §4.
"""

import hashlib
import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from faregate.core import bounds

_TYPE: Final = re.compile(rb"multipart/form-data[ \t]*(?:;|\Z)", re.I)
_PARAMETER: Final = re.compile(
    rb';[ \t]*([!#$%&\'*+.^_`|~0-9A-Za-z-]+)=(?:"((?:[^"\\\r\n]|\\[^\r\n])*)"'
    rb"|([!#$%&'*+.^_`|~0-9A-Za-z-]+))[ \t]*"
)
_BOUNDARY: Final = re.compile(rb"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")
_HEADER: Final = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n\0]*)")
_PLAIN_CODINGS: Final = (b"7bit", b"8bit", b"binary")


class MultipartError(Exception):
    """The body is no form, or one that could be read in two ways."""


class Part(NamedTuple):
    """A part of a form: its name, and where its bytes stand in the body.

    `media_type` is in lower case, without parameters; empty where it isn't said.
    """

    name: str
    filename: str | None
    media_type: str
    start: int
    end: int


class Field(NamedTuple):
    """A field of a form to be written; with a filename, a file."""

    name: str
    value: bytes
    filename: str | None = None
    media_type: str = "application/octet-stream"


def is_form(content_type: bytes) -> bool:
    """Whether a body of this type is a form with parts."""
    return _TYPE.match(content_type) is not None


def _parameters(text: bytes, what: str) -> dict[bytes, bytes]:
    """The parameters behind a value; raises `MultipartError`."""
    found: dict[bytes, bytes] = {}
    at = 0
    while at < len(text):
        parameter = _PARAMETER.match(text, at)
        if parameter is None:
            raise MultipartError(f"the {what} can't be read")
        name = parameter[1].lower()
        if name in found:
            raise MultipartError(f"the {what} says {name.decode()} twice")
        found[name] = parameter[3] if parameter[2] is None else parameter[2]
        at = parameter.end()
    return found


def boundary_of(content_type: bytes) -> bytes:
    """The boundary that a header names; raises `MultipartError`."""
    if not is_form(content_type):
        raise MultipartError("its content-type is not multipart/form-data")
    _, semicolon, rest = content_type.partition(b";")
    boundary = _parameters(semicolon + rest, "content-type").get(b"boundary", b"")
    if _BOUNDARY.fullmatch(boundary) is None:
        raise MultipartError("the content-type names no valid boundary")
    return boundary


def parts(body: bytes, content_type: bytes) -> list[Part]:
    """All parts of a form; raises `MultipartError`."""
    delimiter = b"\r\n--" + boundary_of(content_type)
    if not body.startswith(delimiter[2:]):
        raise MultipartError("it does not begin with its boundary")
    found: list[Part] = []
    at = len(delimiter) - 2
    while True:
        follows = body[at : at + 2]
        if follows == b"--":
            if body[at + 2 :] not in (b"", b"\r\n"):
                raise MultipartError("something stands behind its end")
            return found
        if follows != b"\r\n":
            raise MultipartError("a boundary is followed by something else")
        if len(found) == bounds.FORM_PARTS_MAX:
            raise MultipartError(f"it has more than {bounds.FORM_PARTS_MAX} parts")
        # The head's first line may follow the boundary's own line end at once, or be missing.
        head_end = body.find(b"\r\n\r\n", at, at + bounds.FORM_HEAD_BYTES_MAX)
        if head_end < 0:
            raise MultipartError("the head of a part has no end, or is too long")
        start = head_end + 4
        end = body.find(delimiter, start)
        if end < 0:
            raise MultipartError("it has no end")
        found.append(_part(body[at + 2 : head_end], start, end))
        at = end + len(delimiter)


def _part(head: bytes, start: int, end: int) -> Part:
    headers: dict[bytes, bytes] = {}
    for line in head.split(b"\r\n"):
        header = _HEADER.fullmatch(line)
        if header is None:
            raise MultipartError("the head of a part can't be read")
        name = header[1].lower()
        if name in headers:
            raise MultipartError(f"a part says {name.decode()} twice")
        headers[name] = header[2].rstrip(b" \t")
    kind, semicolon, rest = headers.get(b"content-disposition", b"").partition(b";")
    if kind.strip(b" \t").lower() != b"form-data":
        raise MultipartError("a part is not form-data")
    if b"content-length" in headers:  # RFC 7578 §4.8; it would be wrong once a part is changed
        raise MultipartError("a part says how long it is")
    if headers.get(b"content-transfer-encoding", b"binary").lower() not in _PLAIN_CODINGS:
        raise MultipartError("a part is encoded")
    said = _parameters(semicolon + rest, "content-disposition")
    if b"\\" in said.get(b"name", b"\\") or b"name*" in said:
        raise MultipartError("a part has no plain name")
    filename = said.get(b"filename", said.get(b"filename*"))
    media_type = headers.get(b"content-type", b"").partition(b";")[0]
    try:
        return Part(
            said[b"name"].decode(),
            None if filename is None else filename.decode(errors="replace"),
            media_type.strip(b" \t").lower().decode("latin-1"),
            start,
            end,
        )
    except UnicodeDecodeError:
        raise MultipartError("the name of a part is not UTF-8") from None


def _quoted(text: str) -> str:
    """A name or filename as browsers write it."""
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def write(fields: Sequence[Field]) -> tuple[bytes, str]:
    """A form and its content-type; the same fields give the same bytes."""
    found = hashlib.blake2b(digest_size=16)
    for field in fields:
        found.update(field.value)
    boundary = found.hexdigest()
    while any(boundary.encode() in field.value for field in fields):
        found.update(b"again")
        boundary = found.hexdigest()
    written = []
    for field in fields:
        head = f'Content-Disposition: form-data; name="{_quoted(field.name)}"'
        if field.filename is not None:
            head += f'; filename="{_quoted(field.filename)}"\r\nContent-Type: {field.media_type}'
        written.append(f"--{boundary}\r\n{head}\r\n\r\n".encode() + field.value + b"\r\n")
    written.append(f"--{boundary}--\r\n".encode())
    return b"".join(written), f"multipart/form-data; boundary={boundary}"
