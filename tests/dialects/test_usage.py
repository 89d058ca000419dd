"""Usage says what is known, and that nothing is known otherwise."""

import msgspec

from faregate.dialects.usage import Usage, image_variant


def test_what_is_not_stated_is_none() -> None:
    assert Usage() == Usage(None, None, None, None)


def test_it_survives_the_journal() -> None:
    usage = Usage(5, 7, 2, 1)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(usage), type=Usage) == usage
    assert msgspec.msgpack.encode(usage) == msgspec.msgpack.encode([5, 7, 2, 1, *[None] * 15])


def test_a_frame_of_before_has_fewer_kinds() -> None:
    before = msgspec.msgpack.encode([5, 7, 2, 1])
    assert msgspec.msgpack.decode(before, type=Usage) == Usage(5, 7, 2, 1)


def test_an_image_has_the_price_of_its_quality_and_size() -> None:
    assert image_variant("HD", "1024x1792") == "hd/1024x1792"
    assert image_variant(None, "1024x1024") == "1024x1024"
    assert image_variant("low", None) == "low"
    assert image_variant(None, None) is None
