"""The usage of a call, in the units that providers count."""

import msgspec


class Usage(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Tokens as the provider counts them; None where it doesn't say.

    Cached input, input written to a cache, audio and images in the input are parts of the input;
    reasoning and audio in the output are parts of the output.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_input_tokens: int | None = None
    reasoning_tokens: int | None = None
    cache_write_tokens: int | None = None
    audio_input_tokens: int | None = None
    image_input_tokens: int | None = None
    audio_output_tokens: int | None = None
