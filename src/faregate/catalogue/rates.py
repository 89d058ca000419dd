"""Rates of a model: by kind, of long inputs, of service tiers, of units."""

from typing import Final

import msgspec

INPUT_PARTS: Final = (
    "cached_input", "cache_write", "cache_write_1h", "audio_input", "image_input", "video_input",
)  # fmt: skip
OUTPUT_PARTS: Final = ("reasoning", "audio_output", "image_output")


class Rates(msgspec.Struct, frozen=True, kw_only=True):
    """Nano-dollars for a million tokens of each kind.

    The input and its parts stand first, then the output and its parts: `prices` counts on it.
    """

    input: int
    cached_input: int
    cache_write: int
    cache_write_1h: int
    audio_input: int
    image_input: int
    video_input: int
    output: int
    reasoning: int
    audio_output: int
    image_output: int

    @classmethod
    def of(cls, **said: int) -> "Rates":
        """Rates of what is said.

        A part that isn't said costs as its whole, a whole that isn't costs nothing.
        """
        whole_in, whole_out = said.get("input", 0), said.get("output", 0)
        written = said.get("cache_write", whole_in)
        return cls(
            input=whole_in,
            output=whole_out,
            cache_write_1h=said.get("cache_write_1h", written),
            **{kind: said.get(kind, whole_in) for kind in INPUT_PARTS if kind != "cache_write_1h"},
            **{kind: said.get(kind, whole_out) for kind in OUTPUT_PARTS},
        )

    @classmethod
    def flat(cls, nano: int) -> "Rates":
        """The same for all kinds."""
        return cls.of(input=nano, output=nano)


class Tier(msgspec.Struct, frozen=True):
    """Rates of a whole call whose input is above `above_input_tokens`."""

    above_input_tokens: int
    rates: Rates


class UnitRates(msgspec.Struct, frozen=True, kw_only=True):
    """Nano-dollars of what is billed beside tokens.

    For one image, search unit, web search, tool call; for an hour of audio; for a million
    characters. `images` has the images' price by variant (`dialects.usage.image_variant`);
    `image` is for those without one, or with another.
    """

    image: int = 0
    images: tuple[tuple[str, int], ...] = ()
    audio_hour: int = 0
    characters: int = 0
    search_unit: int = 0
    web_search: int = 0
    tool_call: int = 0


class ServiceRates(msgspec.Struct, frozen=True, kw_only=True):
    """What a call costs at one of the vendor's service tiers, such as flex."""

    name: str
    rates: Rates
    tiers: tuple[Tier, ...] = ()
    units: UnitRates = UnitRates()
