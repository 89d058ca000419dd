"""A coded body is decoded to the byte, or refused by name; it never grows past its bound."""

import gzip
import sys
import zlib

import brotli
import pytest

from faregate.wire.content_coding import (
    CODINGS,
    CodingBrokenError,
    CodingUnsupportedError,
    DecodedTooLargeError,
    decode,
)

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

LIMIT = 1_000_000


def _raw_deflate(body: bytes) -> bytes:
    coder = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return coder.compress(body) + coder.flush()


CODERS = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "GZIP": gzip.compress,
    "deflate": zlib.compress,
    "deflate ": _raw_deflate,
    "br": brotli.compress,
    "zstd": zstd.compress,
}
BODIES = [b"", b"a", b'{"model": "m"}', bytes(range(256)) * 3_000]


@pytest.mark.parametrize("coding", CODERS)
@pytest.mark.parametrize("body", BODIES, ids=["empty", "one", "small", "large"])
def test_what_was_coded_is_decoded(coding: str, body: bytes):
    assert decode(CODERS[coding](body), coding.encode(), LIMIT) == body


def test_every_coding_that_is_named_is_read():
    assert {coding.strip().lower() for coding in CODERS} >= set(CODINGS)


@pytest.mark.parametrize("coding", CODERS)
def test_a_body_of_the_limit_is_taken_and_one_beyond_it_is_not(coding: str):
    assert len(decode(CODERS[coding](b"x" * 1_000), coding.encode(), 1_000)) == 1_000
    with pytest.raises(DecodedTooLargeError):
        decode(CODERS[coding](b"x" * 1_001), coding.encode(), 1_000)


@pytest.mark.parametrize("coding", CODERS)
def test_a_bomb_does_not_go_off(coding: str):
    bomb = CODERS[coding](b"\0" * 50_000_000)
    with pytest.raises(DecodedTooLargeError):
        decode(bomb, coding.encode(), LIMIT)


@pytest.mark.parametrize("coding", CODERS)
def test_a_body_that_is_cut_at_any_byte_is_broken(coding: str):
    whole = CODERS[coding](b'{"model": "m", "messages": []}')
    for length in range(len(whole)):
        with pytest.raises(CodingBrokenError):
            decode(whole[:length], coding.encode(), LIMIT)


@pytest.mark.parametrize("coding", CODERS)
@pytest.mark.parametrize("behind", [b"x", b"\0" * 100])
def test_a_body_with_more_behind_it_is_broken(coding: str, behind: bytes):
    with pytest.raises(CodingBrokenError):
        decode(CODERS[coding](b"body") + behind, coding.encode(), LIMIT)


@pytest.mark.parametrize("coding", CODERS)
def test_a_body_that_is_not_coded_is_broken(coding: str):
    with pytest.raises(CodingBrokenError):
        decode(b'{"model": "m"}', coding.encode(), LIMIT)


def test_the_last_coding_is_taken_off_first():
    assert decode(brotli.compress(gzip.compress(b"body")), b"gzip, br", LIMIT) == b"body"
    assert decode(gzip.compress(b"body"), b"identity, gzip,identity", LIMIT) == b"body"
    assert decode(b"body", b"identity", LIMIT) == b"body"
    assert decode(b"body", b"", LIMIT) == b"body"


def test_codings_without_end_are_refused():
    with pytest.raises(CodingUnsupportedError):
        decode(b"", b"gzip, " * 1_000, LIMIT)


@pytest.mark.parametrize("coding", [b"compress", b"gzip2", b"*", b"gzip;q=1"])
def test_an_unknown_coding_is_named(coding: bytes):
    with pytest.raises(CodingUnsupportedError, match=coding.decode()[:4].replace("*", r"\*")):
        decode(b"", coding, LIMIT)


def test_a_window_that_is_too_large_is_refused():
    options = {int(zstd.CompressionParameter.window_log): 26}
    with pytest.raises(CodingBrokenError):
        decode(zstd.compress(b"x" * 70_000_000, options=options), b"zstd", 100_000_000)
