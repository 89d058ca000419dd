"""Images to be made, and those made, in no vendor's words.

Source: OpenAI API reference, "Images".
"""

from typing import Any, Literal

import msgspec

from faregate.dialects.usage import Usage


class ImageRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What shall be drawn.

    `others` are members that only dialects like `origin` know.
    """

    model: str
    origin: str
    prompt: str
    n: int = 1
    size: str | None = None
    quality: str | None = None
    response_format: Literal["url", "b64_json"] | None = None
    output_format: Literal["png", "jpeg", "webp"] | None = None
    background: str | None = None
    style: str | None = None
    stream: bool = False
    user: str | None = None
    others: dict[str, Any] = {}


class Image(msgspec.Struct, frozen=True):
    """An image as base64, or where it can be had."""

    base64: str | None = None
    url: str | None = None


class ImageReply(msgspec.Struct, frozen=True, kw_only=True):
    """The images that were made."""

    images: tuple[Image, ...]
    usage: Usage | None = None
