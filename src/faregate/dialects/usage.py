"""The usage of a call, in the units that providers count."""

import msgspec


class Usage(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Tokens as the provider counts them; None where it doesn't say.

    Cached input is part of the input, reasoning part of the output.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_input_tokens: int | None = None
    reasoning_tokens: int | None = None
