"""A form is read whole, or refused."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faregate.simulator.errors import RefusedError
from faregate.simulator.multipart import Form

BODY = (
    b'--X\r\nContent-Disposition: form-data; name="model"\r\n\r\nsim\r\n'
    b'--X\r\nContent-Disposition: form-data; name="image[]"; filename="a.png"\r\n'
    b"Content-Type: image/png\r\n\r\n\x00\r\n--\xff\r\n"
    b'--X\r\nContent-Disposition: form-data; name="image[]"; filename="b.png"\r\n\r\n\r\n'
    b"--X--\r\n"
)


def test_a_form():
    form = Form('multipart/form-data; boundary="X"', BODY)
    assert (form.text("model"), form.text("other", "none")) == ("sim", "none")
    assert [(part.filename, part.content) for part in form.files("image")] == [
        ("a.png", b"\x00\r\n--\xff"),
        ("b.png", b""),
    ]
    assert form.file("image").filename == "a.png"
    with pytest.raises(RefusedError, match="'mask'"):
        form.file("mask")


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b"{}"),
        ("multipart/form-data", BODY),
        ("multipart/form-data; boundary=X", BODY[:-4]),
        ("multipart/form-data; boundary=X", b"--X\r\nno name\r\n\r\nx\r\n--X--"),
        ("multipart/form-data; boundary=X", b"--X" * 2_000 + b"--X--"),
    ],
    ids=range(5),
)
def test_what_is_refused(content_type, body):
    with pytest.raises(RefusedError):
        Form(content_type, body)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_form_or_refused(data):
    with contextlib.suppress(RefusedError):
        assert Form("multipart/form-data; boundary=X", b"--X" + data + b"--X--").texts("x") == []
