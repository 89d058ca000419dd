"""Formats and media types are each other's, and aliases are known."""

import pytest

from faregate.dialects.bedrock.media import format_of, media_type_of


@pytest.mark.parametrize(
    ("kind", "name"),
    [("image", "webp"), ("document", "docx"), ("document", "md"), ("video", "three_gp"),
     ("audio", "mp3"), ("audio", "x-new")],
)  # fmt: skip
def test_there_and_back(kind: str, name: str):
    assert format_of(kind, media_type_of(kind, name)) == name


@pytest.mark.parametrize(
    ("kind", "media_type", "expected"),
    [
        ("image", "image/jpg", "jpeg"), ("image", "IMAGE/PNG; x=y", "png"),
        ("image", "image/tiff", None), ("image", None, None), ("document", "text/x", None),
        ("audio", "audio/x-wav", "wav"), ("video", "video/new", "new"),
    ],
)  # fmt: skip
def test_aliases_and_strangers(kind: str, media_type: str | None, expected: str | None):
    assert format_of(kind, media_type) == expected
