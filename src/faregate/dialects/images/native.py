"""OpenAI's images, where bytes pass through: made, edited and varied.

Models are billed by the image, by size and quality, or by tokens. Of the first model's image of
1024 x 1024 pixels those are 4,160 at high quality, 1,056 at medium and 272 at low, and they grow
with its area. Of later ones the formula isn't documented: OpenAI's calculator has 7,024 for that
size at high, more than for larger ones. So an image has at most those of a square and what its
area adds; the qualities above high count twice the one below, for nothing is told of them. An
image to be changed has at most some 7,000: tiles, and 6,240 where it shall be kept faithfully.

Sources: OpenAI API reference, "Images" (create, edit, variation, streaming); OpenAI, "Image
generation" (cost and latency, partial images), "Images and vision" (GPT Image 1).
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from faregate.dialects import plain_usage
from faregate.dialects.form_native import Form, FormNative
from faregate.dialects.plain_native import PlainMeter, PlainNative
from faregate.dialects.usage import Usage, image_variant

_IMAGES_MAX: Final = 128  # no vendor makes so many at once; for an n that can't be read
_PIXELS_MAX: Final = 1536 * 1024  # where the model chooses
_PIXELS_USUAL: Final = 1024 * 1024
_SIZE: Final = re.compile(r"([1-9][0-9]{1,4})x([1-9][0-9]{1,4})")
# Tokens of any image, and for each million pixels: 4160 / 1.048576, and so on, rounded up.
_TOKENS: Final = {
    "low": (300, 300),
    "medium": (1_800, 1_100),
    "standard": (1_800, 1_100),
    "high": (7_100, 4_000),
    "hd": (7_100, 4_000),
    "xhigh": (14_200, 8_000),
    "max": (28_400, 16_000),
}
_TEMPLATE_TOKENS: Final = 64  # what models are told beside the prompt
_PARTIAL_TOKENS: Final = 100
_PARTIALS_MAX: Final = 3
_INPUT_TOKENS_AN_IMAGE: Final = 8_192
_PRICED: Final = ("n", "size", "quality", "partial_images", "image", "images")
_STREAMED: Final = ("image_generation.completed", "image_edit.completed")


class _Request(msgspec.Struct, gc=False):
    prompt: Any = None
    n: Any = None
    size: Any = None
    quality: Any = None
    partial_images: Any = None
    image: Any = None
    images: Any = None


class _Reply(msgspec.Struct, gc=False):
    type: Any = None
    data: list[msgspec.Raw] | None = None
    usage: Any = None
    size: Any = None
    quality: Any = None


_decode_request = msgspec.json.Decoder(_Request).decode
_decode_reply = msgspec.json.Decoder(_Reply).decode
_ERRORS: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def _known(value: Any) -> str | None:
    """A size or quality that says something."""
    return value if isinstance(value, str) and value not in ("", "auto") else None


def _count(value: Any, default: int) -> int:
    """How many are asked for; of what can't be read, the most."""
    if value is None:
        return default
    text = str(value)
    return int(text) if text.isdecimal() and len(text) < 5 else _IMAGES_MAX


def _pixels(asked: Mapping[str, Any], default: int) -> int:
    size = _SIZE.fullmatch(_known(asked.get("size")) or "")
    return int(size[1]) * int(size[2]) if size else default


