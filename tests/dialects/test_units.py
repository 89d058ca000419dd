"""What a reply leaves out is taken from what was asked for, and nothing is billed twice."""

import pytest

from faregate.dialects.units import complete
from faregate.dialects.usage import Usage


@pytest.mark.parametrize(
    ("stated", "likely", "whole"),
    [
        (None, None, None),
        (None, Usage(characters=5), Usage(characters=5)),
        (Usage(input_tokens=1), None, Usage(input_tokens=1)),
        # Tokens, so that neither length nor characters are billed beside them.
        (Usage(1, 2), Usage(audio_input_ms=5, characters=5, images=2), Usage(1, 2, images=2)),
        (Usage(audio_input_ms=4), Usage(audio_input_ms=5), Usage(audio_input_ms=4)),
        (
            Usage(images=1),
            Usage(images=2, image_variant="hd/1x1"),
            Usage(images=1, image_variant="hd/1x1"),
        ),
        (
            Usage(images=1, image_variant="1x1"),
            Usage(images=2, image_variant="hd/2x2"),
            Usage(images=1, image_variant="hd/1x1"),
        ),
        (
            Usage(images=1, image_variant="low/1x1"),
            Usage(images=1, image_variant="2x2"),
            Usage(images=1, image_variant="low/1x1"),
        ),
        (Usage(), Usage(input_tokens=9, search_units=1), Usage(search_units=1)),
    ],
)
def test_a_usage_is_completed(
    stated: Usage | None, likely: Usage | None, whole: Usage | None
) -> None:
    assert complete(stated, likely) == whole
