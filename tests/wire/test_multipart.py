"""A form is read in one way or refused, and its parts are where they are said to be."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faregate.core import bounds
from faregate.wire import multipart
from faregate.wire.multipart import MultipartError, Part

TYPE = b"multipart/form-data; boundary=XX"
PARTS = st.lists(
    st.tuples(
        st.from_regex(r"[a-z_\[\]]{1,12}", fullmatch=True),
        st.none() | st.from_regex(r"[a-zé .]{1,12}", fullmatch=True),
        st.binary(max_size=40),
    ),
    max_size=6,
)


def form(*parts: tuple[str, str | None, bytes], boundary: bytes = b"XX") -> bytes:
    """A form as clients write it."""
    written = b""
    for name, filename, value in parts:
        said = f'; filename="{filename}"\r\nContent-Type: Audio/MPEG; x=1' if filename else ""
        head = f'Content-Disposition: form-data; name="{name}"{said}'
        written += b"--%b\r\n%b\r\n\r\n%b\r\n" % (boundary, head.encode(), value)
    return written + b"--%b--\r\n" % boundary


@given(PARTS, st.from_regex(r"[0-9A-Za-z'()+_,./:=?-]{1,70}", fullmatch=True))
def test_parts_are_found(parts: list[tuple[str, str | None, bytes]], boundary: str) -> None:
    # The usual reader cuts at the boundary, with no eye for what it should be.
    if any(boundary.encode() in value for _, _, value in parts):
        return
    body = form(*parts, boundary=boundary.encode())
    found = multipart.parts(body, f'multipart/form-data; boundary="{boundary}"'.encode())
    assert [(part.name, part.filename, body[part.start : part.end]) for part in found] == parts
    assert all((part.media_type == "audio/mpeg") == bool(part.filename) for part in found)


def test_what_clients_write_is_read() -> None:
    body = (
        b"--XX\r\ncontent-disposition: form-data; name=model\r\n\r\nwhisper-1\r\n"
        b'--XX\r\nContent-Type: text/plain\r\nContent-Disposition:form-data ; name="a%22b";'
        b' filename="a\\"b.mp3"; filename*=UTF-8\'\'a\r\nContent-Transfer-Encoding: 8BIT\r\n\r\n'
        b"\r\n--XX--"
    )
    model, other = multipart.parts(body, TYPE)
    assert (model.name, body[model.start : model.end]) == ("model", b"whisper-1")
    assert (other.name, other.media_type, other.start) == ("a%22b", "text/plain", other.end)
    assert other == Part("a%22b", 'a\\"b.mp3', "text/plain", other.start, other.end)


GOOD = form(("model", None, b"m"), ("file", "a.mp3", b"\r\n--X\r\n"))


@pytest.mark.parametrize(
    ("find", "replace"),
    [
        (rb"\A", b"preamble\r\n"),
        (rb"\A", b"\r\n"),
        (rb"\Z", b"x"),
        (rb"--\r\n\Z", b""),
        (rb"--\r\n\Z", b"-"),
        (rb"--XX--\r\n\Z", b""),
        (rb"\r\n", b"\n"),
        (rb"--XX\r\n", b"--XX \r\n"),
        (rb"--XX\r\n", b"--XXY\r\n"),
        (rb'name="model"', b'name="model"; name="x"'),
        (rb'name="model"', b'name="mod\\\\el"'),
        (rb'name="model"', b"name*=UTF-8''model"),
        (rb'name="model"', b'filename="model"'),
        (rb'name="model"', b'name="model'),
        (rb'name="model"', b'name="\xff"'),
        (rb'name="model"', b'name="model"\r\n folded: 1'),
        (rb'name="model"', b'name="model"\r\nContent-Length: 1'),
        (rb'name="model"', b'name="model"\r\nContent-Transfer-Encoding: base64'),
        (rb'name="model"', b'name="model"\r\nContent-Disposition: form-data; name="x"'),
        (rb'name="model"', b'name="model"\r\nno header'),
        (rb'name="model"', b'name="model"\r\n\r'),
        (rb"form-data", b"attachment"),
        (rb"Content-Disposition", b"X-Disposition"),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(find: bytes, replace: bytes) -> None:
    assert len(multipart.parts(GOOD, TYPE)) == 2
    changed = re.sub(find, replace, GOOD, count=1)
    assert changed != GOOD
    with pytest.raises(MultipartError):
        multipart.parts(changed, TYPE)


@pytest.mark.parametrize(
    "content_type",
    [
        b"", b"multipart/form-data", b"multipart/form-data; boundary=", b"application/json",
        b"multipart/mixed; boundary=XX", b"multipart/form-data; boundary=XX; boundary=XX",
        b"multipart/form-data; boundary=XX, multipart/form-data; boundary=YY",
        b"multipart/form-data; boundary=" + b"X" * 71, b'multipart/form-data; boundary="XX ";x',
        b"multipart/form-data; boundary=X X", b'multipart/form-data; boundary="X\\X"',
    ],
)  # fmt: skip
def test_a_boundary_is_named_once(content_type: bytes) -> None:
    with pytest.raises(MultipartError):
        multipart.parts(GOOD, content_type)


def test_a_type_is_known_in_any_case() -> None:
    assert multipart.boundary_of(b'Multipart/Form-Data; charset=utf-8; Boundary="X X"') == b"X X"
    assert multipart.is_form(b"multipart/form-data;boundary=x")
    assert not multipart.is_form(b"multipart/form-datax; boundary=x")


@given(st.binary(max_size=200))
def test_no_bytes_make_it_fail(data: bytes) -> None:
    for body in (data, b"--XX\r\n" + data + b"--XX--", b"--XX" + data):
        try:
            found = multipart.parts(body, TYPE)
        except MultipartError:
            continue
        assert all(part.start <= part.end <= len(body) for part in found)


def test_it_is_bounded() -> None:
    many = form(*[("a", None, b"")] * bounds.FORM_PARTS_MAX)
    assert len(multipart.parts(many, TYPE)) == bounds.FORM_PARTS_MAX
    with pytest.raises(MultipartError, match="256"):
        multipart.parts(form(*[("a", None, b"")] * (bounds.FORM_PARTS_MAX + 1)), TYPE)
    with pytest.raises(MultipartError, match="too long"):
        multipart.parts(form(("a" * bounds.FORM_HEAD_BYTES_MAX, None, b"")), TYPE)
    begun = time.process_time()
    for hostile in (b"\r\n" * 2**20, b"\r\n--X" * 2**19, b"\r\n--" * 2**19, b";" * 2**20):
        multipart.parts(form(("a", None, hostile)), TYPE)
    assert time.process_time() - begun < 2


FIELDS = st.builds(
    multipart.Field, st.text('ab"\r\n é', min_size=1), st.binary(), st.none(), st.just("")
)


@given(st.lists(FIELDS, max_size=4))
def test_a_form_that_is_written_can_be_read(fields: list[multipart.Field]) -> None:
    fields.append(multipart.Field("file", b"\r\n--x\r\n", 'a"\r\n.mp3', "audio/mpeg"))
    body, content_type = multipart.write(fields)
    assert multipart.write(fields) == (body, content_type)
    found = multipart.parts(body, content_type.encode())
    assert [body[part.start : part.end] for part in found] == [field.value for field in fields]
    assert (found[-1].filename, found[-1].media_type) == ("a%22%0D%0A.mp3", "audio/mpeg")