def _output_tokens(asked: Mapping[str, Any], images: int) -> int:
    pixels = _pixels(asked, _PIXELS_MAX)
    quality = _known(asked.get("quality")) or "high"
    least, rate = _TOKENS.get(quality, _TOKENS["max"])
    partials = min(_count(asked.get("partial_images"), 0), _PARTIALS_MAX)
    return images * (least + -(-pixels * rate // 1_000_000) + partials * _PARTIAL_TOKENS)


def _most(asked: Mapping[str, Any], prompt_bytes: int, given: int) -> Usage:
    images = max(_count(asked.get("n"), 1), 1)
    quality, size = _known(asked.get("quality")), _known(asked.get("size"))
    return Usage(
        input_tokens=prompt_bytes + _TEMPLATE_TOKENS + given * _INPUT_TOKENS_AN_IMAGE,
        output_tokens=_output_tokens(asked, images),
        images=images,
        # The price of a variant is only sure where nothing is left to the vendor.
        image_variant=image_variant(quality, size) if quality and size else None,
    )


def _likely(asked: Mapping[str, Any], prompt_bytes: int) -> Usage:
    quality, size = _known(asked.get("quality")), _known(asked.get("size"))
    images = max(_count(asked.get("n"), 1), 1)
    _, rate = _TOKENS.get(quality or "medium", _TOKENS["high"])
    return Usage(
        input_tokens=-(-prompt_bytes // 4),
        output_tokens=images * -(-_pixels(asked, _PIXELS_USUAL) * rate // 1_000_000),
        images=images,
        image_variant=image_variant(quality, size),
    )


def _from_body(made: Callable[[dict[str, Any], bytes], Usage]) -> Callable[[bytes], Usage | None]:
    def read(body: bytes) -> Usage | None:
        try:
            request = _decode_request(body)
        except _ERRORS:
            return None
        return made(msgspec.structs.asdict(request), body)

    return read


def _prompt_bytes(asked: Mapping[str, Any]) -> int:
    prompt = asked["prompt"]
    return len(prompt.encode(errors="surrogatepass")) if isinstance(prompt, str) else 0


def _most_of_body(asked: dict[str, Any], body: bytes) -> Usage:
    given = sum(
        len(value) if isinstance(value, list) else 1
        for value in (asked["image"], asked["images"])
        if value is not None
    )
    return _most(asked, _prompt_bytes(asked), given)


def _likely_of_body(asked: dict[str, Any], body: bytes) -> Usage:
    return _likely(asked, _prompt_bytes(asked))


def _prompts(form: Form) -> int:
    return sum(part.end - part.start for part in form.files("prompt"))


def _most_of_form(body: bytes, form: Form) -> Usage:
    return _most(form.fields, _prompts(form), len(form.files("image", "images", "mask", "markup")))


def read_usage(body: bytes) -> Usage | None:
    """The usage of a whole reply, or of the event that brings a whole image."""
    try:
        reply = _decode_reply(body)
    except _ERRORS:
        return plain_usage.read_usage(body)
    usage = plain_usage.from_object(reply.usage)
    images = len(reply.data) if reply.data is not None else None
    if reply.type in _STREAMED:
        images = 1
    if images is None:
        return usage
    variant = image_variant(_known(reply.quality), _known(reply.size))
    return msgspec.structs.replace(usage or Usage(), images=images, image_variant=variant)


class ImagesMeter(PlainMeter):
    """A stream of images: each that is whole states its own usage."""

    __slots__ = ()

    def _with(self, before: Usage, found: Usage) -> Usage:
        return _sum(before, found) if before.images and found.images else found


def _sum(one: Usage, other: Usage) -> Usage:
    fields = {
        name: (mine or 0) + (others or 0)
        for name in ("input_tokens", "output_tokens", "image_input_tokens", "images")
        if (mine := getattr(one, name)) is not None
        if (others := getattr(other, name)) is not None
    }
    return msgspec.structs.replace(other, **fields)


class ImagesNative(PlainNative):
    """Images made: JSON alone."""

    def stream_meter(self, *, hide_usage: bool, measures: bool) -> ImagesMeter:
        """For one stream."""
        return ImagesMeter(self.read_usage)


class EditsNative(FormNative):
    """Images changed: forms, or JSON that refers to them."""

    def stream_meter(self, *, hide_usage: bool, measures: bool) -> ImagesMeter:
        """For one stream."""
        return ImagesMeter(self.read_usage)


NATIVE: Final = ImagesNative(
    read_usage=read_usage,
    read_usage_in_part=plain_usage.read_usage_in_part,
    most=_from_body(_most_of_body),
    likely=_from_body(_likely_of_body),
    priced=_PRICED,
)
EDITS: Final = EditsNative(
    read_usage=read_usage,
    read_usage_in_part=plain_usage.read_usage_in_part,
    most=_from_body(_most_of_body),
    likely=_from_body(_likely_of_body),
    priced=_PRICED,
    most_of_form=_most_of_form,
    likely_of_form=lambda body, form: _likely(form.fields, _prompts(form)),
)
VARIATIONS: Final = EDITS
