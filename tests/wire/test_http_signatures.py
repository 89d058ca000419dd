"""Signature fields are read as RFC 9421 writes them, and the text that is signed is the RFC's."""

import base64
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faregate.wire.http_signatures import (
    SignatureFaultError,
    body_digests,
    read_signatures,
    signature_base,
)
from faregate.wire.request_reader import RequestHead

# RFC 9421, appendix B.1.5 and B.2.5: the shared secret, and a signature made with it.
RFC_SECRET = base64.b64decode(
    "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ=="
)
RFC_INPUT = (
    'sig-b25=("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret"'
)
RFC_SIGNATURE = "sig-b25=:pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=:"
RFC_DIGEST = (
    "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJw"
    "ew==:"
)


def request(**fields: str) -> RequestHead:
    named = {
        "host": "example.com",
        "date": "Tue, 20 Apr 2021 02:07:55 GMT",
        "content-type": "application/json",
        "content-digest": RFC_DIGEST,
        "content-length": "18",
    } | {name.replace("_", "-"): value for name, value in fields.items()}
    coded = {name.encode(): value.encode() for name, value in named.items()}
    return RequestHead(b"POST", b"/foo?param=Value&Pet=dog", coded)


def test_the_example_of_the_rfc():
    head = request(signature_input=RFC_INPUT, signature=RFC_SIGNATURE)
    [signature] = read_signatures(head.fields)
    assert signature.parameters == {"created": 1618884473, "keyid": "test-shared-secret"}
    base = signature_base(signature, head, "https")
    assert hmac.new(RFC_SECRET, base, hashlib.sha256).digest() == signature.value


def test_the_digest_of_the_rfc():
    body = b'{"hello": "world"}'
    assert body_digests(RFC_DIGEST.encode()) == {"sha-512": hashlib.sha512(body).digest()}


def test_derived_components():
    names = (
        "@method",
        "@authority",
        "@scheme",
        "@target-uri",
        "@request-target",
        "@path",
        "@query",
    )
    covered = " ".join(f'"{name}"' for name in names)
    head = request(host="Example.com:443", signature_input=f"a=({covered})", signature="a=:AA==:")
    [signature] = read_signatures(head.fields)
    assert signature_base(signature, head, "https").decode().splitlines() == [
        '"@method": POST',
        '"@authority": example.com',
        '"@scheme": https',
        '"@target-uri": https://example.com/foo?param=Value&Pet=dog',
        '"@request-target": /foo?param=Value&Pet=dog',
        '"@path": /foo',
        '"@query": ?param=Value&Pet=dog',
        f'"@signature-params": ({covered})',
    ]


def test_several_signatures_and_kinds_of_values():
    text = 'a=("date");n=1;s="x\\"y";t=token;b;f=?0 ,  b=();created=2'
    head = request(signature_input=text, signature="b=:AA==:, a=:AQ==:;p=1")
    first, second = read_signatures(head.fields)
    assert first.parameters == {"n": 1, "s": 'x"y', "t": "token", "b": True, "f": False}
    assert (first.value, second.components) == (b"\x01", ())


@pytest.mark.parametrize(
    "text",
    [
        "a", "a=", "a=1", 'a=("date"', 'a=(date)', 'a=("date" "date")', 'a=("date";sf)',
        'a=("date"),', 'a=("date") b=("date")', 'a=("date");x=', "=()", 'a=("dät")',
        "a=(" + " ".join(f'"h{n}"' for n in range(65)) + ")",
    ],
)  # fmt: skip
def test_what_cannot_be_read(text: str):
    with pytest.raises(SignatureFaultError):
        read_signatures({b"signature-input": text.encode(), b"signature": b"a=:AA==:"})


@pytest.mark.parametrize("text", ['a="x"', "a=:A:", "a=:****:"])
def test_what_is_no_signature(text: str):
    fields = {b"signature-input": b'a=("date")', b"signature": text.encode()}
    with pytest.raises(SignatureFaultError):
        read_signatures(fields)


@pytest.mark.parametrize("name", ["x-missing", "@status", "@query-param", "Date"])
def test_what_cannot_be_signed(name: str):
    head = request(signature_input=f'a=("{name}")', signature="a=:AA==:")
    [signature] = read_signatures(head.fields)
    with pytest.raises(SignatureFaultError):
        signature_base(signature, head, "http")


@given(st.text(max_size=80), st.text(max_size=80))
def test_nothing_else_is_raised(first: str, second: str):
    fields = {b"signature-input": first.encode(), b"signature": second.encode()}
    try:
        found = read_signatures(fields)
    except SignatureFaultError:
        found = []
    assert len(found) <= 80
