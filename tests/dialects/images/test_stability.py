"""Stability is asked with a form, and its image is read."""

from typing import Any

import pytest

from faregate.dialects.images import stability
from faregate.dialects.images.neutral import Image, ImageRequest
from faregate.dialects.images.stability import TARGET
from faregate.dialects.translation import MalformedReplyError, TargetFacts
from faregate.dialects.usage import Usage
from faregate.wire import multipart


def sent(model: str = "stable-image-core", **more: Any) -> tuple[dict[str, str], list[str]]:
    request = ImageRequest(model="x", origin="openai_images", prompt="a cat", **more)
    written = TARGET.write_request(request, TargetFacts(model=model))
    assert written.accept == "application/json"
    assert written.path == stability.path(model)
    found = multipart.parts(written.body, written.content_type.encode())
    fields = {part.name: written.body[part.start : part.end].decode() for part in found}
    return fields, [one.name for one in written.lost]


@pytest.mark.parametrize(
    ("size", "ratio"),
    [
        ("1024x1024", "1:1"),
        ("256x256", "1:1"),
        ("1536x1024", "3:2"),
        ("1024x1536", "2:3"),
        ("1792x1024", "16:9"),
        ("1024x1792", "9:16"),
        ("1000x700", None),
        ("large", None),
        ("0x1", None),
    ],
)
def test_a_size_is_a_ratio(size: str, ratio: str | None) -> None:
    fields, lost = sent(size=size)
    assert fields == {"prompt": "a cat", "output_format": "png"} | (
        {"aspect_ratio": ratio} if ratio else {}
    )
    assert lost == ([] if ratio else ["size"])


def test_models_have_addresses() -> None:
    assert stability.path("stable-image-core") == "/stable-image/generate/core"
    assert stability.path("ultra") == "/stable-image/generate/ultra"
    fields, lost = sent("sd3.5-large", output_format="webp", others={"seed": 7, "x": 1})
    assert fields == {
        "prompt": "a cat", "output_format": "png", "model": "sd3.5-large", "seed": "7",
    }  # fmt: skip
    assert lost == ["output_format", "others.x"]


def test_what_stability_has_not_is_told() -> None:
    _, lost = sent(n=2, stream=True, quality="high", background="opaque", style="vivid", user="u")
    assert lost == ["n", "stream", "quality", "background", "style", "user"]


def test_a_reply_is_read() -> None:
    reply = TARGET.read_reply(b'{"image":"AAAA","finish_reason":"SUCCESS","seed":4}')
    assert (reply.images, reply.usage) == ((Image("AAAA"),), Usage(images=1))
    for wrong in (b"", b"{}", b'{"image":1}'):
        with pytest.raises(MalformedReplyError):
            TARGET.read_reply(wrong)
