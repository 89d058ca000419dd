"""Forms pass through with another model's name and no other byte changed."""

import pytest
from tests.wire.test_multipart import TYPE, form

from faregate.core.refusals import Refusal
from faregate.dialects import plain_usage
from faregate.dialects.form_native import FormNative, read_form
from faregate.dialects.usage import Usage

NATIVE = FormNative(
    read_usage=plain_usage.read_usage,
    read_usage_in_part=plain_usage.read_usage_in_part,
    most_of_form=lambda body, form: Usage(images=len(form.files("image"))),
)
AUDIO = bytes(range(256)) * 10


def test_a_form_is_peeked_at() -> None:
    body = form(
        ("file", "a.mp3", AUDIO), ("model", None, b"whisper-1"), ("stream", None, b"True"),
        ("user", None, b"u"), ("image[]", "a", b"1"), ("image", "b", b"2"),
    )  # fmt: skip
    peeked = NATIVE.peek_form(body, TYPE)
    assert not isinstance(peeked, Refusal)
    assert (peeked.model, peeked.stream, peeked.user) == ("whisper-1", True, "u")
    assert NATIVE.most_form(body, TYPE) == Usage(images=2)
    assert NATIVE.likely_form(body, TYPE) is None
    assert NATIVE.multipart


def test_another_model_is_spliced_in() -> None:
    parts = [("model", None, b"mine"), ("file", "a.mp3", AUDIO), ("prompt", None, b"model")]
    body = form(*parts)
    spliced = NATIVE.splice_model_form(body, TYPE, "mine", "whisper-1")
    assert spliced == form(("model", None, b"whisper-1"), *parts[1:])
    assert NATIVE.splice_model_form(body, TYPE, "mine", "mine") is body
    assert isinstance(NATIVE.splice_model_form(form(), TYPE, "a", "b"), Refusal)
    assert isinstance(NATIVE.splice_model_form(b"", TYPE, "a", "b"), Refusal)


@pytest.mark.parametrize(
    ("parts", "param"),
    [
        ([], "model"),
        ([("model", None, b"")], "model"),
        ([("model", None, b"a"), ("model", None, b"b")], "model"),
        ([("model", None, b"a"), ("Model", None, b"b")], "model"),
        ([("model", None, b"a"), ("model[]", None, b"b")], "model"),
        ([("Model", None, b"a")], "model"),
        ([("model", "a.txt", b"a")], "model"),
        ([("model", None, b"\xff")], "model"),
        ([("model", None, b"a" * 5_000)], "model"),
        ([("model", None, b"a"), ("n", None, b"1"), ("n", None, b"9")], "n"),
        ([("model", None, b"a"), ("stream", None, b"perhaps")], "stream"),
    ],
)
def test_a_form_with_two_readings_is_refused(
    parts: list[tuple[str, str | None, bytes]], param: str
) -> None:
    refusal = NATIVE.peek_form(form(*parts), TYPE)
    assert isinstance(refusal, Refusal)
    assert refusal.param == param


def test_what_is_no_form_is_refused() -> None:
    refusal = NATIVE.peek_form(b"{}", b"application/json")
    assert isinstance(refusal, Refusal)
    assert "multipart/form-data" in refusal.detail
    assert NATIVE.most_form(b"{}", b"") is None
    assert NATIVE.likely_form(b"{}", b"") is None
    assert isinstance(read_form(b"--XX\r\n", TYPE), Refusal)
