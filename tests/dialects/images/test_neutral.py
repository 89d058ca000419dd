"""An image to be made is a value."""

from faregate.dialects.images.neutral import Image, ImageReply, ImageRequest


def test_little_must_be_said() -> None:
    assert ImageRequest(model="m", origin="x", prompt="a cat").n == 1
    assert ImageReply(images=(Image(url="u"),)).usage is None
