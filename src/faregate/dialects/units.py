"""What of a usage a reply doesn't state is taken from what was asked for."""

from typing import Final

import msgspec

from faregate.dialects.usage import Usage, image_variant

_UNITS: Final = ("images", "image_variant", "audio_input_ms", "characters", "search_units")


def complete(stated: Usage | None, likely: Usage | None) -> Usage | None:
    """A usage with the units that the reply left out.

    It is the likely one whole where a reply stated nothing. Where a reply counts in tokens, audio
    isn't billed by its length as well, nor text by its characters.
    """
    if likely is None or stated is None:
        return likely if stated is None else stated
    in_tokens = stated.input_tokens is not None or stated.output_tokens is not None
    names = ("images", "image_variant") if in_tokens else _UNITS
    missing = {name: getattr(likely, name) for name in names if getattr(stated, name) is None}
    if stated.image_variant is not None and likely.image_variant is not None:
        missing["image_variant"] = _variant(stated.image_variant, likely.image_variant)
    return msgspec.structs.replace(stated, **missing)


def _variant(stated: str, likely: str) -> str | None:
    """A quality and a size, of which the reply may state one alone."""
    known = {part[:1].isdigit(): part for part in (*likely.split("/"), *stated.split("/"))}
    return image_variant(known.get(False), known.get(True))
