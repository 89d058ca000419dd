"""Types that several kinds share can all be decoded."""

import msgspec

from faregate.client.operations import shapes


def test_every_type_is_sound() -> None:
    assert shapes.__all__
    for name in shapes.__all__:
        msgspec.json.Decoder(getattr(shapes, name))
