"""The usage of a call, in the units that providers count."""

import msgspec


class Usage(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What the provider counts of a call; None where it doesn't say.

    Cached input, input written to a cache, audio, images and video in the input are parts of the
    input tokens; reasoning, audio and images in the output are parts of the output tokens; what
    is written to a cache for an hour is a part of what is written. The other counts are billed
    beside the tokens. It is kept in journals: fields are only added, at the end.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_input_tokens: int | None = None
    reasoning_tokens: int | None = None
    cache_write_tokens: int | None = None
    audio_input_tokens: int | None = None
    image_input_tokens: int | None = None
    audio_output_tokens: int | None = None
    cache_write_1h_tokens: int | None = None
    image_output_tokens: int | None = None
    video_input_tokens: int | None = None
    # Images made, and which of the model's prices is theirs: see `image_variant`.
    images: int | None = None
    image_variant: str | None = None
    # Audio that was listened to, where it is billed by its length.
    audio_input_ms: int | None = None
    # Characters that were spoken.
    characters: int | None = None
    # What a rerank is billed by (Cohere: a query with up to 100 documents).
    search_units: int | None = None
    # Calls of the vendor's own tools: searches of the web, and others that it bills.
    web_searches: int | None = None
    tool_calls: int | None = None
    # The tier that the vendor served the call at, in its words: flex, priority, batch.
    service_tier: str | None = None


def image_variant(quality: str | None, size: str | None) -> str | None:
    """The name of an image's price: quality/size, or what is known of them.

    As hd/1024x1792; both in lower case.
    """
    return "/".join(part.lower() for part in (quality, size) if part) or None
