"""Takes content codings off a request body, bounding what comes out.

Source: RFC 9110 §8.4.1 (gzip, deflate), RFC 7932 (br), RFC 8878 (zstd).
"""

import sys
import zlib
from typing import Final

import brotli

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

from faregate.wire.fields import tokens

CODINGS: Final = ("gzip", "deflate", "br", "zstd")
_STEP_BYTES: Final = 256 * 1024
_CODINGS_MAX: Final = 2  # more are no use, and each may make `bytes_max` bytes


class CodingUnsupportedError(Exception):
    """A coding that isn't read here; its name is the argument."""


class CodingBrokenError(Exception):
    """The body isn't what its Content-Encoding says."""


class DecodedTooLargeError(Exception):
    """The decoded body is beyond its bound."""


CODING_ERRORS: Final = (CodingUnsupportedError, CodingBrokenError, DecodedTooLargeError)


def decode(body: bytes, content_encoding: bytes, bytes_max: int) -> bytes:
    """The body without its codings, the last applied taken off first.

    Raises `CodingUnsupportedError`, `CodingBrokenError` or `DecodedTooLargeError`; never makes
    more than `bytes_max` bytes and one step.
    """
    codings = [coding for coding in tokens(content_encoding) if coding != b"identity"]
    if len(codings) > _CODINGS_MAX:
        raise CodingUnsupportedError(f"{len(codings)} codings, one over the other")
    for coding in reversed(codings):
        body = _decode_one(body, coding, bytes_max)
    return body


def _decode_one(body: bytes, coding: bytes, bytes_max: int) -> bytes:
    if coding in (b"gzip", b"x-gzip"):
        return _inflate(body, 16 + zlib.MAX_WBITS, bytes_max)
    if coding == b"deflate":
        # RFC 9110 §8.4.1.2: zlib's format; some senders leave its wrapping off.
        try:
            return _inflate(body, zlib.MAX_WBITS, bytes_max)
        except CodingBrokenError:
            return _inflate(body, -zlib.MAX_WBITS, bytes_max)
    if coding == b"br":
        return _unbrotli(body, bytes_max)
    if coding == b"zstd":
        return _unzstd(body, bytes_max)
    raise CodingUnsupportedError(coding.decode("latin-1"))


def _inflate(body: bytes, window_bits: int, bytes_max: int) -> bytes:
    decoder = zlib.decompressobj(window_bits)
    out = bytearray()
    try:
        while True:
            out += decoder.decompress(body, _STEP_BYTES)
            if len(out) > bytes_max:
                raise DecodedTooLargeError
            body = decoder.unconsumed_tail
            if decoder.eof:
                break
            if not body:
                out += decoder.flush()
                break
    except zlib.error as error:
        raise CodingBrokenError(str(error)) from None
    if not decoder.eof:
        raise CodingBrokenError("it ends too early")
    if decoder.unused_data:
        raise CodingBrokenError("bytes follow its end")
    return bytes(out)


def _unbrotli(body: bytes, bytes_max: int) -> bytes:
    decoder = brotli.Decompressor()
    out = bytearray()
    try:
        piece = decoder.process(body, output_buffer_limit=_STEP_BYTES)
        # It may have taken all of the body in and have more to give, so its giving decides.
        while piece and len(out) <= bytes_max:
            out += piece
            piece = decoder.process(b"", output_buffer_limit=_STEP_BYTES)
    except brotli.error as error:
        raise CodingBrokenError(str(error)) from None
    if len(out) > bytes_max:
        raise DecodedTooLargeError
    if not decoder.is_finished():
        raise CodingBrokenError("it ends too early")
    return bytes(out)


def _unzstd(body: bytes, bytes_max: int) -> bytes:
    # A window larger than 8 MiB is refused (RFC 9659 §3).
    options = {int(zstd.DecompressionParameter.window_log_max): 23}
    decoder = zstd.ZstdDecompressor(options=options)
    out = bytearray()
    try:
        while not decoder.eof:
            out += decoder.decompress(body, _STEP_BYTES)
            body = b""
            if len(out) > bytes_max:
                raise DecodedTooLargeError
            if decoder.needs_input and not decoder.eof:
                raise CodingBrokenError("it ends too early")
    except zstd.ZstdError as error:
        raise CodingBrokenError(str(error)) from None
    if decoder.unused_data:
        raise CodingBrokenError("bytes follow its end")
    return bytes(out)
